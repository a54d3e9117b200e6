"""Says log lines, and spares people those of what changes all the time: some at once, then one a minute with their count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

AT_ONCE = 6  # lines about one thing, until it was quiet for a minute
MINUTE = 60.0


@dataclass
class _Left:
    """The newest line that was left out, and how many were."""

    level: str
    text: str
    lines: int


class Sparing:
    """Says what happens to things: each line is of a ``topic``, within which a newer line says all that older ones did.

    A thing that changed AT_ONCE times, without a quiet minute between, is told of once a minute at most.
    """

    def __init__(self, log: Callable[[str, str], None]):
        self._log = log
        self._changes: dict[tuple[str, str], tuple[int, float]] = {}  # topic and thing -> how often, when last
        self._left: dict[str, _Left] = {}
        self._said: dict[str, float] = {}  # topic -> when its last line was said

    def say(self, topic: str, level: str, text: str, things: Iterable[str]) -> None:
        """Say a line about things that changed: at once where it is news of one of them, else with others, later."""
        now = time.monotonic()
        news = False
        for thing in things:
            count, last = self._changes.get((topic, thing), (0, now))
            count = 1 if now - last > MINUTE else count + 1
            self._changes[topic, thing] = count, now
            news = news or count <= AT_ONCE
        left = self._left.get(topic)
        self._left[topic] = _Left(level, text, 1 + (left.lines if left else 0))
        if news:
            self._tell(topic, now)

    def look(self) -> None:
        """Say what was left out, where a minute has passed since its topic's last line."""
        now = time.monotonic()
        for topic in [topic for topic in self._left if now - self._said.get(topic, now) >= MINUTE]:
            self._tell(topic, now)

    def end(self) -> None:
        """Say what was left out until now."""
        for topic in list(self._left):
            self._tell(topic, time.monotonic())

    def _tell(self, topic: str, now: float) -> None:
        left = self._left.pop(topic)
        more = left.lines - 1
        self._said[topic] = now
        lines = "line" if more == 1 else "lines"
        self._log(
            left.level,
            f"{left.text}; {more} {lines} like it before {'was' if more == 1 else 'were'} left out"
            if more
            else left.text,
        )
