"""Calibrations of a channel: from the raw quantity to the one that is meant.

Each form is written in the site file as people know it; ``x`` is the raw value:

    form: linear             a + b·x                       a, b
    form: polynomial         c0 + c1·x + c2·x² …           coefficients
    form: exponential        a·10^(b·x − c) + d            a, b, c, d (a gauge's logarithmic output)
    form: table              straight lines between points: points: [[x, y], …]; log: true interpolates log y
    form: steinhart_hart     1/T = a + b·ln R + c·(ln R)³, in kelvin; x is the resistance R in ohms, or, with supply and
                             series, the voltage of a divider whose lower arm R is
    form: divider            resistance of the lower arm of a divider: supply, series; x is its voltage

A raw value outside ``range: [low, high]``, or outside a table, has no calibrated value: nothing is extrapolated. Its
``version``, a name and a hash of all that decides the result, stands with what it made.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import options
from .declare import Option, Quantity
from .errors import BadInput, noted, shown, suggestion, together
from .names import NAME, check_field, not_a_name

Form = Callable[[float], float | None]


@dataclass(frozen=True)
class Calibration:
    """Turns quantity ``of`` into quantity ``to`` (unit ``unit``, shown with ``decimals`` digits after the point).

    ``least``: a result below it is no reading; None leaves that to the unit.
    ``parameters`` are those of the form, as they are written; ``name`` is what people call it, "" for nothing.
    """

    of: str
    to: str
    unit: str
    description: str
    decimals: int | None
    low: float
    high: float
    form: str
    apply: Form
    parameters: Mapping[str, Any] = field(default_factory=dict)
    least: float | None = None
    name: str = ""

    @cached_property
    def version(self) -> str:
        """Its name, and the beginning of a hash of all that decides the result: ``gauge-2021:3f2a91c4``."""
        import hashlib  # only here: most programs calibrate nothing

        said = (self.form, *sorted(self.parameters.items()), self.low, self.high, self.least)
        digest = hashlib.sha256(repr(_plain(said)).encode()).hexdigest()[:HASH_DIGITS]
        return f"{self.name}:{digest}" if self.name else digest

    def __call__(self, raw: float) -> float | None:
        """Calibrate one value; None where the calibration does not hold for it."""
        if not self.low <= raw <= self.high:
            return None
        try:
            value = self.apply(raw)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return float(value) if value is not None and math.isfinite(value) else None


def _plain(said: Any) -> Any:
    """Write what is the same in one way: 1 and 1.0, a list and a tuple."""
    if isinstance(said, (list, tuple)):
        return [_plain(each) for each in said]
    return float(said) if _is_number(said) else said


def _linear(b: float, a: float = 0.0) -> Form:
    return lambda x: a + b * x


def _polynomial(coefficients: list[float]) -> Form:
    if not coefficients:
        raise BadInput("needs at least one coefficient", ("coefficients",))

    def apply(x: float) -> float:
        total = 0.0
        for c in reversed(coefficients):
            total = total * x + c
        return total

    return apply


def _exponential(a: float, b: float, c: float = 0.0, d: float = 0.0) -> Form:
    return lambda x: a * 10.0 ** (b * x - c) + d


def _steinhart_hart(a: float, b: float, c: float, supply: float | None = None, series: float | None = None) -> Form:
    if (supply is None) != (series is None):
        raise BadInput(
            "supply and series go together: the divider that the resistance is in",
            ("supply" if supply is None else "series",),
        )
    if not (a or b or c):
        raise BadInput("is 0, as b and c are: no resistance has a temperature", ("a",))
    ohms: Form = (lambda x: x) if supply is None or series is None else _divider(supply, series)

    def apply(x: float) -> float | None:
        r = ohms(x)
        if r is None:
            return None
        log = math.log(r)
        kelvin = 1.0 / (a + b * log + c * log**3)
        return kelvin if kelvin > 0.0 else None

    return apply


def _divider(supply: float, series: float) -> Form:
    return lambda v: series * v / (supply - v) if 0.0 <= v < supply else None


def _table(points: list[list[float]], log: bool = False) -> Form:
    if len(points) < 2:
        raise BadInput(f"has {len(points)} point(s); a table needs at least two [x, y] pairs", ("points",))
    for index, point in enumerate(points):
        if not isinstance(point, list) or len(point) != 2 or not all(_is_number(v) for v in point):
            raise BadInput(f"found {point!r}, expected a pair of numbers [x, y]", ("points", index))
        if log and point[1] <= 0:
            raise BadInput(f"y is {point[1]!r}; with log: true every y must be above 0", ("points", index))
    xs = [float(x) for x, _ in points]
    for index in range(1, len(xs)):
        if xs[index] <= xs[index - 1]:
            raise BadInput(
                f"x goes from {xs[index - 1]:g} to {xs[index]:g}; x must rise from point to point", ("points", index)
            )
    ys = [math.log(y) if log else float(y) for _, y in points]

    def apply(x: float) -> float | None:
        if not xs[0] <= x <= xs[-1]:
            return None
        i = min(bisect_right(xs, x), len(xs) - 1)
        part = (x - xs[i - 1]) / (xs[i] - xs[i - 1])
        low, high = sorted((ys[i - 1], ys[i]))
        # Written so that each point gives its own y, and nothing lies beyond two neighbours, though numbers are rounded.
        y = min(max(ys[i - 1] * (1.0 - part) + ys[i] * part, low), high)
        return math.exp(y) if log else y

    return apply


MOST_DECIMALS = 15
HASH_DIGITS = 8
NUMBER, NUMBERS, POINTS, TRUTH = "a number", "a list of numbers", "a list of [x, y] pairs", "true or false"
# form -> (maker, {parameter: kind}, parameters that must be given)
FORMS: dict[str, tuple[Callable[..., Form], dict[str, str], tuple[str, ...]]] = {
    "linear": (_linear, {"a": NUMBER, "b": NUMBER}, ("b",)),
    "polynomial": (_polynomial, {"coefficients": NUMBERS}, ("coefficients",)),
    "exponential": (_exponential, {"a": NUMBER, "b": NUMBER, "c": NUMBER, "d": NUMBER}, ("a", "b")),
    "table": (_table, {"points": POINTS, "log": TRUTH}, ("points",)),
    "steinhart_hart": (_steinhart_hart, dict.fromkeys(("a", "b", "c", "supply", "series"), NUMBER), ("a", "b", "c")),
    "divider": (_divider, {"supply": NUMBER, "series": NUMBER}, ("supply", "series")),
}
UNIT = Option("unit", "unit", "the unit of the result; needed where it has a field of its own")
COMMON = (
    Option("form", "str", "how the result follows from the raw value", choices=tuple(FORMS), required=True),
    Option("name", "str", "what people call this calibration, such as tpg300-2021-05; it stands with the data"),
    Option("of", "str", "the quantity that is calibrated; default: the only one"),
    Option("to", "str", "the field that the result gets; default: the same, and the raw one becomes …_raw"),
    UNIT,
    Option("description", "str", "a sentence about the result"),
    Option("decimals", "int", f"how many digits are shown after the point, {MOST_DECIMALS} at most"),
    Option(
        "low",
        "float",
        "a result below it is no reading; default of a temperature: 0 K and less are none, nor is less than -273.15 °C",
    ),
    Option("range", "list", "[low, high] of the raw value; beyond it there is no result"),
)


def build(data: Any, quantities: dict[str, Quantity]) -> Calibration:
    """Make a calibration from a channel's ``calibration`` mapping, for the driver's ``quantities``, by name.

    Raises BadInput with the path inside the mapping.
    """
    if not isinstance(data, dict):
        raise BadInput(f"found {shown(data)}, expected keys such as form, of and the form's parameters")
    form = data.get("form")
    if not isinstance(form, str) or form not in FORMS:
        raise BadInput(f"found {shown(form)}, expected a form of calibration; {suggestion(form, FORMS)}", ("form",))
    make, kinds, required = FORMS[form]
    known = (*kinds, *(option.name for option in COMMON))
    parameters: dict[str, Any] = {}
    with together() as wrong:
        for key in data:
            if key not in known:
                wrong.append(BadInput(f"is not known to form {form!r}; {suggestion(key, known)}", (key,)))
        for key, kind in kinds.items():
            with noted(wrong):
                if key in data:
                    parameters[key] = _checked(data[key], kind, key)
                elif key in required:
                    raise BadInput(f"form {form!r} needs {key!r} ({kind})", (key,))
        with noted(wrong):
            of = _of(data, quantities)
            to, unit, decimals = _to(data, of, quantities)
        with noted(wrong):
            low, high = _range(data)
        with noted(wrong):
            name = _name(data)
        with noted(wrong):
            least = None if data.get("low") is None else float(_checked(data["low"], NUMBER, "low"))
    apply = make(**parameters)
    if form == "table" and not (low <= parameters["points"][-1][0] and parameters["points"][0][0] <= high):
        raise BadInput(f"lies beside the table: no value of {of.name!r} would be calibrated", ("range",))
    description = str(data.get("description", ""))
    return Calibration(of.name, to, unit, description, decimals, low, high, form, apply, parameters, least, name)


def _of(data: dict[str, Any], quantities: dict[str, Quantity]) -> Quantity:
    """Find the quantity that is calibrated."""
    numeric = [q.name for q in quantities.values() if q.numeric]
    if "of" not in data and len(numeric) == 1:
        return quantities[numeric[0]]
    if data.get("of") not in numeric:
        raise BadInput(
            f"found {data.get('of')!r}, expected the quantity that is calibrated; "
            f"{suggestion(data.get('of'), numeric)}",
            ("of",),
        )
    return quantities[data["of"]]


def _to(data: dict[str, Any], of: Quantity, quantities: dict[str, Quantity]) -> tuple[str, str, int | None]:
    """Tell the name, unit and decimals of the result."""
    to = data.get("to", of.name)
    check_field(to, ("to",))
    if to != of.name and to in quantities:
        raise BadInput(f"each point has a {to!r} already; choose another name, or leave 'to' out", ("to",))
    if to == of.name and f"{to}_raw" in quantities:
        raise BadInput(
            f"the raw value would be stored as '{to}_raw', which each point has already; give the calibrated one "
            "a name of its own",
            ("to",),
        )
    if to == of.name and of.type == "int":  # InfluxDB keeps a field's type
        raise BadInput(f"{to!r} is a whole number, its calibration is none; give it a name of its own", ("to",))
    unit = of.unit if to == of.name else None
    if "unit" in data:
        unit = options.value(data, UNIT)
    if unit is None:
        raise BadInput(f"is missing; expected the unit of {to!r}, such as 'mbar'", ("unit",))
    decimals = data.get("decimals", of.decimals if unit == of.unit else None)
    if decimals is not None and (type(decimals) is not int or not 0 <= decimals <= MOST_DECIMALS):
        raise BadInput(f"found {decimals!r}, expected how many digits to show after the point", ("decimals",))
    return to, unit, decimals


def _name(data: dict[str, Any]) -> str:
    name = data.get("name", "")
    if not isinstance(name, str) or name and not NAME.match(name):
        raise BadInput(not_a_name(name), ("name",))
    return name


def _range(data: dict[str, Any]) -> tuple[float, float]:
    if "range" not in data:
        return -math.inf, math.inf
    span = data["range"]
    if not isinstance(span, list) or len(span) != 2 or not all(map(_is_number, span)) or span[0] >= span[1]:
        raise BadInput(f"found {span!r}, expected [low, high] of the raw value", ("range",))
    return float(span[0]), float(span[1])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _checked(value: Any, kind: str, key: str) -> Any:
    good = (
        _is_number(value)
        if kind is NUMBER
        else isinstance(value, bool)
        if kind is TRUTH
        else isinstance(value, list) and (kind is POINTS or all(map(_is_number, value)))
    )
    if not good:
        raise BadInput(f"found {shown(value)}, expected {kind}", (key,))
    return value
