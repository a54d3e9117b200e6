"""Copies one database into another, beside what that has, and counts whether all is there.

A restored backup is a database of its own: InfluxDB 1.x restores into none that exists, and renames none.
"""

from __future__ import annotations

import time

from .influxdb_schema import MARK, TABLE
from .influxdb_server import DatabaseError, Server
from .influxdb_state import marked, policies_of
from .influxql import identifier, text
from .levels import FOREVER

NS = 10**9
PATIENCE, LOOK = 600.0, 0.5  # s: a server opens what was restored after it said that it is done
SOON = 600  # s: what a policy drops so soon is not taken along


def ready(server: Server, database: str) -> None:
    """Look whether there is a database to copy into. Raises DatabaseError."""
    if {"name": database} not in server.rows("SHOW DATABASES"):
        raise DatabaseError(f"InfluxDB at {server.url} has no database {database!r}; labline apply makes it first")


def merge(server: Server, source: str, target: str, site: str) -> int:
    """Copy all points; gives how many values there were.

    Raises DatabaseError where they are another site's, before any is copied, and where some are not there afterwards.
    """
    there, wanted = policies_of(server, source), policies_of(server, target)
    shards = [row for row in server.rows("SHOW SHARDS") if row["database"] == source]
    names = [name for name in _measurements(server, source) if name not in (TABLE, MARK)]  # those are the target's own
    if (whose := marked(server, source) if FOREVER in there else "") not in ("", site):
        raise DatabaseError(
            f"the backup is of site {whose!r}, and the site file of {site!r}: nothing was copied. --snapshot NAME takes another "
            "one of those that `restic snapshots` lists; where the site only got another name, give a copy of its file with the former one"
        )
    missing = {row["retention_policy"] for row in shards} - wanted.keys()
    if missing:
        raise DatabaseError(
            f"database {target!r} has no retention policy {', '.join(sorted(missing))}, and the backup has points there; "
            "nothing was copied. labline apply with the site file of that time makes it"
        )
    values = 0
    for policy in there.keys() & wanted.keys():
        keep = wanted[policy].keep
        since = time.time_ns() - (keep - SOON) * NS if keep else 0
        spans = sorted({(row["start_time"], row["end_time"]) for row in shards if row["retention_policy"] == policy})
        for name in names:
            # One at a time: a field of the same name may have another type in another measurement.
            for start, end in spans:
                where = f"time >= {text(start)} AND time < {text(end)}" + (f" AND time >= {since}" if since else "")
                server.query(
                    f"SELECT * INTO {identifier(target, policy, name)} FROM {identifier(source, policy, name)} "
                    f"WHERE {where} GROUP BY *"
                )
            values += _counted(server, source, target, (policy, name), since)
    return values


def _measurements(server: Server, database: str) -> list[str]:
    """List them, as soon as they can be read. Raises DatabaseError."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return [row["name"] for row in server.rows(f"SHOW MEASUREMENTS ON {identifier(database)}")]
        except DatabaseError as error:
            if "shard is disabled" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(LOOK)


def _counted(server: Server, source: str, target: str, what: tuple[str, str], since: int) -> int:
    """Count the values of one measurement in both. Raises DatabaseError where the target has fewer."""
    where = f" WHERE time >= {since}" if since else ""
    before, after = (
        {
            field: count
            for row in server.rows(f"SELECT count(*) FROM {identifier(database, *what)}{where}")
            for field, count in row.items()
            if field != "time"
        }
        for database in (source, target)
    )
    for field, count in before.items():
        if after.get(field, 0) < count:
            raise DatabaseError(
                f"{identifier(*what)}: of {count} values of {field.removeprefix('count_')} in the backup, "
                f"{after.get(field, 0)} are in database {target!r}; do it again: what is there already stays"
            )
    return sum(before.values())
