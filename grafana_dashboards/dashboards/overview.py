"""The overview: is all well, and what is each channel's value now."""

from __future__ import annotations

from grafanalib import core as g

from provisioning.site import Site

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
        for signal in found:
            page.add(_stat(site, signal), style.STAT_WIDTH, style.STAT_HEIGHT)
    description = f"{site.title}: the state of every instrument and the newest value of every channel. Click on a value for its course."
    return _frame.dashboard(site, _frame.OVERVIEW, _frame.TITLES[_frame.OVERVIEW], description, page, [])


def _stat(site: Site, signal: Signal) -> panels.Stat:
    query = influxql.series(influxql.call("last", signal.quantity.name), signal.measurement, signal.where)
    name = f"{signals.words(signal.quantity.name)}{style.named_unit(signal.quantity)}"
    return panels.Stat(
        title=signal.label,
        description=signal.description,
        about=signal.key,
        targets=panels.targets((query, name)),
        interval=_instruments.interval([signal.instrument]),
        unit=style.unit(signal.quantity),
        decimals=style.decimals(signal.quantity),
        sparkline=signal.numeric,
        named=True,
        mappings=panels.texts(signal.quantity.type),
        steps=signals.steps(signal.limits, style.GOOD) if signal.limits else [(None, style.IDLE)],
        dataLinks=[
            _frame.link(
                site, signal.measurement, "Course", instrument=signal.instrument.name, channel=signal.channel.id
            )
        ],
    )
