"""Calibrations of a channel: from the raw quantity to the one that is meant.

Each form is written in the site file as people know it; ``x`` is the raw value:

    form: linear             a + b·x                       a, b
    form: polynomial         c0 + c1·x + c2·x² …           coefficients
    form: exponential        a·10^(b·x − c) + d            a, b, c, d (a gauge's logarithmic output)
    form: table              straight lines between points: points: [[x, y], …]; log: true interpolates log y
    form: steinhart_hart     1/T = a + b·ln R + c·(ln R)³, in kelvin; x is the resistance in ohms
    form: divider            resistance of the lower arm of a divider: supply, series; x is its voltage

A raw value outside ``range: [low, high]``, or outside a table, has no calibrated value: nothing is extrapolated.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from .errors import BadInput, suggestion


class Calibration:
    """Turns quantity ``of`` into quantity ``to`` (unit ``unit``)."""

    __slots__ = ("of", "to", "unit", "description", "low", "high", "form", "_apply")

    def __init__(self, of, to, unit, description, low, high, form, apply):
        self.of, self.to, self.unit, self.description = of, to, unit, description
        self.low, self.high, self.form, self._apply = low, high, form, apply

    def __call__(self, raw: float) -> float | None:
        """Calibrate one value; None where the calibration does not hold for it."""
        if not self.low <= raw <= self.high:
            return None
        try:
            value = self._apply(raw)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return value if value is not None and math.isfinite(value) else None


def _linear(a=0.0, b=1.0):
    return lambda x: a + b * x


def _polynomial(coefficients):
    if not coefficients:
        raise BadInput("needs at least one coefficient", ("coefficients",))

    def apply(x):
        total = 0.0
        for c in reversed(coefficients):
            total = total * x + c
        return total

    return apply


def _exponential(a, b, c=0.0, d=0.0):
    return lambda x: a * 10.0 ** (b * x - c) + d


def _steinhart_hart(a, b, c):
    def apply(r):
        log = math.log(r)
        return 1.0 / (a + b * log + c * log**3)

    return apply


def _divider(supply, series):
    return lambda v: series * v / (supply - v) if 0.0 <= v < supply else None


def _table(points, log=False):
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
            raise BadInput(f"x goes from {xs[index - 1]:g} to {xs[index]:g}; x must rise from point to point", ("points", index))
    ys = [math.log(y) if log else float(y) for _, y in points]

    def apply(x):
        if not xs[0] <= x <= xs[-1]:
            return None
        i = min(bisect_right(xs, x), len(xs) - 1)
        y = ys[i - 1] + (ys[i] - ys[i - 1]) * (x - xs[i - 1]) / (xs[i] - xs[i - 1])
        return math.exp(y) if log else y

    return apply


NUMBER, NUMBERS, POINTS, TRUTH = "a number", "a list of numbers", "a list of [x, y] pairs", "true or false"
# form -> (maker, {parameter: kind}, parameters that must be given)
FORMS = {
    "linear": (_linear, {"a": NUMBER, "b": NUMBER}, ("b",)),
    "polynomial": (_polynomial, {"coefficients": NUMBERS}, ("coefficients",)),
    "exponential": (_exponential, {"a": NUMBER, "b": NUMBER, "c": NUMBER, "d": NUMBER}, ("a", "b")),
    "table": (_table, {"points": POINTS, "log": TRUTH}, ("points",)),
    "steinhart_hart": (_steinhart_hart, {"a": NUMBER, "b": NUMBER, "c": NUMBER}, ("a", "b", "c")),
    "divider": (_divider, {"supply": NUMBER, "series": NUMBER}, ("supply", "series")),
}
COMMON = ("of", "to", "unit", "description", "form", "range")


def build(stanza, quantities: dict) -> Calibration:
    """Make a calibration from a channel's ``calibration`` mapping. Raises BadInput with the path inside it.

    ``quantities`` are the driver's, by name; those of the channel's earlier calibrations may be added to them.
    """
    if not isinstance(stanza, dict):
        raise BadInput(f"found {stanza!r}, expected keys such as form, of and the form's parameters")
    form = stanza.get("form")
    if form not in FORMS:
        raise BadInput(f"found {form!r}, expected a form of calibration; {suggestion(form, FORMS)}", ("form",))
    make, kinds, required = FORMS[form]
    for key in stanza:
        if key not in COMMON and key not in kinds:
            raise BadInput(f"is not known to form {form!r}; {suggestion(key, (*kinds, *COMMON))}", (key,))
    numeric = [q.name for q in quantities.values() if q.type in ("float", "int")]
    of = stanza.get("of", numeric[0] if len(numeric) == 1 else None)
    if of not in numeric:
        raise BadInput(f"found {of!r}, expected the quantity that is calibrated; {suggestion(of, numeric)}", ("of",))
    parameters = {}
    for key, kind in kinds.items():
        if key in stanza:
            parameters[key] = _checked(stanza[key], kind, key)
        elif key in required:
            raise BadInput(f"form {form!r} needs {key!r} ({kind})", (key,))
    low, high = -math.inf, math.inf
    if "range" in stanza:
        span = stanza["range"]
        if not isinstance(span, list) or len(span) != 2 or not all(_is_number(v) for v in span) or span[0] >= span[1]:
            raise BadInput(f"found {span!r}, expected [low, high] of the raw value", ("range",))
        low, high = (float(v) for v in span)
    to = stanza.get("to", of)
    if not isinstance(to, str) or not to.isidentifier() or to != to.lower():
        raise BadInput(f"found {to!r}, expected a field's name in snake_case, such as 'pressure'", ("to",))
    unit = stanza.get("unit", quantities[of].unit if to == of else quantities[to].unit if to in quantities else None)
    if not isinstance(unit, str):
        raise BadInput(f"found {unit!r}, expected the unit of {to!r} after calibration, such as 'mbar'", ("unit",))
    return Calibration(of, to, unit, str(stanza.get("description", "")), low, high, form, make(**parameters))


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _checked(value, kind, key):
    good = (_is_number(value) if kind is NUMBER else isinstance(value, bool) if kind is TRUTH
            else isinstance(value, list) and (kind is POINTS or all(map(_is_number, value))))
    if not good:
        raise BadInput(f"found {value!r}, expected {kind}", (key,))
    return value
