"""Writes what the database lacks again from the journal: the same points, at the same times."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from provisioning.influxdb_server import PointsRefused, Server
from provisioning.influxql import identifier, text
from provisioning.levels import RAW

from ..words import counted
from .journal import JournalPoint, Reader, SeriesKey, Stretch

BLOCK = 10_000  # lines that are compared, and written, at once
DROPPED = re.compile(r"dropped=(\d+)")


@dataclass
class Replayed:
    """What came of it: ``points`` that were written again, lines that were ``torn``, and where the first one is.

    ``refused`` tells why some were not taken.
    """

    points: int = 0
    torn: int = 0
    first_torn: str = ""
    refused: str = ""

    def lines(self) -> list[str]:
        """Tell it in lines, for people."""
        told = []
        if self.points:
            told.append(f"{counted('point', self.points)} written again from the journal, at the same times.")
        if self.torn:
            told.append(
                f"{counted('line', self.torn)} of the journal can't be read: torn, as when the power goes. First: {self.first_torn}."
            )
        if self.refused:
            told.append(f"The database did not take all of it: {self.refused}")
        return told


def replay(
    parts: Iterable[Stretch],
    measurements: Iterable[str],
    server: Server,
    *,
    database: str,
    site: str,
    since_ns: int,
    go_on: Callable[[], bool] = lambda: True,
) -> Replayed:
    """Compare the journal since then (ns, UTC) with the database, block by block, and write what that lacks.

    Of ``measurements``, and of the instruments' own reports. ``server`` asks and writes as a user who may both; ``go_on``:
    False ends it between two blocks. Raises DatabaseError.
    """
    done = Replayed()
    reader = Reader(measurements)
    for block in _blocks(parts, reader, since_ns):
        if not go_on():
            break
        lacking = _lacking(block, server, database, site)
        if missing := [entry.line for entry in block if entry.series in lacking]:
            done.points += len(missing)
            try:
                server.write(b"\n".join(missing), database, RAW)
            except PointsRefused as error:
                done.refused = str(error)
                done.points -= sum(map(int, DROPPED.findall(done.refused)))
    done.torn, done.first_torn = reader.torn, reader.first_torn
    return done


def _blocks(parts: Iterable[Stretch], reader: Reader, since_ns: int) -> Iterator[list[JournalPoint]]:
    for part in parts:
        later = (entry for entry in reader.entries(part) if entry.time_ns >= since_ns)
        while block := list(islice(later, BLOCK)):
            yield block


def _lacking(entries: list[JournalPoint], server: Server, database: str, site: str) -> set[SeriesKey]:
    """Find the series of which the database has fewer values, in the entries' span, than the journal."""
    first, last = min(entry.time_ns for entry in entries), max(entry.time_ns for entry in entries)
    journal: dict[SeriesKey, Counter[str]] = defaultdict(Counter)
    for series, _, names in {(entry.series, entry.time_ns, entry.fields) for entry in entries}:
        journal[series].update(names)
    has = dict(_counts({series.measurement for series in journal}, server, database, site, first, last))
    nothing: Counter[str] = Counter()
    return {series for series, names in journal.items() if names - has.get(series, nothing)}


def _counts(
    measurements: Iterable[str], server: Server, database: str, site: str, first: int, last: int
) -> Iterator[tuple[SeriesKey, Counter[str]]]:
    statements = [
        f"SELECT count(*) FROM {identifier(RAW, name)} WHERE time >= {first} AND time <= {last} AND "
        f'"site" = {text(site)} GROUP BY *'
        for name in sorted(measurements)
    ]
    for series in server.query(";\n".join(statements), database):
        tags = frozenset((name, value) for name, value in series.tags.items() if value)
        counts: Counter[str] = Counter()
        for row in series.rows:
            counts.update({name.removeprefix("count_"): value or 0 for name, value in row.items() if name != "time"})
        yield SeriesKey(series.name, tags), counts
