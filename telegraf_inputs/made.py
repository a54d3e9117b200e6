"""The account of what was made of a channel: how many readings, and of which times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Made:
    """What was made of one channel: how many readings, and the times of the first and the last (ns, UTC).

    What is of before ``since_ns``, when the program began, has a span of its own, ``earlier``: the database may have
    readings there that others made.
    """

    measurement: str
    channel: str
    readings: int = 0
    first_ns: int = 0
    last_ns: int = 0
    since_ns: int = 0
    earlier: Made | None = None

    def add(self, readings: int, time_ns: int) -> None:
        if time_ns < self.since_ns:
            self.earlier = self.earlier or Made(self.measurement, self.channel)
            self.earlier.add(readings, time_ns)
        elif self.readings == (self.earlier.readings if self.earlier else 0):
            self.first_ns = self.last_ns = time_ns
        else:
            self.first_ns, self.last_ns = min(self.first_ns, time_ns), max(self.last_ns, time_ns)
        self.readings += readings

    @property
    def spans(self) -> list[tuple[int, int, int]]:
        """List how many readings there are in each span, and its times: first that since the program began."""
        if self.earlier is None:
            return [(self.readings, self.first_ns, self.last_ns)]
        since = (self.readings - self.earlier.readings, self.first_ns, self.last_ns)
        return [since, *self.earlier.spans] if self.last_ns else self.earlier.spans
