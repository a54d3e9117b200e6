"""Brings InfluxDB to the site's schema: reads what is there, tells the differences, acts. Twice changes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from .influxdb_schema import ADMIN, PREFIX, TABLE, WEEK, Policy, Query, Schema, create, create_database, grant, quoted
from .influxdb_server import DatabaseError, Server, exposed, secret
from .levels import FOREVER, RAW, days

GO_DURATION = re.compile(r"(\d+)(h|m|s)")
GO_SECONDS = {"h": 3600, "m": 60, "s": 1}
FILL_SPAN = WEEK * 10**9  # ns: a downsampling by hand goes a week at a time


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be: ``text`` tells it, ``act`` mends it, ``loss`` is what that would drop."""

    text: str
    act: Callable[[], None]
    loss: str = ""


class State(Struct, frozen=True, kw_only=True):
    """What there is: all by name; ``policies`` and ``queries`` of the one database, ``rights`` by user, on it."""

    databases: set[str]
    policies: dict[str, Policy]
    queries: dict[str, str]
    admins: dict[str, bool]
    rights: dict[str, str]
    rows: set[tuple[Any, ...]]  # those of rp_config


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done, in order; ``notes`` is what was found and is left alone."""

    differences: list[Difference]
    notes: list[str]

    @property
    def losses(self) -> list[str]:
        return [d.loss for d in self.differences if d.loss]


def plan(url: str, wanted: Schema, secrets: Path) -> Plan:
    """Compare a server with the schema; changes nothing. Raises DatabaseError.

    ``secrets`` is the folder with the passwords, a file for each user.
    """
    passwords = {user: secret(secrets, user) for user in (ADMIN, *(user for user, _ in wanted.rights))}
    server = Server(url, ADMIN, passwords[ADMIN])
    notes: list[str] = []
    differences: list[Difference] = []
    anybody = Server(url).refusal()
    if not anybody:
        notes.append(
            f"InfluxDB at {url} asks for no password: whoever reaches it can read and change everything; "
            "set auth-enabled = true under [http] in influxdb.conf, and restart it"
        )
    if "create admin user" in anybody:  # nothing can be read before there is one, and nothing is there
        state = State(databases=set(), policies={}, queries={}, admins={}, rights={}, rows=set())
    elif anybody and (why := server.refusal()):
        raise DatabaseError(
            f"InfluxDB at {url} refuses {ADMIN!r} with the password in {secrets / ADMIN}: {why}. Put the right one "
            f"there; where it is lost, another administrator can set it: SET PASSWORD FOR {quoted(ADMIN)} = '…'"
        )
    else:
        state = _read(server, wanted.database, [user for user, _ in wanted.rights])
    differences += _administrator(server, state, passwords[ADMIN])
    differences += _policies(server, state, wanted, notes)
    differences += _users(server, state, wanted, passwords, checkable=bool(anybody))
    differences += _queries(server, state, wanted, notes)
    differences += _table(server, state, wanted)
    notes += (f"anybody on this machine may read {path}; chmod 0600 {path}" for path in exposed(secrets, passwords))
    return Plan(differences=differences, notes=notes)


def apply(made: Plan, tell: Callable[[str], None]) -> None:
    """Do what a plan says, telling each step before it is taken. Raises DatabaseError; then plan and apply again."""
    for difference in made.differences:
        tell(difference.text)
        difference.act()


def fill(server: Server, query: Query, start_ns: int, end_ns: int) -> None:
    """Downsample a span that its continuous query no longer looks at: whole points only; again does no harm."""
    step = query.level.seconds_per_point * 10**9
    start, end = start_ns // step * step, end_ns // step * step
    span = max(FILL_SPAN // step, 1) * step
    while start < end:
        until = min(start + span, end)
        server.query(query.select(start, until))
        start = until


def refill(url: str, wanted: Schema, secrets: Path, seconds: float) -> None:
    """Downsample the last ``seconds`` anew, for readings that came too late for the continuous queries. Raises DatabaseError.

    A point of which raw readings have expired is left as it is: what is left of them would make it wrong.
    """
    server = Server(url, ADMIN, secret(secrets, ADMIN))
    now, keep = time.time_ns(), wanted.policies[0].keep * 10**9
    for query in wanted.queries:
        step = query.level.seconds_per_point * 10**9
        whole = -(-(now - keep) // step) * step if keep else 0
        oldest = _oldest(server, query)
        if oldest is not None:
            fill(server, query, max(now - round(seconds * 1e9), whole, oldest), now)


def _read(server: Server, database: str, users: list[str]) -> State:
    databases = {row["name"] for row in server.rows("SHOW DATABASES")}
    policies: dict[str, Policy] = {}
    rows: set[tuple[Any, ...]] = set()
    if database in databases:
        for row in server.rows(f"SHOW RETENTION POLICIES ON {quoted(database)}"):
            policies[row["name"]] = Policy(
                name=row["name"],
                keep=_seconds(row["duration"]),
                shard=_seconds(row["shardGroupDuration"]),
                default=row["default"],
            )
    if FOREVER in policies:
        found = server.rows(
            f'SELECT "rp", "start", "end", "lo", "hi", "idx" FROM {quoted(FOREVER)}.{quoted(TABLE)}', database
        )
        rows = {
            (int(row["idx"]), row["rp"], row["start"], row["end"], row["lo"], row["hi"], row["time"]) for row in found
        }
    queries = {
        row["name"]: row["query"]
        for series in server.query("SHOW CONTINUOUS QUERIES")
        if series.name == database
        for row in series.rows
    }
    admins = {row["user"]: row["admin"] for row in server.rows("SHOW USERS")}
    rights = {
        user: row["privilege"].removesuffix(" PRIVILEGES")
        for user in users
        if user in admins
        for row in server.rows(f"SHOW GRANTS FOR {quoted(user)}")
        if row["database"] == database
    }
    return State(databases=databases, policies=policies, queries=queries, admins=admins, rights=rights, rows=rows)


def _administrator(server: Server, state: State, password: str) -> Iterator[Difference]:
    if not state.admins.get(ADMIN):
        # Without any user, this is the one statement that the server takes; from then on it wants the password.
        yield Difference(
            text=f"make the administrator {ADMIN!r}",
            act=_doing(
                server,
                f"CREATE USER {quoted(ADMIN)} WITH PASSWORD {_text(password)} WITH ALL PRIVILEGES",
                password=password,
            ),
        )


def _policies(server: Server, state: State, wanted: Schema, notes: list[str]) -> Iterator[Difference]:
    database = wanted.database
    if database not in state.databases:
        first, *others = wanted.policies
        yield Difference(
            text=f"make database {database!r} with retention policy {_told(first)}",
            act=_doing(server, create_database(wanted)),
        )
    else:
        others = list(wanted.policies)
    for policy in others:
        there = state.policies.get(policy.name)
        if there is None:
            yield Difference(
                text=f"make retention policy {_told(policy)}", act=_doing(server, create(policy, database))
            )
        elif (there.keep, there.shard, there.default or not policy.default) != (policy.keep, policy.shard, True):
            yield Difference(
                text=f"change retention policy {policy.name!r}: {', '.join(_changes(there, policy))}",
                act=_doing(
                    server, f"ALTER RETENTION POLICY {quoted(policy.name)} ON {quoted(database)} {policy.settings}"
                ),
                loss=_loss(server, database, there, policy),
            )
    for name in sorted(set(state.policies) - {p.name for p in wanted.policies}):
        notes.append(
            f"retention policy {name!r} is not in the site file; it stays, with its data "
            f"(to drop both: DROP RETENTION POLICY {quoted(name)} ON {quoted(database)})"
        )


def _changes(there: Policy, policy: Policy) -> Iterator[str]:
    if there.keep != policy.keep:
        yield f"keep {days(policy.keep)} instead of {days(there.keep)}"
    if there.shard != policy.shard:
        yield f"new shards of {days(policy.shard)} instead of {days(there.shard)}"
    if policy.default and not there.default:
        yield "make it the default"


def _loss(server: Server, database: str, there: Policy, policy: Policy) -> str:
    """Say what a shorter retention drops: how many values, since when; empty where nothing is that old."""
    if not policy.keep or there.keep and policy.keep >= there.keep:
        return ""
    limit = time.time_ns() - policy.keep * 10**9
    where = f"FROM {quoted(database)}.{quoted(policy.name)}./.*/ WHERE time < {limit}"
    counted = server.query(f"SELECT count(*) {where}")
    values = sum(
        value or 0 for series in counted for row in series.rows for column, value in row.items() if column != "time"
    )
    if not values:
        return ""
    oldest = min(row["time"] for row in server.rows(f"SELECT * {where} ORDER BY time ASC LIMIT 1"))
    return (
        f"retention policy {policy.name!r} would keep {days(policy.keep)} only: "
        f"{values} values in {len(counted)} measurement(s) are older, "
        f"the oldest of {_moment(oldest)}; they are dropped for good"
    )


def _users(
    server: Server, state: State, wanted: Schema, passwords: dict[str, str], *, checkable: bool
) -> Iterator[Difference]:
    for user, right in wanted.rights:
        password = passwords[user]
        if user not in state.admins:
            yield Difference(
                text=f"make user {user!r}",
                act=_doing(server, f"CREATE USER {quoted(user)} WITH PASSWORD {_text(password)}", password=password),
            )
        elif checkable and Server(server.url, user, password).refusal():
            yield Difference(
                text=f"set the password of user {user!r}",
                act=_doing(server, f"SET PASSWORD FOR {quoted(user)} = {_text(password)}", password=password),
            )
        if state.admins.get(user):
            yield Difference(
                text=f"user {user!r} is an administrator: make it an ordinary user",
                act=_doing(server, f"REVOKE ALL PRIVILEGES FROM {quoted(user)}"),
            )
        if (there := state.rights.get(user)) != right:
            now = f" (now {there})" if there and there != "NO" else ""
            yield Difference(
                text=f"let user {user!r} {right} in {wanted.database!r}{now}",
                act=_doing(server, grant(user, right, wanted.database)),
            )


def _queries(server: Server, state: State, wanted: Schema, notes: list[str]) -> Iterator[Difference]:
    database = wanted.database
    for query in wanted.queries:
        there = state.queries.get(query.name)
        if there is None:
            yield Difference(
                text=f"downsample {query.measurement!r} to {query.level.name} (continuous query {query.name})",
                act=_downsampling(server, query),
            )
        elif _bare(there) != _bare(query.statement):
            yield Difference(
                text=f"downsample {query.measurement!r} to {query.level.name} anew: its fields or times changed "
                f"(continuous query {query.name})",
                act=_doing(server, _drop(query.name, database), query.statement),
            )
    for name in sorted(set(state.queries) - {q.name for q in wanted.queries}):
        if name.startswith(PREFIX):
            yield Difference(
                text=f"drop continuous query {name}, which the site no longer needs; what it wrote stays",
                act=_doing(server, _drop(name, database)),
            )
        else:
            notes.append(f"continuous query {name!r} is not one of labline's; it is left alone")


def _downsampling(server: Server, query: Query) -> Callable[[], None]:
    def act() -> None:
        server.query(query.statement)
        oldest = _oldest(server, query)
        if oldest is not None:  # readings from before there was this level belong into it too
            fill(server, query, oldest, time.time_ns())

    return act


def _oldest(server: Server, query: Query) -> int | None:
    """Find the time (ns) of the first raw point; None where there is none."""
    source = f"{quoted(query.database)}.{quoted(RAW)}.{quoted(query.measurement)}"
    return min((row["time"] for row in server.rows(f"SELECT * FROM {source} ORDER BY time ASC LIMIT 1")), default=None)


def _table(server: Server, state: State, wanted: Schema) -> Iterator[Difference]:
    rows = {(row.idx, row.rp, row.start, row.end, *row.ends, row.time) for row in wanted.rows}
    if rows == state.rows:
        return

    def act() -> None:
        for idx in sorted({row[0] for row in state.rows - rows}):
            server.query(f"DROP SERIES FROM {quoted(TABLE)} WHERE \"idx\" = '{idx}'", wanted.database)
        server.write("\n".join(row.line for row in wanted.rows), wanted.database, FOREVER)

    shown = ", ".join(
        f"{row.rp} to {days(row.end / 1000)}" if row is not wanted.rows[-1] else f"{row.rp} beyond"
        for row in wanted.rows
    )
    yield Difference(text=f"write which level dashboards read: {shown}", act=act)


def _doing(server: Server, *statements: str, password: str = "") -> Callable[[], None]:
    def act() -> None:
        for statement in statements:
            server.query(statement, hidden=password)

    return act


def _drop(name: str, database: str) -> str:
    return f"DROP CONTINUOUS QUERY {quoted(name)} ON {quoted(database)}"


def _told(policy: Policy) -> str:
    return f"{policy.name!r} (kept {days(policy.keep)})"


def _text(value: str) -> str:
    """Write a string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _bare(statement: str) -> str:
    """Take the quotes off identifiers: the server shows a query with those only that it needs."""
    return " ".join(statement.replace('"', "").split())


def _seconds(text: str) -> int:
    """Read a duration as the server shows it (``720h0m0s``)."""
    return sum(int(number) * GO_SECONDS[unit] for number, unit in GO_DURATION.findall(text))


def _moment(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ns // 10**9))
