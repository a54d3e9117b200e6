"""An RDM6300 that exists only on a pty: somebody comes with a card now and then, and holds it near for a moment."""

from __future__ import annotations

import random
from collections.abc import Container, Mapping
from functools import reduce
from operator import xor
from typing import Any

from ..configured import Channel, Stanza
from .feed import Event, LineFeedSimulator

NO_CLOCK = "a reader has no clock, and keeps nothing: what it says is near now"
NOBODY = "that nobody comes with a card is no fault"
REPEATS = 3  # times that a card is said while it is held near


class RfidRdm6300Simulator(LineFeedSimulator):
    """Says what a reader does. Of so many ``cards`` one comes after the other."""

    period = 20.0
    brisk = {"period": 0.02, "cards": 1000}
    not_faults = {
        **dict.fromkeys(("duplicate", "disorder", "burst", "backlog", "clock_off"), NO_CLOCK),
        **dict.fromkeys(("silent", "lost"), NOBODY),
        "over_range": "every number is one that a card can have",
    }
    channel_faults = ()  # it has one channel
    states = {"truncated": {"degraded"}, "garbage": {"degraded"}}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None, cards: int = 4):
        super().__init__(stanza, seed, plan, period)
        made = random.Random(seed)
        self.cards = [f"{made.getrandbits(40):010X}" for _ in range(cards)]
        self._next = 0

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        known = {"card": self.cards, "known": {True, False}, "name": ()}
        return {(c.id, name): known[name] for c in self.stanza.channels for name in c.quantities}

    def happen(self, channel: Channel) -> Mapping[str, Any]:
        self._next += 1
        return {"card": self.cards[self._next % len(self.cards)]}

    def line(self, event: Event) -> str:
        card = event.values["card"]
        return f"\x02{card}{reduce(xor, bytes.fromhex(card)):02X}"

    def _framed(self, event: Event, fault: str | None) -> bytes:
        return super()._framed(event, fault) * (REPEATS if fault is None else 1)


SIMULATOR = RfidRdm6300Simulator
