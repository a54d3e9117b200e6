"""Units of limits: read as people write them, converted to the quantity's. ``pint`` is imported where they differ."""

from __future__ import annotations

import difflib
import math
import re
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from telegraf_inputs.declare import ABSOLUTE_ZERO
from telegraf_inputs.errors import BadInput, shown
from telegraf_inputs.letters import LONGEST_UNIT, comma, normal

from .unit_names import UNITS

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d")
NUMBER_UNIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)\Z")
LONGEST = 80  # characters of a value with its unit
# What a unit may look like that is computed with: names with small exponents, multiplied and divided; in brackets, too.
# The library calculates what stands there (9**9**9**9), before it looks whether that is a unit.
_TERM = r"(?:1|[^\W\d_]+|[%‰°][A-Z]?)(?:(?:\*\*|\^)?[+-]?\d{1,2}|[⁺⁻]?[⁰¹²³⁴-⁹]{1,2})?"
_PRODUCT = rf"{_TERM}(?:(?: ?[*/·] ?| ){_TERM}){{0,9}}"
FORM = re.compile(rf"{_PRODUCT}(?: ?[*/·] ?\({_PRODUCT}\))?\Z|\Z")
# pint knows these by other names.
SYNONYMS = {
    "%RH": "percent",
    "% RH": "percent",
    "µHz": "microhertz",
    "sccm": "centimeter**3/minute",
    "g₀": "standard_gravity",
    "RPM": "rpm",
    **dict.fromkeys(("amps", "Amps", "amperes"), "ampere"),  # pint's amps are attometres a second
    **dict.fromkeys(("deg C", "degree C", "degrees C", "degrees Celsius"), "degree_Celsius"),
    **dict.fromkeys(("deg F", "degree F", "degrees F", "degrees Fahrenheit"), "degree_Fahrenheit"),
}
# pint's gauss is no tesla, but the unit of another system; these go by a name of our own.
GAUSS = re.compile(r"\b(milli|kilo|[mkµ])?(?:[Gg]auss|G)\b")
# For pint an rpm is an angle per time, and so 2π/60 Hz; to whoever reads a turbo pump it is 1/min.
DEFINITIONS = ("rpm = 1 / minute", "@alias torr = Torr", "@alias ohm = Ohm", "laboratory_gauss = 1e-4 tesla")
# As people spell them out, and how they are written.
SPELT = {
    **dict.fromkeys(("celsius", "centigrade", "deg celsius", "degrees", "degree"), "°C"),
    **{"fahrenheit": "°F", "kelvin": "K", "pascal": "Pa", "millibar": "mbar", "volt": "V", "volts": "V", "ampere": "A"},
    **{
        "amps": "A",
        "watt": "W",
        "ohms": "Ω",
        "hertz": "Hz",
        "tesla": "T",
        "percent": "%",
        "seconds": "s",
        "litre": "l",
    },
}
SPELT_OUT = 5  # letters: what is shorter may be a symbol of the lab's own, whose capitals mean something
# Units whose zero nothing passes; a gauge may swing below its own.
ABSOLUTE = re.compile(r"[pnuµmchkMG]?(?:K|Pa|bar|[Tt]orr|Ω|[Oo]hm)\Z|psi\Z|atm\Z")
DEGREES = {"C": "°C", "F": "°F"}  # coulomb and farad
# What is written for another unit -> what it is, and what is meant.
MISTAKEN = {
    "C": ("a coulomb; a temperature is in", "°C"),
    "F": ("a farad; a temperature is in", "°F"),
    "pa": ("a picoyear; a pressure is in", "Pa"),
    "ma": ("a milliyear; a current is in", "mA"),
    "Mbar": ("a million bar; a millibar is", "mbar"),
    "MK": ("a million kelvin; a millikelvin is", "mK"),
}
DIFFERENCES = {"degree_Celsius": "delta_degree_Celsius", "degree_Fahrenheit": "delta_degree_Fahrenheit"}


def read(value: Any, unit: str, *, difference: bool = False) -> float:
    """Read a value with its unit (``1.2 K``) as a number in ``unit``; a ``difference`` (of °C) has no zero point.

    Raises BadInput where it is no value, has no unit, or one that can't become ``unit``.
    """
    example = f"1.5 {unit}".strip()
    written = normal(value).strip() if isinstance(value, str) else value
    if isinstance(written, str) and len(written) > LONGEST:
        raise BadInput(f"found {shown(value)}, expected a value with its unit, such as {example!r}")
    if isinstance(written, str) and DECIMAL_COMMA.match(written):
        raise BadInput(f"found {value!r}, {comma(written)}")
    match = NUMBER_UNIT.match(written) if isinstance(written, str) else None
    if match:
        number, found = float(match[1]), match[2]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number, found = float(value), ""
    else:
        raise BadInput(f"found {shown(value)}, expected a value with its unit, such as {example!r}")
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


def least(unit: str) -> float:
    """Tell the value in ``unit`` below which nature has none; minus infinity where there is no such end."""
    return 0.0 if ABSOLUTE.match(unit) else ABSOLUTE_ZERO.get(unit, -math.inf)


@lru_cache(10_000)
def _convert(number: float, found: str, unit: str, value: str, difference: bool) -> float:
    import pint

    source, target = _parse(found), _parse(unit)
    if source is None:
        raise BadInput(
            f"found {value!r}: {found!r} is no unit that is known here; {meant(found, unit) or f'expected such as {unit!r}'}"
        )
    if target is None:
        hint = meant(unit, found)
        raise BadInput(
            f"found {value!r}, expected it in {unit!r}: nothing converts to that unit{f'; {hint}' if hint else ''}"
        )
    if difference:
        source, target = _as_difference(source), _as_difference(target)
    try:
        converted = round_off(float(_registry().Quantity(number, source).to(target).magnitude))
        if _angle(source) == _angle(target):
            return converted
    except pint.DimensionalityError:
        pass
    example = f"1.5 {unit}".strip()
    hint = ""
    if (degrees := DEGREES.get(found)) and _parse(degrees).dimensionality == target.dimensionality:
        hint = f"; did you mean {degrees!r}?"
    elif (degrees := DEGREES.get(unit)) and _parse(degrees).dimensionality == source.dimensionality:
        hint = f"; is the unit of the quantity {degrees!r}?"
    raise BadInput(
        f"found {value!r}, expected {unit!r} or what converts to it, such as {example!r}: "
        f"{found!r} measures something else{hint}"
    )


def _angle(unit: Any) -> Any:
    """Tell which power of an angle a unit has; pint takes angles for plain numbers, and a rad/s for a Hz."""
    return dict(_registry().Quantity(1, unit).to_root_units().unit_items()).get("radian", 0)


@lru_cache(10_000)
def affine(unit: str) -> tuple[float, float, dict[str, Fraction]] | None:
    """Tell (factor, offset, dimension): x of ``unit`` is offset + factor · x in basic units, whose powers are the dimension.

    None where that is no unit that is known, or not one of such a kind (dBm).
    """
    parsed = _parse(unit)
    if parsed is None:
        return None
    none, one, two = (_registry().Quantity(x, parsed).to_root_units() for x in (0.0, 1.0, 2.0))
    offset, factor = float(none.magnitude), float(one.magnitude - none.magnitude)
    if not math.isclose(two.magnitude, offset + 2 * factor):
        return None
    powers = {str(name): Fraction(power).limit_denominator(100) for name, power in one.unit_items()}
    return factor, offset, powers


def meant(found: str, like: str | None = None) -> str:
    """Propose the unit that was meant, where upper and lower case, or a letter, differ; ``like`` is one that it converts to."""
    unit = _read(found, case_sensitive=False)
    if unit is None:
        close = difflib.get_close_matches(found.lower(), SPELT, 1, 0.8)
        target = _parse(like) if like is not None else None
        if not close or (target is not None and _parse(SPELT[close[0]]).dimensionality != target.dimensionality):
            return ""
        return f"did you mean {SPELT[close[0]]!r}?"
    target = unit if like is None else _parse(like)
    return f"did you mean '{unit:~}'?" if target is not None and unit.dimensionality == target.dimensionality else ""


def misspelt(unit: str) -> str:
    """Tell how a unit is written that is a slip (``Celcius`` is °C); "" where it is known, or may be one of the lab's own."""
    if not unit or unit in UNITS:
        return ""
    plain = unit.casefold()
    same = [known for known in UNITS if known.casefold() == plain]
    close = difflib.get_close_matches(plain, SPELT, 1, 0.8)
    slip = same[0] if len(same) == 1 else SPELT[close[0]] if close else ""
    if not slip and len(plain) >= SPELT_OUT and (parsed := _parse(plain)) is not None and not parsed.dimensionless:
        slip = usual(plain) or plain
    return slip if slip and not known(unit) else ""


def usual(unit: str) -> str:
    """Write a unit as dashboards know it (``degC`` is ``°C``); "" where they know it as it is, or not at all."""
    if unit in UNITS or (same := _parse(unit)) is None:
        return ""
    return next((known for known in UNITS if known and _parse(known) == same), "")


def round_off(value: float) -> float:
    """Drop the digits that converting made up: 12 significant ones are more than anybody wrote."""
    return float(f"{value:.12g}")


@cache
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry(on_redefinition="ignore")
    for definition in DEFINITIONS:
        registry.define(definition)
    return registry


@lru_cache(10_000)
def _parse(unit: str) -> Any:
    """Read a unit; None where it is none."""
    return _read(unit)


def _read(unit: str, *, case_sensitive: bool = True) -> Any:
    known = SYNONYMS.get(unit)
    if known is None and (len(unit) > LONGEST_UNIT or not FORM.match(unit)):
        return None
    try:
        return _registry().parse_units(
            known or GAUSS.sub(r"\g<1>laboratory_gauss", unit), case_sensitive=case_sensitive
        )
    except Exception:  # what pint's parser stumbles over comes out as it is: AssertionError, ValueError, its own …
        return None


def _as_difference(unit: Any) -> Any:
    return _registry().parse_units(DIFFERENCES.get(str(unit), str(unit)))
