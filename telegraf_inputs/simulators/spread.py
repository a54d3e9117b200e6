"""Signals for quantities that a stanza declares: each inside its range, and no two where one could be taken for the other."""

from __future__ import annotations

from typing import Any

from ..declare import Quantity
from .base import Signal

STEP = 0.03  # two centers differ by at least this part of the larger
REACH = 0.01  # of a center, for swing and noise together
NEAR_ZERO = 0.02  # of the range: a value that is nearer to 0 would hardly move


def signal(quantity: Quantity, others: list[Signal], period: float, seed: int) -> Signal:
    """Make the signal of a number, apart from all ``others``."""
    whole = quantity.type == "int"
    center = _center(quantity, whole, [other.center for other in others])
    reach = 0.0 if whole else _reach(quantity, center)
    return Signal(center, 0.8 * reach, 0.05 * reach, period, seed)


def constant(channel: str, quantity: Quantity) -> Any:
    """Choose what a quantity that is no number always is; of codes, the channels say different ones."""
    if quantity.choices:
        return quantity.harmless[sum(map(ord, channel)) % len(quantity.harmless)]
    return True if quantity.type == "bool" else f"channel {channel}"


def _center(quantity: Quantity, whole: bool, taken: list[float]) -> float:
    """Find a value in the quantity's range that is far enough from those of all others."""
    low, high = quantity.low, quantity.high
    low = (0.0 if high is None or high > 0 else 2 * high - 1) if low is None else low
    high = low + max(100.0, 2 * abs(low)) if high is None else high
    count = len(taken) + 2
    least = 0.0 if whole else NEAR_ZERO * (high - low)
    for fraction in (n / count for count in range(count, 50 * count) for n in range(1, count)):
        center = low + fraction * (high - low)
        center = float(round(center)) if whole else center
        apart = all(abs(center - t) > STEP * max(abs(center), abs(t)) for t in taken)
        if low <= center <= high and abs(center) >= least and apart:
            return center
    return low


def _reach(quantity: Quantity, center: float) -> float:
    """Tell how far a value may go from its center, inside the declared range."""
    to_ends = [abs(end - center) for end in (quantity.low, quantity.high) if end is not None]
    return min([REACH * abs(center), *to_ends])
