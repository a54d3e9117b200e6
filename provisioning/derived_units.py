"""Units of expressions: checked, and made into the steps that compute a value in the unit that is declared.

What is computed stays in the units of what it is computed with; factors stand only where two of them differ. A temperature with a
zero of its own (°C) can be subtracted from another one, which makes a difference, but not multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

from telegraf_inputs.declare import Quantity
from telegraf_inputs.derived_script import NS, Step
from telegraf_inputs.errors import BadInput
from telegraf_inputs.expression import NEGATIVE, Call, Expression, Name, Number

from . import units

MOST_VALUES = 101  # that a moving median looks at
LONGEST_WINDOW = 1000  # intervals over which a rate is taken: so many values are kept
KELVIN, CELSIUS, PERCENT = "K", "°C", "%"

Dimension = dict[str, Fraction]


@dataclass(frozen=True)
class Kind:
    """What a number is: in its basic unit it is ``offset + factor · x``.

    ``sort``: a *point* has a place on a scale of temperature, a *difference* has none; all else is *plain*. ``unit`` is how
    messages write it.
    """

    factor: float
    offset: float
    dimension: Dimension
    sort: Literal["plain", "point", "difference"] = "plain"
    unit: str = field(default="", compare=False)


@dataclass(frozen=True)
class Term:
    """Something computed: its steps, and its kind."""

    steps: tuple[Step, ...]
    kind: Kind

    @property
    def number(self) -> float | None:
        """Give the number that it is; None where it is computed."""
        return self.steps[0][1] if len(self.steps) == 1 and self.steps[0][0] == "number" else None


def compute(
    of: Expression, named: Mapping[str, tuple[str, Quantity]], unit: str, interval: float
) -> tuple[tuple[Step, ...], bool]:
    """Make the steps that give an expression's value in ``unit``; tells whether that is a difference of temperatures.

    ``named``: a name in the expression -> (the input's name, its quantity); ``interval``: seconds between two values. Raises
    BadInput.
    """
    return _Compiler(named, interval).result(of, unit)


def kind(unit: str) -> Kind:
    """Tell what a number in a unit is; a unit that is not known converts to nothing but itself."""
    found = units.affine(unit)
    if found is None:
        return Kind(1.0, 0.0, {f"'{unit}'": Fraction(1)}, unit=unit)
    factor, offset, dimension = found
    temperature = dimension == {"kelvin": 1}
    return Kind(factor, offset, dimension, "point" if temperature else "plain", unit)


class _Compiler:
    def __init__(self, named: Mapping[str, tuple[str, Quantity]], interval: float):
        self._named, self._interval = named, interval

    def result(self, of: Expression, unit: str) -> tuple[tuple[Step, ...], bool]:
        found, wanted = self._part(of), kind(unit)
        _same(found.kind, wanted, f"the expression gives {_words(found.kind)}, but {unit!r} is declared")
        if found.kind.sort == "difference" and wanted.offset:
            raise BadInput(
                f"gives a difference of temperatures, which has no place on the scale of {unit}; declare unit K"
            )
        return _in(found, wanted).steps, found.kind.sort == "difference"

    def _part(self, of: Expression) -> Term:
        if isinstance(of, Number):
            found = kind(of.unit)
            if of.unit and not units.known(of.unit):
                raise BadInput(
                    f"{of.unit!r} is no unit that is known here; {units.meant(of.unit) or 'such as 5 mbar, 10 min, 100 %'}"
                )
            return Term((("number", of.value),), replace(found, sort="plain") if not found.offset else found)
        if isinstance(of, Name):
            name, quantity = self._named[of.text]
            found = kind(quantity.unit)
            return Term((("input", name),), replace(found, sort="difference") if quantity.difference else found)
        if of.function in ("rate", "moving_median"):
            return self._remembering(of)
        parts = [self._part(argument) for argument in of.arguments]
        return RULES[of.function](of.function, parts)

    def _remembering(self, of: Call) -> Term:
        part, *rest = (self._part(argument) for argument in of.arguments)
        argument = rest[0] if rest else None
        if argument is not None and argument.number is None:
            raise BadInput(f"found an expression as second of {of.function}, expected a number")
        if of.function == "moving_median":
            assert argument is not None and argument.number is not None
            count = argument.number
            if argument.kind != kind("") or count != int(count) or not 3 <= count <= MOST_VALUES:
                raise BadInput(
                    f"found {count:g} as second of moving_median, expected how many values, 3 to {MOST_VALUES}"
                )
            return Term((*part.steps, (of.function, int(count))), part.kind)
        window = 0.0
        if argument is not None and argument.number is not None:
            _same(
                argument.kind, kind("s"), f"rate is taken over {_words(argument.kind)}, expected a time, such as 10 min"
            )
            window = argument.number * argument.kind.factor
            if not 2 * self._interval <= window <= LONGEST_WINDOW * self._interval:
                raise BadInput(
                    f"rate is taken over {window:g} s, expected 2 to {LONGEST_WINDOW} intervals, of {self._interval:g} s here"
                )
        steps = (*part.steps, (of.function, round(window * NS)))
        per_second = _times(part.kind.dimension, {"second": Fraction(1)}, -1)
        return Term(steps, Kind(part.kind.factor, 0.0, per_second, unit=f"{part.kind.unit or 1}/s"))


def _sum(sign: str, parts: list[Term]) -> Term:
    first, second = parts
    _same(first.kind, second.kind, f"{_words(first.kind)} {sign} {_words(second.kind)}")
    points = [part.kind.sort == "point" for part in parts]
    scaled = any(part.kind.offset for part in parts)
    if sign == "-" and all(points):
        made = replace(first.kind, offset=0.0, sort="difference")
        return _called(sign, [first, _in(second, first.kind)], made)
    if all(points) and scaled:
        raise BadInput("is a sum of two temperatures, of which only the mean means something: mean(a, b)")
    if points[0] and not points[1] or not any(points):
        other = _in(second, replace(first.kind, offset=0.0))
        sort = first.kind.sort if points[0] or first.kind.sort == "difference" else second.kind.sort
        return _called(sign, [first, other], replace(first.kind, sort=sort))
    if points[1] and not points[0]:
        if sign == "-" and second.kind.offset:
            raise BadInput("takes a temperature away from a difference; expected it the other way round")
        return _called(sign, [_in(first, replace(second.kind, offset=0.0)), second], second.kind)
    return _called(sign, [first, _in(second, first.kind)], replace(first.kind, sort="plain"))


def _product(sign: str, parts: list[Term]) -> Term:
    first, second = map(_multiplied, parts)
    power = 1 if sign == "*" else -1
    dimension = _times(first.dimension, second.dimension, power)
    made = Kind(first.factor * second.factor**power, 0.0, dimension, unit=_multiplied_unit(first, second, power))
    difference = "difference" in (first.sort, second.sort) and made.dimension == kind(KELVIN).dimension
    return _called(sign, parts, replace(made, sort="difference") if difference else made)


def _alike(function: str, parts: list[Term]) -> Term:
    """Apply what takes and gives values of one kind."""
    first = parts[0].kind
    sorts = {part.kind.sort for part in parts}
    for part in parts:
        _same(first, part.kind, f"{function} of {_words(first)} and {_words(part.kind)}")
    if {"point", "difference"} <= sorts and any(part.kind.offset for part in parts):
        raise BadInput(f"is {function} of a temperature and a difference of temperatures")
    sort = next((s for s in ("point", "difference") if s in sorts), "plain")
    return _called(function, [_in(part, first) for part in parts], replace(first, sort=sort))  # type: ignore[arg-type]


def _length(function: str, parts: list[Term]) -> Term:
    """Apply what means something of values without an offset alone."""
    for part in parts:
        _multiplied(part)
    return _alike(function, parts)


def _root(function: str, parts: list[Term]) -> Term:
    found = _multiplied(parts[0])
    half = {name: power / 2 for name, power in found.dimension.items()}
    return _called(function, parts, Kind(math.sqrt(found.factor), 0.0, half, unit=f"√({found.unit})"))


def _absolute(function: str, parts: list[Term]) -> Term:
    found = parts[0].kind
    if found.sort != "point":
        raise BadInput(f"is {function} of {_words(found)}, expected a temperature")
    made = _in(parts[0], Kind(1.0, 0.0, found.dimension, "point", KELVIN))
    return replace(made, kind=replace(made.kind, sort="plain"))


def _dew_point(function: str, parts: list[Term]) -> Term:
    given = []
    for part, what, unit in zip(parts, ("a temperature", "a relative humidity"), (CELSIUS, PERCENT), strict=True):
        wanted = kind(unit)
        if part.kind.dimension != wanted.dimension or (unit == CELSIUS and part.kind.sort == "difference"):
            raise BadInput(
                f"found {_words(part.kind)} in {function}, expected {what}: dew_point(temperature, humidity)"
            )
        given.append(_in(part, wanted))
    return _called(function, given, kind(CELSIUS))


RULES: dict[str, Callable[[str, list[Term]], Term]] = {
    **dict.fromkeys("+-", _sum),
    **dict.fromkeys("*/", _product),
    **dict.fromkeys(("min", "max", "mean", "clamp"), _alike),
    **dict.fromkeys((NEGATIVE, "abs", "hypot"), _length),
    "sqrt": _root,
    "absolute": _absolute,
    "dew_point": _dew_point,
}


def _called(function: str, parts: list[Term], made: Kind) -> Term:
    return Term((*(step for part in parts for step in part.steps), (function, len(parts))), made)


def _in(part: Term, wanted: Kind) -> Term:
    """Convert to another unit of the same dimension."""
    a = units.round_off((part.kind.offset - wanted.offset) / wanted.factor)
    b = units.round_off(part.kind.factor / wanted.factor)
    made = replace(wanted, sort=part.kind.sort)
    if (a, b) == (0.0, 1.0):
        return Term(part.steps, made)
    if part.number is not None:
        return Term((("number", units.round_off(a + b * part.number)),), made)
    return Term((*part.steps, ("linear", (a, b))), made)


def _multiplied(part: Term) -> Kind:
    if part.kind.offset:
        raise BadInput(
            "computes with a multiple of a temperature whose scale has a zero of its own; expected a difference of two, or "
            "absolute(…), which is in kelvin"
        )
    return part.kind


def _same(first: Kind, second: Kind, said: str) -> None:
    if first.dimension != second.dimension:
        raise BadInput(f"{said}: these units do not convert to each other")


def _times(first: Dimension, second: Dimension, power: int) -> Dimension:
    made: dict[str, Any] = dict(first)
    for name, exponent in second.items():
        made[name] = made.get(name, Fraction(0)) + power * exponent
    return {name: exponent for name, exponent in made.items() if exponent}


def _multiplied_unit(first: Kind, second: Kind, power: int) -> str:
    if not second.unit:
        return first.unit
    if power == 1:
        return "·".join(filter(None, (first.unit, second.unit)))
    below = f"({second.unit})" if "·" in second.unit or "/" in second.unit else second.unit
    return f"{first.unit or 1}/{below}"


def _words(of: Kind) -> str:
    return repr(of.unit) if of.unit else "a number without a unit"
