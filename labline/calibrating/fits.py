"""Fits a form of calibration to points: the parameters, as the site file writes them, and how far the points are from it.

All by least squares; that of an exponential form is of log y, because a gauge's error is a part of its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from telegraf_inputs.errors import BadInput

from .points import CalibrationTable, Pair

DIGITS = 7  # of a parameter: far beyond what points tell
MOST_DEGREE = 9
SIGMAS = 2.0  # an offset that is nearer to 0 is none


@dataclass(frozen=True)
class Fit:
    """What was fitted. ``relative``: residuals are parts of y, else in its unit; they have the order of the points."""

    form: str
    parameters: dict[str, Any]
    residuals: tuple[float, ...]
    relative: bool
    notes: tuple[str, ...] = ()

    @property
    def rms(self) -> float:
        """The root of the mean square of the residuals."""
        return math.sqrt(sum(r * r for r in self.residuals) / len(self.residuals))

    @property
    def mean(self) -> float:
        """The mean of the residuals."""
        return sum(self.residuals) / len(self.residuals)

    @property
    def worst(self) -> int:
        """The number of the point that is farthest off."""
        return max(range(len(self.residuals)), key=lambda n: abs(self.residuals[n]))


def fit(points: CalibrationTable, form: str, degree: int = 2) -> Fit:
    """Fit one of FORMS to points. Raises BadInput where they can't say what its parameters are."""
    make, least = FORMS[form]
    wanted = degree + 2 if form == "polynomial" else least
    different = len({p.x for p in points.pairs})
    if different < wanted:
        raise BadInput(
            f"has points at {different} values of {points.x}, expected {wanted} or more for form {form}: with as many "
            "parameters as points any points fit",
            file=points.file,
        )
    parameters, notes = make(points, degree)
    parameters = _rounded(parameters)
    apply = _applied(form, parameters)
    relative = form == "exponential"
    residuals = tuple(_residual(apply(p.x), p, points, form, relative) for p in points.pairs)
    return Fit(form, parameters, residuals, relative, tuple(notes))


def _residual(value: float | None, point: Pair, points: CalibrationTable, form: str, relative: bool) -> float:
    if value is None or not math.isfinite(value):
        raise BadInput(f"{form} has no value at {points.x} = {point.x:g}", file=points.file, line=point.line)
    return point.y / value - 1.0 if relative else point.y - value


def _applied(form: str, parameters: dict[str, Any]) -> Callable[[float], float | None]:
    from telegraf_inputs import calibration
    from telegraf_inputs.declare import Quantity

    quantities = {"x": Quantity("x", "", "Raw value")}
    return calibration.build({"form": form, **parameters, "to": "y", "unit": ""}, quantities)


def _linear(points: CalibrationTable, _: int) -> tuple[dict[str, Any], list[str]]:
    from numpy.polynomial import Polynomial

    a, b = Polynomial.fit(*_columns(points), 1).convert().coef
    return {"a": float(a), "b": float(b)}, []


def _polynomial(points: CalibrationTable, degree: int) -> tuple[dict[str, Any], list[str]]:
    from numpy.polynomial import Polynomial

    found = Polynomial.fit(*_columns(points), degree).convert().coef
    return {"coefficients": [float(c) for c in [*found, *[0.0] * (degree + 1 - len(found))]]}, []


def _exponential(points: CalibrationTable, _: int) -> tuple[dict[str, Any], list[str]]:
    """Fit 10^(b·x − c) + d; a is 1, because it and c say the same. Where d is not told from 0, it is 0."""
    import numpy as np
    from scipy.optimize import least_squares

    for point in points.pairs:
        if point.y <= 0:
            said = f"{points.y} is {point.y:g}; what grows exponentially is above 0"
            raise BadInput(said, file=points.file, line=point.line)
    x, y = _columns(points)
    log = np.log10(y)
    slope, offset = np.polyfit(x, log, 1)
    straight = {"a": 1, "b": float(slope), "c": float(-offset), "d": 0}
    small = float(y.min())

    def off(p: Any) -> Any:
        return np.log10(np.maximum(10.0 ** (p[0] * x - p[1]) + p[2] * small, 1e-3 * small)) - log

    found = least_squares(off, [slope, -offset, 0.0], x_scale="jac", max_nfev=2000)
    free = max(1, len(x) - 3)
    spread = math.sqrt(2 * float(found.cost) / free)
    error = spread * math.sqrt(abs(float(np.linalg.pinv(found.jac.T @ found.jac)[2, 2])))
    b, c, d = (float(p) for p in found.x)
    if not found.success or b * slope <= 0 or abs(d) <= SIGMAS * error:
        return straight, ["d is not told from 0 by these points, and is 0"]
    return {"a": 1, "b": b, "c": c, "d": d * small}, []


def _steinhart_hart(points: CalibrationTable, _: int) -> tuple[dict[str, Any], list[str]]:
    import numpy as np

    for point in points.pairs:
        if point.x <= 0 or point.y <= 0:
            raise BadInput(
                f"found {point.x:g} and {point.y:g}, expected a resistance in ohms and a temperature in kelvin, above 0",
                file=points.file,
                line=point.line,
            )
    ohms, kelvin = _columns(points)
    log = np.log(ohms)
    a, b, c = np.linalg.lstsq(np.stack([np.ones_like(log), log, log**3], axis=1), 1.0 / kelvin, rcond=None)[0]
    return {"a": float(a), "b": float(b), "c": float(c)}, []


def _table(points: CalibrationTable, _: int) -> tuple[dict[str, Any], list[str]]:
    """Take the points as they are: their raw values have to rise, and no value may come twice."""
    for before, point in zip(points.pairs, points.pairs[1:], strict=False):
        if point.x <= before.x:
            what = "comes twice" if point.x == before.x else f"comes after {before.x:g}"
            raise BadInput(
                f"{points.x} {point.x:g} {what}; a table rises from point to point. Sort it, and say each value once",
                file=points.file,
                line=point.line,
            )
    return {"points": [[p.x, p.y] for p in points.pairs]}, []


# form -> (what fits it, at how many raw values there must be points)
FORMS: dict[str, tuple[Callable[[CalibrationTable, int], tuple[dict[str, Any], list[str]]], int]] = {
    "linear": (_linear, 3),
    "polynomial": (_polynomial, 0),
    "exponential": (_exponential, 4),
    "steinhart_hart": (_steinhart_hart, 4),
    "table": (_table, 2),
}


def _columns(points: CalibrationTable) -> tuple[Any, Any]:
    import numpy as np

    return np.array([p.x for p in points.pairs]), np.array([p.y for p in points.pairs])


def _rounded(value: Any) -> Any:
    """Write parameters as the site file will have them; what is pasted is then what was fitted."""
    if isinstance(value, dict):
        return {key: each if key == "points" else _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
