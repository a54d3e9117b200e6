"""The dashboards: one module each; a site has the overview, one for each driver's instruments, those of streams that have their own, health and host."""

from __future__ import annotations

from grafanalib import core as g

from provisioning.site import Site, SiteInstrument

from . import driver, health, host, overview, stream


def every(site: Site) -> dict[str, g.Dashboard]:
    """Make all dashboards of a site: file's name -> dashboard."""
    by_driver: dict[str, list[SiteInstrument]] = {}
    for instrument in site.instruments:
        by_driver.setdefault(str(instrument.stanza.driver.name), []).append(instrument)
    return {
        "overview": overview.build(site),
        **{name: driver.build(site, instruments) for name, instruments in by_driver.items()},
        **stream.every(site),
        "health": health.build(site),
        "host": host.build(site),
    }
