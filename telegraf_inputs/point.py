"""A point of Influx line protocol: what goes in comes out of InfluxDB equal, or is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from influx_line_protocol import Metric

INT64 = 2**63
LONGEST_NAME = 1000  # InfluxDB takes 65535 bytes for measurement and tags together
# What InfluxDB or Telegraf take for the end of a name, or cut off it; and what UTF-8 has no bytes for.
TORN = re.compile("[\t\n\v\f\r\0\ud800-\udfff]")
# A backslash before one of these is taken for its escape, and so is one at the end.
ESCAPES = re.compile(r'\\(?:[,= "]|\Z)')
TEXT_TORN = re.compile("[\n\r\ud800-\udfff]")


class BadPoint(ValueError):
    """A point that line protocol can't carry unchanged."""


class Point(Metric):  # type: ignore[misc]  # the package has no types
    """Holds one measurement's tags, fields and time (nanoseconds, UTC), and prints them as one line.

    ``influx-line-protocol`` 0.1.5 prints floats with six digits, doubles backslashes in tags and lets newlines through;
    this subclass keeps its points, prints them itself, and refuses what would arrive changed. A field that is None, NaN
    or infinite is no value and is left out; so is an empty tag. A point without a field is false, and prints nothing.
    ``readings`` says how many readings the point carries, for the ledger.
    """

    def __init__(
        self,
        measurement: str,
        tags: Mapping[str, object] | None = None,
        fields: Mapping[str, object] | None = None,
        time_ns: int | None = None,
        readings: int = 0,
    ):
        super().__init__(_name(measurement, "measurement"))
        self.readings = readings
        if measurement.startswith("#"):
            raise BadPoint(f"measurement {measurement!r} begins with '#', which InfluxDB takes for a comment")
        for name, tag in (tags or {}).items():
            self.add_tag(name, tag)
        for name, value in (fields or {}).items():
            self.add_value(name, value)
        if time_ns is not None:
            self.with_timestamp(time_ns)

    def add_tag(self, name: str, value: object) -> None:
        """Set a tag; None and the empty text mean that there is none."""
        if value is None or value == "":
            return
        if _name(name, "tag") == "time" or name in self.values:
            raise BadPoint(f"a tag can't be named {name!r}: a field, or the point's time, has that name")
        text = str(value)
        if trouble := _trouble(text):
            raise BadPoint(f"value of tag {name!r} {trouble}")
        super().add_tag(name, text)

    def add_value(self, name: str, value: object) -> None:
        """Set a field to a float, integer, boolean or text; None and non-finite floats mean that there is none."""
        if _name(name, "field") == "time" or name in self.tags:
            raise BadPoint(f"a field can't be named {name!r}: a tag, or the point's time, has that name")
        # Subclasses (an IntEnum, a numpy float) become what they are subclasses of.
        if isinstance(value, float):
            if value - value != 0.0:  # NaN or infinite
                return
            value = float(value)
        elif isinstance(value, bool):
            value = bool(value)
        elif isinstance(value, int):
            value = int(value)
            if not -INT64 <= value < INT64:
                raise BadPoint(f"field {name!r} is {value}, beyond the 64 bits of an InfluxDB integer")
        elif isinstance(value, str):
            if TEXT_TORN.search(value):
                raise BadPoint(f"field {name!r} has a line break or half a character, which tears the line: {value!r}")
            value = str(value)
        elif value is None:
            return
        else:
            raise BadPoint(f"field {name!r} is a {type(value).__name__}, expected a number, a boolean or a text")
        super().add_value(name, value)

    def with_timestamp(self, timestamp: int) -> None:
        """Set the time: whole nanoseconds since 1970, UTC."""
        if type(timestamp) is not int:
            raise BadPoint(f"time is {timestamp!r}; it must be whole nanoseconds (an int), or digits are lost")
        if not -INT64 + 2 <= timestamp <= INT64 - 2:
            raise BadPoint(f"time is {timestamp}, beyond the years 1677 to 2262 that InfluxDB keeps")
        super().with_timestamp(timestamp)

    def __bool__(self) -> bool:
        return bool(self.values)

    def line(self) -> str:
        """Print the point as one line that ends with a newline; the empty text where it has no field."""
        return f"{self}\n" if self.values else ""

    def __str__(self) -> str:
        tags = "".join(f",{_escaped(name)}={_escaped(value)}" for name, value in self.tags.items())
        fields = ",".join(f"{_escaped(name)}={_written(value)}" for name, value in self.values.items())
        time = "" if self.timestamp is None else f" {self.timestamp}"
        measurement = self.measurement.replace(",", "\\,").replace(" ", "\\ ")
        return f"{measurement}{tags} {fields}{time}"


def _written(value: float | bool | int | str) -> str:
    """Write a field's value: a float with all its digits, an integer with its i, a text in quotes."""
    if type(value) is float:
        return repr(value)
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return f"{value}i"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(text: str, what: str) -> str:
    """Check the name of a measurement, tag or field, and return it."""
    if not isinstance(text, str) or not text:
        raise BadPoint(f"{what} is {text!r}; it must be a text that is not empty")
    if trouble := _trouble(text):
        raise BadPoint(f"{what} {trouble}")
    if text[0] == "_":
        raise BadPoint(f"{what} {text!r} begins with '_': InfluxDB keeps such names for itself, and hides some")
    return text


# The names and tags of a program are few, and the same in each of its points.
@lru_cache(2048)
def _trouble(text: str) -> str:
    """Tell why a name or a tag's value would not stay in one piece; the empty text where it does."""
    if TORN.search(text):
        return f"has a tab, a line break, a null or half a character, which tears the line: {text!r}"
    if ESCAPES.search(text):
        return f"has a backslash where line protocol takes it for an escape: {text!r}"
    if len(text) > LONGEST_NAME:
        return f"is {len(text)} characters long, more than {LONGEST_NAME}: {text[:40]!r}…"
    return ""


@lru_cache(2048)
def _escaped(text: str) -> str:
    return text.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")
