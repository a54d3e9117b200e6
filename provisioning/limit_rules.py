"""What the alarm of a limit goes by: said once, for Grafana's rules and for what the terminal shows.

An alarm begins and ends with readings, and with nothing else (docs/decisions/0023): where none come, it stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from .limits import Limit
from .site import Alarms, SiteInstrument

# An alarm that ends and comes back within five minutes is one alarm, and one message.
KEEP_SECONDS = 300
SAMPLE = 10  # seconds: of faster readings one in each is looked at; Grafana looks no oftener
HELD = 3600  # seconds before a window in which the reading is looked for that stands there
ON_ITS_WAY = 5  # seconds that a reading may take to the database

Side = Literal["above", "below"]
Which = Literal["any", "beyond", "not behind", "left behind"]
# How many readings are so, from and until so many seconds back; "left behind": 1 where the last of them is behind the limit.
Count = Callable[[Which, int, int], int]


class LimitRule(Struct, frozen=True, kw_only=True):
    """What an alarm of a limit goes by, looked at ``every`` so many seconds. All times are whole multiples of SAMPLE (s).

    It begins once the value was beyond the limit for ``wait``: in one of the windows ``begins`` (s back from the look), two
    thirds of the readings are beyond it, two at least, one of them no older than ``fresh``, and some reading is in the oldest
    third. The first window is one and a half times ``wait``: of a value that steps over its limit that is so after ``wait``; an
    outlier is not enough, and noise does not hinder it. Each other window is twice as long, for it is not known how often a
    reading comes. There is none where there is no wait: one fresh reading beyond the limit begins the alarm, and all are looked at.

    It ends once all readings in one of the windows ``ends`` were behind the limit, one of them fresh and one in the oldest
    third; ``keep`` is the first of them. Where ``held``, a reading stands until there is another: in the window there need be none,
    but the last one before it, HELD at most, was behind.
    """

    limit: Limit
    every: float
    wait: float
    keep: float
    fresh: int
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    held: bool

    @property
    def at_once(self) -> bool:
        """Tell whether one reading begins the alarm."""
        return not self.begins

    @property
    def window(self) -> int:
        """Tell how far back (s) a look reaches."""
        return max(self.fresh, *self.begins, *self.ends) + (HELD if self.held else 0)

    def judged(self, count: Count) -> bool | None:
        """Tell whether the alarm begins (True) or ends at a look; None: it stays as it is."""
        if count("beyond", self.fresh, 0) and (self.at_once or any(self._begun(w, count) for w in self.begins)):
            return True
        return False if any(self._ended(w, count) for w in self.ends) else None

    def _begun(self, window: int, count: Count) -> bool:
        beyond = count("beyond", window, 0)
        return beyond >= 2 and 3 * beyond >= 2 * count("any", window, 0) and count("any", window, oldest(window)) > 0

    def _ended(self, window: int, count: Count) -> bool:
        if count("not behind", window, 0):
            return False
        if self.held:
            return bool(count("left behind", window + HELD, window))
        return count("any", self.fresh, 0) > 0 and count("any", window, oldest(window)) > 0

    def beyond(self, reading: Any) -> bool:
        """Tell whether a reading is beyond the limit."""
        raise NotImplementedError

    def behind(self, reading: Any) -> bool:
        """Tell whether a reading ends an alarm."""
        raise NotImplementedError


class BorderRule(LimitRule, frozen=True, kw_only=True):
    """One side of a number's limit: beyond ``value``, behind ``back``, both in the quantity's unit."""

    side: Side
    value: float
    back: float

    def beyond(self, reading: Any) -> bool:
        return bool(reading > self.value if self.side == "above" else reading < self.value)

    def behind(self, reading: Any) -> bool:
        """Tell whether a reading is not beyond the limit, and on the other side of the hysteresis."""
        if self.back == self.value:
            return not self.beyond(reading)
        return bool(reading < self.back if self.side == "above" else reading > self.back)


class WordRule(LimitRule, frozen=True, kw_only=True):
    """The limit of a code, a text, true or false: an alarm while it is one of the limit's."""

    def beyond(self, reading: Any) -> bool:
        return reading in self.limit.codes

    def behind(self, reading: Any) -> bool:
        return not self.beyond(reading)


def of_limit(limit: Limit, instrument: SiteInstrument, alarms: Alarms) -> list[LimitRule]:
    """Make the rules of a limit: one a side, or one for all its words."""
    interval = instrument.stanza.interval
    held = limit.channel.stream.kind == "event"
    wait = rounded(limit.for_, alarms)
    keep = max(wait, rounded(max(KEEP_SECONDS, 3 * interval), alarms))
    # So long that a well channel has two readings there, also a scanner's.
    longest = 2 * max(channel_gap(instrument), instrument.stanza.driver.turn)
    common: dict[str, Any] = {
        "limit": limit,
        "every": alarms.every,
        "wait": wait,
        "keep": keep,
        "fresh": fresh(interval, alarms),
        "begins": windows(max(1.5 * wait, 3 * interval), longest) if wait else (),
        "ends": (whole(keep),) if held else windows(keep, longest),
        "held": held,
    }
    if limit.codes:
        return [WordRule(**common)]
    return [
        BorderRule(
            side=side,
            value=value,
            back=float(f"{value + limit.hysteresis * (1 if side == 'below' else -1):.12g}"),
            **common,
        )
        for side, value in sides(limit)
    ]


def fresh(interval: float, alarms: Alarms) -> int:
    """Tell how old (s) a new reading may be: it is seen by one look at least."""
    return whole(max(2 * interval + ON_ITS_WAY, alarms.every + SAMPLE))


def windows(shortest: float, longest: float) -> tuple[int, ...]:
    """List windows (s) from the shortest on, each twice as long, to one that is no shorter than ``longest``."""
    found = [whole(shortest, 3 * SAMPLE)]
    while found[-1] < longest:
        found.append(2 * found[-1])
    return tuple(found)


def oldest(window: int) -> int:
    """Tell until how many seconds back the oldest third of a window reaches."""
    return window // 3 * 2


def whole(seconds: float, step: int = SAMPLE) -> int:
    """Round up to whole samples."""
    return math.ceil(seconds / step) * step


def sides(limit: Limit) -> list[tuple[Side, float]]:
    """Split a limit into its sides: ("below", value), ("above", value)."""
    both: list[tuple[Side, float | None]] = [("below", limit.below), ("above", limit.above)]
    return [(side, value) for side, value in both if value is not None]


def rounded(seconds: float, alarms: Alarms) -> float:
    """Round up to whole looks: Grafana looks no oftener than ``alarms.every``."""
    return math.ceil(seconds / alarms.every) * alarms.every


def channel_gap(instrument: SiteInstrument) -> float:
    """Tell from how long on (s) missing readings of a channel are a gap; a scanner has time to come round."""
    return max(instrument.channel_stale or instrument.stanza.driver.turn, 4 * instrument.stanza.interval)
