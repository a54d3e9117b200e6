"""Deadlines, with clocks that the tests turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_inputs.stop import Stop
from telegraf_inputs.ticks import Ticks

SECOND = 10**9


class Clocks:
    """A monotonic and a wall clock, ``ahead`` ns of it; in the place of a Stop, ``wait`` turns them on."""

    is_set = False

    def __init__(self, start: int = 1_234_567_891_234, ahead: int = 1_700_000_000 * SECOND):
        self.now, self.ahead = start, ahead
        self.disturbance = 0  # ns that the process is held up before it sees the wall clock

    def monotonic(self) -> int:
        return self.now

    def wall(self) -> int:
        self.now += self.disturbance
        self.disturbance = 0
        return self.now + self.ahead

    def wait(self, seconds: float) -> bool:
        self.now += max(0, round(seconds * SECOND))
        return False

    def ticks(self, interval: float) -> Ticks:
        return Ticks(interval, self.wall, self.monotonic)


@pytest.mark.parametrize("interval", [0.01, 0.1, 0.25, 1.0, 10.0, 3600.0])
def test_deadlines_are_whole_multiples_of_the_interval_on_the_wall_clock(interval):
    clocks = Clocks()
    ticks = clocks.ticks(interval)
    before = clocks.wall()
    for _ in range(20):
        assert ticks.wait(clocks) == 0
        after = clocks.wall()
        assert abs((after + ticks.interval_ns // 2) % ticks.interval_ns - ticks.interval_ns // 2) < 1000
        assert 0 < after - before < 1.001 * ticks.interval_ns
        before = after
        clocks.now += ticks.interval_ns // 3  # work


@given(st.lists(st.integers(0, 5 * SECOND), min_size=1, max_size=60))
def test_each_deadline_is_met_or_counted_as_missed(work):
    clocks = Clocks()
    ticks = clocks.ticks(1.0)
    first = ticks._next
    met = missed = 0
    for duration in work:
        missed += ticks.wait(clocks)
        met += 1
        last = clocks.now - (clocks.now - first) % SECOND
        clocks.now += duration
    assert met + missed == (last - first) // SECOND + 1


def test_no_deadline_drifts():
    clocks = Clocks()
    ticks = clocks.ticks(0.1)
    first = ticks._next
    for _ in range(10_000):
        ticks.wait(clocks)
        clocks.now += 12_345_678
    assert ticks._next - first == 10_000 * SECOND // 10


@pytest.mark.parametrize(
    "step", [SECOND // 20, 3 * SECOND, -3 * SECOND, 3600 * SECOND + 123_456_789, -86400 * SECOND + 1, SECOND // 2]
)
def test_a_wall_clock_that_is_set_is_followed(step):
    clocks = Clocks()
    ticks = clocks.ticks(10.0)
    ticks.wait(clocks)
    clocks.now += SECOND
    clocks.ahead += step
    before = clocks.now
    assert ticks.wait(clocks) == 0
    assert clocks.wall() % (10 * SECOND) < 1000
    assert 0 < clocks.now - before <= 10 * SECOND


def test_a_process_that_is_held_up_takes_it_for_no_step_of_the_clock():
    clocks = Clocks()
    ticks = clocks.ticks(0.1)
    ticks.wait(clocks)
    for _ in range(50):
        clocks.disturbance = 60_000_000
        ticks.wait(clocks)
        assert clocks.wall() % (SECOND // 10) < 1000


def test_a_request_to_stop_ends_the_wait():
    stop = Stop()
    stop.set()
    assert Ticks(3600.0).wait(stop) == 0
