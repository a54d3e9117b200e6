"""A ticker on a socket or a pty: two tanks, a door and a pump, of which something happens again and again."""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping
from typing import Any

from ..configured import Channel, Stanza
from .base import Signal
from .feed import Event, LineFeedSimulator

LEVELS = {"tank": (60.0, "full"), "spare": (20.0, "low")}  # %, and the word beside it


class TickerSimulator(LineFeedSimulator):
    """Says a line each time that something happens."""

    brisk = {"period": 0.01}
    spared = {"over_range": ("door", "pump")}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None):
        super().__init__(stanza, seed, plan, period)
        self._levels = {
            name: Signal(center, 5.0, 0.5, 60, seed + i) for i, (name, (center, _)) in enumerate(LEVELS.items())
        }
        self._turns = itertools.count()

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        return {(c.id, "level"): self._levels[c.id].band() for c in self.stanza.channels if c.id in LEVELS}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        told: dict[tuple[str, str], Container[Any]] = {
            ("door", "open"): {False, True},
            ("door", "word"): {"swings"},
            ("pump", "mode"): {0, 1},
            ("pump", "word"): {"hums"},
            **{(name, "word"): {word} for name, (_, word) in LEVELS.items()},
        }
        return {key: words for key, words in told.items() if key[0] in {c.id for c in self.stanza.channels}}

    def happen(self, channel: Channel) -> Mapping[str, Any]:
        if channel.id in LEVELS:
            over = self.current_fault() == "over_range"
            return {} if over else {"level": round(self._levels[channel.id](), 4), "word": LEVELS[channel.id][1]}
        turn = next(self._turns) % 3 == 0
        return {"open": turn, "word": "swings"} if channel.id == "door" else {"mode": int(turn), "word": "hums"}

    def line(self, event: Event) -> str:
        seconds, nanoseconds = divmod(event.time_ns, 10**9)
        value, word = [*event.values.values()] or ["OVER", "-"]
        return f"{seconds}.{nanoseconds:09} {event.channel} {value if value == 'OVER' else float(value)} {word}"


SIMULATOR = TickerSimulator
