"""What a driver is: it declares how it connects, its channels and its quantities; then it reads.

A driver of a text protocol declares a ``wire`` and asks with ``self.link.query``; all else (opening, back-off,
timeouts, late answers, calibration, status, the contract with Telegraf) is done once, below it, by instrument.py and
execd.py.
"""

from __future__ import annotations

import re
import time

from .connection import Wire, line
from .errors import BadAnswer, BadInput, InstrumentError, NoAnswer, OutOfStep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .connection import Stop, Url
    from .stanza import Channel, Stanza

FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")
RESERVED_TAGS = ("site", "host", "instrument", "driver", "channel")  # labline or Telegraf set them
RESERVED = (*RESERVED_TAGS, "status", "time")  # what a point has beside its quantities


class Quantity:
    """Declares one field: its name, type, unit, meaning and the range that the instrument can deliver.

    ``unit`` is written as people read it (K, °C, mbar, Ω, %, or the empty text); a value outside ``low`` … ``high`` is
    no reading. ``type`` is float, int, bool or str, for ever: InfluxDB keeps a field's type.
    """

    __slots__ = ("name", "unit", "description", "low", "high", "type", "decimals")

    def __init__(
        self,
        name: str,
        unit: str,
        description: str,
        low: float | None = None,
        high: float | None = None,
        *,
        type: str = "float",
        decimals: int | None = None,
    ):
        self.name, self.unit, self.description, self.type = name, unit, description, type
        self.low, self.high, self.decimals = low, high, decimals

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
        finite = value - value == 0
        return finite and (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def check_field(name: object, path: tuple[str, ...]) -> None:
    """Refuse (BadInput at ``path``) a name that a quantity can't have."""
    if not isinstance(name, str) or not FIELD.match(name):
        raise BadInput(f"found {name!r}, expected a field's name in snake_case, such as 'voltage'", path)
    if name in RESERVED:
        raise BadInput(f"each point has a {name!r} already; choose another name", path)


def check_pattern(text: str, where: tuple[str, ...]) -> None:
    """Refuse (BadInput at ``where``) what is no regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise BadInput(f"{text!r} is no regular expression: {error}", where) from None


class Option:
    """Declares one key of the stanza that only this driver has (of the instrument, or of a channel).

    ``type`` is str, int, float, bool, duration (seconds), list or map; ``choices`` limits the values.
    """

    __slots__ = ("name", "type", "default", "description", "choices", "required")

    def __init__(
        self,
        name: str,
        type: str,
        description: str,
        default: Any = None,
        *,
        choices: tuple[Any, ...] | None = None,
        required: bool = False,
    ):
        self.name, self.type, self.description, self.default = name, type, description, default
        self.choices, self.required = choices, required


PINNED = Option(
    "identity",
    "str",
    "pattern (a regular expression) that what the instrument says of itself must contain, such as its serial number; "
    "another one of its kind on this connection is then wrong_device, and not read",
)


class Reading:
    """One channel at one moment: ``values`` by quantity (None is no value), ``status`` "ok" or what is wrong.

    ``time_ns`` is when the instrument answered (ns, UTC); ``detail`` tells more about the status, for the log.
    """

    __slots__ = ("channel", "values", "status", "time_ns", "detail")

    def __init__(self, channel: str, values: dict[str, Any], time_ns: int, status: str = "ok", detail: str = ""):
        self.channel, self.values, self.time_ns, self.status, self.detail = channel, values, time_ns, status, detail


COMMON_STATUSES = {
    "ok": "all is read",
    "no_answer": "this channel's question got no answer within the timeout",
    "bad_answer": "the answer was none that the manual knows for this question",
    "out_of_range": "a value lies beyond what the instrument can deliver",
    "uncalibrated": "the raw value lies where the calibration does not hold",
}


class Driver:
    """Reads one instrument. A subclass declares the attributes and defines ``identify`` and ``read_channel`` (or ``read``).

    ``self.channels`` are the stanza's channels (stanza.Channel), in order; ``self.options`` the instrument's options.
    """

    name = ""  # the measurement; also the module's name
    title = ""  # as the maker writes it
    manual = ""  # the source: manual, edition, chapter
    family = ""  # what it measures, one word: drivers of one family share no code, but a place in the documentation
    schemes: tuple[str, ...] = ("tcp", "serial")
    wire = Wire()
    timeout = 2.0  # seconds for one answer
    interval = 10.0  # seconds between cycles, where the stanza says nothing
    turn = (
        0.0  # seconds for which a well channel may have no reading, where an instrument dwells on one after the other
    )
    quantities: tuple[Quantity, ...] = ()
    channel_names: tuple[str, ...] | None = ()  # None: the stanza names them
    options_known: tuple[Option, ...] = ()
    channel_options: tuple[Option, ...] = ()
    statuses: dict[str, str] = {}  # what a channel's status can say beside COMMON_STATUSES -> what that means
    extra = ""  # the extra of the distribution that it needs (serial, visa, phidget); "" for none
    example = ""  # a stanza that works, in YAML, for documentation and ``labline scan``

    def __init__(self, stanza: Stanza, link: Any):
        self.stanza, self.link = stanza, link
        self.channels, self.options = stanza.channels, stanza.options

    # What the stanza alone decides. Overridden where an option changes what there is (scpi, phidget).
    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        """Tell the quantities that one channel (stanza.Channel) delivers, without those of its calibration."""
        return cls.quantities

    @classmethod
    def channel_names_of(cls, options: dict[str, Any]) -> tuple[str, ...] | None:
        """Tell the channels that there are with these options; None where the stanza names them."""
        return cls.channel_names

    @classmethod
    def check(cls, stanza: Stanza) -> None:  # noqa: B027  # nothing to refuse is what most have
        """Refuse (BadInput with its path) what the declarations can't express."""

    @classmethod
    def places(cls, stanza: Stanza) -> Iterable[tuple[str, tuple[str, ...]]]:
        """Tell what serves one instrument or channel only (a port, a sensor), each with the path of the key that names it."""
        return [(place, ("connection",)) for place in (stanza.connection.place(),) if place]

    @classmethod
    def open_link(cls, url: Url, stanza: Stanza, stop: Stop) -> Any:
        """Open the way to the instrument: a Line, or what a driver without text has instead (``close``, ``discard``)."""
        link = line(url, cls.wire, stanza.timeout, stop)
        try:
            link.open()
        except BaseException:
            link.close()
            raise
        return link

    # What is done on the wire.
    def connected(self) -> None:
        """Prepare the instrument, and forget what was known of it; called after each successful ``identify``."""

    def identify(self) -> str:
        """Ask who is there; also the check after each cycle that question and answer are still in step.

        Returns the same text each time. Raises BadAnswer where the answer is no identification, WrongDevice where it
        is that of another device. A driver whose transport can't be out of step (files, Phidgets) returns "".
        """
        raise NotImplementedError

    def read(self) -> Iterable[Reading]:
        """Yield a Reading for each channel with something new. One channel without an answer does not spoil the others."""
        for channel in self.channels:
            try:
                yield self.read_channel(channel)
            except OutOfStep:
                raise
            except (NoAnswer, BadAnswer) as error:
                self.recover(error)
                status = "no_answer" if isinstance(error, NoAnswer) else "bad_answer"
                yield Reading(channel.id, {}, time.time_ns(), status, str(error))

    def read_channel(self, channel: Channel) -> Reading:
        """Ask for all quantities of one channel. Raises NoAnswer or BadAnswer where it can't be read."""
        raise NotImplementedError

    def recover(self, error: InstrumentError) -> None:
        """Get back into step after a failed question, or raise: OutOfStep where something late was on its way."""
        self.link.discard()  # the beginning of an answer that broke off is not late
        if self.link.discard(quiet=min(0.2, self.stanza.timeout)):
            raise OutOfStep(f"{error}; a late answer followed") from None
        self.verify()

    def verify(self) -> None:
        """Check that the instrument answers the question that was asked last."""
        expected = self.stanza.identity
        if not expected:
            return
        self.link.refuse_surplus()
        if (found := self.identify()) != expected:
            raise OutOfStep(f"asked for its identity, {expected!r}, it answered {found!r}: answers come late")
        self.link.in_step = True


NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)


def number(text: str, pattern: re.Pattern[str] = NUMBER, asked: str = "") -> float:
    """Read a decimal number as instruments write it; ``pattern`` is the exact format where the manual gives one.

    Raises BadAnswer for anything else: the more exact the pattern, the fewer torn answers pass for a number. ``asked`` is
    the question, for the message.
    """
    text = text.strip()
    if not pattern.match(text):
        raise BadAnswer(
            f"{f'asked {asked}, ' if asked else ''}found {text[:60]!r}, expected a number of the manual's form"
        )
    return float(text)
