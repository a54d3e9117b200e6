"""A signal for a quantity that a stanza declares: inside its range, and of no other channel."""

from __future__ import annotations

from ..declare import Quantity
from .base import Signal

NO_RANGE = 100.0  # of a quantity without an end, above the least
PARTS = 8  # of the range: so many quantities a channel have values of their own


def declared_signal(quantity: Quantity, number: int, channels: int, seed: int) -> Signal:
    """Make the signal of the ``number``-th quantity (from 0) of an instrument with so many channels."""
    low = quantity.least or 0.0
    high = low + NO_RANGE if quantity.high is None else quantity.high
    center = low + (high - low) * (number + 1) / (channels * PARTS + 1)
    reach = (high - low) / (channels * PARTS * 10)
    if quantity.type == "int":
        return Signal(float(round(center)), seed=seed + number)
    return Signal(center, 0.8 * reach, 0.05 * reach, seed=seed + number)
