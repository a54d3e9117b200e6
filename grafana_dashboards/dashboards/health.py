"""The health of the line: every instrument, its program, and Telegraf, from the wire to the database."""

from __future__ import annotations

from typing import Any

from grafanalib import core as g

from provisioning.measurements import STATUS
from provisioning.site import Site, SiteInstrument
from telegraf_inputs import duration

from .. import delivery, influxql, panels, style, variables
from ..layout import Page
from ..signals import check_stored, own_quantity
from . import _frame, _instruments, _telegraf
from ._instruments import Pace

CHOSEN = influxql.chosen("instrument")
IN_MS = {"read_seconds": ' * 1000 AS "read_seconds"'}  # a table has one unit, and few reads take seconds
LOOK_BACK = 30 * 86400  # s; older reports are none of "now"
# The columns of the last report: field -> heading.
COLUMNS = {
    "state": "State",
    "read_seconds": "Time to read (ms)",
    "readings": "Readings",
    "errors": "Errors",
    "reconnects": "Reconnections",
    "overruns": "Overruns",
    "dropped": "Dropped",
}
COUNTS = {
    "errors": "Failed cycles and channels. Now and then: a disturbed line. Often: cable, address, or another program on the port.",
    "reconnects": "How often the connection was opened anew, as the driver does after every fault. Many mean a loose cable.",
    "overruns": "Cycles left out because the one before took too long: the interval is too short for this instrument.",
    "dropped": "Readings lost because Telegraf did not take them. Above 0 is loss: look at the machine's load and Telegraf's log.",
}
SPIKES = "Readings that were far from those before them: they are kept aside, and in no curve, mean or alarm. Many: a filter too narrow, or a fault."


def build(site: Site) -> g.Dashboard:
    """Make the dashboard of a site."""
    page = Page()
    count = len(site.instruments)
    for panel, height in _instruments.timelines(site, site.instruments, CHOSEN):
        page.add(panel, style.WIDTH, height)
    page.row("Age of data", collapsed=count > style.ROW_STATS)
    for instrument in site.instruments:
        page.add(_age(site, instrument), style.STAT_WIDTH, 3)
    page.row("Now")
    reporting = [instrument for instrument in site.instruments if instrument.reports]
    if reporting:
        page.add(_now(site), style.WIDTH, min(20, 3 + len(reporting)))
    page.add(_channels(site), style.WIDTH, min(14, 4 + sum(len(i.stanza.declared) for i in site.instruments)))
    if reporting:
        page.row("Programs")
        for part in _instruments.paces(reporting, _instruments.gap):
            page.add(_read_time(site, part), 12, style.PLOT_HEIGHT)
            page.add(_readings(site, part), 12, style.PLOT_HEIGHT)
        for field, text in COUNTS.items():
            page.add(_count(reporting, field, COLUMNS[field], text), 12, style.PLOT_HEIGHT)
        if filtering := [i for i in reporting if any(channel.filter for channel in i.stanza.declared)]:
            page.add(_count(filtering, "spikes", "Spikes", SPIKES), 12, style.PLOT_HEIGHT)
    page.row("Telegraf")
    page.add(delivery.table(), style.WIDTH, 6)
    labels = _instruments.labels(site.instruments)
    for panel, width in _telegraf.plots(labels):
        page.add(panel, width, style.PLOT_HEIGHT)
    choices = [variables.choice("instrument", "Instrument", labels, "Which instruments are shown")]
    description = "Does every instrument answer, does every program keep its pace, does everything reach the database."
    return _frame.dashboard(site, _frame.HEALTH, _frame.TITLES[_frame.HEALTH], description, page, choices)


def _since(site: Site) -> str:
    """Limit a question about the newest point: not to the range shown, or what is silent for hours would vanish."""
    return f"time > now() - {duration.exact(min(site.influxdb.raw or LOOK_BACK, LOOK_BACK))}"


def _age(site: Site, instrument: SiteInstrument) -> panels.Stat:
    """Show how old the newest data of an instrument are."""
    where, measurements = influxql.equal(instrument=instrument.name), instrument.stanza.measurements
    status = influxql.call("last", STATUS.name)
    queries = [
        (influxql.newest(status, name, ("instrument",), where, _since(site)), instrument.name) for name in measurements
    ]
    several = len(queries) > 1
    return panels.Stat(
        title=instrument.stanza.label,
        description=f"When {instrument.stanza.label} last delivered something.",
        targets=panels.targets(*queries, table=several),
        unit="dateTimeFromNow",
        transformations=[*(panels.newest_last() if several else []), panels.as_number("Time")],
        sparkline=False,
        steps=[(None, style.IDLE)],
        dataLinks=[_frame.link(site, _frame.HEALTH, "Only this one", instrument=instrument.name)],
    )


def _labels(site: Site) -> dict[str, Any]:
    labels = _instruments.labels(site.instruments)
    return panels.mapping({name: (label, style.IDLE) for name, label in labels.items()})


def _now(site: Site) -> panels.Table:
    """Show what each instrument reported last."""
    check_stored("instrument", *COLUMNS)
    first, *others = COLUMNS
    columns = [f'{influxql.call("last", first)} AS "{first}"', *(f'"{name}"{IN_MS.get(name, "")}' for name in others)]
    query = influxql.newest(", ".join(columns), "instrument", ("instrument",), CHOSEN, _since(site))
    return panels.Table(
        title="Instruments",
        sort="Instrument",
        unit="none",
        mappings=[panels.STATES, _labels(site)],
        description=f"The last report of each instrument, at most {duration.words(LOOK_BACK)} back. Counts are since its program started.",
        targets=[panels.target(query, table=True)],
        transformations=[panels.columns({"instrument": "Instrument", **COLUMNS}, without=("Time",))],
        overrides=[panels.override("State", custom__cellOptions={"type": "color-text"})],
    )


def _channels(site: Site) -> panels.Table:
    """Show what each channel said last, and when."""
    measurements = sorted({name for i in site.instruments for name in i.stanza.measurements})
    status = f'{influxql.call("last", STATUS.name)} AS "status"'
    queries = [
        (influxql.newest(status, name, ("instrument", "channel"), CHOSEN, _since(site)), "") for name in measurements
    ]
    merge = [{"id": "merge", "options": {}}] if len(queries) > 1 else []
    headings = {"instrument": "Instrument", "channel": "Channel", "status": "Status", "Time": "Time"}
    return panels.Table(
        title="Channels",
        sort="Time",
        unit="none",
        steps=[(None, style.CRITICAL)],
        description="What each channel said last, and when; the oldest first. A scanner's channels are as old as its round is long.",
        targets=panels.targets(*queries, table=True),
        transformations=[*merge, panels.columns(headings)],
        mappings=[panels.mapping({"ok": ("ok", style.GOOD)}), _labels(site)],
        overrides=[panels.override("Status", custom__cellOptions={"type": "color-text"})],
    )


def _read_time(site: Site, part: Pace) -> panels.TimeSeries:
    quantity = own_quantity("instrument", "read_seconds")
    query = influxql.series(influxql.highest(quantity.name), "instrument", _where(part), ("instrument",), fill="null")
    text = "How long one cycle took, at most. It must stay below the interval."
    return _plot(part, "Time to read", query, text, unit=style.unit(quantity), logarithmic=True)


def _readings(site: Site, part: Pace) -> panels.TimeSeries:
    check_stored("instrument", "readings")
    # By the minute: in shorter intervals, cycles that do not fit in evenly would look like beats.
    query = influxql.rate("readings", "instrument", _where(part), ("instrument",), 60)
    text = "Readings that each program made. It falls to 0 when an instrument does not answer."
    return _plot(part, "Readings per minute", query, text, unit="none", least=0, interval="1m")


def _count(instruments: list[SiteInstrument], field: str, title: str, text: str) -> panels.TimeSeries:
    """Plot by how much a counter of the programs grows."""
    check_stored("instrument", field)
    query = influxql.increase(field, "instrument", CHOSEN, ("instrument",))
    few = {"about": _telegraf.about("instrument", field), "bars": True, "soft_most": _telegraf.FEW, "decimals": 0}
    return _plot(
        Pace(instruments=instruments),
        title,
        query,
        f"{text} Counted in each interval.",
        unit="none",
        least=0,
        **few,
    )


def _where(part: Pace) -> str:
    return " AND ".join(filter(None, (CHOSEN, part.where)))


def _plot(part: Pace, title: str, query: str, text: str, **more: Any) -> panels.TimeSeries:
    return panels.TimeSeries(
        title=f"{title}{part.which}",
        description=text,
        targets=panels.targets((query, "$tag_instrument")),
        transformations=panels.renamed(_instruments.labels(part.instruments)),
        gap=_instruments.gap(part.instruments),
        **{"interval": _instruments.interval(part.instruments), **more},
    )
