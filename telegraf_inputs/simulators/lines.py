"""What says lines and exists only on a pty or a socket: asked, or speaking by itself, as its stanza declares."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from ..configured import Stanza
from ..drivers import _scpi_quantity
from ..drivers._lines import AskedLines
from ..drivers._lines_form import LineChannel, LineQuantity
from ..errors import BadInput
from . import samples, spread
from .base import Signal, Simulator, TextSimulator
from .faults import EXCHANGE
from .feed import Event, LineFeedSimulator

NO_CLOCK = "its lines have no times of their own: what comes is of now"
OWN_CONNECTION = "each answer has a connection of its own, and can't come to another question"
NO_FENCE = "it has no fence, by which an answer is known to be another question's"
DECIMALS = 4  # where neither an example nor the quantity says how many


class Lines:
    """Writes the lines of a stanza's channels, with a signal of its own in each number."""

    def __init__(self, stanza: Stanza, seed: int):
        self.channels = [LineChannel(channel) for channel in stanza.channels]
        self.signals: dict[tuple[str, str], Signal] = {}
        self.constants: dict[tuple[str, str], Any] = {}
        self.has_words = False
        self._examples: dict[str, str] = {}  # channel -> a line, given or made up; "" where columns say all
        for index, channel in enumerate(self.channels):
            self._examples[channel.name] = self._example(channel)
            for name, each in channel.declared.items():
                quantity = each.quantity
                self.has_words = self.has_words or quantity.type != "float"
                if quantity.numeric:
                    others = [*self.signals.values()]
                    made = spread.signal(quantity, others, 200 + 20 * index, seed + index)
                    self.signals[channel.name, name] = made
                else:
                    self.constants[channel.name, name] = spread.constant(channel.name, quantity)

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        codes = {key: (code, code) for key, code in self.constants.items() if not isinstance(code, (bool, str))}
        return {key: signal.band() for key, signal in self.signals.items()} | codes

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {key: (value,) for key, value in self.constants.items() if isinstance(value, (bool, str))}

    def together(self, channel: LineChannel) -> list[LineChannel]:
        """List the channels that are in the same line as one, that one included."""
        return [c for c in self.channels if (c.request, c.form.words) == (channel.request, channel.form.words)]

    def line(self, channel: LineChannel, over_range: bool) -> str:
        """Write the line that a channel is in, with all that is in it."""
        texts: dict[str, str] = {}
        bits: dict[str, int] = {}  # part of the line -> the number whose bits are told there
        for each in self.together(channel):
            for quantity in each.quantities:
                texts[quantity.part] = self._text(each, quantity, over_range, bits)
        return channel.form.write(texts, self._examples[channel.name])

    def _example(self, channel: LineChannel) -> str:
        """Give a line of a channel's form: one that the stanza has, or one that its pattern fits."""
        given = next((c.example for c in self.together(channel) if c.example), "")
        if given or channel.form.pattern is None:
            return given
        made = samples.sample(channel.form.pattern.text)
        if channel.form.pattern.match(made.strip()) is None:
            said = "is missing: its simulator finds no line that the pattern fits"
            raise BadInput(said, ("channels", channel.name, "example"))
        return made

    def _number(self, channel: LineChannel, quantity: LineQuantity, value: float, shown: int, point: str) -> str:
        """Write a number with as many digits after the point as the example has, or that are shown, or that the pattern takes."""
        example = self._examples[channel.name]
        text = (channel.form.parts(example)[quantity.part] or "") if example else ""
        given = [len(text.strip().partition(point)[2])] if point in text or channel.example else []
        for decimals in (*given, shown, *range(DECIMALS, -1, -1)):
            written = f"{value:.{decimals}f}".replace(".", point)
            if channel.form.takes(channel.form.write({quantity.part: written}, example)):
                return written
        return f"{value:.{shown}f}".replace(".", point)

    def _text(self, channel: LineChannel, quantity: LineQuantity, over_range: bool, bits: dict[str, int]) -> str:
        given = channel.declared[quantity.name]
        where, declared = given.where, given.quantity
        if declared.type in ("float", "int") and over_range and not declared.choices:
            return str([*where["over_range"], *where["missing"], "nan"][0])
        if declared.type == "float":
            value = self.signals[channel.name, quantity.name]() / given.scale
            shown = DECIMALS if declared.decimals is None or given.scale != 1 else declared.decimals
            return self._number(channel, quantity, value, shown, "," if where["decimal_comma"] else ".")
        key = channel.name, quantity.name
        found = self.constants[key] if key in self.constants else round(self.signals[key]())
        if declared.type == "str":
            return str(found)
        first = (_scpi_quantity.bits(where["bits"]) or (0, 0))[0]
        bits[quantity.part] = bits.get(quantity.part, 0) | int(found) << first
        return f"{bits[quantity.part]:{_scpi_quantity.FORMS[where['base']]}}"


class _LinesSimulator(Simulator):
    """Stands in for what says lines."""

    @classmethod
    def kinds(cls) -> tuple[type[Simulator], ...]:
        return AskedLinesSimulator, HeardLinesSimulator

    @classmethod
    def of(cls, stanza: Stanza) -> type[Simulator]:
        return AskedLinesSimulator if issubclass(stanza.driver, AskedLines) else HeardLinesSimulator

    lines: Lines

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        return self.lines.bands()

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return self.lines.words()


class AskedLinesSimulator(_LinesSimulator, TextSimulator):
    """Answers the requests of the stanza's channels."""

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self.lines = Lines(stanza, seed)
        self.closes = bool(stanza.options.get("closes"))
        self.greets = not any(channel.request for channel in self.lines.channels)
        self.not_faults = (
            {"over_range": "not each of its quantities has a number for it"} if self.lines.has_words else {}
        )
        if self.closes or not stanza.options["fence"]:
            self.not_faults |= dict.fromkeys(EXCHANGE, OWN_CONNECTION if self.closes else NO_FENCE)
        self.sharing = {
            c.name: [other.name for other in self.lines.channels if other is not c and other.request == c.request]
            for c in self.lines.channels
        }
        self.sharing = {name: others for name, others in self.sharing.items() if others}

    def answer(self, request: str) -> str | None:
        if request == self.stanza.options["fence"]:
            return f"{self.stanza.options['identity']} {self.seed}"
        asked = [channel for channel in self.lines.channels if channel.request == request]
        return self.lines.line(asked[0], self.current_fault() == "over_range") if asked else None

    def channel_of(self, request: str) -> str:
        asked = [channel.name for channel in self.lines.channels if channel.request == request]
        return asked[0] if len(asked) == 1 else ""

    def split(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Cut what has arrived into requests; where these have no end, each is one that is known."""
        if self.stanza.wire.send:
            return super().split(data)
        known = {c.request.encode() for c in self.lines.channels} | {(self.stanza.options["fence"] or "").encode()}
        return ([data], b"") if data in known - {b""} else ([], data)


class HeardLinesSimulator(_LinesSimulator, LineFeedSimulator):
    """Says the lines of the stanza's channels."""

    period = 1.0
    brisk = {"period": 0.02}
    not_faults = dict.fromkeys(("duplicate", "disorder", "burst", "backlog", "clock_off"), NO_CLOCK)

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None):
        super().__init__(stanza, seed, plan, period)
        self.lines = Lines(stanza, seed)
        if self.lines.has_words:
            self.not_faults = {**self.not_faults, "over_range": "not each of its quantities has a number for it"}
        self._by_name = {channel.name: channel for channel in self.lines.channels}

    def happen(self, channel: Any) -> Mapping[str, Any] | None:
        """Say a line for the first of the channels that are in it."""
        first = self.lines.together(self._by_name[channel.id])[0]
        return {} if first.name == channel.id else None

    def line(self, event: Event) -> str:
        return self.lines.line(self._by_name[event.channel], self.current_fault() == "over_range")
