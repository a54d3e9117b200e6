"""Downsamples by hand what continuous queries do not: the readings from before there was a level, and those that came late."""

from __future__ import annotations

import time
from pathlib import Path

from .influxdb_schema import ADMIN, WEEK, ContinuousQuery, Schema
from .influxdb_server import Server, secret
from .influxql import identifier
from .levels import RAW

SPAN = WEEK * 10**9  # ns: it goes a week at a time


def begin(server: Server, query: ContinuousQuery) -> None:
    """Fill a level from the readings there are, then make its continuous query. Raises DatabaseError; then begin again.

    The query comes last: where it is, the level is known to be filled.
    """
    start = _oldest(server, query)
    for _ in range(2):  # again, for what came while months of readings were downsampled
        now = time.time_ns()
        if start is not None:
            fill(server, query, start, now)
            start = now
    server.query(query.statement)


def refill(url: str, wanted: Schema, secrets: Path, seconds: float, *, ca: str = "") -> None:
    """Downsample the last ``seconds`` anew, for readings that came too late for the continuous queries. Raises DatabaseError.

    A point of which raw readings have expired is left as it is: what is left of them would make it wrong.
    """
    server = Server(url, ADMIN, secret(secrets, ADMIN), ca=ca)
    now, keep = time.time_ns(), wanted.policies[0].keep * 10**9
    for query in wanted.queries:
        step = query.level.seconds_per_point * 10**9
        whole = -(-(now - keep) // step) * step if keep else 0
        oldest = _oldest(server, query)
        if oldest is not None:
            fill(server, query, max(now - round(seconds * 1e9), whole, oldest), now)


def fill(server: Server, query: ContinuousQuery, start_ns: int, end_ns: int) -> None:
    """Downsample a span that its continuous query no longer looks at: whole points only; again does no harm."""
    step = query.level.seconds_per_point * 10**9
    start, end = start_ns // step * step, end_ns // step * step
    span = max(SPAN // step, 1) * step
    while start < end:
        until = min(start + span, end)
        server.query(query.select(start, until))
        start = until


def _oldest(server: Server, query: ContinuousQuery) -> int | None:
    """Find the time (ns) of the first raw point; None where there is none."""
    source = identifier(query.database, RAW, query.measurement)
    return min((row["time"] for row in server.rows(f"SELECT * FROM {source} ORDER BY time ASC LIMIT 1")), default=None)
