"""A point of Influx line protocol: what goes in comes out of InfluxDB equal, or is refused."""

from __future__ import annotations

from influx_line_protocol import Metric

INT64 = 2**63


class BadPoint(ValueError):
    """A point that line protocol can't carry unchanged."""


class Point(Metric):
    """Holds one measurement's tags, fields and time (nanoseconds, UTC), and prints them as one line.

    ``influx-line-protocol`` 0.1.5 prints floats with six digits, doubles backslashes in tags and lets newlines through;
    this subclass prints floats with all their digits and refuses what would arrive changed. A field that is None, NaN
    or infinite is no value and is left out; so is an empty tag. A point without a field is false, and prints nothing.
    """

    def __init__(self, measurement: str, tags: dict | None = None, fields: dict | None = None, time_ns: int | None = None):
        super().__init__(_name(measurement, "measurement"))
        if measurement.startswith("#"):
            raise BadPoint(f"measurement {measurement!r} begins with '#', which InfluxDB takes for a comment")
        for name, value in (tags or {}).items():
            self.add_tag(name, value)
        for name, value in (fields or {}).items():
            self.add_value(name, value)
        if time_ns is not None:
            self.with_timestamp(time_ns)

    def add_tag(self, name: str, value) -> None:
        """Set a tag; None and the empty text mean that there is none."""
        if value is None or value == "":
            return
        super().add_tag(_name(name, "tag"), _name(str(value), f"value of tag {name!r}"))

    def add_value(self, name: str, value) -> None:
        """Set a field to a float, an integer, a boolean or a text; None and non-finite floats mean that there is none."""
        _name(name, "field")
        if name == "time":
            raise BadPoint("a field can't be named 'time': InfluxDB keeps the point's time under that name")
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
            _text(value, f"field {name!r}")
        elif value is None:
            return
        else:
            raise BadPoint(f"field {name!r} is a {type(value).__name__}; a field is a float, an integer, a boolean or a text")
        super().add_value(name, value)

    def with_timestamp(self, timestamp: int) -> None:
        """Set the time: whole nanoseconds since 1970, UTC."""
        if type(timestamp) is not int:
            raise BadPoint(f"time is {timestamp!r}; it must be whole nanoseconds (an int), or digits are lost")
        super().with_timestamp(timestamp)

    def __bool__(self):
        return bool(self.values)

    def line(self) -> str:
        """Print the point as one line that ends with a newline; the empty text where it has no field."""
        return f"{self}\n" if self.values else ""

    # The two steps of Metric.__str__ that lose data, replaced (the names are those of its private methods).
    def _Metric__escape(self, value):
        return value.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")

    def _Metric__parse_value(self, value):
        if type(value) is float:
            return repr(value)
        if type(value) is bool:
            return "true" if value else "false"
        if type(value) is int:
            return f"{value}i"
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(text: str, what: str) -> str:
    if not isinstance(text, str) or not text:
        raise BadPoint(f"{what} is {text!r}; it must be a text that is not empty")
    _text(text, what)
    if text.endswith("\\") or any(pair in text for pair in ("\\,", "\\ ", "\\=", "\\\\")):
        raise BadPoint(f"{what} {text!r} has a backslash where line protocol takes it for an escape")
    return text


def _text(text: str, what: str) -> None:
    if "\n" in text or "\r" in text or "\0" in text:
        raise BadPoint(f"{what} holds a line break or a null character, which would tear the line: {text!r}")
