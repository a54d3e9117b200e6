"""Spikes: single readings far from those around them. They are kept, under a name of their own, and not counted as readings of a curve.

A reading is a spike where it is further from the median of those before it than ``mad`` times what readings usually are: the median of
the last such distances (median absolute deviation), and ``floor`` at least. Source: F. R. Hampel, The Influence Curve and Its Role in
Robust Estimation, J. Am. Stat. Assoc. 69 (1974) 383.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .calibration import Calibration
from .declare import Option, Quantity
from .errors import BadInput, shown, suggestion, together
from .options import take

QUALITY = Quantity("quality", "", "spike: what this channel read was far from its readings before", type="str")
SPIKE = "spike"  # what it says, and how the name of the quantity ends that keeps the reading
FEWEST, MOST = 3, 101  # readings that a median is taken of
REMEMBERED = 4  # distances for each of these
INTERVALS = 3  # without a reading: what comes then is not compared with what was before
ROUNDING = 1e-12  # of a value: what computing it in another order may change
KEYS = (
    Option("of", "str", "the quantity that is looked at; default: the calibrated one, or the only number"),
    Option("median", "int", f"how many readings before it one is compared with, {FEWEST} to {MOST}", 5),
    Option("mad", "float", "how many times further from their median than readings usually are one has to be", 6.0),
    Option(
        "floor",
        "float",
        "how far from their median, in the unit of the quantity, no reading is a spike; default: twice the last digit that is "
        "shown, where `decimals` are declared",
    ),
)


@dataclass(frozen=True)
class Filter:
    """Declares how a channel's spikes are found: of quantity ``of``, which are kept as ``spike``."""

    of: str
    spike: Quantity
    median: int
    mad: float
    floor: float

    @property
    def patience(self) -> int:
        """Tell after how many marked readings, one behind the other, they are believed: a step is one."""
        return (self.median + 1) // 2

    @property
    def distances(self) -> int:
        """Tell of how many distances from medians the median is taken."""
        return REMEMBERED * self.median


@dataclass
class Judge:
    """Judges the readings of one series, one after the other."""

    by: Filter
    _values: deque[float] = field(init=False)
    _distances: deque[float] = field(init=False)
    _marked: int = 0  # in a row
    _newest_ns: int | None = None

    def __post_init__(self) -> None:
        self._values = deque(maxlen=self.by.median)
        self._distances = deque(maxlen=self.by.distances)

    def spike(self, value: float, time_ns: int, gap_ns: int) -> bool:
        """Tell whether a reading is a spike. After a gap it begins anew; what comes late is not judged."""
        if self._newest_ns is not None:
            if abs(time_ns - self._newest_ns) > gap_ns:  # also where the clock was set back
                self._begin()
            elif time_ns <= self._newest_ns:
                return False
        self._newest_ns = time_ns
        if len(self._values) < self.by.median:
            self._values.append(value)
            if len(self._values) == self.by.median:
                middle = _median(self._values)
                self._distances.extend(abs(each - middle) for each in self._values)
            return False
        middle = _median(self._values)
        distance = abs(value - middle)
        least = max(self.by.floor, ROUNDING * max(abs(middle), abs(value)))
        spike = distance > max(self.by.mad * _median(self._distances), least)
        self._marked = self._marked + 1 if spike else 0
        if self._marked > self.by.patience:  # they stay: it is no spike, and what was before says nothing of them
            self._begin()
            self._values.append(value)
            return False
        self._values.append(value)
        self._distances.append(distance)
        return spike

    def _begin(self) -> None:
        self._values.clear()
        self._distances.clear()
        self._marked = 0


def gap_ns(interval: float) -> int:
    """Tell after how long a gap (ns) readings are not compared with those before it; ``interval`` (s): from one to the next."""
    return round(INTERVALS * interval * 1e9)


def _median(values: Collection[float]) -> float:
    ordered = sorted(values)  # the module statistics costs each program a megabyte
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2


def build(data: Mapping[str, Any], quantities: Mapping[str, Quantity], calibration: Calibration | None) -> Filter:
    """Make a filter of a channel's ``filter`` mapping, for its ``quantities``. Raises BadInput with the path inside it."""
    with together() as wrong:
        values = take(data, KEYS, "a filter", wrong)
    numbers = [quantity.name for quantity in quantities.values() if quantity.numeric and quantity.type == "float"]
    usual = calibration.to if calibration else numbers[0] if len(numbers) == 1 else None
    of: str | None = values["of"] or usual
    with together() as wrong:
        if of not in numbers:
            found = f"found {shown(of)}" if of else "is missing"
            wrong.append(
                BadInput(f"{found}, expected the quantity that is looked at; {suggestion(of, numbers)}", ("of",))
            )
        elif (name := f"{of}_{SPIKE}") in quantities:
            wrong.append(BadInput(f"needs the name {name!r}, which the channel has already; name that otherwise"))
        if not FEWEST <= values["median"] <= MOST:
            wrong.append(BadInput(f"found {values['median']}, expected {FEWEST} to {MOST} readings", ("median",)))
        for key, least in (("mad", 1.0), ("floor", 0.0)):
            if values[key] is not None and values[key] < least:
                wrong.append(BadInput(f"found {values[key]:g}, expected {least:g} or more", (key,)))
    assert of is not None
    quantity = quantities[of]
    floor = values["floor"]
    if floor is None:
        floor = 0.0 if quantity.decimals is None else 2 * 10.0**-quantity.decimals
    kept = replace(
        quantity, name=f"{of}_{SPIKE}", description=f"{quantity.description}, where it was taken for a spike"
    )
    return Filter(of, kept, values["median"], values["mad"], floor)
