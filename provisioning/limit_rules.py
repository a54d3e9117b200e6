"""What the alarm of a limit goes by: said once, for Grafana's rules and for what the terminal shows."""

from __future__ import annotations

import math
from typing import Any, Literal

from msgspec import Struct

from .limits import Limit
from .site import Alarms, SiteInstrument

# An alarm that ends and comes back within five minutes is one alarm, and one message.
KEEP_SECONDS = 300
SHORTEST_WINDOW = 60  # seconds

Side = Literal["above", "below"]


class LimitRule(Struct, frozen=True, kw_only=True):
    """What an alarm of a limit goes by, held ``every`` so many seconds against the newest reading of the last ``window`` seconds.

    The alarm begins once the reading was beyond the limit for ``wait`` seconds, in which it may come back as long as it is
    not behind it; it ends once the reading was behind the limit for ``keep`` seconds.
    """

    limit: Limit
    every: float
    wait: float
    keep: float
    window: int

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
    wait = rounded(limit.for_, alarms)
    common: dict[str, Any] = {
        "limit": limit,
        "every": alarms.every,
        "wait": wait,
        "keep": max(wait, rounded(KEEP_SECONDS, alarms)),
        # So far back that a well channel always has a reading there, also a scanner's.
        "window": math.ceil(max(SHORTEST_WINDOW, channel_gap(instrument))),
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
