"""Brings InfluxDB to the site's schema: reads what is there, tells the differences, acts. Twice changes nothing."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from telegraf_inputs import duration

from . import influxdb_fields, influxdb_fill, influxdb_state
from .influxdb_schema import ADMIN, PREFIX, TABLE, RetentionPolicy, Schema, create, create_database, grant
from .influxdb_server import DatabaseError, Server, exposed, secret
from .influxdb_state import State
from .influxql import identifier, text
from .levels import FOREVER, kept
from .telegraf_config import MORE_THAN_WRITING


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be: ``text`` tells it, ``act`` mends it.

    ``loss`` is what that would drop; ``harm`` is what it would do to others who use the server.
    """

    text: str
    act: Callable[[], None]
    loss: str = ""
    harm: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done, in order; ``notes`` is what was found and is left alone, ``gone`` of it are instruments.

    ``refused``: what the site wants otherwise than the data are, which nothing here mends. Then nothing is done at all.
    """

    differences: list[Difference]
    notes: list[str]
    gone: list[str]
    refused: list[str]

    @property
    def warnings(self) -> list[str]:
        """List what somebody should agree to before it is done."""
        return [text for d in self.differences for text in (d.loss, d.harm) if text]


def plan(url: str, wanted: Schema, secrets: Path, *, ca: str = "", before: Callable[[], None] | None = None) -> Plan:
    """Compare a server with the schema; changes nothing. Raises DatabaseError.

    ``secrets`` is the folder with the passwords, a file for each user; ``ca`` the file with the server's authority (TLS);
    ``before`` is called before anything is sent, and may raise.
    """
    passwords = {user: secret(secrets, user) for user in (ADMIN, *(user for user, _ in wanted.rights))}
    server = Server(url, ADMIN, passwords[ADMIN], ca=ca, before=before)
    notes: list[str] = []
    differences: list[Difference] = []
    anybody = Server(url, ca=ca).refusal()
    if not anybody:
        notes.append(
            f"InfluxDB at {url} asks for no password: whoever reaches it can read and change everything; "
            "set auth-enabled = true under [http] in influxdb.conf, and restart it"
        )
    if "create admin user" in anybody:  # nothing can be read before there is one, and nothing is there
        state = State()
    elif anybody and (why := server.refusal()):
        raise DatabaseError(
            f"InfluxDB at {url} refuses {ADMIN!r} with the password in {secrets / ADMIN}: {why}. Put the right one "
            f"there; where it is lost, another administrator can set it: SET PASSWORD FOR {identifier(ADMIN)} = '…'; "
            f"or make {ADMIN!r} where there is no such user: "
            f"CREATE USER {identifier(ADMIN)} WITH PASSWORD '…' WITH ALL PRIVILEGES"
        )
    else:
        state = influxdb_state.read(server, wanted)
    differences += _administrator(server, state, passwords[ADMIN])
    differences += _policies(server, state, wanted, notes)
    differences += _users(server, state, wanted, passwords, secrets, checkable=bool(anybody))
    differences += _queries(server, state, wanted, notes)
    differences += _table(server, state, wanted)
    differences += _fields(server, state, wanted)
    differences += _mark(server, state, wanted)  # last: until all is done, it is not this site's
    notes += (f"anybody on this machine may read {path}; chmod 0600 {path}" for path in exposed(secrets, passwords))
    gone = influxdb_state.left_behind(state.instruments, wanted)
    refused = influxdb_fields.refusals(state.stored, wanted.fields, wanted.database)
    return Plan(differences=differences, notes=[*notes, *gone], gone=gone, refused=refused)


def apply(made: Plan, tell: Callable[[str], None]) -> None:
    """Do what a plan says, telling each step before it is taken. Raises DatabaseError; then plan and apply again."""
    check(made)
    for difference in made.differences:
        tell(difference.text)
        difference.act()


def check(made: Plan) -> None:
    """Refuse a plan for a database whose data are others than the site says. Raises DatabaseError."""
    if made.refused:
        raise DatabaseError("\n".join([*made.refused, "nothing was changed"]))


def _administrator(server: Server, state: State, password: str) -> Iterator[Difference]:
    if not state.admins.get(ADMIN):
        # Without any user, this is the one statement that the server takes; from then on it wants the password.
        yield Difference(
            text=f"make the administrator {ADMIN!r}",
            act=_doing(
                server,
                f"CREATE USER {identifier(ADMIN)} WITH PASSWORD {text(password)} WITH ALL PRIVILEGES",
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
        before = state.default if policy.default else None
        instead = f" instead of {before.name!r}" if before else ""
        harm = (
            f"retention policy {policy.name!r} becomes the default of database {database!r} instead of {_told(before)}: "
            f"what other programs write there without naming a policy is kept {kept(policy.keep)} from now on. "
            "To leave that as it is, choose another influxdb.database"
            if before and before.name != policy.name
            else ""
        )
        if there is None:
            yield Difference(
                text=f"make retention policy {_told(policy)}{f', the default{instead}' if instead else ''}",
                act=_doing(server, create(policy, database)),
                harm=harm,
            )
        elif (there.keep, there.shard, there.default or not policy.default) != (policy.keep, policy.shard, True):
            yield Difference(
                text=f"change retention policy {policy.name!r}: {', '.join(_changes(there, policy, instead))}",
                act=_doing(
                    server,
                    f"ALTER RETENTION POLICY {identifier(policy.name)} ON {identifier(database)} {policy.settings}",
                ),
                loss=_loss(server, database, there, policy),
                harm=harm,
            )
    for name in sorted(set(state.policies) - {p.name for p in wanted.policies}):
        notes.append(
            f"retention policy {name!r} is not in the site file; it stays, with its data "
            f"(to drop both: DROP RETENTION POLICY {identifier(name)} ON {identifier(database)})"
        )


def _changes(there: RetentionPolicy, policy: RetentionPolicy, instead: str) -> Iterator[str]:
    if there.keep != policy.keep:
        yield f"keep {kept(policy.keep)} instead of {kept(there.keep)}"
    if there.shard != policy.shard:
        yield f"new shards of {duration.words(policy.shard)} instead of {duration.words(there.shard)}"
    if policy.default and not there.default:
        yield f"make it the default{instead}"


def _loss(server: Server, database: str, there: RetentionPolicy, policy: RetentionPolicy) -> str:
    """Say what a shorter retention drops: how many values, since when; empty where nothing is that old."""
    if not policy.keep or there.keep and policy.keep >= there.keep:
        return ""
    limit = time.time_ns() - policy.keep * 10**9
    where = f"FROM {identifier(database, policy.name)}./.*/ WHERE time < {limit}"
    counted = server.query(f"SELECT count(*) {where}")
    values = sum(
        value or 0 for series in counted for row in series.rows for column, value in row.items() if column != "time"
    )
    if not values:
        return ""
    oldest = min(row["time"] for row in server.rows(f"SELECT * {where} ORDER BY time ASC LIMIT 1"))
    return (
        f"retention policy {policy.name!r} would keep {kept(policy.keep)} only: "
        f"{values} values in {len(counted)} measurement(s) are older, "
        f"the oldest of {_moment(oldest)}; they are dropped for good"
    )


def _users(
    server: Server, state: State, wanted: Schema, passwords: dict[str, str], secrets: Path, *, checkable: bool
) -> Iterator[Difference]:
    for user, right in wanted.rights:
        password = passwords[user]
        if user not in state.admins:
            yield Difference(
                text=f"make user {user!r}",
                act=_doing(server, f"CREATE USER {identifier(user)} WITH PASSWORD {text(password)}", password=password),
            )
        elif checkable and server.as_user(user, password).refusal():
            yield Difference(
                text=f"set the password of user {user!r}",
                act=_doing(server, f"SET PASSWORD FOR {identifier(user)} = {text(password)}", password=password),
                harm=_shut_out(state, user, secrets / user),
            )
        if state.admins.get(user):
            yield Difference(
                text=f"user {user!r} is an administrator: make it an ordinary user",
                act=_doing(server, f"REVOKE ALL PRIVILEGES FROM {identifier(user)}"),
                harm=f"user {user!r} is an administrator, and would no longer be one",
            )
        if (there := state.rights.get(user, {}).get(wanted.database)) != right:
            now = f" (now {there})" if there else ""
            more = f". {MORE_THAN_WRITING}" if right == "WRITE" else ""
            yield Difference(
                text=f"let user {user!r} {right} in {wanted.database!r}{now}{more}",
                act=_doing(server, grant(user, right, wanted.database)),
            )


def _shut_out(state: State, user: str, file: Path) -> str:
    """Say whom a new password shuts out."""
    uses = ", ".join(f"{database!r}" for database in sorted(state.rights.get(user, {})))
    return (
        f"user {user!r} has another password than the one in {file}{f', and uses {uses} with it' if uses else ''}; changed, "
        "whatever still has the present one is refused, and a Telegraf loses what it should write. "
        f"To keep the present one, put it into {file}"
    )


def _queries(server: Server, state: State, wanted: Schema, notes: list[str]) -> Iterator[Difference]:
    database = wanted.database
    # Whose they are is told once, by the mark; only where there is none does each query speak for itself.
    harm = "" if state.site else "continuous query {name} is there already, and may be that of another site: {what}"
    for query in wanted.queries:
        there = state.queries.get(query.name)
        if there is None:
            yield Difference(
                text=f"downsample {query.measurement!r} to {query.level.name} (continuous query {query.name})",
                act=functools.partial(influxdb_fill.begin, server, query),
            )
        elif _bare(there) != _bare(query.statement):
            yield Difference(
                text=f"downsample {query.measurement!r} to {query.level.name} anew: its fields or times changed "
                f"(continuous query {query.name})",
                act=_doing(server, _drop(query.name, database), query.statement),
                harm=harm.format(name=query.name, what="its fields or times would change"),
            )
    for name in sorted(set(state.queries) - {q.name for q in wanted.queries}):
        if name.startswith(PREFIX):
            yield Difference(
                text=f"drop continuous query {name}, which the site no longer needs; what it wrote stays",
                act=_doing(server, _drop(name, database)),
                harm=harm.format(name=name, what="it would be dropped"),
            )
        else:
            notes.append(f"continuous query {name!r} is not one of labline's; it is left alone")


def _table(server: Server, state: State, wanted: Schema) -> Iterator[Difference]:
    rows = {(row.idx, row.rp, row.start, row.end, *row.ends, row.time) for row in wanted.rows}
    if rows == state.rows:
        return

    def act() -> None:
        for idx in sorted({row[0] for row in state.rows - rows}):
            server.query(f"DROP SERIES FROM {identifier(TABLE)} WHERE \"idx\" = '{idx}'", wanted.database)
        server.write("\n".join(row.line for row in wanted.rows), wanted.database, FOREVER)

    shown = ", ".join(
        f"{row.rp} to {duration.words(row.end / 1000)}" if row is not wanted.rows[-1] else f"{row.rp} beyond"
        for row in wanted.rows
    )
    yield Difference(text=f"write which level dashboards read: {shown}", act=act)


def _fields(server: Server, state: State, wanted: Schema) -> Iterator[Difference]:
    fields = influxdb_fields.unnoted(state.stored, wanted.fields)
    if fields:
        lines = "".join(field.line for field in fields)
        yield Difference(
            text=f"note the type and unit of {len(fields)} field{'s' * (len(fields) > 1)}",
            act=lambda: server.write(lines, wanted.database, FOREVER),
        )


def _mark(server: Server, state: State, wanted: Schema) -> Iterator[Difference]:
    if state.site == wanted.site:
        return
    harm = (
        f"database {wanted.database!r} belongs to site {state.site!r}; as that of {wanted.site!r} it is no longer downsampled and kept "
        f"as {state.site!r} needs. Choose another influxdb.database for one of them, unless this one was only renamed"
    )
    yield Difference(
        text=f"mark database {wanted.database!r} as that of site {wanted.site!r}",
        act=lambda: server.write(wanted.mark, wanted.database, FOREVER),
        harm=harm if state.site else "",
    )


def _doing(server: Server, *statements: str, password: str = "") -> Callable[[], None]:
    def act() -> None:
        for statement in statements:
            server.query(statement, hidden=password)

    return act


def _drop(name: str, database: str) -> str:
    return f"DROP CONTINUOUS QUERY {identifier(name)} ON {identifier(database)}"


def _told(policy: RetentionPolicy) -> str:
    return f"{policy.name!r} (kept {kept(policy.keep)})"


def _bare(statement: str) -> str:
    """Take the quotes off identifiers: the server shows a query with those only that it needs."""
    return " ".join(statement.replace('"', "").split())


def _moment(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ns // 10**9))
