"""Which of a site's instruments are simulated."""

from __future__ import annotations

from provisioning import native_config
from provisioning.site import Site


def note(site: Site) -> str:
    """Tell which of a site's instruments its file simulates; empty if none."""
    names = [i.name for i in site.instruments if i.stanza.simulated]
    return f"note: simulated, because their connection is sim: — {', '.join(names)}" if names else ""


def names(site: Site, *, whole: bool) -> list[str]:
    """List those of a run whose values are made up: simulated by the file, or all (``whole``: --simulate); none that is off.

    What is computed of one that is simulated is made up as well.
    """
    made_up = {i.name for i in site.enabled if whole or i.stanza.simulated}
    computed = [i for i in site.enabled if native_config.computes(i.stanza)]
    # One may be computed of another, which stands below it.
    while more := {i.name for i in computed if made_up.intersection(native_config.sources(i.stanza))} - made_up:
        made_up |= more
    return [i.name for i in site.enabled if i.name in made_up]
