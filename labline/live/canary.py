"""A point that is written as Telegraf writes, and read back: whether readings arrive is tried, not concluded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from provisioning.host_metrics import DELIVERY, NO_REASON
from provisioning.influxdb_schema import READER
from provisioning.influxdb_server import DatabaseError, Server, secret
from provisioning.influxql import identifier, text
from provisioning.levels import RAW
from provisioning.site import Site
from provisioning.telegraf_config import WRITER
from telegraf_inputs.point import Point

from .outputs import CANARY, Trouble

EVERY = (
    4.0  # seconds between two points, or looks: with the ten that Grafana takes to look, an alarm is there within 15
)
LONGEST = 4.0  # seconds for an answer


class Canary:
    """Writes a point into a site's database as its writer, and looks for it as its reader.

    ``server``: the database, as anybody; ``secrets``: the folder with both users' passwords.
    """

    def __init__(self, site: Site, server: Server, secrets: Path):
        self._site, self._server, self._secrets = site, server, secrets
        self._next = 0.0
        self._trouble: Trouble | None = None

    def look(self) -> Trouble | None:
        """Tell what is wrong; tried anew where the last time is long ago."""
        if time.monotonic() >= self._next:
            self.send()
        return self._trouble

    def doubtful(self) -> bool:
        """Tell whether a point might not arrive, without writing one: the database is not there, or refuses one of its users."""
        database = self._site.influxdb.database
        try:
            self._as(WRITER).write("", database, RAW)  # the right is looked at before the points
            self._as(READER).query(f"SHOW FIELD KEYS FROM {identifier(RAW, DELIVERY)}", database)
        except DatabaseError:
            return True
        return False

    def send(self) -> Trouble | None:
        """Try it, and tell what is wrong."""
        self._next = time.monotonic() + EVERY
        began, why = time.time(), self._tried()
        before, self._trouble = self._trouble, Trouble(CANARY, why, False, began, time.time()) if why else None
        if before and self._trouble and before.kind == self._trouble.kind:
            self._trouble.first = before.first
        return self._trouble

    def _tried(self) -> str:
        database, now = self._site.influxdb.database, time.time_ns()
        point = delivered(self._site, self._site.server.name, CANARY, None, now)
        try:
            self._as(WRITER).write(point.line(), database, RAW)
            found = self._as(READER).rows(
                f'SELECT "failing" FROM {identifier(RAW, DELIVERY)} WHERE "site" = {text(self._site.name)} '
                f'AND "output" = {text(CANARY)} AND time = {now}',
                database,
            )
        except DatabaseError as error:
            return str(error)
        return "" if found else f"{self._server.url} took it, and does not have it"

    def _as(self, user: str) -> Server:
        return self._server.as_user(user, lambda: secret(self._secrets, user))


def delivered(
    site: Site, node: str, output: str, trouble: Trouble | None, time_ns: int, *, failing: bool = True
) -> Point:
    """Make the point that tells whether what a node reads is taken by an output; ``trouble``: why not."""
    why, reason = (trouble.kind, trouble.line() if failing else "") if trouble else (NO_REASON, "")
    tags = {"site": site.name, "host": node, "output": output, "why": why}
    fields = {"failing": int(trouble is not None and failing), "reason": " ".join(reason.split())}
    return Point(DELIVERY, tags, fields, time_ns)


def merged(troubles: Sequence[Trouble], canary: Callable[[], Trouble | None]) -> list[Trouble]:
    """Add what the canary finds, unless Telegraf's log says just now why the database takes nothing."""
    found = canary()
    if found and any(t.output == "database" and t.kind == found.kind and t.is_new(found.last) for t in troubles):
        found = None
    return [*([found] if found else []), *troubles]
