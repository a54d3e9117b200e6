"""A quantity as it is declared in YAML for an SCPI instrument: its query, and how an answer becomes a value."""

from __future__ import annotations

import re

from .. import declared
from ..configured import Channel
from ..declare import Option
from ..declared import Declared
from ..errors import BadAnswer, BadInput
from ..names import check_pattern
from ..source import number

WHERE = (
    Option("query", "str", "the question, such as MEAS:VOLT?", required=True),
    Option(
        "pattern",
        "str",
        "a regular expression for the whole answer, whose first group is the value; default: all of it",
    ),
    Option("example", "str", "an answer, to check the pattern with"),
)
INTEGER = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
TRUTH = {"1": True, "ON": True, "0": False, "OFF": False}
INFINITY, NOT_A_NUMBER = 9.9e37, 9.91e37  # SCPI-99 volume 1, 7.2.1.4 and 7.2.1.5
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Question:
    """One quantity's query, and how its answer becomes a value."""

    def __init__(self, name: str, declared: Declared):
        self.name, self.type, self.scale = name, declared.quantity.type, declared.scale
        self.query: str = declared.where["query"]
        self.pattern = re.compile(declared.where["pattern"]) if declared.where["pattern"] else None

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


def read(channel: Channel) -> dict[str, Declared]:
    """Check what a channel declares below ``read``, by quantity. Raises BadInput with the path from the channel on."""
    found = declared.read(channel.options["read"], WHERE)
    for name, each in found.items():
        where = ("read", name)
        if each.where["pattern"]:
            check_pattern(each.where["pattern"], (*where, "pattern"))
        if each.where["example"] is None:
            continue
        try:
            Question(name, each).value(each.where["example"])
        except BadAnswer as error:
            raise BadInput(f"does not fit the other keys: {error}", (*where, "example")) from None
    return found
