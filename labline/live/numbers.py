"""Values as people read them: with the digits that mean something, and their unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from provisioning.unit_names import POWERS, known
from telegraf_inputs.declare import Quantity

FEWEST_DIGITS, DIGITS, PRESSURE_DIGITS, PREFIXED_DIGITS, MOST_DIGITS = 3, 4, 3, 5, 9

SAME = 2.0  # a size or a noise within this factor is the same
LASTING = 30.0  # seconds for which another one must be seen
UNREADABLE = 30.0  # a size beyond this factor can't wait: the digits would miss it


Known = float | int | bool | str
Value = Known | None


@dataclass(frozen=True)
class Scale:
    """What a value's digits are chosen by, in its quantity's unit: its ``size``, and 1 σ of one reading (None: unknown)."""

    size: float
    noise: float | None = None

    @classmethod
    def of(cls, value: float, noise: float | None = None) -> Scale:
        """Take the scale of one value; below its noise, its size says nothing."""
        return cls(max(abs(value), noise or 0.0), noise)


class Steady:
    """Holds a quantity's scale until another one lasts: its digits must not come and go with its noise."""

    def __init__(self) -> None:
        self._held: Scale | None = None
        self._other_since: float | None = None

    def scale(self, value: float, noise: float | None, now: float) -> Scale:
        """Tell by which scale a value that is seen at ``now`` (s) is written."""
        held = self._held
        new = Scale.of(value, noise or (held.noise if held else None))
        if held is None or (new.size and not _alike(new.size, held.size, UNREADABLE)):
            self._held = new
            self._other_since = None
        elif _same(new, held):
            self._other_since = None
        elif self._other_since is None:
            self._other_since = now
        elif now - self._other_since >= LASTING:
            self._held = new
            self._other_since = None
        return self._held or new


def _same(new: Scale, held: Scale) -> bool:
    near = abs(new.size - held.size) <= 4 * (new.noise or 0.0)
    size = not new.size or near or _alike(new.size, held.size, SAME)
    return size and _alike(new.noise or 0.0, held.noise or 0.0, SAME)


def _alike(a: float, b: float, factor: float) -> bool:
    return a <= factor * b and b <= factor * a


def shown(value: Value, quantity: Quantity, scale: Scale | None = None) -> tuple[str, str]:
    """Write a value: its digits, and its unit; of a code, its word.

    Without ``scale`` its own is taken. Where the driver does not declare the decimals, the noise tells which mean
    something.
    """
    if value is None:
        return "–", ""
    if quantity.choices:
        choice = quantity.choice(value)
        return choice.word if choice else f"code {value}", ""
    if isinstance(value, bool):
        return "yes" if value else "no", ""
    if isinstance(value, str):
        return value, ""
    if quantity.type == "int" and float(value).is_integer():
        return f"{value:.0f}", quantity.unit
    return _number(float(value), quantity, scale or Scale.of(value))


def limit(value: float, quantity: Quantity, scale: Scale) -> str:
    """Write a limit as people chose it, in the unit that values of this scale have."""
    prefix = _prefix(quantity, scale)
    return f"{value / 10.0 ** POWERS.get(prefix, 0):g} {prefix}{quantity.unit}".rstrip()


def _number(value: float, quantity: Quantity, scale: Scale) -> tuple[str, str]:
    size = scale.size
    exponent = math.floor(math.log10(size)) if size else 0
    if known(quantity.unit).vacuum and size and not 0.1 <= size < 1e5:
        return f"{value:.{PRESSURE_DIGITS - 1}e}", quantity.unit
    decimals = _decimals(exponent, quantity, scale.noise)
    prefix = _prefix(quantity, scale)
    power = POWERS.get(prefix, 0)
    if not prefix and size and not 1e-4 <= size < 1e7:
        return f"{value:.{max(0, min(exponent + decimals, MOST_DIGITS))}e}", quantity.unit
    if prefix:
        decimals = min(decimals, PREFIXED_DIGITS - 1 - exponent)
    # z: what rounds to 0 has no sign that comes and goes
    return f"{value / 10.0**power:z.{max(0, decimals + power)}f}", f"{prefix}{quantity.unit}"


def _prefix(quantity: Quantity, scale: Scale) -> str:
    return next((p for p in known(quantity.unit).prefixes if _suits(p, scale.size)), "")


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
