"""What a source of data declares: its quantities, streams, options and actions. Imports nothing of the house."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")
RESERVED_TAGS = ("site", "host", "instrument", "driver", "channel")  # labline or Telegraf set them
# Fields of a point that say something of its readings, and are none.
MARKS = ("status", "clock", "calibration", "quality")
RESERVED = (*RESERVED_TAGS, *MARKS, "time")  # what a point has beside its quantities

ABSOLUTE_ZERO = {"°C": -273.15, "°F": -459.67}
KELVINS = re.compile(r"(?:[pnuμmckMG]?K|(?:pico|nano|micro|milli|kilo)?[Kk]elvins?)\Z")
SPELT = {
    **dict.fromkeys(("degc", "celsius", "degreecelsius", "degreescelsius"), ABSOLUTE_ZERO["°C"]),
    **dict.fromkeys(("degf", "fahrenheit", "degreefahrenheit", "degreesfahrenheit"), ABSOLUTE_ZERO["°F"]),
}
ABOVE_ZERO = math.ulp(0.0)  # the least number that is more than 0

FieldType = Literal["float", "int", "bool", "str"]
Severity = Literal["", "ok", "warning", "critical"]


@dataclass(frozen=True)
class Choice:
    """Declares what one code means: a ``word`` for people, and how grave it is.

    ``severity``: ok, warning or critical; empty where the code says nothing about well or ill (a mode, a number of a
    set point). What is ``warning`` or ``critical`` becomes the channel's status.
    """

    code: int | str | bool
    word: str
    severity: Severity = ""


@dataclass(frozen=True)
class Quantity:
    """Declares one field: its name, type, unit, meaning and the range that the instrument can deliver.

    ``unit`` is written as people read it (K, °C, mbar, Ω, %, or the empty text); a value outside ``low`` … ``high`` is
    no reading. Without ``low``, neither is 0 K or less, nor less than −273.15 °C: thermometers answer so that have no
    sensor. ``type`` is float, int, bool or str, for ever: InfluxDB keeps a field's type. ``choices``: the value is
    a code, and this is what its codes mean. ``count``: a whole number without a unit says how many of something there
    are; of one that is neither a count nor a code, nobody could tell what it means. ``difference``: of two temperatures,
    which may be less than 0 K. ``picture``: the text is the path of a picture, below the address that this option of the stanza says.
    """

    name: str
    unit: str
    description: str
    low: float | None = None
    high: float | None = None
    type: FieldType = field(default="float", kw_only=True)
    decimals: int | None = field(default=None, kw_only=True)
    choices: tuple[Choice, ...] = field(default=(), kw_only=True)
    count: bool = field(default=False, kw_only=True)
    difference: bool = field(default=False, kw_only=True)
    picture: str = field(default="", kw_only=True)

    @property
    def numeric(self) -> bool:
        """Tell whether values are more or less of something: what has a mean, a curve and limits. A code has none."""
        return self.type in ("float", "int") and not self.choices

    @property
    def least(self) -> float | None:
        """Tell the least value that is a reading: the declared one, or what no temperature is below; None for no end."""
        if self.low is not None or self.difference or self.type not in ("float", "int"):
            return self.low
        unit = unicodedata.normalize("NFKC", self.unit)  # µ, ℃ and the kelvin sign have twins
        spelt = re.sub(r"[\s_.]+", "", unit.casefold())
        return ABOVE_ZERO if KELVINS.match(unit) else ABSOLUTE_ZERO.get(unit) or SPELT.get(spelt)

    def field(self, value: Any) -> float | int | bool | str:
        """Give a value the type of this field. Raises TypeError where it has another: a fault in the driver."""
        if self.type == "float" and isinstance(value, (float, int)):
            return float(value)
        if self.type == "bool" and value in (0, 1):
            return bool(value)
        if self.type == "int" and isinstance(value, int) and not isinstance(value, bool):
            return int(value)
        if self.type == "str" and isinstance(value, str):
            return value
        raise TypeError(f"{self.name} is declared as {self.type}, found {value!r}")

    def possible(self, value: Any) -> bool:
        """Tell whether a value lies in the range that the instrument can deliver; what is no finite number never does."""
        if self.type in ("bool", "str"):
            return True
        finite, least = value - value == 0, self.least
        return bool(finite and (least is None or value >= least) and (self.high is None or value <= self.high))

    def choice(self, code: Any) -> Choice | None:
        """Find what a code means; None where it is not declared."""
        return next((choice for choice in self.choices if choice.code == code), None)

    @property
    def harmless(self) -> list[int | str | bool]:
        """List the codes that mean no fault; all of them where each one does. What simulators say."""
        codes = [choice.code for choice in self.choices if choice.severity in ("", "ok")]
        return codes or [choice.code for choice in self.choices]


@dataclass(frozen=True)
class Stream:
    """Declares one kind of data that a source delivers: a measurement and its fields.

    ``quantities`` is empty where the stanza declares them. ``tags``: names of further tags that its points have, and
    what they mean. ``kind``: a *sample* comes again and again, and is missed when it stays out; an *event* comes when
    something happens. ``page``: the title of a dashboard of its own, on which what its tags tell apart is shown apart, and can be
    chosen by them. ``discovered``: its channels are not in the stanza, they are found in the data.
    """

    measurement: str
    quantities: tuple[Quantity, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["sample", "event"] = "sample"
    discovered: bool = False
    page: str = ""


OptionType = Literal["str", "unit", "int", "float", "bool", "duration", "list", "map"]


@dataclass(frozen=True)
class Option:
    """Declares one key of the stanza: of the instrument, or of a channel.

    ``type`` duration is read as seconds, unit in the one form of its signs; ``choices`` limits the values.
    """

    name: str
    type: OptionType
    description: str
    default: Any = None
    choices: tuple[Any, ...] | None = field(default=None, kw_only=True)
    required: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Action:
    """Declares something that the instrument can be told to do: its name, what it does, what must be said with it."""

    name: str
    description: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Probe:
    """Declares how a scan may ask whether this instrument is on a line.

    ``sends`` are all byte strings (without terminators) that asking sends: questions that set nothing in any
    instrument. ``keys`` of the stanza decide what is asked. ``generic``: tried after the drivers of one device.
    """

    sends: tuple[bytes, ...]
    keys: Mapping[str, str] = field(default_factory=dict)
    generic: bool = False


PINNED = Option(
    "identity",
    "str",
    "pattern (a regular expression) that what the instrument says of itself must contain, such as its serial number; "
    "another one of its kind on this connection is then wrong_device, and not read",
)
NAMELESS = "none"
PINNED_OR_NONE = Option(
    PINNED.name, "str", f"{PINNED.description}; {NAMELESS}: it has no way to say who it is, and is not asked"
)


def pin(options: Mapping[str, Any], known: tuple[Option, ...]) -> str:
    """Tell the pattern that pins an instrument to what it says of itself; "" where there is none."""
    wanted = options.get(PINNED.name) or ""
    if PINNED in known or PINNED_OR_NONE in known and wanted != NAMELESS:
        return str(wanted)
    return ""
