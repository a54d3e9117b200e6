"""An SCPI instrument that exists only on a socket: it answers whatever its stanza asks."""

from __future__ import annotations

import re

from ..drivers.scpi import INTEGER
from .base import Signal, TextSimulator

STEP = 0.03  # two centers differ by at least this part of the larger
REACH = 0.01  # of a center, for swing and noise together


class ScpiSimulator(TextSimulator):
    """Answers the queries of the stanza's channels, each with a signal of its own inside the declared range."""

    def __init__(self, stanza, seed=0, plan=""):
        super().__init__(stanza, seed, plan)
        self._signals: dict[tuple[str, str], Signal] = {}
        self._questions: dict[tuple[str, str], tuple] = {}  # (selection, query) -> channel, quantity's name, its keys
        self._selected = ""
        for index, channel in enumerate(stanza.channels):
            for name, given in channel.options["read"].items():
                quantity = channel.quantities.get(f"{name}_raw") or channel.quantities[name]
                self._questions[_normal(channel.options["before"] or ""), _normal(given["query"])] = (channel.id, name, given)
                if quantity.type in ("float", "int"):
                    whole = quantity.type == "int"
                    center = self._center(quantity, whole)
                    reach = 0.0 if whole else REACH * abs(center)
                    self._signals[channel.id, name] = Signal(center, 0.8 * reach, 0.05 * reach, 200 + 20 * index, seed + index)

    def _center(self, quantity, whole: bool) -> float:
        """Find a value in the quantity's range that is far enough from those of all others."""
        low, high = quantity.low, quantity.high
        low = (0.0 if high is None or high > 0 else 2 * high - 1) if low is None else low
        high = low + max(100.0, 2 * abs(low)) if high is None else high
        taken = [signal.center for signal in self._signals.values()]
        count = len(taken) + 2
        for fraction in (n / count for count in range(count, 50 * count) for n in range(1, count)):
            center = low + fraction * (high - low)
            center = float(round(center)) if whole else center
            if low <= center <= high and all(abs(center - t) > STEP * max(abs(center), abs(t)) for t in taken):
                return center
        return low

    def bands(self):
        return {key: signal.band() for key, signal in self._signals.items()}

    def answer(self, request):
        return ";".join(reply for part in request.split(";") if (reply := self._answer(_normal(part))) is not None) or None

    def _answer(self, request: str):
        if request == "*IDN?":
            model = self.stanza.options["identity"]
            return f"LABLINE,{model if model and model.isalnum() and model != 'none' else 'SCPI'},SIM{self.seed:04d},1.0"
        if request == _normal(self.stanza.options["fence"] or ""):
            return "1999.0"
        if not request.partition(" ")[0].endswith("?"):
            self._selected = request
            return None
        channel, name, given = self._questions.get((self._selected, request)) or self._questions.get(("", request)) or (None, "", {})
        if channel is not None:
            return self._value(channel, name, given)
        header, _, argument = self._selected.partition(" ")
        return argument if request == f"{header}?" and INTEGER.match(argument) else None

    def _value(self, channel: str, name: str, given: dict) -> str:
        kind = given.get("type", "float")
        if kind == "bool":
            text = "1"
        elif kind == "str":
            text = f"channel {channel}"
        elif kind == "int":
            text = f"{round(self._signals[channel, name]())}"
        else:
            over = self.current_fault() == "over_range"
            text = "9.9E37" if over else f"{self._signals[channel, name]() / given.get('scale', 1.0):.7G}"
        if "example" in given and "pattern" in given:
            match = re.fullmatch(given["pattern"], given["example"].strip())
            start, end = match.span(1 if match.re.groups else 0)
            text = match.string[:start] + text + match.string[end:]
        return text


def _normal(command: str) -> str:
    return " ".join(command.strip().lstrip(":").upper().split())


SIMULATOR = ScpiSimulator
