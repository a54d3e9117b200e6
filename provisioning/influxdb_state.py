"""What there is on an InfluxDB server, as far as a site's schema is about it."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from telegraf_inputs import duration

from . import influxdb_fields
from .influxdb_fields import Stored
from .influxdb_schema import MARK, TABLE, RetentionPolicy, Schema
from .influxdb_server import Server
from .influxql import identifier, text
from .levels import FOREVER

PART_OF_DURATION = re.compile(r"\d+[a-z]+")


class State(Struct, frozen=True, kw_only=True):
    """What there is: all by name; ``policies``, ``queries``, ``rows`` and ``site`` are those of the one database."""

    databases: set[str] = set()
    policies: dict[str, RetentionPolicy] = {}
    queries: dict[str, str] = {}
    admins: dict[str, bool] = {}
    rights: dict[str, dict[str, str]] = {}  # user -> database -> right, of the users that were asked for
    rows: set[tuple[Any, ...]] = set()  # those of rp_config
    site: str = ""  # the one that the database was made for; "" where none left its mark
    stored: Stored = Stored()  # its fields
    instruments: set[str] = set()  # those of which it has points

    @property
    def default(self) -> RetentionPolicy | None:
        """The policy of what is written, or asked, without naming one."""
        return next((policy for policy in self.policies.values() if policy.default), None)


def read(server: Server, wanted: Schema) -> State:
    """Ask a server, as its administrator, about what a schema is about. Raises DatabaseError."""
    database, users = wanted.database, [user for user, _ in wanted.rights]
    databases = {row["name"] for row in server.rows("SHOW DATABASES")}
    policies = policies_of(server, database) if database in databases else {}
    rows: set[tuple[Any, ...]] = set()
    site = ""
    if FOREVER in policies:
        found = server.rows(
            f'SELECT "rp", "start", "end", "lo", "hi", "idx" FROM {identifier(FOREVER, TABLE)}', database
        )
        rows = {
            (int(row["idx"]), row["rp"], row["start"], row["end"], row["lo"], row["hi"], row["time"]) for row in found
        }
        site = marked(server, database)
    queries = {
        row["name"]: row["query"]
        for series in server.query("SHOW CONTINUOUS QUERIES")
        if series.name == database
        for row in series.rows
    }
    admins = {row["user"]: row["admin"] for row in server.rows("SHOW USERS")}
    rights = {user: _rights(server, user) for user in users if user in admins}
    return State(
        databases=databases,
        policies=policies,
        queries=queries,
        admins=admins,
        rights=rights,
        rows=rows,
        site=site,
        stored=influxdb_fields.read(server, database, wanted.kept_in) if database in databases else Stored(),
        instruments=instruments(server, wanted) if database in databases else set(),
    )


def instruments(server: Server, wanted: Schema) -> set[str]:
    """Name the instruments of which a database has points, as a user who may read it. Raises DatabaseError."""
    database = wanted.database
    named = {row["value"] for row in server.rows('SHOW TAG VALUES WITH KEY = "instrument"', database)}
    kept = policies_of(server, database).keys() & set(wanted.kept_in)
    sources = ", ".join(f"{identifier(policy)}./.*/" for policy in sorted(kept))

    def has_points(name: str) -> bool:
        asked = f'SELECT * FROM {sources} WHERE "instrument" = {text(name)} LIMIT 1'
        return bool(sources and server.rows(asked, database))

    # A busy InfluxDB 1 may keep a name in its index though all its points are gone.
    return {name for name in named if name in wanted.instruments or has_points(name)}


def left_behind(there: set[str], wanted: Schema) -> list[str]:
    """Tell of instruments that the site file has no more, and whose history is there."""
    return [
        f"instrument {name!r} is no more in the site file; its history stays. Where it only got another name, "
        f"`labline rename {name} NEW` takes that along"
        for name in sorted(there - set(wanted.instruments))
    ]


def policies_of(server: Server, database: str) -> dict[str, RetentionPolicy]:
    """Read a database's retention policies, by name, as its administrator. Raises DatabaseError."""
    return {
        row["name"]: RetentionPolicy(
            name=row["name"],
            keep=_seconds(row["duration"]),
            shard=_seconds(row["shardGroupDuration"]),
            default=row["default"],
        )
        for row in server.rows(f"SHOW RETENTION POLICIES ON {identifier(database)}")
    }


def marked(server: Server, database: str) -> str:
    """Read for which site a database was made, of one that has the policy FOREVER; "" where none left its mark. Raises DatabaseError."""
    marks = server.rows(f'SELECT "site" FROM {identifier(FOREVER, MARK)}', database)
    return str(marks[0]["site"]) if marks else ""


def _rights(server: Server, user: str) -> dict[str, str]:
    found = {
        row["database"]: row["privilege"].removesuffix(" PRIVILEGES")
        for row in server.rows(f"SHOW GRANTS FOR {identifier(user)}")
    }
    return {database: right for database, right in found.items() if right != "NO"}


def _seconds(text: str) -> int:
    """Read a duration as the server shows it (``720h0m0s``)."""
    return sum(int(duration.read(part)) for part in PART_OF_DURATION.findall(text))
