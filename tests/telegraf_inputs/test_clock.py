"""The times of readings: what is later than two seconds from now, or before 2020, is marked, and not before."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from telegraf_inputs import clock, native_script
from telegraf_inputs.clock import Clock

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


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_time_that_is_odd_is_told_before_a_clock_that_follows_no_other(synchronised, monkeypatch):
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    monkeypatch.setattr(clock, "_kernel_says", lambda: synchronised)
    assert Clock().judge(time.time_ns()) == ("" if synchronised else "unsynchronised")
    assert Clock().judge(ns(BEFORE_2020)) == "past"


def test_a_clock_that_is_set_is_asked_about_at_once_and_else_every_ten_seconds(monkeypatch):
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    said, ahead = [True], [NOW]
    monkeypatch.setattr(clock, "_kernel_says", lambda: said[-1])
    monkeypatch.setattr(time, "monotonic_ns", lambda: 0)
    monkeypatch.setattr(time, "time_ns", lambda: ahead[-1])
    judge = Clock()
    assert judge.judge(NOW) == ""
    said.append(False)
    assert judge.judge(NOW) == ""
    ahead.append(NOW - clock.SET_NS - 1)
    assert judge.judge(ahead[-1]) == "unsynchronised"


def test_what_telegraf_reads_itself_is_judged_by_the_same_borders():
    assert native_script.CLOCK["ahead_ns"] == clock.AHEAD_NS
    assert native_script.CLOCK["earliest_ns"] == clock.EARLIEST_NS
