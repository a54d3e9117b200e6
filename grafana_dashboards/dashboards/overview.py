"""The overview: is all well, and what is each channel's value now."""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core as g

from provisioning.site import Site
from telegraf_inputs import duration

from .. import influxql, panels, signals, style
from ..layout import Page
from ..signals import Signal
from . import _frame, _instruments

ALARMS_HEIGHT = 7  # room for four


def build(site: Site) -> g.Dashboard:
    """Make the dashboard of a site."""
    page = Page()
    (states, height), *slower = _instruments.timelines(site, site.instruments)
    height = max(height, ALARMS_HEIGHT)
    page.add(states, 16, height)
    page.add(
        panels.AlertList(
            title="Active alarms",
            labels=f'{{site="{site.name}"}}',
            description="Alarms that are active. Empty: nothing is beyond its limits, and every instrument delivers.",
        ),
        8,
        height,
    )
    for panel, lines in slower:
        page.add(panel, style.WIDTH, lines)
    stats = 0
    for title, found in _rows(site):
        stats += len(found)
        page.row(title, collapsed=stats > style.OPEN_STATS)
        for signal, named in found:
            if signal.found:
                page.add(_tiles(site, signal), style.WIDTH, style.STAT_HEIGHT)
            else:
                page.stack(style.STAT_WIDTH, *_tile(site, signal, named))
    description = f"{site.title}: the state of every instrument and the newest value of every channel. Click on a value for its course."
    return _frame.dashboard(site, _frame.OVERVIEW, _frame.TITLES[_frame.OVERVIEW], description, page, [])


def _rows(site: Site) -> Iterator[tuple[str, list[tuple[Signal, str]]]]:
    """Part what is shown into rows, (title, (signal, its name)): one an instrument; of many instruments, some share a row."""
    if len(site.instruments) <= style.MANY_INSTRUMENTS:
        for instrument in site.instruments:
            yield instrument.stanza.label, [(signal, signal.label) for signal in signals.shown(instrument)]
        return
    by_driver: dict[str, list[tuple[Signal, str]]] = {}
    for instrument in site.instruments:
        shown = signals.shown(instrument)
        named = [
            (s, instrument.stanza.label if len(shown) == 1 else f"{instrument.stanza.label}: {s.label}") for s in shown
        ]
        by_driver.setdefault(str(instrument.stanza.driver.title), []).extend(named)
    for title, found in by_driver.items():
        for first in range(0, len(found), style.ROW_STATS):
            part = found[first : first + style.ROW_STATS]
            which = f" ({first + 1} to {first + len(part)} of {len(found)})" if len(found) > style.ROW_STATS else ""
            yield f"{title}{which}", part


def _tile(site: Site, signal: Signal, named: str) -> list[tuple[panels.Stat | panels.TimeSeries, int]]:
    """Make a channel's newest value above its course, each with its height."""
    vacuum = style.vacuum(signal.quantity)
    query = influxql.current(influxql.call("last", signal.quantity.name), signal.measurement, signal.where)
    fresh = _instruments.fresh(signal.instrument)
    name = f"{signals.words(signal.quantity.name)}{style.named_unit(signal.quantity)}"
    description = f"{signal.description} No data: nothing came for {duration.words(fresh)}, or over a long time range for one step of its course."
    shared = {
        "targets": panels.targets((query, name)),
        "interval": duration.exact(fresh),
        "unit": style.unit(signal.quantity),
        "decimals": style.decimals(signal.quantity),
        "steps": signals.steps(signal.limits, style.GOOD) if signal.limits else [(None, style.IDLE)],
        **({} if signal.numeric else panels.meaning(signal)),
        "dataLinks": [_frame.link(site, _frame.page_of(signal), "Course", **_chosen(signal, signal.channel.id))],
    }
    stat = panels.Stat(
        title=named,
        description=description,
        about=signal.key,
        sparkline=signal.numeric and not vacuum,
        named=True,
        of=name if signal.quantity.type in ("bool", "str") else "",
        **shared,
    )
    if not vacuum:
        return [(stat, style.STAT_HEIGHT)]
    # As the stat's own sparkline Grafana would draw what is below the digits that it shows, 0.01 of a mbar, as a straight line.
    course = panels.TimeSeries(
        title="Course (log)",
        description=description,
        bare=True,
        logarithmic=True,
        filled=style.AREA,
        gap=2 * fresh,
        **shared,
    )
    return [(stat, style.STAT_HEIGHT - style.COURSE_HEIGHT), (course, style.COURSE_HEIGHT)]


def _chosen(signal: Signal, channel_id: str) -> dict[str, str]:
    """Choose a channel by the variables of the page that shows it."""
    channel = {} if signal.channel.stream.page else {"channel": channel_id}
    return {"instrument": signal.instrument.name, **channel}


def _tiles(site: Site, signal: Signal) -> panels.Stat:
    """Make the newest values of the channels that are found in the data, side by side."""
    fresh = _instruments.fresh(signal.instrument)
    query = influxql.current(
        influxql.call("last", signal.quantity.name), signal.measurement, signal.where, by=("channel",)
    )
    link = _frame.link(site, _frame.page_of(signal), "Course", **_chosen(signal, "${__field.labels.channel}"))
    return panels.Stat(
        title=f"{signal.title}{style.named_unit(signal.quantity)}",
        description=f"{signal.description} Channels are found in the data; no data: nothing came for {duration.words(fresh)}.",
        about=signal.key,
        sparkline=signal.numeric and not style.vacuum(signal.quantity),
        named=True,
        each=signal.quantity.type in ("bool", "str"),
        targets=panels.targets((query, "$tag_channel")),
        interval=duration.exact(fresh),
        unit=style.unit(signal.quantity),
        decimals=style.decimals(signal.quantity),
        dataLinks=[link],
        **({"steps": [(None, style.IDLE)]} if signal.numeric else panels.meaning(signal)),
    )
