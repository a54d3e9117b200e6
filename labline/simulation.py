"""Which of a site's instruments its file simulates."""

from __future__ import annotations

from provisioning.site import Site


def note(site: Site) -> str:
    """Tell which of a site's instruments its file simulates; empty if none."""
    names = [i.name for i in site.instruments if i.stanza.simulated]
    return f"note: simulated, because their connection is sim: — {', '.join(names)}" if names else ""
