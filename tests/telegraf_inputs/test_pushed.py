"""A source that speaks by itself: lost and opened anew, garbled, silent, and what it has said by then."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import yaml

from telegraf_inputs import drivers, instrument, simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.declare import Quantity, Stream
from telegraf_inputs.errors import BadAnswer, Disconnected, NoAnswer
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.reading import Reading
from telegraf_inputs.source import Pushed
from telegraf_inputs.sparing import AT_ONCE
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url
from tests.telegraf_inputs import plugged

NOON = 1_700_000_000_000_000_000


class Talk(Pushed):
    """Speaks when the test does; ``looks`` are what it finds of itself, look by look."""

    name, title, schemes, channel_names = "talk", "talk", ("file",), ("a", "b")
    streams = (Stream("talk", (Quantity("voltage", "V", "Voltage", 0.0, 10.0),)),)
    inbox: Inbox
    opened = closed = 0
    looks: list[Any] = []
    last_words: list[Reading] = []  # said just before it is closed

    def open(self, url, stop, inbox):
        Talk.inbox = inbox
        Talk.opened += 1
        return ""

    def look(self):
        step = Talk.looks.pop(0) if Talk.looks else None
        if isinstance(step, Exception):
            raise step
        return step or ()

    def close(self):
        Talk.closed += 1
        for reading in Talk.last_words:
            Talk.inbox.put(reading)


class Resting(Talk):
    """May be still as long as it likes."""

    rests = True


class Lasting(Talk):
    """Comes back by itself."""

    reopen = False


def said(channel: str = "a", when: int = NOON, status: str = "ok", **values: Any) -> Reading:
    return Reading(channel, values, when, status)


@pytest.fixture
def make(monkeypatch):
    """Make an instrument of a talk; ``said`` is what it logs."""
    monkeypatch.setattr(instrument, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(instrument, "LONGEST_WAIT", 0.0)
    Talk.opened = Talk.closed = 0

    def make(kind: type[Talk] = Talk, looks: list[Any] | None = None) -> Instrument:
        monkeypatch.setattr(drivers, "load", lambda name: kind)
        Talk.looks, Talk.last_words = looks or [], []
        log: list[str] = []
        stanza = stanzas.check({"name": "box", "driver": "talk", "connection": "file:///"})
        made = Instrument(stanza, Stop(), lambda level, text: log.append(f"{level} {text}"))
        made.said = log
        return made

    return make


def states(made: Instrument, count: int) -> list[str]:
    return [made.sample()[-1].values["state"] for _ in range(count)]


@pytest.mark.parametrize(("error", "state"), [(NoAnswer("hush"), "silent"), (BadAnswer("?!"), "garbled")])
def test_opened_anew_it_is_well_once_it_speaks(make, error, state):
    """A door that opens is no proof that somebody is at home: else its state would go to and fro for ever."""
    made = make(looks=[None, error])
    assert states(made, 4) == ["ok", state, state, state]
    assert Talk.opened == 2
    Talk.inbox.refuse("xyz")
    assert states(made, 1) == [state], "nor is a line that can't be read"
    Talk.inbox.put(said(voltage=1.0))
    assert states(made, 1) == ["ok"]
    assert [text.split()[1].rstrip(":") for text in made.said][:2] == ["ok", state]


def test_connected_anew_it_is_well(make):
    made = make(looks=[None, Disconnected("pulled")])
    assert states(made, 3) == ["ok", "disconnected", "ok"]


def test_what_may_be_still_is_well_when_it_is_opened_anew(make):
    made = make(Resting, [None, BadAnswer("?!")])
    assert states(made, 3) == ["ok", "garbled", "ok"]


def test_what_comes_back_by_itself_is_opened_once(make):
    made = make(Lasting, [None, Disconnected("pulled"), Disconnected("pulled")])
    assert states(made, 4) == ["ok", "disconnected", "disconnected", "ok"]
    assert (Talk.opened, Talk.closed, made.reconnects) == (1, 0, 1)


@pytest.mark.parametrize("error", [Disconnected("pulled"), NoAnswer("hush"), ValueError("a fault")])
def test_what_was_said_before_it_was_let_go_is_delivered(make, error):
    made = make(looks=[None, error])
    made.sample()
    Talk.last_words = [said(when=NOON, voltage=1.0), said("b", when=NOON + 5, voltage=2.0)]
    a, b, own = made.sample()
    assert [(p.timestamp, p.values["voltage"]) for p in (a, b)] == [(NOON, 1.0), (NOON + 5, 2.0)]
    assert own.values["up"] == 0 and own.values["readings"] == 2


def test_what_comes_while_it_is_failing_is_delivered_and_proves_nothing(make):
    made = make(Lasting, [None, Disconnected("one of two servers is gone")])
    states(made, 2)
    Talk.inbox.put(said(voltage=1.0))
    assert [point.values["voltage"] for point in made.collect()] == [1.0]
    assert made.state == "disconnected"


def test_a_fault_between_two_reports_shows_in_the_next(make):
    """It came, and went, while no cycle was due."""
    made = make()
    made.sample()
    Talk.inbox.put(said(status="over_range"))
    Talk.inbox.put(said(when=NOON + 1, voltage=2.0))
    assert len(made.collect()) == 2
    own = made.sample()[-1].values
    assert (own["state"], own["errors"], own["up"]) == ("degraded", 1, 1) and not made.well
    assert states(made, 1) == ["ok"] and made.well
    assert made.said == ["I ok", "W degraded: a: over_range", "I ok again"]


def test_what_can_not_be_read_is_counted_and_told_and_takes_nothing_along(make):
    made = make()
    made.sample()
    Talk.inbox.put(said(voltage=1.0))
    Talk.inbox.refuse("found 'xyz', expected a number")
    Talk.inbox.put(said("b", voltage=2.0))
    a, b, own = made.sample()
    assert (a.values["voltage"], b.values["voltage"]) == (1.0, 2.0)
    assert {name: own.values[name] for name in ("state", "up", "errors", "discarded", "readings")} == {
        "state": "degraded",
        "up": 1,
        "errors": 1,
        "discarded": 1,
        "readings": 2,
    }
    assert made.said[-1].startswith("W degraded: what it said: unreadable (found 'xyz', expected a number")
    assert states(made, 1) == ["ok"]


@pytest.mark.parametrize("values", [7, {"voltage": [1]}, {"voltage": 10**400}, {"other": 1.0}])
def test_a_reading_that_is_none_takes_no_other_along(make, values):
    made = make()
    made.sample()
    Talk.inbox.put(said(voltage=1.0))
    Talk.inbox.put(Reading("a", values, NOON + 1))
    Talk.inbox.put(said("b", voltage=2.0))
    own = made.sample()[-1].values
    assert (own["readings"], own["state"]) == (2, "degraded")
    assert "driver_fault" in made.said[-1]


def test_that_a_source_speaks_is_no_sign_that_a_look_comes_back(make):
    made = make()
    beats = []

    class Looking(list):
        def __iter__(self):
            for thread in (threading.Thread(target=made._pulse, args=("<", b"tick")), None):
                before = made._beat
                made._pulse("<", b"") if thread is None else (thread.start(), thread.join())
                beats.append(made._beat > before)
            return iter(())

    Talk.looks = [Looking([1])]
    made.sample()
    assert beats == [False, True]


def test_an_inbox_drops_the_oldest_and_counts_them_by_channel():
    inbox = Inbox(limit=2)
    for n in range(4):
        inbox.put(said("ab"[n % 2], when=NOON + n, voltage=1.0))
    assert [reading.time_ns for reading in inbox.take()] == [NOON + 2, NOON + 3]
    assert (inbox.dropped, inbox.dropped_of["a"], inbox.dropped_of["b"]) == (2, 1, 1)


def test_what_an_inbox_drops_counts_its_values_and_one_where_there_is_none():
    """A status without a value is news too."""
    inbox = Inbox(limit=1)
    for reading in (said(voltage=1.0, current=2.0), said("b", status="over_range"), said("c")):
        inbox.put(reading)
    assert (inbox.dropped_of["a"], inbox.dropped_of["b"]) == (2, 1)


def test_a_channel_that_flaps_does_not_fill_the_log_and_is_counted_all_the_same(make):
    made = make()
    made.sample()
    for n in range(100):
        Talk.inbox.put(said(when=NOON + n, status=("ok", "over_range")[n % 2]))
        made.sample()
    assert made.errors == 50 and len(made.said) == 1 + AT_ONCE
    Talk.inbox.put(said("b", status="over_range"))
    made.sample()
    assert made.said[-1].startswith("W degraded: a: over_range, b: over_range; ")
    assert made.said[-1].endswith("lines like it before were left out")


def test_channels_without_a_place_do_not_fill_the_log_and_are_counted_all_the_same(make):
    made = make()
    made.sample()
    for n in range(100):
        Talk.inbox.put(said(f"x{n}", when=NOON + n, voltage=1.0))
        made.sample()
    assert made.discarded == 100 and len(made.said) == 1 + AT_ONCE
    made.close()
    assert made.said[-1].startswith("W a reading of channel 'x99' came, which the stanza does not name")
    assert f"; {100 - AT_ONCE - 1} lines like it before were left out" in made.said[-1]


def test_of_a_feed_samples_are_missed_and_events_are_not():
    """Nobody opens the door: that is no fault of it."""
    with plugged.in_place(plugged.ROOM):
        example = yaml.safe_load(drivers.load("room_door").example)
        stanza = stanzas.check({**example, "connection": "sim:", "timeout": "300ms"})
        simulator = simulators.start(stanza, period=0.02)
        stanza.connection = Url(simulator.url)
        door = Instrument(stanza, Stop(), lambda *_: None)
        quiet: set[str] = set()
        try:
            for silent in ("passage", "air"):
                simulator.faulty = {silent: "silent"}
                began = time.monotonic()
                while time.monotonic() < began + 0.6 or (silent == "air" and "air" not in quiet):
                    points = [point for point in door.sample() if point.values.get("status") == "silent"]
                    quiet |= {point.tags["channel"] for point in points}
                    door.stop.wait(0.02)
                    assert time.monotonic() < began + 30
                assert "passage" not in quiet
        finally:
            door.close()
            simulator.stop()
