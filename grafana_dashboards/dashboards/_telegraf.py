"""Panels about Telegraf itself: what it takes in, what waits, what it writes, what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator

from provisioning.telegraf_config import HOST_INTERVAL

from .. import influxql, panels
from ..signals import check_stored

FEW = 5  # the scale of counts that are mostly 0
OUTPUTS, PROGRAMS, ALL = ("output", "alias"), ("alias",), ()
INSTRUMENTS = "\"alias\" != ''"  # the inputs of the machine have none
# (title, measurement, field, tags that part the series, condition, what it means)
RATES = (
    (
        "Points taken in per minute", "internal_gather", "metrics_gathered", PROGRAMS, INSTRUMENTS,
        "Points that Telegraf takes from each program, and from each instrument that it reads itself. 0: nothing comes.",
    ),
    (
        "Points written per minute", "internal_write", "metrics_written", OUTPUTS, "",
        "Points that Telegraf hands to the database, and to the journal. What the database refuses counts as written here.",
    ),
)  # fmt: skip
LEVELS = (
    (
        "Points that wait", "internal_write", "buffer_size", OUTPUTS, "",
        "Points in Telegraf's memory. It grows while the database does not answer; when it is full, the oldest are dropped.",
    ),
    (
        "Time to write", "internal_write", "write_time_ns", OUTPUTS, "",
        "How long the last write took, at most.",
    ),
)  # fmt: skip
COUNTS: tuple[tuple[str, str, str, tuple[str, ...], str, str], ...] = (
    (
        "Points dropped", "internal_write", "metrics_dropped", OUTPUTS, "",
        "Points lost because the buffer was full. The journal still has them.",
    ),
    (
        "Errors of outputs", "internal_write", "errors", OUTPUTS, "",
        "Failed writes, and points that the database refused: these are lost. Telegraf's log says why.",
    ),
    (
        "Errors of programs", "internal_gather", "errors", PROGRAMS, INSTRUMENTS,
        "What programs logged as errors, lines that are no line protocol, and what Telegraf could not read itself.",
    ),
    (
        "Failed inputs", "internal_agent", "gather_errors", ALL, "",
        "Inputs of Telegraf that failed, all together.",
    ),
)  # fmt: skip
UNITS = {"write_time_ns": "ns"}


def plots(labels: dict[str, str]) -> Iterator[tuple[panels.TimeSeries, int]]:
    """Make all: (panel, width); ``labels`` name the instruments, whose programs have their names."""
    for title, measurement, field, by, where, text in RATES:
        query = influxql.rate(field, measurement, where, by, 60)
        yield _plot(title, measurement, field, query, text, labels, "1m"), 12
    for title, measurement, field, by, where, text in LEVELS:
        query = influxql.series(influxql.highest(field), measurement, where, by, fill="null")
        yield _plot(title, measurement, field, query, text, labels), 12
    for title, measurement, field, tags, where, text in COUNTS:
        query = influxql.increase(field, measurement, where, tags)
        yield _plot(title, measurement, field, query, f"{text} Counted in each interval.", labels, few=True), 6


def about(measurement: str, field: str) -> str:
    """Name what a panel shows, for the alarms that lead to it."""
    return f"{measurement} {field}"


def _plot(
    title: str,
    measurement: str,
    field: str,
    query: str,
    text: str,
    labels: dict[str, str],
    interval: str = f"{HOST_INTERVAL}s",
    *,
    few: bool = False,
) -> panels.TimeSeries:
    check_stored(measurement, field)
    alias = "all inputs" if measurement == "internal_agent" else "$tag_alias"
    return panels.TimeSeries(
        title=title,
        description=text,
        about=about(measurement, field),
        targets=panels.targets((query, alias)),
        transformations=panels.renamed(labels) if alias == "$tag_alias" else [],
        unit=UNITS.get(field, "none"),
        least=0,
        bars=few,
        soft_most=FEW if few else None,
        decimals=0 if few else None,
        interval=interval,
        gap=6.0 * HOST_INTERVAL,
    )
