"""The faults that simulators show on demand: of an exchange (question and answer), and of a feed (what comes by itself)."""

from __future__ import annotations

import math
import re
import time

from ..errors import BadInput, suggestion

PLAN = re.compile(r"(\w+)@(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?\Z", re.ASCII)
ANY = {
    "silent": "it takes what it is asked and answers nothing; of a feed: it says nothing",
    "truncated": "what it says ends in the middle, without its terminator",
    "garbage": "what it says are bytes that mean nothing",
    "over_range": "the quantity is beyond what the instrument can measure, and it says so",
    "disconnect": "the cable is pulled; it is back when the fault ends",
}
EXCHANGE = {
    "late": "each answer comes only when the next question does",
    "swapped": "each question gets, at once, the answer to the one before",
    "doubled": "each answer comes twice, in one piece",
    "stray": "before an answer, in one piece with it, comes another of its form that somebody else asked for",
}
FEED = {
    "lost": "the subscription is lost without a word: the connection stands, and nothing comes",
    "duplicate": "each event comes twice, with the same time",
    "disorder": "events come in another order than they happened",
    "burst": "many events come at once",
    "backlog": "nothing comes; then all that happened meanwhile comes at once, with its own times",
    "clock_off": "the source's clock is off: its times lie in the future",
}
FAULTS = {**ANY, **EXCHANGE, **FEED}


def check_plan(text: str) -> list[tuple[str, float, float, float]]:
    """Read a plan of faults by the clock: (fault, start, length, period), in seconds. Raises BadInput."""
    plan = []
    for entry in filter(None, text.split(",")):
        match = PLAN.match(entry)
        if not match or match[1] not in FAULTS or match[4] and not float(match[4]):
            raise BadInput(
                f"found faults={entry}, expected KIND@START+LENGTH[/PERIOD] in seconds; "
                f"{suggestion(entry.partition('@')[0], FAULTS)}"
            )
        plan.append((match[1], float(match[2]), float(match[3]), float(match[4] or "inf")))
    return plan


class FaultPlan:
    """Faults by the clock: ``silent@20+10/120`` is silent from the 20th second for 10 s, every 120 s.

    There may be several, with commas.
    """

    def __init__(self, text: str):
        self._entries = check_plan(text)
        self._began = time.monotonic()

    def now(self) -> str | None:
        """Tell which fault is due."""
        elapsed = time.monotonic() - self._began
        for kind, start, length, period in self._entries:
            if start <= (elapsed % period if math.isfinite(period) else elapsed) < start + length:
                return kind
        return None
