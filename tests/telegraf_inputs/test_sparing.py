"""What changes all the time does not fill the log: some lines at once, then one a minute, with the count."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from telegraf_inputs import sparing
from telegraf_inputs.sparing import AT_ONCE, Sparing

LEFT = "lines like it before were left out"


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(sparing, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


@pytest.fixture
def lines():
    return []


@pytest.fixture
def spared(lines):
    return Sparing(lambda level, text: lines.append(text))


def flap(spared, clock, times, thing="a", seconds=1.0):
    for n in range(times):
        spared.say("state", "W", f"{thing} {n}", [thing])
        spared.look()
        clock.seconds += seconds


def test_the_first_are_told_at_once_then_the_newest_once_a_minute_with_the_count(spared, clock, lines):
    flap(spared, clock, 130)
    assert lines[:AT_ONCE] == [f"a {n}" for n in range(AT_ONCE)]
    assert lines[AT_ONCE:] == [f"a 65; 59 {LEFT}", f"a 125; 59 {LEFT}"]
    spared.end()
    assert lines[-1] == f"a 129; 3 {LEFT}"


def test_what_was_left_out_is_told_though_nothing_more_happens(spared, clock, lines):
    flap(spared, clock, AT_ONCE + 2)
    clock.seconds += 60
    spared.look()
    assert lines[AT_ONCE:] == [f"a {AT_ONCE + 1}; 1 line like it before was left out"]
    spared.end()
    assert len(lines) == AT_ONCE + 1


def test_another_channels_news_is_told_at_once_beside_one_that_flaps(spared, clock, lines):
    flap(spared, clock, AT_ONCE + 3)
    spared.say("state", "W", "b is silent", ["b"])
    assert lines[-1] == f"b is silent; 3 {LEFT}"


def test_after_a_quiet_minute_it_is_news_again(spared, clock, lines):
    flap(spared, clock, AT_ONCE)
    clock.seconds += 61
    spared.say("state", "W", "again", ["a"])
    assert lines[-1] == "again"
