"""The health of the line: every instrument, its program, and Telegraf, from the wire to the database."""

from __future__ import annotations

from typing import Any

from grafanalib import core as g

from provisioning.levels import days
from provisioning.measurements import STATUS
from provisioning.site import Site

from .. import influxql, panels, style, variables
from ..layout import Page
from ..signals import declared
from . import _frame, _instruments

CHOSEN = influxql.chosen("instrument")
COLUMNS = {"state": "State", "read_seconds": "Time to read", "readings": "Readings", "errors": "Errors", "reconnects": "Reconnections",
           "overruns": "Overruns", "dropped": "Dropped"}
COUNTERS = (
    ("readings", "Readings", "Readings that the program made. Falls to 0 when an instrument does not answer."),
    ("errors", "Errors", "Failed cycles and channels. Now and then: a disturbed line. Often: cable, address, or another program on the port."),
    ("reconnects", "Reconnections", "How often the connection was opened anew. The driver does so after every fault; many mean a loose cable."),
    ("overruns", "Overruns", "Cycles left out because the one before took too long: the interval is too short for this instrument."),
    ("dropped", "Readings dropped", "Readings lost because Telegraf did not take them. Anything above 0 is loss: look at the host's load and at Telegraf's log."),
)


def build(site: Site) -> g.Dashboard:
    """Make the dashboard of a site."""
    page = Page()
    count = len(site.instruments)
    page.add(_instruments.timeline(site, site.instruments, CHOSEN), style.WIDTH, _instruments.timeline_height(count))
    page.row("Instruments now")
    page.add(_now(site), style.WIDTH, min(20, 4 + count))
    page.add(_ages(site), style.WIDTH, min(20, 4 + sum(len(i.stanza.channels) for i in site.instruments)))
    page.row("Programs")
    page.add(_of_instrument(site, "Time to read", influxql.highest("read_seconds"), "read_seconds",
                            "How long one cycle took, at most. It must stay below the interval."), 12, style.PLOT_HEIGHT)
    for field, title, text in COUNTERS:
        page.add(_counter(site, field, title, text), 12, style.PLOT_HEIGHT)
    page.row("Telegraf")
    for panel in _telegraf():
        page.add(panel, 12, style.PLOT_HEIGHT)
    choices = [variables.choice("instrument", "Instrument", _instruments.labels(site.instruments), "Which instruments are shown")]
    description = "Does every instrument answer, does every program keep its pace, does everything reach the database."
    return _frame.dashboard(site, _frame.HEALTH, _frame.TITLES[_frame.HEALTH], description, page, choices)


def _since(site: Site) -> str:
    """Limit a question about the newest point to what is kept in full: an instrument that is silent for days must not vanish."""
    return f"time > now() - {style.duration(min(site.influxdb.raw or 30 * 86400, 30 * 86400))}"


def _now(site: Site) -> panels.Table:
    """Show what each instrument reported last."""
    first, *others = COLUMNS
    columns = [influxql.call("last", first) + f' AS "{first}"', *(influxql.identifier(declared("instrument", name).name) for name in others)]
    query = influxql.newest(", ".join(columns), "instrument", ("instrument",), CHOSEN, _since(site))
    return panels.Table(
        title="Instruments", sort="Instrument", unit="none", mappings=[panels.STATES, _labels(site)],
        description=f"The last report of each instrument, at most {days(site.influxdb.raw)} back. Counts are since its program started; time to read is in seconds.",
        targets=[panels.target(query, table=True)], transformations=[panels.columns({"instrument": "Instrument", **COLUMNS, "Time": "Last report"})],
        overrides=[panels.override("State", custom__cellOptions={"type": "color-text"})])


def _labels(site: Site) -> dict[str, Any]:
    return panels.mapping({name: (label, style.IDLE) for name, label in _instruments.labels(site.instruments).items()})


def _ages(site: Site) -> panels.Table:
    """Show how old the newest data of each channel are."""
    drivers = sorted({i.stanza.driver.name for i in site.instruments})
    queries = [(influxql.newest(f'{influxql.call("last", STATUS.name)} AS "status"', driver, ("instrument", "channel"), CHOSEN, _since(site)), "")
               for driver in drivers]
    merge = [{"id": "merge", "options": {}}] if len(queries) > 1 else []
    headings = {"instrument": "Instrument", "channel": "Channel", "status": "Status", "Time": "Last answer"}
    return panels.Table(
        title="Age of data", sort="Last answer", unit="dateTimeFromNow", steps=[(None, style.CRITICAL)],
        description="When each channel last answered, the oldest first, and what it said. A scanner's channels are as old as its round is long.",
        targets=panels.targets(*queries, table=True), transformations=[*merge, panels.columns(headings)],
        mappings=[panels.mapping({"ok": ("ok", style.GOOD)}), _labels(site)],
        overrides=[panels.override("Status", custom__cellOptions={"type": "color-text"})])


def _of_instrument(site: Site, title: str, what: str, field: str, text: str) -> panels.TimeSeries:
    """Plot something that each instrument tells of itself."""
    query = influxql.series(what, "instrument", CHOSEN, ("instrument",), fill="null")
    return _plot(site, title, query, text, unit=style.unit(declared("instrument", field)), decimals=3)


def _counter(site: Site, field: str, title: str, text: str) -> panels.TimeSeries:
    """Plot by how much a counter of the programs grows."""
    declared("instrument", field)
    if field == "readings":
        return _plot(site, f"{title} per second", influxql.rate(field, "instrument", CHOSEN, ("instrument",)), text, unit="cps", least=0)
    query = influxql.increase(field, "instrument", CHOSEN, ("instrument",))
    return _plot(site, title, query, f"{text} Counted in each interval.", unit="none", decimals=0, least=0, bars=True)


def _plot(site: Site, title: str, query: str, text: str, **more: Any) -> panels.TimeSeries:
    return panels.TimeSeries(title=title, description=text, targets=panels.targets((query, "$tag_instrument")),
                             transformations=panels.renamed(_instruments.labels(site.instruments)),
                             interval=style.duration(max(i.stanza.interval for i in site.instruments)), gap=_instruments.gap(site.instruments), **more)


def _telegraf() -> list[panels.TimeSeries]:
    """Plot Telegraf's own counters: what it takes in, what waits, what it writes, what is lost on the way."""
    execd = influxql.equal(input="execd")
    return [
        _internal("Points taken in per second", "internal_gather", "metrics_gathered", ("alias",), "$tag_alias", influxql.rate, execd,
                  "Points that Telegraf takes from each instrument's program. 0: the program is silent or does not run.", unit="cps"),
        _internal("Points written per second", "internal_write", "metrics_written", ("output", "alias"), "$tag_alias", influxql.rate, "",
                  "Points that Telegraf hands to the database, and to the journal. Telegraf counts what the database refused as written.", unit="cps"),
        _internal("Points that wait", "internal_write", "buffer_size", ("output", "alias"), "$tag_alias", None, "",
                  "Points in Telegraf's memory. It grows while the database does not answer; when the buffer is full, the oldest are dropped.", unit="short"),
        _internal("Points dropped", "internal_write", "metrics_dropped", ("output", "alias"), "$tag_alias", influxql.increase, "",
                  "Points lost because the buffer was full. The journal still has them.", unit="none", bars=True),
        _internal("Errors of outputs", "internal_write", "errors", ("output", "alias"), "$tag_alias", influxql.increase, "",
                  "Failed writes, and points that the database refused: these are lost. Telegraf's log says why.", unit="none", bars=True),
        _internal("Errors of inputs", "internal_gather", "errors", ("input", "alias"), "$tag_input $tag_alias", influxql.increase, "",
                  "What Telegraf could not read: a program's log lines of level E, lines that are no line protocol.", unit="none", bars=True),
        _internal("Time to write", "internal_write", "write_time_ns", ("output", "alias"), "$tag_alias", None, "",
                  "How long the last write took, at most.", unit="ns"),
        _internal("Failed inputs", "internal_agent", "gather_errors", (), "failed inputs", influxql.increase, "",
                  "Inputs of Telegraf that failed, all together.", unit="none", bars=True),
    ]


def _internal(title: str, measurement: str, field: str, by: tuple[str, ...], alias: str, grown: Any, where: str, text: str, **more: Any) -> panels.TimeSeries:
    declared(measurement, field)
    query = grown(field, measurement, where, by) if grown else influxql.series(influxql.highest(field), measurement, where, by, fill="null")
    return panels.TimeSeries(title=title, description=text, targets=panels.targets((query, alias)), least=0, decimals=0 if more.get("bars") else None,
                             about=f"{measurement} {field}", gap=60.0, interval="10s", **more)


