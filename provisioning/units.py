"""Units of limits: read as people write them, converted to the quantity's. ``pint`` is imported where they differ."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from telegraf_inputs.errors import BadInput

DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d")
NUMBER_UNIT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*\Z")
# pint knows these by other names; pH and dB are no units it should divide.
SYNONYMS = {"Torr": "torr", "%RH": "percent", "% RH": "percent", "µHz": "microhertz", "sccm": "centimeter**3/minute"}
DIFFERENCES = {"degree_Celsius": "delta_degree_Celsius", "degree_Fahrenheit": "delta_degree_Fahrenheit"}


def read(value: Any, unit: str, *, difference: bool = False) -> float:
    """Read a value with its unit (``1.2 K``) as a number in ``unit``; a ``difference`` (of °C) has no zero point.

    Raises BadInput where it is no value, has no unit, or one that can't become ``unit``.
    """
    example = f"1.5 {unit}".strip()
    if isinstance(value, str) and DECIMAL_COMMA.match(value):
        raise BadInput(f"found {value!r}, expected such as {example!r}: decimals have a point, not a comma")
    match = NUMBER_UNIT.match(value) if isinstance(value, str) else None
    if match:
        number, found = float(match[1]), match[2]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number, found = float(value), ""
    else:
        raise BadInput(f"found {value!r}, expected a value with its unit, such as {example!r}")
    if found != unit and not (number == 0.0 and difference and not found):
        if not found:
            raise BadInput(f"found {value!r} without a unit, expected such as {example!r}: say which unit is meant")
        number = _convert(number, found, unit, value, difference)
    if not math.isfinite(number):
        raise BadInput(f"found {value!r}, expected a finite number")
    return number


def known(unit: str) -> bool:
    """Tell whether a unit can be converted; one that can't still works where limits are written in it too."""
    return _parse(unit) is not None


def _convert(number: float, found: str, unit: str, value: Any, difference: bool) -> float:
    import pint

    source, target = _parse(found), _parse(unit)
    if source is None:
        raise BadInput(f"found {value!r}: {found!r} is no unit that is known here; expected such as {unit!r}")
    if target is None:
        raise BadInput(f"found {value!r}, expected it in {unit!r}: nothing converts to that unit")
    if difference:
        source, target = _as_difference(source), _as_difference(target)
    try:
        return round_off(float(_registry().Quantity(number, source).to(target).magnitude))
    except pint.DimensionalityError:
        example = f"1.5 {unit}".strip()
        raise BadInput(
            f"found {value!r}, expected {unit!r} or what converts to it, such as {example!r}: "
            f"{found!r} measures something else"
        ) from None


def round_off(value: float) -> float:
    """Drop the digits that converting made up: 12 significant ones are more than anybody wrote."""
    return float(f"{value:.12g}")


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()


@cache
def _parse(unit: str) -> Any:
    """Read a unit; None where it is none."""
    try:
        return _registry().parse_units(SYNONYMS.get(unit, unit))
    except Exception:  # what pint's parser stumbles over comes out as it is: AssertionError, ValueError, its own …
        return None


def _as_difference(unit: Any) -> Any:
    return _registry().parse_units(DIFFERENCES.get(str(unit), str(unit)))
