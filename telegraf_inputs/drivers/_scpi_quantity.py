"""A quantity as it is declared in YAML for an SCPI instrument: its query, and how an answer becomes a value."""

from __future__ import annotations

import re
from typing import Any

from ..declare import Quantity
from ..errors import BadAnswer, BadInput, suggestion
from ..names import check_field, check_pattern
from ..source import number

KEYS: dict[str, type] = {
    "query": str,
    "unit": str,
    "description": str,
    "type": str,
    "low": float,
    "high": float,
    "decimals": int,
    "scale": float,
    "pattern": str,
    "example": str,
}
WORDS = {str: "a text", float: "a number", int: "a whole number"}
TYPES = ("float", "int", "bool", "str")
INTEGER = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
TRUTH = {"1": True, "ON": True, "0": False, "OFF": False}
INFINITY, NOT_A_NUMBER = 9.9e37, 9.91e37  # SCPI-99 volume 1, 7.2.1.4 and 7.2.1.5
MOST_DECIMALS = 15  # a float has no more digits
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Question:
    """One quantity's query, and how its answer becomes a value."""

    __slots__ = ("name", "query", "type", "scale", "pattern")

    def __init__(self, name: str, given: dict[str, Any]):
        self.name, self.query = name, given["query"]
        self.type, self.scale = given.get("type", "float"), float(given.get("scale", 1.0))
        self.pattern = re.compile(given["pattern"]) if "pattern" in given else None

    def value(self, answer: str) -> tuple[float | int | bool | str | None, str]:
        """Read an answer; returns the value (None where there is none) and what is wrong (empty: nothing).

        Raises BadAnswer where it is no answer to this query.
        """
        text = answer.strip()
        if self.pattern is not None:
            match = self.pattern.fullmatch(text)
            if not match:
                raise self._bad(answer, repr(self.pattern.pattern))
            text = (match[1 if self.pattern.groups else 0] or "").strip()
        if self.type == "str":
            text = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
            if not text or not text.isprintable() or UNREADABLE in text:
                raise self._bad(answer, "a text")
            return text, ""
        if self.type == "bool":
            if text.upper() not in TRUTH:
                raise self._bad(answer, "0, 1, OFF or ON")
            return TRUTH[text.upper()], ""
        if self.type == "int":
            if not INTEGER.match(text):
                raise self._bad(answer, "a whole number")
            return int(text), ""
        value = number(text, asked=self.query)
        if abs(value) == NOT_A_NUMBER:
            return None, "no_reading"
        if abs(value) >= INFINITY:
            return None, "over_range"
        return value * self.scale, ""

    def _bad(self, answer: str, expected: str) -> BadAnswer:
        return BadAnswer(f"asked {self.query}, found {answer[:60]!r}, expected {expected}")


def quantity(name: str, given: Any) -> Quantity:
    """Check the declaration of one quantity. Raises BadInput with the path from the channel on."""
    where = ("read", name)
    check_field(name, where)
    if not isinstance(given, dict):
        raise BadInput(f'found {given!r}, expected such as {{query: "MEAS:VOLT?", unit: V}}', where)
    for key, value in given.items():
        if key not in KEYS:
            raise BadInput(f"is not a key of a quantity; {suggestion(key, KEYS)}", (*where, key))
        kinds = (int, float) if KEYS[key] is float else KEYS[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise BadInput(f"found {value!r}, expected {WORDS[KEYS[key]]}", (*where, key))
        if isinstance(value, float) and value - value != 0.0:  # infinite, or none at all
            raise BadInput(f"found {value!r}, expected a finite number", (*where, key))
    if given.get("scale", 1.0) == 0:
        raise BadInput("is 0, with which every reading is 0; expected another factor", (*where, "scale"))
    if not 0 <= given.get("decimals", 0) <= MOST_DECIMALS:
        raise BadInput(
            f"found {given['decimals']}, expected a whole number from 0 to {MOST_DECIMALS}", (*where, "decimals")
        )
    for key, hint in (("query", "such as MEAS:VOLT?"), ("unit", "such as V ('' for none)")):
        if key not in given:
            raise BadInput(f"is missing; expected {hint}", (*where, key))
    kind = given.get("type", "float")
    if kind not in TYPES:
        raise BadInput(f"found {kind!r}, expected one of {', '.join(TYPES)}", (*where, "type"))
    if kind != "float" and "scale" in given:
        raise BadInput(f"is for floats, and this quantity is of type {kind}", (*where, "scale"))
    if "low" in given and "high" in given and given["low"] >= given["high"]:
        raise BadInput(f"is {given['low']:g}, which is not below 'high' ({given['high']:g})", (*where, "low"))
    if "pattern" in given:
        check_pattern(given["pattern"], (*where, "pattern"))
    if "example" in given:
        try:
            Question(name, given).value(given["example"])
        except BadAnswer as error:
            raise BadInput(f"does not fit the other keys: {error}", (*where, "example")) from None
    description = given.get("description", name.replace("_", " ").capitalize())
    return Quantity(
        name, given["unit"], description, given.get("low"), given.get("high"), type=kind, decimals=given.get("decimals")
    )
