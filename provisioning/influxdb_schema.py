"""From the site to InfluxDB: database, retention policies, continuous queries, users, the table of levels."""

from __future__ import annotations

from msgspec import Struct

from telegraf_inputs.duration import exact

from . import measurements
from .influxdb_fields import Field
from .influxql import identifier
from .levels import FOREVER, RAW, Level, Storage
from .own_passwords import ADMIN as ADMIN
from .own_passwords import READER as READER
from .own_passwords import WRITER
from .site import Site
from .telegraf_config import MORE_THAN_WRITING

PREFIX = "labline_"  # continuous queries whose names begin so are ours
HOUR, DAY, WEEK = 3600, 86400, 604800
SHARDS = (HOUR, 6 * HOUR, DAY, 3 * DAY, WEEK, 4 * WEEK, 26 * WEEK, 52 * WEEK)
SHARDS_PER_POLICY = 10  # each open shard costs memory, and expired data go a shard at a time
POINTS_PER_CURVE = 2880  # a coarser level is shown as soon as it has so many points: two days of minutes
LAST_SPAN_MS = 9_000_000_000_000
FOR_EVER_NS = 7_258_118_400_000_000_000  # the year 2200
TABLE = "rp_config"
MARK = "labline"  # the measurement that says whose the database is


class RetentionPolicy(Struct, frozen=True, kw_only=True):
    """A retention policy; ``keep`` and ``shard`` in seconds, ``keep`` 0 for ever."""

    name: str
    keep: int
    shard: int
    default: bool = False

    @property
    def settings(self) -> str:
        # Infinite is written 0s, which clusters understand too.
        default = " DEFAULT" if self.default else ""
        return f"DURATION {exact(self.keep)} REPLICATION 1 SHARD DURATION {exact(self.shard)}{default}"


class ContinuousQuery(Struct, frozen=True, kw_only=True):
    """A continuous query: one measurement into one level."""

    name: str
    database: str
    measurement: str
    level: Level
    fields: tuple[Field, ...]

    @property
    def statement(self) -> str:
        """Write the statement that makes it; late data are covered for ``level.late`` seconds."""
        every, late = exact(self.level.seconds_per_point), exact(self.level.late)
        return (
            f"CREATE CONTINUOUS QUERY {identifier(self.name)} ON {identifier(self.database)} RESAMPLE EVERY {every} FOR {late} "
            f"BEGIN {self.select()} END"
        )

    def select(self, start_ns: int | None = None, end_ns: int | None = None) -> str:
        """Write what it runs; with a span (ns since 1970, the end excluded) it downsamples that one by hand."""
        columns = ", ".join(column for field in self.fields for column in field.columns())
        source, target = (identifier(self.database, policy, self.measurement) for policy in (RAW, self.level.name))
        span = "" if start_ns is None else f"WHERE time >= {start_ns} AND time < {end_ns} "
        step = exact(self.level.seconds_per_point)
        return f"SELECT {columns} INTO {target} FROM {source} {span}GROUP BY time({step}), *"


class LevelRow(Struct, frozen=True, kw_only=True):
    """Which policy a dashboard reads when the span shown is longer than ``start`` and not longer than ``end`` (ms).

    The row stands at ``time`` (ns): as long after 1970 as the policy keeps data, so that ``time > now() - FROM``,
    the one thing that InfluxQL compares with the present, tells whether the policy still has the beginning of the span.
    """

    idx: int
    rp: str
    start: int
    end: int
    time: int

    @property
    def ends(self) -> tuple[str, str]:
        """Give the end of the names of a field's minimum and maximum in this policy, with the closing quotation mark.

        With it no text is empty, which not every Grafana takes for a variable's value.
        """
        return ('"', '"') if self.rp == RAW else ('_min"', '_max"')

    @property
    def line(self) -> str:
        low, high = (end.replace('"', '\\"') for end in self.ends)
        span = f"start={self.start}i,end={self.end}i"
        return f'{TABLE},idx={self.idx} rp="{self.rp}",{span},lo="{low}",hi="{high}" {self.time}'


class Schema(Struct, frozen=True, kw_only=True):
    """All that there must be in the database of a site."""

    site: str
    database: str
    policies: tuple[RetentionPolicy, ...]
    queries: tuple[ContinuousQuery, ...]
    rows: tuple[LevelRow, ...]
    fields: tuple[Field, ...]
    rights: tuple[tuple[str, str], ...]  # (user, right)
    instruments: tuple[str, ...]  # their names

    @property
    def kept_in(self) -> list[str]:
        """Name the policies that keep readings, the finest first."""
        return [policy.name for policy in self.policies if policy.name != FOREVER]

    @property
    def mark(self) -> str:
        """Write, as line protocol, whose the database is: two sites in one would undo each other's queries."""
        return f'{MARK} site="{self.site}" 0'


def schema(site: Site) -> Schema:
    """Derive the schema from the site."""
    influxdb = site.influxdb
    found = {
        measurement: tuple(
            Field(measurement=measurement, name=name, type=q.type, unit=q.unit, numeric=q.numeric)
            for name, q in quantities.items()
        )
        for measurement, quantities in measurements.quantities(i.stanza for i in site.instruments).items()
    }
    return Schema(
        site=site.name,
        database=influxdb.database,
        policies=(
            RetentionPolicy(name=RAW, keep=int(influxdb.raw), shard=_shard(influxdb.raw, WEEK), default=True),
            *(
                RetentionPolicy(name=v.name, keep=int(v.keep), shard=_shard(v.keep, 52 * WEEK))
                for v in influxdb.downsampled
            ),
            RetentionPolicy(name=FOREVER, keep=0, shard=52 * WEEK),
        ),
        queries=tuple(
            ContinuousQuery(
                name=f"{PREFIX}{level.name}_{name}",
                database=influxdb.database,
                measurement=name,
                level=level,
                fields=fields,
            )
            for level in influxdb.downsampled
            for name, fields in found.items()
        ),
        rows=tuple(_rows(influxdb)),
        fields=tuple(field for fields in found.values() for field in fields),
        rights=((WRITER, "WRITE"), (READER, "READ")),
        instruments=tuple(instrument.name for instrument in site.instruments),
    )


def render(site: Site) -> str:
    """Write the schema as InfluxQL, to read; `labline apply` brings a server to it."""
    wanted = schema(site)
    lines = [
        "-- Made by `labline render` from the site file: change that, not this. `labline apply` brings InfluxDB to it.",
        f"{create_database(wanted)};",
        *(f"{create(policy, wanted.database)};" for policy in wanted.policies[1:]),
        "",
        f"-- Users: {', '.join((ADMIN, *dict(wanted.rights)))}; their passwords are files in the secrets folder.",
        f"-- {MORE_THAN_WRITING}",
        *(f"{grant(user, right, wanted.database)};" for user, right in wanted.rights),
        "",
        f"-- Which level a dashboard reads, by the span it shows (ms); line protocol for {FOREVER}.{TABLE}:",
        *(f"--   {row.line}" for row in wanted.rows),
        f"-- Whose the database is: {wanted.mark}",
        "",
        "-- Mean, minimum, maximum and count of each number, the last of each text and code, at each level.",
        *(f"{query.statement};" for query in wanted.queries),
    ]
    return "\n".join(lines) + "\n"


def create_database(wanted: Schema) -> str:
    """Write the statement that makes the database, with its first retention policy as the default, and no other."""
    first = wanted.policies[0]
    settings = first.settings.removesuffix(" DEFAULT")
    return f"CREATE DATABASE {identifier(wanted.database)} WITH {settings} NAME {identifier(first.name)}"


def create(policy: RetentionPolicy, database: str) -> str:
    """Write the statement that makes a retention policy."""
    return f"CREATE RETENTION POLICY {identifier(policy.name)} ON {identifier(database)} {policy.settings}"


def grant(user: str, right: str, database: str) -> str:
    """Write the statement that gives a user one right on one database."""
    return f"GRANT {right} ON {identifier(database)} TO {identifier(user)}"


def _shard(keep: float, for_ever: int) -> int:
    if not keep:
        return for_ever
    return max((s for s in SHARDS if s <= keep / SHARDS_PER_POLICY), default=SHARDS[0])


def _rows(influxdb: Storage) -> list[LevelRow]:
    """Cut the spans so that each level shows enough points, and none is asked for more than it keeps."""
    rows: list[LevelRow] = []
    start = 0
    names = [RAW, *(level.name for level in influxdb.downsampled)]
    keeps = [influxdb.raw, *(level.keep for level in influxdb.downsampled)]
    for index, (name, keep) in enumerate(zip(names, keeps, strict=True)):
        if index + 1 < len(names):
            enough = POINTS_PER_CURVE * influxdb.downsampled[index].seconds_per_point
            end = int(min(enough, keep) if keep else enough) * 1000
        else:
            end = LAST_SPAN_MS
        if end > start:
            last = index + 1 == len(names)
            time = FOR_EVER_NS + index if last or not keep else int(keep * 1e9)
            rows.append(LevelRow(idx=len(rows) + 1, rp=name, start=start, end=end, time=time))
            start = end
    return rows
