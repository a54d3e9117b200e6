"""The dashboards: one module each; a site has the overview, one for each driver's instruments, health and host."""

from __future__ import annotations

from grafanalib import core as g

from provisioning.site import Instrument, Site

from . import family, health, host, overview


def every(site: Site) -> dict[str, g.Dashboard]:
    """Make all dashboards of a site: file's name -> dashboard."""
    families: dict[str, list[Instrument]] = {}
    for instrument in site.instruments:
        families.setdefault(str(instrument.stanza.driver.name), []).append(instrument)
    return {
        "overview": overview.build(site),
        **{name: family.build(site, instruments) for name, instruments in families.items()},
        "health": health.build(site),
        "host": host.build(site),
    }
