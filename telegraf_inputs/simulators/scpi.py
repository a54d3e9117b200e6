"""An SCPI instrument that exists only on a socket: it answers whatever its stanza asks."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from ..configured import Stanza
from ..declare import NAMELESS
from ..declared import Declared
from ..drivers import _scpi_quantity
from . import spread
from .base import Signal, TextSimulator

# Channels that answer several quantities at once, with a status of their own.
SEVERAL: dict[str, Any] = {
    "before": None,
    "valid_when": {"query": "RDGST? {channel}", "equals": 0},
    "read": {
        "voltage": {"query": "READ? {channel}", "part": 1, "unit": "V", "low": 0, "high": 30},
        "current": {"query": "READ? {channel}", "part": 2, "unit": "A", "low": 0, "high": 3},
        "trips": {"query": "COUN? {channel}", "base": "hex", "unit": "", "type": "int", "low": 20, "high": 900},
    },
}
MODES = {
    name: {"mode": {"query": "STAT? {channel}", "bits": "2-3", "type": "int", "unit": "", "choices": {code: "fine"}}}
    for name, code in (("A", "2"), ("B", "3"))
}

Asked = tuple[str, str]  # what is selected, and the question


class ScpiSimulator(TextSimulator):
    """Answers the queries of the stanza's channels, each with a signal of its own inside the declared range."""

    variants = {
        "terminal": {"wire": {"send": "CR", "receive": "CRLF", "echo": True, "prompt": "> "}},
        "several": {
            "wire": {"prefix": "A1 ", "answer_prefix": "A1 "},
            "channels": {name: {**SEVERAL, "read": SEVERAL["read"] | MODES[name]} for name in "AB"},
        },
    }

    optional = ("UNIT:TEMP?",)  # and of whatever else is set by ``setup``

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self._signals: dict[tuple[str, str], Signal] = {}
        self._questions: dict[Asked, list[tuple[str, str, Declared]]] = {}  # channel, quantity's name, what it declares
        self._validity: dict[Asked, list[Mapping[str, Any]]] = {}
        self._selected = ""
        self._settings: dict[str, str] = {}  # header -> what it was last set to
        for index, channel in enumerate(stanza.channels):
            selection = _normal(_scpi_quantity.before(channel))
            for name, given in _scpi_quantity.read(channel).items():
                quantity = channel.quantities.get(f"{name}_raw") or channel.quantities[name]
                asked = selection, _normal(given.where["query"])
                self._questions.setdefault(asked, []).append((channel.id, name, given))
                if valid := given.where["valid_when"]:
                    said = self._validity.setdefault((selection, _normal(valid["query"])), [])
                    said.append({**valid, "channel": channel.id})
                if quantity.type != "float":
                    self.not_faults = {"over_range": "not each of its quantities has a number for it"}
                if quantity.numeric:
                    others = [*self._signals.values()]
                    self._signals[channel.id, name] = spread.signal(quantity, others, 200 + 20 * index, seed + index)

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        codes = {key: (code, code) for key, code in self._constants() if not isinstance(code, (bool, str))}
        return {key: signal.band() for key, signal in self._signals.items()} | codes

    def answer(self, request: str) -> str | None:
        replies = [self._answer(_normal(part)) for part in request.split(";")]
        return ";".join(reply for reply in replies if reply is not None) or None

    def channel_of(self, request: str) -> str:
        asked = self._asked(_normal(request))
        channels = {channel for channel, *_ in self._questions.get(asked, ())}
        channels |= {each["channel"] for each in self._validity.get(asked, ())}
        return channels.pop() if len(channels) == 1 else ""

    def _asked(self, request: str) -> Asked:
        selected = self._selected, request
        return selected if selected in self._questions or selected in self._validity else ("", request)

    def _answer(self, request: str) -> str | None:
        if request == "*IDN?":
            pattern = self.stanza.options["identity"] or ""
            model = pattern if pattern.isalnum() and pattern != NAMELESS else "SCPI"
            return f"LABLINE,{model},SIM{self.seed:04d},1.0"
        if request == _normal(self.stanza.options["fence"] or ""):
            return "1999.0"
        asked = self._asked(request)
        if asked in self._questions:
            return _said(
                [(given.where, self._value(channel, name, given)) for channel, name, given in self._questions[asked]]
            )
        if asked in self._validity:
            return _said([(where, _number(where["equals"])) for where in self._validity[asked]])
        header, _, argument = request.partition(" ")
        if "?" in header:
            return self._settings.get(request.removesuffix("?")) or None
        self._selected = request
        self._settings[header] = argument
        return None

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {key: (value,) for key, value in self._constants() if isinstance(value, (bool, str))}

    def _constants(self) -> Iterator[tuple[tuple[str, str], Any]]:
        """List what is no number: (channel, quantity), and what that always is."""
        for channel, name, given in (each for group in self._questions.values() for each in group):
            if not given.quantity.numeric:
                yield (channel, name), spread.constant(channel, given.quantity)

    def _value(self, channel: str, name: str, given: Declared) -> str | int:
        """Tell what a quantity is now; of a whole number the number."""
        quantity = given.quantity
        if not quantity.numeric:
            constant = spread.constant(channel, quantity)
            return str(constant) if quantity.type == "str" else int(constant)
        if quantity.type == "int":
            return round(self._signals[channel, name]())
        over = self.current_fault() == "over_range"
        text = "9.9E37" if over else f"{self._signals[channel, name]() / given.scale:.7G}"
        return text.replace(".", ",") if given.where["decimal_comma"] else text


def _said(values: Sequence[tuple[Mapping[str, Any], str | int]]) -> str:
    """Write the answer that holds these values, each where its declaration looks for it."""
    separator = values[0][0]["separator"]
    example = next((where["example"] for where, _ in values if where.get("example")), "").strip()
    last = max(where["part"] or 0 for where, _ in values)
    parts = example.split(separator) if last and example else [example]
    parts += ["0"] * (last - len(parts))
    numbers: dict[int, int] = {}  # part -> the bits that are told in it
    for where, value in values:
        place = (where["part"] or 1) - 1
        if isinstance(value, int):
            first = (_scpi_quantity.bits(where["bits"]) or (0, 0))[0]
            numbers[place] = numbers.get(place, 0) + (value << first)
            value = f"{numbers[place]:{_scpi_quantity.FORMS[where['base']]}}"
        match = re.fullmatch(where["pattern"] or "", parts[place].strip())
        if match and match[0]:
            start, end = match.span(1 if match.re.groups else 0)
            value = f"{match.string[:start]}{value}{match.string[end:]}"
        parts[place] = value
    return str(separator.join(parts))


def _number(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _normal(command: str) -> str:
    return " ".join(command.strip().lstrip(":").upper().split())


SIMULATOR = ScpiSimulator
