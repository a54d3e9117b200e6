"""An SCPI instrument that exists only on a socket: it answers whatever its stanza asks."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Any

from ..configured import Stanza
from ..declare import Quantity
from ..declared import Declared
from ..drivers import _scpi_quantity
from .base import Signal, TextSimulator

STEP = 0.03  # two centers differ by at least this part of the larger
REACH = 0.01  # of a center, for swing and noise together
NEAR_ZERO = 0.02  # of the range: a value that is nearer to 0 would hardly move


class ScpiSimulator(TextSimulator):
    """Answers the queries of the stanza's channels, each with a signal of its own inside the declared range."""

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self._signals: dict[tuple[str, str], Signal] = {}
        # (selection, query) -> channel, quantity's name, what it declares
        self._questions: dict[tuple[str, str], tuple[str, str, Declared]] = {}
        self._selected = ""
        self._settings: dict[str, str] = {}  # header -> what it was last set to
        for index, channel in enumerate(stanza.channels):
            selection = _normal(channel.options["before"] or "")
            for name, given in _scpi_quantity.read(channel).items():
                quantity = channel.quantities.get(f"{name}_raw") or channel.quantities[name]
                self._questions[selection, _normal(given.where["query"])] = (channel.id, name, given)
                if quantity.numeric:
                    whole = quantity.type == "int"
                    center = self._center(quantity, whole)
                    reach = 0.0 if whole else self._reach(quantity, center)
                    period = 200 + 20 * index
                    self._signals[channel.id, name] = Signal(center, 0.8 * reach, 0.05 * reach, period, seed + index)

    def _center(self, quantity: Quantity, whole: bool) -> float:
        """Find a value in the quantity's range that is far enough from those of all others."""
        low, high = quantity.low, quantity.high
        low = (0.0 if high is None or high > 0 else 2 * high - 1) if low is None else low
        high = low + max(100.0, 2 * abs(low)) if high is None else high
        taken = [signal.center for signal in self._signals.values()]
        count = len(taken) + 2
        least = 0.0 if whole else NEAR_ZERO * (high - low)
        for fraction in (n / count for count in range(count, 50 * count) for n in range(1, count)):
            center = low + fraction * (high - low)
            center = float(round(center)) if whole else center
            apart = all(abs(center - t) > STEP * max(abs(center), abs(t)) for t in taken)
            if low <= center <= high and abs(center) >= least and apart:
                return center
        return low

    def _reach(self, quantity: Quantity, center: float) -> float:
        """Tell how far a value may go from its center, inside the declared range."""
        to_ends = [abs(end - center) for end in (quantity.low, quantity.high) if end is not None]
        return min([REACH * abs(center), *to_ends])

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        codes = {key: (code, code) for key, code in self._constants() if not isinstance(code, (bool, str))}
        return {key: signal.band() for key, signal in self._signals.items()} | codes

    def answer(self, request: str) -> str | None:
        replies = [self._answer(_normal(part)) for part in request.split(";")]
        return ";".join(reply for reply in replies if reply is not None) or None

    def channel_of(self, request: str) -> str:
        asked = self._asked(_normal(request))
        return "" if asked is None else asked[0]

    def _asked(self, request: str) -> tuple[str, str, Declared] | None:
        return self._questions.get((self._selected, request)) or self._questions.get(("", request))

    def _answer(self, request: str) -> str | None:
        if request == "*IDN?":
            pattern = self.stanza.options["identity"] or ""
            model = pattern if pattern.isalnum() and pattern != "none" else "SCPI"
            return f"LABLINE,{model},SIM{self.seed:04d},1.0"
        if request == _normal(self.stanza.options["fence"] or ""):
            return "1999.0"
        if not request.partition(" ")[0].endswith("?"):
            self._selected = request
            header, _, argument = request.partition(" ")
            self._settings[header] = argument
            return None
        asked = self._asked(request)
        if asked is not None:
            return self._value(*asked)
        return self._settings.get(request.removesuffix("?")) or None

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {key: (value,) for key, value in self._constants() if isinstance(value, (bool, str))}

    def _constants(self) -> Iterator[tuple[tuple[str, str], Any]]:
        """List what is no number: (channel, quantity), and what that always is."""
        for channel, name, given in self._questions.values():
            if not given.quantity.numeric:
                yield (channel, name), _constant(channel, given.quantity)

    def _value(self, channel: str, name: str, given: Declared) -> str:
        quantity, pattern = given.quantity, given.where["pattern"]
        if not quantity.numeric:
            text = f"{_constant(channel, quantity):d}" if quantity.type != "str" else _constant(channel, quantity)
        elif quantity.type == "int":
            text = f"{round(self._signals[channel, name]())}"
        else:
            over = self.current_fault() == "over_range"
            text = "9.9E37" if over else f"{self._signals[channel, name]() / given.scale:.7G}"
        match = re.fullmatch(pattern or "", (given.where["example"] or "").strip())
        if match and match[0]:
            start, end = match.span(1 if match.re.groups else 0)
            text = match.string[:start] + text + match.string[end:]
        return text


def _constant(channel: str, quantity: Quantity) -> Any:
    """Choose what a quantity that is no number always is; of codes, the channels say different ones."""
    if quantity.choices:
        return quantity.harmless[sum(map(ord, channel)) % len(quantity.harmless)]
    return True if quantity.type == "bool" else f"channel {channel}"


def _normal(command: str) -> str:
    return " ".join(command.strip().lstrip(":").upper().split())


SIMULATOR = ScpiSimulator
