"""Values as people read them: with the digits that mean something, and their unit."""

from __future__ import annotations

import math

from telegraf_inputs.driver import Quantity

PREFIXED = {
    "K": ("m", "µ"),
    "V": ("k", "m", "µ"),
    "A": ("m", "µ", "n"),
    "W": ("k", "m", "µ", "n"),
    "Ω": ("k", "M", "G", "m"),
    "Hz": ("k", "M", "G", "m"),
    "T": ("m", "µ"),
}
POWERS = {"n": -9, "µ": -6, "m": -3, "k": 3, "M": 6, "G": 9}
PRESSURES = ("mbar", "bar", "Pa", "hPa", "Torr", "torr", "mTorr")
FEWEST_DIGITS, DIGITS, PRESSURE_DIGITS, PREFIXED_DIGITS, MOST_DIGITS = 3, 4, 3, 5, 9


Value = float | int | bool | str | None


def shown(value: Value, quantity: Quantity, noise: float | None = None) -> tuple[str, str]:
    """Write a value: its digits, and its unit.

    ``noise`` (1 σ of one reading, in the quantity's unit) tells which digits mean something where the driver does not
    declare the decimals.
    """
    if value is None:
        return "–", ""
    if isinstance(value, bool):
        return "yes" if value else "no", ""
    if isinstance(value, str):
        return value, ""
    if quantity.type == "int" and float(value).is_integer():
        return f"{value:.0f}", quantity.unit
    return _number(float(value), quantity, noise)


def duration(seconds: float) -> str:
    """Write an age in at most six characters."""
    for size, unit, digits in ((86400 * 365, "y", 1), (86400, "d", 0), (3600, "h", 0), (60, "min", 0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _number(value: float, quantity: Quantity, noise: float | None) -> tuple[str, str]:
    size = abs(value)
    exponent = math.floor(math.log10(size)) if size else 0
    if quantity.unit in PRESSURES and size and not 0.1 <= size < 1e5:
        return f"{value:.{PRESSURE_DIGITS - 1}e}", quantity.unit
    decimals = _decimals(exponent, quantity, noise)
    prefix = next((p for p in PREFIXED.get(quantity.unit, ()) if _suits(p, size)), "")
    power = POWERS.get(prefix, 0)
    if not prefix and size and not 1e-4 <= size < 1e7:
        return f"{value:.{max(0, min(exponent + decimals, MOST_DIGITS))}e}", quantity.unit
    if prefix:
        decimals = min(decimals, PREFIXED_DIGITS - 1 - exponent)
    return f"{value / 10.0**power:.{max(0, decimals + power)}f}", f"{prefix}{quantity.unit}"


def _decimals(exponent: int, quantity: Quantity, noise: float | None) -> int:
    """Tell how many decimals mean something, in the quantity's own unit."""
    if quantity.decimals is not None:
        wanted = quantity.decimals
    elif noise:
        wanted = math.ceil(-math.log10(noise))
    else:
        wanted = DIGITS - 1 - exponent
    return min(max(wanted, FEWEST_DIGITS - 1 - exponent), MOST_DIGITS - 1 - exponent)


def _suits(prefix: str, size: float) -> bool:
    power = POWERS[prefix]
    # A unit changes only where the plain one would need many zeros.
    return 10.0**power <= size < 10.0 ** (power + 3) and not 0.1 <= size < 1e4
