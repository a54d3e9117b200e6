"""A reading: what a source says of one channel at one moment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What a channel's status can say of every driver -> what that means.
COMMON_STATUSES = {
    "ok": "all is read",
    "no_answer": "this channel's question got no answer within the timeout",
    "bad_answer": "the answer was none that the manual knows for this question",
    "out_of_range": "a value lies beyond what the instrument can deliver",
    "uncalibrated": "the raw value lies where the calibration does not hold",
    "driver_fault": "a value was not as the driver declares it; the program's log says which",
    "unknown_code": "the instrument told a code that its manual does not list",
}


@dataclass
class Reading:
    """One channel at one moment: ``values`` by quantity (None is no value), ``status`` "ok" or what is wrong.

    ``time_ns`` is when it was true (ns, UTC): when the instrument answered, or its own time where it has a clock.
    ``detail`` tells more about the status, for the log; ``tags`` are those that the stream declares; ``stream`` is the
    measurement, where a channel is found in the data. A reading of channel "" says that something of no known channel is
    wrong.
    """

    channel: str
    values: Mapping[str, Any]
    time_ns: int
    status: str = "ok"
    detail: str = ""
    tags: Mapping[str, str] | None = None
    stream: str = ""


@dataclass
class Gathered:
    """What is read of one channel, quantity by quantity: what is wrong with one costs that one alone."""

    values: dict[str, Any] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def add(self, name: str, value: Any, trouble: str = "") -> None:
        """Add a quantity's value (None where there is none), and what is wrong with it."""
        self.note(trouble)
        if value is not None:
            self.values[name] = value

    def note(self, trouble: str, detail: str = "") -> None:
        """Note what is wrong, once."""
        if trouble and trouble not in self.troubles:
            self.troubles.append(trouble)
        if detail and detail not in self.details:
            self.details.append(detail)

    def reading(self, channel: str, time_ns: int) -> Reading:
        """Make the channel's reading of it."""
        return Reading(channel, self.values, time_ns, " ".join(self.troubles) or "ok", "; ".join(self.details))


def unreadable(why: str) -> Reading:
    """Make the reading of something that was said and can't be read; of no channel is it known."""
    return Reading("", {}, time.time_ns(), "unreadable", why)
