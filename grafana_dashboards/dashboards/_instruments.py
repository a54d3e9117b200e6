"""Panels about instruments that several dashboards show."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning.site import Instrument, Site

from .. import influxql, panels, style
from . import _frame

STATE_MEANING = (
    "ok: it answers and all channels are well. degraded: it answers, some channel does not. disconnected, silent, garbled, "
    "wrong device: no answer that can be used; look at cable, power and address. A gap: its program, or Telegraf, does not run."
)


def gap(instruments: Sequence[Instrument]) -> float:
    """Tell from how long on (s) missing data are a gap: from what is an alarm, or four intervals where that is switched off."""
    return max(max(i.stale or 0, 4 * i.stanza.interval) for i in instruments)


def interval(instruments: Sequence[Instrument]) -> str:
    """Give the least interval that a panel of these instruments should ask for."""
    return style.duration(min(i.stanza.interval for i in instruments))


def labels(instruments: Sequence[Instrument]) -> dict[str, str]:
    """Name instruments for people: name -> label."""
    return {i.name: i.stanza.label for i in instruments}


def timeline_height(lines: int) -> int:
    """Give the height of a timeline of so many lines."""
    return max(5, min(20, 3 + lines))


def timeline(site: Site, instruments: Sequence[Instrument], where: str = "") -> panels.StateTimeline:
    """Show the state of each instrument over time."""
    query = influxql.series(influxql.call("last", "state"), "instrument", where, ("instrument",), fill="null")
    return panels.StateTimeline(
        title="State of instruments",
        about="instruments",
        description=STATE_MEANING,
        targets=panels.targets((query, "$tag_instrument")),
        interval=interval(instruments),
        gap=gap(instruments),
        mappings=[panels.STATES],
        transformations=panels.renamed(labels(instruments)),
        dataLinks=[_frame.link(site, _frame.HEALTH, "Health", instrument="${__field.labels.instrument}")],
    )
