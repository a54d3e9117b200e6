"""The overview: is all well, and what is each channel's value now."""

from __future__ import annotations

from typing import Any

from grafanalib import core as g

from provisioning.site import Instrument, Site

from .. import influxql, panels, signals, style
from ..layout import Page
from ..signals import Signal
from . import _frame, _instruments


def build(site: Site) -> g.Dashboard:
    """Make the dashboard of a site."""
    page = Page()
    height = _instruments.timeline_height(len(site.instruments))
    page.add(_instruments.timeline(site, site.instruments), 16, height)
    page.add(
        panels.AlertList(
            title="Active alarms",
            labels=f'{{site="{site.name}"}}',
            description="Alarms that are active or about to be. Empty: nothing is beyond its limits, and every instrument delivers.",
        ),
        8,
        height,
    )
    stats = 0
    for instrument in site.instruments:
        found = signals.shown(instrument)
        stats += len(found)
        page.row(instrument.stanza.label, collapsed=stats > style.OPEN_STATS)
        several = {s.channel.id for s in found if sum(o.channel.id == s.channel.id for o in found) > 1}
        for signal in found:
            page.add(
                _stat(site, signal, signal.title if signal.channel.id in several else signal.label),
                style.STAT_WIDTH,
                style.STAT_HEIGHT,
            )
    description = f"{site.title}: the state of every instrument and the newest value of every channel. Click on a value for its course."
    return _frame.dashboard(site, _frame.OVERVIEW, _frame.TITLES[_frame.OVERVIEW], description, page, [])


def _stat(site: Site, signal: Signal, title: str) -> panels.Stat:
    query = influxql.series(influxql.call("last", signal.quantity.name), signal.measurement, signal.where)
    title = f"{title}{style.named_unit(signal.quantity)}"
    return panels.Stat(
        title=title,
        description=signal.description,
        about=signal.key,
        targets=panels.targets((query, title)),
        interval=_interval(signal.instrument),
        unit=style.unit(signal.quantity),
        decimals=style.decimals(signal.quantity),
        sparkline=signal.numeric,
        mappings=_mappings(signal),
        steps=signals.steps(signal.limits, style.GOOD) if signal.limits else [(None, style.IDLE)],
        dataLinks=[
            _frame.link(
                site, signal.measurement, "Course", instrument=signal.instrument.name, channel=signal.channel.id
            )
        ],
    )


def _mappings(signal: Signal) -> list[dict[str, Any]]:
    return (
        [panels.mapping({"true": ("on", style.GOOD), "false": ("off", style.IDLE)})]
        if signal.quantity.type == "bool"
        else []
    )


def _interval(instrument: Instrument) -> str:
    return style.duration(instrument.stanza.interval)
