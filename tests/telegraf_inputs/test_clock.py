"""The times of readings: what is later than two seconds from now, or before 2020, is marked, and not before."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from telegraf_inputs import clock, native_script
from telegraf_inputs.clock import Clock
from telegraf_inputs.instrument_state import InstrumentState
from telegraf_inputs.sparing import Sparing

NOW = 1_800_000_000_000_000_000
BEFORE_2020 = "2019-12-31T23:59:59.999+00:00"


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000) * 1_000_000


@pytest.mark.parametrize(
    ("time_ns", "odd"),
    [
        (NOW, ""),
        (NOW + 2_000_000_000, ""),
        (NOW + 2_000_000_001, "future"),
        (ns("2020-01-01T00:00:00+00:00"), ""),
        (ns(BEFORE_2020), "past"),
    ],
)
def test_when_a_time_is_odd(time_ns, odd, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: NOW)
    assert Clock().oddity(time_ns) == odd


def answering(status: int):
    """The C library, whose adjtimex(2) gives this."""
    return lambda name: SimpleNamespace(adjtimex=lambda timex: status)


@pytest.mark.parametrize(
    ("library", "doubt"),
    [
        (answering(0), ""),
        (answering(4), ""),
        (answering(5), "unsynchronised"),
        (answering(-1), "unknown"),  # EPERM: a sandbox
        (lambda name: SimpleNamespace(), "unknown"),
    ],
)
def test_what_the_kernel_says_of_its_clock(library, doubt, monkeypatch):
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", library)
    assert Clock().doubt == doubt
    assert Clock().judge(time.time_ns()) == doubt
    assert Clock().judge(ns(BEFORE_2020)) == "past"
    monkeypatch.setenv(clock.VARIABLE, "unchecked")
    assert Clock().doubt == ""


def test_the_library_of_this_machine_is_asked_as_it_wants(monkeypatch):
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    assert Clock().doubt in ("", "unsynchronised")


def test_a_kernel_that_can_not_be_asked_is_told_once(monkeypatch):
    said: list[str] = []
    state = InstrumentState(Sparing(lambda level, text: said.append(f"{level} {text}")))
    for _ in range(3):
        state.judge("unknown")
    assert state.state == "clock" and state.up and state.well
    assert said == [f"W clock: {clock.MEANINGS['unknown']}"]


def test_a_clock_that_is_set_is_asked_about_at_once_and_else_every_ten_seconds(monkeypatch):
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    said, ahead = [""], [NOW]
    monkeypatch.setattr(clock, "_kernel_says", lambda: said[-1])
    monkeypatch.setattr(time, "monotonic_ns", lambda: 0)
    monkeypatch.setattr(time, "time_ns", lambda: ahead[-1])
    judge = Clock()
    assert judge.judge(NOW) == ""
    said.append("unsynchronised")
    assert judge.judge(NOW) == ""
    ahead.append(NOW - clock.SET_NS - 1)
    assert judge.judge(ahead[-1]) == "unsynchronised"


def test_what_telegraf_reads_itself_is_judged_by_the_same_borders():
    assert native_script.CLOCK["ahead_ns"] == clock.AHEAD_NS
    assert native_script.CLOCK["earliest_ns"] == clock.EARLIEST_NS
