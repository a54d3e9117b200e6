"""Calibrates stored raw values anew: same times, raw kept, levels computed again; doing it twice changes nothing.

A value that the calibration has for a raw one is written over the old one, in the same point. Where it has none, the old
one must go: InfluxDB can't take a field out of a point, so that the point is deleted and written without it. What is to be
written then is in a file first (``pending``), by which an interrupted work is ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telegraf_inputs.calibration import Calibration
from telegraf_inputs.configured import ANY, Channel, Stanza
from telegraf_inputs.point import Point
from telegraf_inputs.spikes import QUALITY, SPIKE

from . import influxdb_fields, influxdb_fill
from .influxdb_schema import Schema
from .influxdb_server import DatabaseError, Series, Server
from .influxql import identifier, text
from .levels import RAW

WINDOW = 6 * 3600 * 10**9  # ns: so much is read at a time
LINES = 5000  # that are written at a time
OF_CALIBRATION = ("uncalibrated", "out_of_range")  # statuses that a calibration gives, where there is a raw value
KINDS: dict[str, Callable[[Any], Any]] = {"float": float, "integer": int, "boolean": bool, "string": str}


@dataclass
class Counts:
    """What came of one channel: raw values, of them those with a calibrated value, and what was otherwise before."""

    raw: int = 0
    calibrated: int = 0
    changed: int = 0
    taken_out: int = 0
    version: str = ""


@dataclass
class Neighbours:
    """Points of one series, one behind the other, of which each has a calibrated value that must go; ns, UTC."""

    channel: Channel
    tags: dict[str, str]
    first: int
    last: int


@dataclass
class Anew:
    """Calibrates the channels of one instrument that have a calibration, in the database that a schema wants."""

    server: Server
    wanted: Schema
    stanza: Stanza
    pending: Path
    check: bool = False  # change nothing
    counts: dict[str, Counts] = field(default_factory=dict)

    def span(self, start_ns: int, end_ns: int) -> dict[str, Counts]:
        """Go through a span (ns, UTC; the end excluded); returns what came of each channel. Raises DatabaseError.

        All that is written is read again, and must be what was written.
        """
        for measurement in dict.fromkeys(c.measurement for c in self.stanza.declared if c.calibration):
            first = last = None
            start = max(start_ns, self._oldest(measurement, end_ns) or end_ns)
            while start < end_ns:
                until = min(start + WINDOW, end_ns)
                if self._window(measurement, start, until):
                    first, last = start if first is None else first, until
                start = until
            if first is not None and last is not None and not self.check:
                self._levels(measurement, first, last)
        return self.counts

    def finish(self) -> bool:
        """Write what an interrupted work left to be written; tells whether there was any. Raises DatabaseError."""
        if not self.pending.exists():
            return False
        self.server.write(self.pending.read_bytes(), self.wanted.database, RAW)
        self.pending.unlink()
        return True

    def _window(self, measurement: str, start: int, end: int) -> bool:
        """Calibrate a window; tells whether anything was otherwise."""
        write: list[Point] = []
        out: list[Neighbours] = []
        for channel, series in self._series(measurement, start, end):
            made = channel.calibration
            assert made is not None
            counts = self.counts.setdefault(channel.id, Counts(version=made.version))
            run: Neighbours | None = None
            for row in series.rows:
                raw = row[_raw(made)]
                if raw is None:
                    run = None
                    continue
                value, status = _calibrated(channel, made, raw, row["status"])
                to = _to(channel, made, row)
                run = None if value is not None else run
                counts.raw += 1
                counts.calibrated += value is not None
                before = row[to], row["calibration"], row["status"]
                if value is None and row[to] is not None:
                    counts.taken_out += 1
                    if run is None:
                        out.append(run := Neighbours(channel, series.tags, row["time"], row["time"]))
                    run.last = row["time"]
                elif before != (value, made.version if value is not None else row["calibration"], status):
                    counts.changed += 1
                    fields = {
                        to: value,
                        "status": status,
                        "calibration": made.version if value is not None else None,
                    }
                    write.append(Point(measurement, _tags(series), fields, row["time"]))
        if not self.check and (write or out):
            self._write(write)
            if out:
                self._take_out(measurement, out)
            self._verify(measurement, start, end)
        return bool(write or out)

    def _write(self, points: list[Point]) -> None:
        for n in range(0, len(points), LINES):
            lines = "".join(point.line() for point in points[n : n + LINES])
            self.server.write(lines, self.wanted.database, RAW)

    def _take_out(self, measurement: str, runs: list[Neighbours]) -> None:
        """Delete points, and write them without their calibrated value."""
        types = influxdb_fields.read(self.server, self.wanted.database, [RAW]).types[RAW][measurement]
        for run in runs:
            where = self._where(run.tags, f"time >= {run.first}", f"time <= {run.last}")
            whole = self._rows(f"SELECT * FROM {identifier(RAW, measurement)} WHERE {where}")
            self._note("".join(_without(run, row, measurement, types).line() for row in whole))
            self.server.query(f"DELETE FROM {identifier(measurement)} WHERE {where}", self.wanted.database)
            self.finish()

    def _note(self, lines: str) -> None:
        """Put what is to be written where an interruption finds it."""
        new = self.pending.with_name(f".{self.pending.name}.new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.pending)

    def _verify(self, measurement: str, start: int, end: int) -> None:
        """Read again. Raises DatabaseError where a value is not what the calibration says."""
        for channel, series in self._series(measurement, start, end):
            made = channel.calibration
            assert made is not None
            for row in series.rows:
                if row[_raw(made)] is None:
                    continue
                value, _ = _calibrated(channel, made, row[_raw(made)], row["status"])
                to = _to(channel, made, row)
                if row[to] != value or (value is not None and row["calibration"] != made.version):
                    raise DatabaseError(
                        f"{self.server.url}: {to!r} of channel {channel.id!r} is {row[to]!r} at {row['time']}, "
                        f"where {value!r} was written; do it again"
                    )

    def _levels(self, measurement: str, start: int, end: int) -> None:
        """Compute the levels of a span anew, of windows whose raw values are all there still."""
        for query in self.wanted.queries:
            if query.measurement == measurement:
                step = query.level.seconds_per_point * 10**9
                oldest = self._oldest(measurement, end) or end
                whole = -(-oldest // step) * step  # the first window that has not lost raw values
                kept = self.wanted.policies[0].keep
                influxdb_fill.fill(self.server, query, max(start, whole) if kept else start, end + step)

    def _series(self, measurement: str, start: int, end: int) -> Iterator[tuple[Channel, Series]]:
        """Read the raw and calibrated values of a window, by series; each with its channel."""
        channels = [c for c in self.stanza.declared if c.measurement == measurement and c.calibration]
        fields = dict.fromkeys(
            name
            for c in channels
            if (made := c.calibration)
            for name in (_raw(made), made.to, _spike(made), "status", "calibration", QUALITY.name)
        )
        named = " OR ".join(f'"channel" = {text(c.id)}' for c in channels if c.id != ANY)
        which = f"({named})" if all(c.id != ANY for c in channels) else "\"channel\" != ''"
        where = self._where({"instrument": self.stanza.name}, which, f"time >= {start}", f"time < {end}")
        columns = ", ".join(map(identifier, fields))
        asked = f"SELECT {columns} FROM {identifier(RAW, measurement)} WHERE {where} GROUP BY *"
        for series in self.server.query(asked, self.wanted.database):
            channel = self.stanza.find(series.tags["channel"], measurement)
            if channel is not None and channel.calibration is not None:
                yield channel, series

    def _oldest(self, measurement: str, end: int) -> int | None:
        where = self._where({"instrument": self.stanza.name}, f"time < {end}")
        asked = f"SELECT * FROM {identifier(RAW, measurement)} WHERE {where} ORDER BY time ASC LIMIT 1"
        return min((int(row["time"]) for row in self._rows(asked)), default=None)

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        return self.server.rows(statement, self.wanted.database)

    def _where(self, tags: dict[str, str], *more: str) -> str:
        return " AND ".join([*(f"{identifier(name)} = {text(value)}" for name, value in tags.items()), *more])


def _raw(made: Calibration) -> str:
    """Name the field that the raw value is stored as."""
    return f"{made.of}_raw" if made.to == made.of else made.of


def _spike(made: Calibration) -> str:
    return f"{made.to}_{SPIKE}"


def _to(channel: Channel, made: Calibration, row: dict[str, Any]) -> str:
    """Name the field that a point's calibrated value is stored as: where it was taken for a spike, it stays one."""
    if row.get(QUALITY.name) != SPIKE:
        return made.to
    judged = channel.filter.of == made.to if channel.filter else row.get(_spike(made)) is not None
    return _spike(made) if judged else made.to


def _without(run: Neighbours, row: dict[str, Any], measurement: str, types: dict[str, set[str]]) -> Point:
    """Make a stored point anew, without a value that its calibration does not have."""
    made = run.channel.calibration
    assert made is not None
    fields = {
        name: KINDS[next(iter(types[name]))](value)
        for name, value in row.items()
        if name in types and value is not None
    }
    if (raw := row[_raw(made)]) is not None:
        value, fields["status"] = _calibrated(run.channel, made, raw, row["status"])
        fields |= {_to(run.channel, made, row): value, "calibration": None if value is None else made.version}
    tags = {name: value for name, value in run.tags.items() if value}
    return Point(measurement, tags, fields, row["time"])


def _tags(series: Series) -> dict[str, str]:
    return {name: value for name, value in series.tags.items() if value}


def _calibrated(channel: Channel, made: Calibration, raw: float, status: str | None) -> tuple[float | None, str]:
    """Calibrate a raw value, as the program does; returns the value, None for none, and the channel's status with it."""
    value = made(float(raw))
    trouble = "uncalibrated" if value is None else ""
    if value is not None and not channel.quantities[made.to].possible(value):
        value, trouble = None, "out_of_range"
    others = "ok" if status in (None, "", *OF_CALIBRATION) else str(status)
    return value, trouble if trouble and others == "ok" else others
