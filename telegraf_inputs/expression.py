"""Expressions over channels: ``dew_point(air.temperature, air.humidity)``, ``100 % * out / max``. A small grammar of its own.

    sum      = product { ("+" | "-") product }
    product  = sign { ("*" | "/") sign }
    sign     = [ "-" | "+" ] atom
    atom     = number [ unit ] | name | function "(" sum { "," sum } ")" | "(" sum ")"

A name is what channels are called, ``instrument.channel.quantity``, and begins with a letter or stands in quotes ('372.A.kelvin');
as names may have a "-" in them, a minus sign behind one has a space before it. Nothing is evaluated here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import BadInput, shown, suggestion
from .letters import normal

LONGEST = 500  # characters
DEEPEST = 20  # brackets, functions and signs within each other
MOST_ARGUMENTS = 20


@dataclass(frozen=True)
class Number:
    """A number with its unit, "" where it has none."""

    value: float
    unit: str


@dataclass(frozen=True)
class Name:
    """What a channel's quantity is called."""

    text: str


@dataclass(frozen=True)
class Call:
    """A function, or one of the signs + - * /, of what it is applied to."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Number | Name | Call


@dataclass(frozen=True)
class Function:
    """Declares a function: how many arguments it takes, and what it gives."""

    least: int
    most: int
    shape: str
    description: str


NEGATIVE = "negative"
FUNCTIONS = {
    "abs": Function(1, 1, "abs(x)", "without its sign"),
    "sqrt": Function(1, 1, "sqrt(x)", "the square root"),
    "hypot": Function(2, MOST_ARGUMENTS, "hypot(x, y, …)", "the length of a vector: √(x² + y² …)"),
    "min": Function(2, MOST_ARGUMENTS, "min(x, y, …)", "the least of them"),
    "max": Function(2, MOST_ARGUMENTS, "max(x, y, …)", "the largest of them"),
    "mean": Function(2, MOST_ARGUMENTS, "mean(x, y, …)", "their mean"),
    "clamp": Function(3, 3, "clamp(x, low, high)", "x, but no less than low and no more than high"),
    "absolute": Function(1, 1, "absolute(t)", "a temperature in kelvin, which may be multiplied"),
    "dew_point": Function(
        2,
        2,
        "dew_point(temperature, humidity)",
        "the dew point over water, by WMO-No. 8 (2018), volume I, annex 4.B; -45 °C to 60 °C, humidity above 0 % to 100 %",
    ),
    "rate": Function(
        1,
        2,
        "rate(x), rate(x, 10 min)",
        "how much x changes in a time: since its value before, or the slope of a straight line through those of a time",
    ),
    "moving_median": Function(2, 2, "moving_median(x, 5)", "the median of the last values, 3 to 101 of them"),
}
TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?![\w.])|
    (?P<attached>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?=[^\W\d_])|
    '(?P<quoted>[^']*)'|
    (?P<name>[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z0-9_.-]*)|
    (?P<word>[^\W\d]\w*[²³]?|[%‰°][A-Za-z]{0,2})|
    (?P<sign>[-+*/(),])
    )""",
    re.VERBOSE,
)


def parse(text: str) -> Expression:
    """Read an expression. Raises BadInput, which says at which character it is none."""
    if len(text) > LONGEST:
        raise BadInput(f"has {len(text)} characters, expected {LONGEST} at most; divide it among several channels")
    return _Parser(normal(text).replace("·", "*").replace("×", "*")).whole()


def names(of: Expression) -> Iterator[str]:
    """List the names in an expression, from left to right."""
    if isinstance(of, Name):
        yield of.text
    elif isinstance(of, Call):
        for argument in of.arguments:
            yield from names(argument)


class _Parser:
    def __init__(self, text: str):
        self._text, self._depth = text, 0
        self._tokens = list(self._split())
        self._next = 0

    def whole(self) -> Expression:
        found = self._sum()
        if self._kind != "end":
            raise self._odd("an operator (+ - * /)")
        return found

    def _split(self) -> Iterator[tuple[str, str, int]]:
        at = 0
        while self._text[at:].strip():
            match = TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                rest = self._text[at:].lstrip()
                raise BadInput(
                    f"found {shown(rest)} at character {len(self._text) - len(rest) + 1}, which is none of an expression's: "
                    "names of channels, numbers with units, functions, + - * / and brackets"
                )
            kind = {"attached": "number", "quoted": "name"}.get(match.lastgroup, match.lastgroup)
            yield kind, match[match.lastgroup], match.start(match.lastgroup) + 1
            at = match.end()
        yield "end", "", len(self._text) + 1

    @property
    def _kind(self) -> str:
        return self._tokens[self._next][0]

    @property
    def _word(self) -> str:
        return self._tokens[self._next][1]

    def _take(self) -> str:
        word = self._word
        self._next += 1
        return word

    def _odd(self, expected: str) -> BadInput:
        kind, word, at = self._tokens[self._next]
        found = "the end" if kind == "end" else shown(word)
        return BadInput(f"found {found} at character {at}, expected {expected}")

    def _is(self, *signs: str) -> bool:
        return self._kind == "sign" and self._word in signs

    def _sum(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._odd(f"no more than {DEEPEST} brackets within each other; divide it among several channels")
        found = self._product()
        while self._is("+", "-"):
            found = Call(self._take(), (found, self._product()))
        self._depth -= 1
        return found

    def _product(self) -> Expression:
        found = self._signed()
        while self._is("*", "/"):
            found = Call(self._take(), (found, self._signed()))
        return found

    def _signed(self) -> Expression:
        if not self._is("-", "+"):
            return self._atom()
        sign, found = self._take(), self._atom()
        if sign == "+":
            return found
        return Number(-found.value, found.unit) if isinstance(found, Number) else Call(NEGATIVE, (found,))

    def _atom(self) -> Expression:
        if self._kind == "number":
            value = float(self._take())
            if value - value != 0:
                self._next -= 1
                raise self._odd("a finite number")
            return Number(value, self._take() if self._kind == "word" else "")
        if self._kind == "name":
            return Name(self._take())
        if self._kind == "word":
            return self._call()
        if self._is("("):
            self._take()
            found = self._sum()
            self._close()
            return found
        raise self._odd("a channel, a number, a function or a bracket")

    def _call(self) -> Call:
        name = self._word
        if self._tokens[self._next + 1][1] != "(":
            hint = "channels are called instrument.channel.quantity, or instrument.channel"
            raise self._odd(f"a channel, a number or a function: {hint}")
        if name not in FUNCTIONS:
            raise self._odd(f"a function; {suggestion(name, FUNCTIONS)}")
        self._next += 2
        arguments = [self._sum()]
        while self._is(","):
            self._take()
            arguments.append(self._sum())
        self._close()
        declared = FUNCTIONS[name]
        if not declared.least <= len(arguments) <= declared.most:
            raise BadInput(f"found {name} of {len(arguments)}, expected {declared.shape}")
        return Call(name, tuple(arguments))

    def _close(self) -> None:
        if not self._is(")"):
            raise self._odd("')'")
        self._take()
