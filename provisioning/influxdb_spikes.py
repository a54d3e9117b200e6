"""Looks for spikes in what is stored, as a channel's filter would find them where they come; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from telegraf_inputs.configured import ANY, Channel, Stanza
from telegraf_inputs.spikes import Filter, Judge, gap_ns

from .influxdb_server import Server
from .influxql import identifier, text
from .levels import RAW

WINDOW = 6 * 3600 * 10**9  # ns: so much is read at a time


@dataclass
class StoredSpikes:
    """What came of one series: how many readings it has, how many were marked when they came, and those that the filter marks now.

    ``found``: time (ns, UTC) and value of each.
    """

    channel: Channel
    tags: dict[str, str]
    by: Filter
    readings: int = 0
    marked: int = 0
    found: list[tuple[int, float]] = field(default_factory=list)


def look(
    server: Server, database: str, stanza: Stanza, filters: dict[str, Filter], span: tuple[int, int]
) -> list[StoredSpikes]:
    """Judge the readings of a span (ns, UTC; the end excluded), by the ``filters`` of channels. Raises DatabaseError.

    Spikes that were marked when they came are judged among the others. As a program that starts, it believes the first window of readings.
    """
    gap = gap_ns(max(stanza.interval, stanza.driver.turn))
    seen: dict[tuple[str, ...], tuple[StoredSpikes, Judge]] = {}
    for channel in stanza.declared:
        by = filters.get(channel.id)
        if by is None:
            continue
        for tags, when, value, marked in _readings(server, database, stanza, channel, by, span):
            key = (channel.measurement, *(part for pair in sorted(tags.items()) for part in pair))
            found, judge = seen.setdefault(key, (StoredSpikes(channel, tags, by), Judge(by)))
            found.readings += 1
            found.marked += marked
            if judge.spike(value, when, gap):
                found.found.append((when, value))
    return [found for found, _ in seen.values()]


def _readings(
    server: Server, database: str, stanza: Stanza, channel: Channel, by: Filter, span: tuple[int, int]
) -> Iterator[tuple[dict[str, str], int, float, bool]]:
    """Read what a channel brought, in the order of its times: its tags, its time, its value, whether it was marked."""
    which = f'"instrument" = {text(stanza.name)}' + (
        "" if channel.id == ANY else f' AND "channel" = {text(channel.id)}'
    )
    columns = f"{identifier(by.of)}, {identifier(by.spike.name)}"
    source = identifier(RAW, channel.measurement)
    start, end = span
    while start < end:
        until = min(start + WINDOW, end)
        where = f"{which} AND time >= {start} AND time < {until}"
        empty = True
        for series in server.query(f"SELECT {columns} FROM {source} WHERE {where} GROUP BY *", database):
            for row in series.rows:
                value, spike = row[by.of], row[by.spike.name]
                if value is not None or spike is not None:
                    empty = False
                    yield series.tags, row["time"], float(spike if value is None else value), value is None
        start = until
        if empty:  # perhaps for long: the next one is asked for, not each window between
            after = f"{which} AND time >= {until} AND time < {end}"
            rows = server.rows(f"SELECT {columns} FROM {source} WHERE {after} ORDER BY time ASC LIMIT 1", database)
            start = max(until, min((int(row["time"]) for row in rows), default=end))
