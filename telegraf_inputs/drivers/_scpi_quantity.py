"""A quantity as it is declared in YAML for an SCPI instrument: its query, and how an answer becomes a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import declared
from ..configured import Channel
from ..declare import Option
from ..declared import Declared
from ..errors import BadAnswer, BadInput, noted, shown, together
from ..options import take
from ..pattern import Pattern, check_pattern
from . import _scpi_numbers as numbers

NAMED_BASES = {"decimal": 10, "hex": 16, "octal": 8, "binary": 2}
FORMS = {"decimal": "d", "hex": "X", "octal": "o", "binary": "b"}  # of Python's formats
MOST_PARTS, MOST_BITS = 10_000, 63
ANSWER = (
    Option(
        "query", "str", "the question, such as MEAS:VOLT?; {channel} in it stands for the channel's name", required=True
    ),
    Option("part", "int", "which of several values in the answer, from 1; quantities with one query ask it once"),
    Option("separator", "str", "what stands between the values", ","),
    Option(
        "pattern",
        "str",
        "a regular expression for the whole answer (or part), whose first group is the value; default: all of it",
    ),
    Option(
        "base",
        "str",
        "how whole numbers are written that have no #H, #Q, #B or 0x before them",
        "decimal",
        choices=tuple(NAMED_BASES),
    ),
    Option(
        "bits", "str", "which bits of a whole number are the value, from 0: one, such as 5, or several, such as 2-4"
    ),
)
WHERE = (
    *ANSWER,
    Option("decimal_comma", "bool", "1,5 is one and a half", False),
    Option("missing", "list", 'answers that mean no reading, such as [OVLD, "--------", -9999]', []),
    Option("over_range", "list", "answers that mean that the value is beyond the range", []),
    Option(
        "valid_when",
        "map",
        'a second question, asked after this one, that tells whether the value is a reading: {query: "RDGST? {channel}", '
        "equals: 0}, with part, separator, pattern, base, bits as above",
    ),
    Option("example", "str", "an answer, to check the other keys with"),
)
EQUALS = Option("equals", "str", "the answer with which the value is a reading", required=True)
BITS = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?\Z", re.ASCII)
COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)
TRUTH = {"ON": True, "OFF": False}
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Answer:
    """Takes what is meant out of an answer: a part of it, what a pattern holds, some bits."""

    def __init__(self, where: Mapping[str, Any]):
        self.query: str = where["query"]
        self._part, self._separator = where["part"], where["separator"]
        self._pattern = Pattern(where["pattern"]) if where["pattern"] else None
        self._base = NAMED_BASES[where["base"]]
        self._bits = bits(where["bits"])

    def texts(self, answer: str) -> list[str]:
        """List what the answer is, from the whole to what is meant. Raises BadAnswer where it has no such part."""
        found = [answer.strip()]
        if self._part is not None:
            parts = found[-1].split(self._separator)
            if len(parts) < self._part:
                raise self.bad(answer, f"at least {self._part} values between {self._separator!r}")
            found.append(parts[self._part - 1].strip())
        return found

    def matched(self, text: str, answer: str) -> str:
        """Take what the pattern holds. Raises BadAnswer where it does not match."""
        if self._pattern is None:
            return text
        match = self._pattern.match(text)
        if not match:
            raise self.bad(answer, repr(self._pattern.text))
        return (match[1 if self._pattern.groups else 0] or "").strip()

    def number(self, text: str) -> float | None:
        """Read a number, or the bits that are meant; None where it is none."""
        return numbers.number(text, self._base) if self._bits is None else self.whole(text)

    def whole(self, text: str) -> int | None:
        """Read a whole number, or the bits that are meant; None where it is none."""
        found = numbers.whole(text, self._base)
        if self._bits is None or found is None:
            return found
        first, count = self._bits
        return found >> first & (1 << count) - 1 if found >= 0 else None

    def bad(self, answer: str, expected: str) -> BadAnswer:
        asked = f"asked {self.query}, " if self.query else ""
        return BadAnswer(f"{asked}found {answer[:60]!r}, expected {expected}")


class Validity(Answer):
    """The question whether a value is a reading."""

    def __init__(self, where: Mapping[str, Any]):
        super().__init__(where)
        self._equals = where["equals"]

    def trouble(self, answer: str) -> str:
        """Tell what the answer says against the value; "" for nothing. Raises BadAnswer where it is no answer."""
        text = self.matched(self.texts(answer)[-1], answer)
        wanted, found = numbers.number(self._equals), self.number(text)
        if wanted is not None and found is None:
            raise self.bad(answer, "a number")
        same = found == wanted if wanted is not None else _plain(text) == _plain(self._equals)
        return "" if same else f"asked {self.query}, found {text[:40]!r}, a reading has {self._equals!r}"


class Question(Answer):
    """One quantity's query, and how its answer becomes a value."""

    def __init__(self, name: str, declared: Declared):
        super().__init__(declared.where)
        self.name, self.type, self.scale = name, declared.quantity.type, declared.scale
        where = declared.where
        self._comma = where["decimal_comma"]
        self._meaning = [
            *((w, "no_reading") for w in where["missing"]),
            *((w, "over_range") for w in where["over_range"]),
        ]
        self.valid = Validity(where["valid_when"]) if where["valid_when"] else None

    def value(self, answer: str) -> tuple[float | int | bool | str | None, str]:
        """Read an answer; returns the value (None where there is none) and what is wrong (empty: nothing).

        Raises BadAnswer where it is no answer to this query.
        """
        for text in (texts := self.texts(answer)):
            if meaning := self._no_value(text):
                return None, meaning
        return self.said(self.matched(texts[-1], answer), answer)

    def said(self, text: str, answer: str) -> tuple[float | int | bool | str | None, str]:
        """Read the text that stands in an answer for the value; returns, and raises, as ``value`` does."""
        if meaning := self._no_value(text):
            return None, meaning
        if self.type == "str":
            text = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
            if not text or not text.isprintable() or UNREADABLE in text:
                raise self.bad(answer, "a text")
            return text, ""
        if self.type == "bool":
            truth = TRUTH.get(text.upper(), self.whole(text))
            if truth not in (0, 1):
                raise self.bad(answer, "0, 1, OFF or ON")
            return bool(truth), ""
        return self._numeric(text, answer)

    def _numeric(self, text: str, answer: str) -> tuple[float | int | None, str]:
        if self._comma and COMMA.match(text):
            text = text.replace(",", ".")
        elif self._comma and "." in text:
            raise self.bad(answer, "a number with a decimal comma")
        if trouble := numbers.word(text) or numbers.special(text):
            return None, trouble
        if self.type == "int":
            found = self.whole(text)
            if found is None:
                raise self.bad(answer, "a whole number")
            return found, ""
        value = self.number(text)
        if value is None:
            raise self.bad(answer, "a number")
        return value * self.scale, ""

    def _no_value(self, text: str) -> str:
        """Tell what a text means that the declaration calls no value; "" where it is not such a text."""
        for said, meaning in self._meaning:
            same = numbers.number(text) == said if isinstance(said, (int, float)) else _plain(text) == _plain(said)
            if same:
                return meaning
        return ""


def _plain(text: str) -> str:
    return text.strip("'\" ").casefold()


def bits(text: str | None) -> tuple[int, int] | None:
    """Read which bits are meant: the first, and how many; None for all. Raises BadInput."""
    if text is None:
        return None
    match = BITS.match(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last < MOST_BITS:
        raise BadInput(
            f"found {shown(text)}, expected a bit such as 5, or several such as 2-4, below {MOST_BITS}", ("bits",)
        )
    return first, last - first + 1


@dataclass(frozen=True)
class _Named:
    """Writes a channel's name in the place of ``{channel}``."""

    channel: str

    def __call__(self, text: str) -> str:
        return text.replace("{channel}", self.channel)


def before(channel: Channel) -> str:
    """Tell the command that selects a channel; "" for none."""
    return _Named(channel.id)(channel.options["before"] or "")


def read(channel: Channel) -> dict[str, Declared]:
    """Check what a channel declares below ``read``, by quantity. Raises BadInput with the path from the channel on."""
    named = _Named(channel.id)
    found = {}
    whole_channel = _validity(channel.options["valid_when"], ("valid_when",), named)
    with together() as wrong:
        for name, each in declared.read(channel.options["read"], WHERE).items():
            with noted(wrong):
                path = ("read", name)
                where = dict(each.where)
                where["query"] = named(where["query"])
                where["valid_when"] = _validity(where["valid_when"], (*path, "valid_when"), named) or whole_channel
                _check_answer(where, each.quantity.type, path)
                check_value(where, each.quantity.type, where["separator"] if where["part"] else "", path)
                found[name] = Declared(each.quantity, each.scale, where)
                if where["example"] is not None:
                    try:
                        Question(name, found[name]).value(where["example"])
                    except BadAnswer as error:
                        raise BadInput(f"does not fit the other keys: {error}", (*path, "example")) from None
    return found


def _validity(given: Mapping[str, Any] | None, path: tuple[str, ...], named: _Named) -> dict[str, Any] | None:
    if given is None:
        return None
    errors: list[BadInput] = []
    where = take(given, (*ANSWER, EQUALS), "valid_when", errors)
    if errors:
        errors[0].path = (*path, *errors[0].path)
        raise errors[0]
    where["query"] = named(where["query"])
    _check_answer(where, "int", path)
    return where


def _check_answer(where: Mapping[str, Any], kind: str, path: tuple[str, ...]) -> None:
    if where["pattern"]:
        check_pattern(where["pattern"], (*path, "pattern"))
    if where["part"] is not None and not 1 <= where["part"] <= MOST_PARTS:
        raise BadInput(f"found {where['part']}, expected a number from 1 to {MOST_PARTS}", (*path, "part"))
    if not where["separator"]:
        raise BadInput("is empty; expected what stands between the values, such as ','", (*path, "separator"))
    _check_bits(where["bits"], kind, path)


def _check_bits(given: str | None, kind: str, path: tuple[str, ...]) -> None:
    try:
        some = bits(given)
    except BadInput as error:
        error.path = (*path, *error.path)
        raise
    if some is not None and (kind not in ("int", "bool") or kind == "bool" and some[1] > 1):
        raise BadInput(f"is for type int, or one bit for type bool; this is {kind}", (*path, "bits"))


def check_value(where: Mapping[str, Any], kind: str, separator: str, path: tuple[str, ...]) -> None:
    """Refuse (BadInput) keys of a value that don't fit each other; ``separator``: what stands between it and others."""
    _check_bits(where["bits"], kind, path)
    if where["decimal_comma"] and (kind != "float" or "," in separator):
        raise BadInput(
            "is for type float, and where values have another separator than a comma", (*path, "decimal_comma")
        )
    for key in ("missing", "over_range"):
        for index, text in enumerate(where[key]):
            if isinstance(text, bool) or not isinstance(text, (str, int, float)):
                raise BadInput(
                    f"found {shown(text)}, expected an answer: a text (in quotes) or a number", (*path, key, index)
                )
