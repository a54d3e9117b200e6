"""Where a quantity is going, seen against its own noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

BARS = "▁▂▃▄▅▆▇█"
GAP = " "
SMALLEST_SWING = 6.0  # σ that the sparkline's height stands for at least: noise alone must not look like a curve
FEWEST_BINS = 5  # fewer say nothing about where it goes
MEDIAN_OF_NORMAL = 0.6745  # of the absolute deviations, in σ
SIGNIFICANT = 4.0  # standard errors that a slope must have, to be one


@dataclass(frozen=True)
class Bin:
    """The readings of one slice of time: how many, their mean, and their scatter (0.0 for one alone)."""

    count: int
    mean: float
    deviation: float


@dataclass(frozen=True)
class Trend:
    """A ``sparkline``, one character a bin; an ``arrow`` (↑ ↗ → ↘ ↓, or ""); ``noise``: 1 σ of a reading, or None."""

    sparkline: str = ""
    arrow: str = ""
    noise: float | None = None


def trend(bins: Sequence[Bin | None]) -> Trend:
    """Judge bins of equal length, the oldest first; None is one without readings."""
    filled = [(index, b) for index, b in enumerate(bins) if b is not None and b.count]
    if len(filled) < 2:
        return Trend(_sparkline(bins, 0.0) if filled else "")
    noise = _noise([b for _, b in filled])
    return Trend(_sparkline(bins, noise), _arrow(filled, noise), noise or None)


def _noise(bins: Sequence[Bin]) -> float:
    """Estimate the scatter of one reading: within the bins where they hold enough of them, else from bin to bin."""
    within = [b.deviation for b in bins if b.count >= 4]
    if len(within) >= 2:
        return statistics.median(within)
    if len(bins) < 4:
        return 0.0
    # Second differences leave out a steady slope: it is no noise. Nor is one step: it makes two of them large.
    means = [b.mean for b in bins]
    bends = [abs(a - 2 * b + c) for a, b, c in zip(means, means[1:], means[2:], strict=False)]
    return statistics.median_low(bends) / (MEDIAN_OF_NORMAL * math.sqrt(6))


def _arrow(filled: Sequence[tuple[int, Bin]], noise: float) -> str:
    if len(filled) < FEWEST_BINS:
        return ""
    xs, ys = [float(index) for index, _ in filled], [b.mean for _, b in filled]
    slope, intercept = statistics.linear_regression(xs, ys)
    rest = math.sqrt(math.fsum((y - intercept - slope * x) ** 2 for x, y in zip(xs, ys, strict=True)) / (len(xs) - 2))
    spread = math.sqrt(math.fsum((x - statistics.fmean(xs)) ** 2 for x in xs))
    change = abs(slope) * (xs[-1] - xs[0])
    if change <= noise or change <= 1e-9 * abs(intercept) or abs(slope) * spread < SIGNIFICANT * rest:
        return "→"
    steep = change > 10 * noise
    return ("↑" if steep else "↗") if slope > 0 else ("↓" if steep else "↘")


def _sparkline(bins: Sequence[Bin | None], noise: float) -> str:
    means = [b.mean for b in bins if b is not None and b.count]
    middle, swing = (max(means) + min(means)) / 2, max(max(means) - min(means), SMALLEST_SWING * noise)
    if swing <= 1e-9 * abs(middle) or not swing:
        swing = math.inf
    return "".join(
        GAP if b is None or not b.count else BARS[min(7, max(0, int(4 + 8 * (b.mean - middle) / swing)))] for b in bins
    )
