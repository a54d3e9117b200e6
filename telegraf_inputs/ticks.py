"""When to sample: whole multiples of the interval on the wall clock, kept on the monotonic clock."""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from .stop import Stop, Waited

CLOCK_STEP_NS = 20_000_000  # a wall clock that is off by more has been set
UNDISTURBED_NS = 1_000_000  # between two looks at one clock; more, and the process had to wait in between


class Ticks:
    """Deadlines that don't drift; those that are missed are counted, not made up for."""

    def __init__(
        self,
        interval: float,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ):
        self.interval_ns = max(1, round(interval * 1e9))
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        self._offset = self._measure()
        self._next = self._after(monotonic_ns())

    def passed(self) -> int:
        """Tell how many deadlines have passed that nobody waits for any more."""
        late = self._monotonic_ns() - self._next
        return late // self.interval_ns + 1 if late >= 0 else 0

    def wait(self, stop: Stop, also: Waited | None = None, act: Callable[[], None] = lambda: None) -> int:
        """Wait for the next deadline, or the request to stop; returns how many were missed before it.

        A deadline that passed less than one interval ago is kept, late; those before it are missed. Whenever ``also``
        has something meanwhile, ``act`` is called.
        """
        now = self._monotonic_ns()
        missed = max(0, (now - self._next) // self.interval_ns)
        self._next += missed * self.interval_ns
        offset = self._measure()
        if abs(offset - self._offset) > CLOCK_STEP_NS:  # the wall clock was set: align to it anew
            self._offset = offset
            if self._next > now:
                self._next = self._after(now)
        while also is not None and not stop.is_set and (rest := (self._next - self._monotonic_ns()) / 1e9) > 0:
            if also in select.select([stop, also], [], [], rest)[0]:
                act()
        stop.wait((self._next - self._monotonic_ns()) / 1e9)
        if not stop.is_set:
            self._next = self._after(self._next)
        return missed

    def _after(self, monotonic: int) -> int:
        """Tell the first deadline after a moment; both in ns of the monotonic clock."""
        return monotonic + self.interval_ns - (monotonic + self._offset) % self.interval_ns

    def _measure(self) -> int:
        """Tell how far the wall clock is ahead of the monotonic one, in ns."""
        best, offset = None, 0
        for _ in range(5):
            before, wall, after = self._monotonic_ns(), self._wall_ns(), self._monotonic_ns()
            if best is None or after - before < best:
                best, offset = after - before, wall - (before + after) // 2
            if best <= UNDISTURBED_NS:
                break
        return offset
