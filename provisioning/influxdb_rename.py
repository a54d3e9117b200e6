"""Takes a history along to another name: copies the points of an instrument, or of a channel, and drops them under the old one.

InfluxDB 1.x can't change a tag. So all points are written again with the new name, in each retention policy, at the same
times and with the same types; then they are read back, and only where every value is there is the old name dropped. Broken
off anywhere it has lost nothing, and can be done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from telegraf_inputs.point import BadPoint, Point

from . import influxdb_fields, influxdb_fill
from .influxdb_schema import ContinuousQuery, Schema
from .influxdb_server import DatabaseError, Server
from .influxql import identifier, text
from .levels import FOREVER, RAW

PAGE = 5000  # points that are read, and written, at once
MOST_DROPS = 5
NS = 10**9
SOON = 600 * NS  # ns: what a policy drops so soon is not taken along
FRESH = "2m"  # what came since then shows that the old name is still written
CONVERT = {"float": float, "integer": int, "boolean": bool, "string": str}


@dataclass(frozen=True)
class OldSeries:
    """What one set of tags has under the old name in one retention policy; ``types`` are InfluxDB's, by field; ``since`` (ns): its oldest."""

    policy: str
    measurement: str
    tags: dict[str, str]  # a tag that its points do not have is ""
    types: dict[str, str]
    since: int


@dataclass
class Compared:
    """How many values the old name has, how many the new one lacks, and at which times (ns) it has others."""

    values: int = 0
    missing: int = 0
    other: set[int] = field(default_factory=set)


class Renaming:
    """One change of name: ``old`` are the tags that points have (instrument, or instrument and channel), ``new`` their values then."""

    def __init__(self, server: Server, wanted: Schema, old: dict[str, str], new: dict[str, str]):
        self._server, self._wanted, self._old, self._new = server, wanted, old, new
        self._policies = [row["name"] for row in self._rows(f"SHOW RETENTION POLICIES ON {self._database}")]
        keep = {policy.name: policy.keep * NS for policy in wanted.policies if policy.keep}
        self._since = {name: time.time_ns() - ns + SOON for name, ns in keep.items()}
        self._series = list(self._found())
        self._until = 0  # ns: the newest point that was there when copying began

    def still_written(self) -> bool:
        """Tell whether something came under the old name just now."""
        return any(
            self._rows(
                f"SELECT * FROM {identifier(RAW, name)} WHERE {_where(self._old)} AND time > now() - {FRESH} LIMIT 1"
            )
            for name in self._measurements
        )

    def survey(self) -> int:
        """Count the values there are under the old name. Raises DatabaseError where they can't all be taken along."""
        values = 0
        for series in self._series:
            found = self._compare(series)
            values += found.values
            for when in sorted(found.other):
                self._refuse_lasting(series, when)
        return values

    def copy(self, tell: Callable[[str], None]) -> int:
        """Write all under the new name, and read it back; returns how many values. Raises DatabaseError; the old name has all."""
        self._until = max((self._newest(series) for series in self._series), default=0)
        anew: dict[tuple[str, str], set[int]] = {}
        values = 0
        for series in self._series:
            found = self._compare(series, copy=True)
            for when in sorted(found.other):
                self._refuse_lasting(series, when)
            anew.setdefault((series.policy, series.measurement), set()).update(found.other)
        for series in self._series:
            for when in sorted(anew[series.policy, series.measurement]):
                query = self._query(series)
                influxdb_fill.fill(self._server, query, when, when + query.level.seconds_per_point * NS)
        for series in self._series:
            found = self._compare(series)
            strange = found.other - anew[series.policy, series.measurement]
            if found.missing or strange:
                raise DatabaseError(
                    f"{series.measurement!r} in retention policy {series.policy!r}: of {found.values} values {found.missing} "
                    f"are not there under the new name, and {len(strange)} are others; nothing was dropped, do it again"
                )
            values += found.values
            tell(f"{series.policy} {series.measurement}: {found.values} values, all there under the new name")
        return values

    def drop(self) -> None:
        """Drop the old name, up to the newest point that was there to be copied. Raises DatabaseError where more came meanwhile."""
        for name in self._measurements:
            self._server.query(
                f"DELETE FROM {identifier(name)} WHERE {_where(self._old)} AND time <= {self._until}", self._name
            )
        if list(self._found()):
            raise DatabaseError(
                "more came under the old name meanwhile; it is kept. Where nothing writes it any more, do this again"
            )
        # A series may stay in the index of a busy InfluxDB 1.6 though all its points are gone: then it is dropped again.
        for _ in range(MOST_DROPS):
            for name in self._measurements:
                self._server.query(f"DROP SERIES FROM {identifier(name)} WHERE {_where(self._old)}", self._name)
            if not self._server.rows(f"SHOW SERIES WHERE {_where(self._old)}", self._name):
                break

    @property
    def _name(self) -> str:
        return self._wanted.database

    @property
    def _database(self) -> str:
        return identifier(self._wanted.database)

    @property
    def _measurements(self) -> list[str]:
        return list(dict.fromkeys(series.measurement for series in self._series))

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        return self._server.rows(statement, self._name)

    def _found(self) -> Iterator[OldSeries]:
        """List what there is under the old name. Raises DatabaseError where a field has two types."""
        types = influxdb_fields.read(self._server, self._name, self._policies).types
        for policy in self._policies:
            source = f"{identifier(policy)}./.*/"
            asked = f"SELECT * FROM {source} WHERE {_where(self._old)} GROUP BY * ORDER BY time ASC LIMIT 1"
            for one in self._server.query(asked, self._name):
                fields = types[policy][one.name]
                for name, kinds in fields.items():
                    if len(kinds) > 1:
                        raise DatabaseError(
                            f"field {name!r} of {one.name!r} is {' and '.join(sorted(kinds))} in retention policy {policy!r}, "
                            "and can't be copied so; nothing was changed"
                        )
                kept = {name: kind for name, (kind,) in fields.items()}
                yield OldSeries(policy, one.name, one.tags, kept, one.rows[0]["time"])

    def _newest(self, series: OldSeries) -> int:
        source = identifier(series.policy, series.measurement)
        rows = self._rows(f"SELECT * FROM {source} WHERE {_where(series.tags)} ORDER BY time DESC LIMIT 1")
        return max((row["time"] for row in rows), default=0)

    def _read(self, series: OldSeries, tags: dict[str, str], span: str) -> list[dict[str, Any]]:
        columns = ", ".join(f"{identifier(name)}::{kind} AS {identifier(name)}" for name, kind in series.types.items())
        source = identifier(series.policy, series.measurement)
        return self._rows(
            f"SELECT {columns} FROM {source} WHERE {_where(tags)} AND {span} ORDER BY time ASC LIMIT {PAGE}"
        )

    def _pages(self, series: OldSeries) -> Iterator[list[dict[str, Any]]]:
        """Read what there is under the old name, in order of time, without what its policy is about to drop."""
        since = max(series.since, self._since.get(series.policy, series.since))
        span = f"time >= {since}"
        while page := self._read(series, series.tags, span):
            yield page
            span = f"time > {page[-1]['time']}"

    def _compare(self, series: OldSeries, *, copy: bool = False) -> Compared:
        """Hold what is under the new name against the old one; with ``copy`` write what it lacks."""
        found = Compared()
        tags = series.tags | self._new
        for page in self._pages(series):
            span = f"time >= {page[0]['time']} AND time <= {page[-1]['time']}"
            there = {row["time"]: row for row in self._all(series, tags, span)}
            lines = []
            for row in page:
                when = row["time"]
                had = there.get(when, {})
                values = {name: row[name] for name in series.types if row[name] is not None}
                missing = {name: value for name, value in values.items() if had.get(name) is None}
                found.values += len(values)
                found.missing += len(missing)
                if any(had[name] != value for name, value in values.items() if name not in missing):
                    found.other.add(when)
                lines.append(self._line(series, tags, missing, when) if missing else "")
            if copy and any(lines):
                self._server.write("".join(lines), self._name, series.policy)
        return found

    def _all(self, series: OldSeries, tags: dict[str, str], span: str) -> Iterator[dict[str, Any]]:
        """Read all of a span; between two points of the old name there may be many of the new one."""
        after = ""
        while page := self._read(series, tags, span + after):
            yield from page
            after = f" AND time > {page[-1]['time']}"

    def _line(self, series: OldSeries, tags: dict[str, str], values: dict[str, Any], when: int) -> str:
        typed = {name: CONVERT[series.types[name]](value) for name, value in values.items()}
        try:
            return Point(series.measurement, tags, typed, when).line()
        except BadPoint as error:
            raise DatabaseError(f"a point of {series.measurement!r} can't be written again: {error}") from None

    def _refuse_lasting(self, series: OldSeries, when: int) -> None:
        """Refuse what both names have at one time, and what can't be downsampled anew from the readings of both."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(when // NS))
        both = f"{series.measurement!r} in retention policy {series.policy!r} has points of both names at {moment}"
        if series.policy in (RAW, FOREVER):
            raise DatabaseError(f"{both}, with other values; nothing was changed")
        self._query(series)
        if when < self._since.get(RAW, when):
            raise DatabaseError(
                f"{both}, and the readings that they were made of have expired; nothing was changed. Give it its old name "
                "again, or leave its history where it is"
            )

    def _query(self, series: OldSeries) -> ContinuousQuery:
        for query in self._wanted.queries:
            if (query.level.name, query.measurement) == (series.policy, series.measurement):
                return query
        raise DatabaseError(
            f"{series.measurement!r} in retention policy {series.policy!r} has points of both names at one time, and the site "
            "file does not downsample it; nothing was changed"
        )


def _where(tags: dict[str, str]) -> str:
    return " AND ".join(f"{identifier(name)} = {text(value)}" for name, value in tags.items())
