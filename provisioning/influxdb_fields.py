"""The fields that a database has: their types as InfluxDB keeps them, their units as labline noted them.

InfluxDB keeps a field's type for each shard: a point of another type is refused in the present one and taken in the
next, and of a unit it knows nothing. So what a site wants is compared with what is there before anything is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from telegraf_inputs.letters import normal
from telegraf_inputs.point import Point

from .influxdb_server import Server
from .influxql import identifier
from .levels import FOREVER, RAW

NOTED = "labline_fields"  # the measurement with a point for each field: its unit and type
TYPES = {"float": "float", "int": "integer", "bool": "boolean", "str": "string"}
# What a number becomes on a downsampled level: function -> end of the field's name. Of all else, the last is kept.
DOWNSAMPLED = {"mean": "", "min": "_min", "max": "_max", "count": "_n"}
WAY_OUT = 'docs/site-file.md, "What the database has already", tells how'


class Field(Struct, frozen=True, kw_only=True):
    """One field of a site: its ``type`` as it is declared (float, int, bool, str), its unit; ``numeric`` as Quantity has it."""

    measurement: str
    name: str
    type: str
    unit: str
    numeric: bool

    @property
    def coded(self) -> bool:
        """Tell whether it is a number that is a code. A level keeps those as floats, as it did while they had means."""
        return self.type == "int" and not self.numeric

    @property
    def line(self) -> str:
        """Write, as line protocol, what is noted of it; at one time, so that it is noted once."""
        tags = {"measurement": self.measurement, "field": self.name}
        return Point(NOTED, tags, {"unit": self.unit, "type": self.type}, 0).line()

    def stored(self, policy: str) -> Iterator[tuple[str, str]]:
        """List the fields that it has in a retention policy, with InfluxDB's types."""
        own = TYPES[self.type]
        if policy == RAW:
            yield self.name, own
        elif self.numeric:
            for function, end in DOWNSAMPLED.items():
                yield self.name + end, {"mean": "float", "count": "integer"}.get(function, own)
        else:
            yield self.name, "float" if self.coded else own

    def columns(self) -> Iterator[str]:
        """Write what a level keeps of it, as InfluxQL selects it."""
        if self.numeric:
            for function, end in DOWNSAMPLED.items():
                yield f"{function}({identifier(self.name)}) AS {identifier(self.name + end)}"
        else:
            cast = "::float" if self.coded else ""
            yield f"last({identifier(self.name)}{cast}) AS {identifier(self.name)}"


class Stored(Struct, frozen=True, kw_only=True):
    """What a database has: policy -> measurement -> field -> its types, of which there should be one; and what is noted."""

    types: dict[str, dict[str, dict[str, set[str]]]] = {}
    noted: dict[tuple[str, str], tuple[str, str]] = {}  # (measurement, field) -> (unit, type)

    def has(self, field: Field) -> bool:
        """Tell whether there is anything of a field, at any level."""
        return any(
            name in measurements.get(field.measurement, {})
            for policy, measurements in self.types.items()
            for name, _ in field.stored(policy)
        )


def read(server: Server, database: str, policies: Iterable[str]) -> Stored:
    """Ask a database, as a user who may read it; ``policies`` are those of the site that keep readings. Raises DatabaseError."""
    there = {row["name"] for row in server.rows(f"SHOW RETENTION POLICIES ON {identifier(database)}")}
    types: dict[str, dict[str, dict[str, set[str]]]] = {}
    for policy in there.intersection(policies):
        measurements = types.setdefault(policy, {})
        for series in server.query(f"SHOW FIELD KEYS FROM {identifier(policy)}./.*/", database):
            fields = measurements.setdefault(series.name, {})
            for row in series.rows:
                fields.setdefault(row["fieldKey"], set()).add(row["fieldType"])
    asked = f'SELECT "unit", "type" FROM {identifier(FOREVER, NOTED)} GROUP BY *'
    noted = {
        (series.tags["measurement"], series.tags["field"]): (normal(row["unit"]), row["type"])
        for series in (server.query(asked, database) if FOREVER in there else ())
        for row in series.rows
    }
    return Stored(types=types, noted=noted)


def refusals(stored: Stored, wanted: Iterable[Field], database: str) -> list[str]:
    """Say which fields the site wants otherwise than the database has them; of each, the type before the unit."""
    return [text for field in wanted if (text := _type(stored, field, database) or _unit(stored, field, database))]


def unnoted(stored: Stored, wanted: Iterable[Field]) -> list[Field]:
    """List the fields whose unit and type are not noted, or are noted otherwise."""
    return [f for f in wanted if stored.noted.get((f.measurement, f.name)) != (f.unit, f.type)]


def _type(stored: Stored, field: Field, database: str) -> str:
    for policy, measurements in sorted(stored.types.items(), key=lambda item: item[0] != RAW):
        for name, type in field.stored(policy):
            others = measurements.get(field.measurement, {}).get(name, set()) - {type}
            if others:
                return (
                    f"{_named(name, field)} is {' and '.join(map(_an, sorted(others)))} in database {database!r} "
                    f"(retention policy {policy!r}), but the site wants {_an(type)}. Give the quantity another name, or "
                    f"write what is there anew as {_an(type)}, or drop it; {WAY_OUT}"
                )
    return ""


def _unit(stored: Stored, field: Field, database: str) -> str:
    unit, _ = stored.noted.get((field.measurement, field.name), (field.unit, ""))
    if unit == field.unit or not stored.has(field):
        return ""
    return (
        f"{_named(field.name, field)} is {_in(unit)} in database {database!r}, but the site wants it {_in(field.unit)}. "
        f"Give the quantity another name, or convert what is there, or drop it; {WAY_OUT}"
    )


def _named(name: str, field: Field) -> str:
    return f"field {name!r} of measurement {field.measurement!r}"


def _an(type: str) -> str:
    return f"{'an' if type[0] in 'aeiou' else 'a'} {type}"


def _in(unit: str) -> str:
    return f"in {unit!r}" if unit else "without a unit"
