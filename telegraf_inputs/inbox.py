"""Where a source that speaks by itself puts what it says, from whatever thread, until the program takes it."""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Iterable

from .reading import Reading, unreadable
from .stop import let_go_of

LIMIT = 10_000  # readings


class Inbox:
    """Holds readings that were put and not taken yet; where it is full the oldest are given up, and counted.

    It can be waited for with ``select``: it is readable while something is in it.
    """

    def __init__(self, limit: int = LIMIT):
        self._limit = limit
        self._readings: deque[Reading] = deque()
        self._lock = threading.Lock()
        self._awake = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._let_go = let_go_of(self, self._read, self._write)
        self.dropped_of: Counter[str] = Counter()  # readings, by channel

    def fileno(self) -> int:
        return self._read

    def put(self, reading: Reading) -> None:
        """Add a reading. Never blocks, never raises; safe from any thread."""
        with self._lock:
            self._readings.append(reading)
            if len(self._readings) > self._limit:
                oldest = self._readings.popleft()
                count = sum(value is not None for value in oldest.values.values())
                self.dropped_of[oldest.channel] += max(1, count)
            self._wake()

    def refuse(self, why: str) -> None:
        """Tell that something was said that can't be read: it is counted as discarded, and logged; of no channel is it known."""
        self.put(unreadable(why))

    def put_said(self, said: str, readings: Iterable[Reading]) -> None:
        """Add all readings that came of one thing that the source said, which is their place in a recording."""
        for reading in readings:
            self.put(reading)

    @property
    def dropped(self) -> int:
        """Tell how many readings were given up."""
        return self.dropped_of.total()

    def lost(self, channel: str, count: int = 1) -> None:
        """Count readings of a channel that the source says it could not deliver."""
        with self._lock:
            self.dropped_of[channel] += count

    def take(self) -> list[Reading]:
        """Take all that is there, in the order in which it came."""
        with self._lock:
            if self._awake:
                os.read(self._read, 1)
                self._awake = False
            taken = list(self._readings)
            self._readings.clear()
            return taken

    def close(self) -> None:
        """Let go of it; what is put from then on is taken by nobody."""
        with self._lock:
            self._let_go()
            self._read = self._write = -1

    def _wake(self) -> None:
        if not self._awake and self._write >= 0:
            os.write(self._write, b"!")
            self._awake = True
