"""Panels about instruments that several dashboards show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from provisioning import limit_rules
from provisioning.measurements import CLOCK, STATUS
from provisioning.site import Site, SiteInstrument
from telegraf_inputs import clock, duration

from .. import influxql, panels, style
from . import _frame

STATE_MEANING = (
    "ok: it answers and all channels are well. degraded: it answers, some channel does not. disconnected, silent, garbled, "
    "wrong device: no answer that can be used; look at cable, power and address. hung: a read does not come back. "
    "clock: it delivers, with times not to be trusted. paused: labline pause let it go for a while. A gap: its program, or Telegraf, does not run; "
    "of what Telegraf reads itself, nothing comes."
)

ODD_CLOCK = panels.mapping({word: (word, style.WARNING) for word in clock.MEANINGS})
SAME_PACE = 10  # instruments whose gaps differ by more have panels of their own
MANY = 3  # a panel's title names so many instruments
TALLEST = 36  # of a timeline


def gap(instruments: Sequence[SiteInstrument]) -> float:
    """Tell from how long on (s) missing reports of an instrument are a gap: from what is an alarm, or four intervals."""
    return max(max(i.stale, 4 * i.stanza.interval) for i in instruments)


def channel_gap(instruments: Sequence[SiteInstrument]) -> float:
    """Tell from how long on (s) missing readings of a channel are a gap; a scanner has time to come round."""
    return max(limit_rules.channel_gap(i) for i in instruments)


def fresh(instrument: SiteInstrument) -> float:
    """Tell for how long (s) a channel's newest reading may stand for its value now; whole minutes, hours or days from one of them on.

    Grafana writes an interval in one unit, and cuts off the rest.
    """
    seconds = max(channel_gap([instrument]), instrument.silence)
    size = next((size for size in (86400, 3600, 60) if seconds >= size), 1)
    return float(math.ceil(seconds / size) * size)


class Pace(Struct, frozen=True, kw_only=True):
    """Instruments that share a panel; ``which`` ends its title, ``where`` its condition: nothing where they are all."""

    instruments: list[SiteInstrument]
    which: str = ""
    where: str = ""


def paces(instruments: Sequence[SiteInstrument], gap: Callable[[Sequence[SiteInstrument]], float]) -> list[Pace]:
    """Part instruments where some are much slower, the fastest first: a panel knows one gap for all that it shows."""
    found: list[list[SiteInstrument]] = []
    for instrument in sorted(instruments, key=lambda i: gap([i])):
        if not found or gap([instrument]) > SAME_PACE * gap(found[-1][:1]):
            found.append([])
        found[-1].append(instrument)
    if len(found) == 1:
        return [Pace(instruments=list(instruments))]
    return [
        Pace(instruments=part, which=_named(part), where=influxql.among("instrument", [i.name for i in part]))
        for part in found
    ]


def _named(part: Sequence[SiteInstrument]) -> str:
    return f": {some(i.stanza.label for i in part)}"


def some(labels: Iterable[str]) -> str:
    """List names, of many the first ones, and how many more there are."""
    names = list(dict.fromkeys(labels))
    return f"{', '.join(names[:MANY])}{f' and {len(names) - MANY} more' if len(names) > MANY else ''}"


def interval(instruments: Sequence[SiteInstrument]) -> str:
    """Give the least interval that a panel of these instruments should ask for."""
    return duration.exact(min(i.stanza.interval for i in instruments))


def labels(instruments: Sequence[SiteInstrument]) -> dict[str, str]:
    """Name instruments for people: name -> label."""
    return {i.name: i.stanza.label for i in instruments}


def timeline_height(lines: int) -> int:
    """Give the height of a timeline of so many lines: all on one page, of many each a thinner one."""
    return max(4, min(3 + lines, 20 + max(0, lines - 17) // 3, TALLEST))


def timelines(
    site: Site, instruments: Sequence[SiteInstrument], where: str = "", driver: str = ""
) -> list[tuple[panels.StateTimeline, int]]:
    """Show the state of each instrument over time: (panel, height), several of them where some instruments are much slower.

    ``driver``: all instruments are of this one.
    """
    made: list[tuple[panels.StateTimeline, int]] = []
    for part in paces(instruments, gap):
        condition = " AND ".join(filter(None, (where, part.where)))
        panel = panels.StateTimeline(
            title=f"State of instruments{part.which}",
            about=None if made else "instruments",
            description=STATE_MEANING,
            targets=panels.targets(*_states(part.instruments, condition, driver)),
            interval=interval(part.instruments),
            gap=gap(part.instruments),
            mappings=[panels.STATES, *([] if all(i.reports for i in part.instruments) else [ODD_CLOCK])],
            transformations=panels.renamed(labels(part.instruments)),
            dataLinks=[_frame.link(site, _frame.HEALTH, "Health", instrument="${__field.labels.instrument}")],
        )
        made.append((panel, timeline_height(len(part.instruments))))
    return made


def _states(instruments: Sequence[SiteInstrument], where: str, driver: str) -> Iterator[tuple[str, str]]:
    """Ask for the states that programs report; of what has none, for the status of the channel that came last.

    And whether its times can't be believed: a line that is there only where it is so. Each with the name of its series.
    """
    if any(instrument.reports for instrument in instruments):
        known = " AND ".join(filter(None, (influxql.equal(driver=driver) if driver else "", where)))
        query = influxql.series(influxql.call("last", "state"), "instrument", known, ("instrument",), fill="null")
        yield query, "$tag_instrument"
    silent = (instrument for instrument in instruments if not instrument.reports)
    for measurement in dict.fromkeys(name for instrument in silent for name in instrument.stanza.measurements):
        for field, name in ((STATUS.name, "$tag_instrument"), (CLOCK.name, "$tag_instrument: its clock")):
            query = influxql.series(influxql.call("last", field), measurement, where, ("instrument",), fill="null")
            yield query, name
