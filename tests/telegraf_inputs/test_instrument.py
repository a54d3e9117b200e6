"""An instrument kept alive: what its points say in good and in bad times, and that nothing is invented."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from telegraf_inputs import drivers, errors, instrument
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.declare import MARKS, PINNED, Quantity, Stream
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.reading import Reading
from telegraf_inputs.source import Polled
from telegraf_inputs.sparing import AT_ONCE
from telegraf_inputs.stop import Stop

NOON = 1_700_000_000_000_000_000


class Link:
    """A link that only counts."""

    opened = closed = 0

    def discard(self, quiet: float = 0.0) -> int:
        return 0

    def close(self) -> None:
        Link.closed += 1


class Scripted(Polled):
    """Does in each cycle what the test's script says: an exception, or readings."""

    name = "scripted"
    title = "script"
    schemes = ("file",)
    streams = (
        Stream(
            "scripted",
            (
                Quantity("voltage", "V", "Voltage", 0.0, 10.0),
                Quantity("count", "", "Count", type="int"),
                Quantity("open", "", "Open", type="bool"),
                Quantity("mode", "", "Mode", type="str"),
            ),
        ),
    )
    channel_names = ("a", "b")
    opening: list[Any] = []
    identities: list[Any] = []
    cycles: list[Any] = []

    @classmethod
    def open_link(cls, url, stanza, stop):
        _act(cls.opening)
        Link.opened += 1
        return Link()

    def identify(self):
        return _act(self.identities) or "scripted 1.0"

    def verify(self):
        pass

    def read(self):
        return _act(self.cycles) or []


def _act(script: list[Any]) -> Any:
    step = script.pop(0) if script else None
    if isinstance(step, BaseException):
        raise step
    return step


@pytest.fixture
def make(monkeypatch) -> Callable[..., Instrument]:
    """Make an instrument that follows a script; ``log`` is what it says."""
    monkeypatch.setattr(drivers, "load", lambda name: Scripted)
    Link.opened = Link.closed = 0

    def make(cycles=(), *, opening=(), identities=(), **keys) -> Instrument:
        Scripted.cycles, Scripted.opening, Scripted.identities = list(cycles), list(opening), list(identities)
        stanza = stanzas.check({"name": "box", "driver": "scripted", "connection": "file:///", **keys})
        log: list[str] = []
        made = Instrument(stanza, Stop(), lambda level, text: log.append(f"{level} {text}"))
        made.said = log
        return made

    return make


@pytest.fixture
def patient(monkeypatch) -> None:
    """Let an instrument try again in the very next cycle."""
    monkeypatch.setattr(instrument, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(instrument, "LONGEST_WAIT", 0.0)


def reading(channel: str = "a", status: str = "ok", when: int = NOON, detail: str = "", **values: Any) -> Reading:
    return Reading(channel, values, when, status, detail)


def fields(made: Instrument) -> list[dict[str, Any]]:
    """Run a cycle; the fields of its points."""
    return [point.values for point in made.sample()]


def test_a_cycle_gives_a_point_a_channel_and_the_instruments_own(make):
    made = make([[reading(voltage=2.5, count=3, open=True, mode="auto"), reading("b", voltage=1)]], tags={"run": "7"})
    a, b, own = made.sample()
    assert a.measurement == b.measurement == "scripted" and a.timestamp == NOON
    assert a.tags == {"instrument": "box", "channel": "a", "run": "7"}
    assert a.values == {"voltage": 2.5, "count": 3, "open": True, "mode": "auto", "status": "ok"}
    assert b.values == {"voltage": 1.0, "status": "ok"} and type(b.values["voltage"]) is float
    assert own.measurement == "instrument" and own.tags == {"instrument": "box", "driver": "scripted", "run": "7"}
    assert own.values.pop("read_seconds") >= 0.0
    assert own.values == {
        "up": 1,
        "errors": 0,
        "reconnects": 0,
        "overruns": 0,
        "dropped": 0,
        "discarded": 0,
        "readings": 5,
        "state": "ok",
    }
    assert (a.readings, b.readings, own.readings) == (4, 1, 0)


def test_the_instruments_own_fields_are_those_that_a_tag_must_not_have(make):
    *_, own = make().sample()
    assert {*own.values, *MARKS, "spikes"} == set(stanzas.RESERVED_FIELDS)
    assert {*own.tags, "channel", "site", "host"} == set(stanzas.RESERVED_TAGS)


@pytest.mark.parametrize("value", [-0.001, 10.001, math.nan, math.inf, -math.inf])
def test_what_the_instrument_can_not_deliver_is_no_reading(make, value):
    made = make([[reading(voltage=value, count=1)]])
    a, own = fields(made)
    assert a == {"count": 1, "status": "out_of_range"}
    assert (own["readings"], own["errors"], own["state"], own["up"]) == (1, 1, "degraded", 1)
    assert made.said == ["W degraded: a: out_of_range"]


def test_what_has_no_limits_is_finite_all_the_same(make):
    made = make([[reading(count=2**63)], [reading(count=-(2**63))]])
    assert fields(made)[0] == {"status": "bad_answer"}  # beyond the 64 bits that InfluxDB has
    assert fields(made)[0]["count"] == -(2**63)


def test_raw_and_calibrated_value_are_both_stored(make):
    for calibration, expected in (
        ({"form": "linear", "a": 1, "b": 2}, {"voltage_raw": 2.5, "voltage": 6.0}),
        ({"form": "linear", "a": 1, "b": 2, "to": "pressure", "unit": "mbar"}, {"voltage": 2.5, "pressure": 6.0}),
        ({"form": "linear", "b": 2, "range": [0, 2]}, {"voltage_raw": 2.5, "status": "uncalibrated"}),
    ):
        made = make([[reading(voltage=2.5)]], channels={"a": {"calibration": {"of": "voltage", **calibration}}})
        a, own = fields(made)
        version = None if "status" in expected else made.channels[0].calibration.version
        assert a.pop("calibration", None) == version
        assert a == {"status": "ok", **expected}
        assert own["readings"] == len(a) - 1


@pytest.mark.parametrize("to", ["voltage", "pressure"])
def test_what_is_out_of_range_is_not_calibrated(make, to):
    calibration = {"of": "voltage", "to": to, "unit": "x", "form": "linear", "b": 2}
    made = make([[reading(voltage=11.0)]], channels={"a": {"calibration": calibration}})
    assert fields(made)[0] == {"status": "out_of_range"}


def test_a_whole_number_is_calibrated_into_a_field_of_its_own(make):
    calibration = {"of": "count", "to": "level", "unit": "%", "form": "linear", "b": 0.5}
    made = make([[reading(count=3)]], channels={"a": {"calibration": calibration}})
    version = made.channels[0].calibration.version
    assert fields(made)[0] == {"count": 3, "level": 1.5, "status": "ok", "calibration": version}


def test_a_status_is_kept_and_a_channel_without_news_keeps_its_own(make):
    made = make(
        [
            [reading(status="sensor_off"), reading("b", voltage=1.0)],
            [reading("b", voltage=1.0)],
            [reading(voltage=1.0)],
            [reading(voltage=1.0)],
        ]
    )
    assert fields(made)[0] == {"status": "sensor_off"}
    assert [fields(made)[-1]["state"] for _ in range(3)] == ["degraded", "ok", "ok"]
    assert made.said == ["W degraded: a: sensor_off", "I ok again (scripted 1.0)"]
    assert made.errors == 1


def test_other_faults_of_a_degraded_instrument_are_told(make):
    made = make(
        [[reading(status="off")], [reading(status="off"), reading("b", status="off")], [reading("b", status="off")]]
    )
    for _ in range(3):
        made.sample()
    assert made.said == ["W degraded: a: off", "W degraded: a: off, b: off"]


def test_what_a_bad_channel_answered_is_told_once(make):
    made = make([[reading(status="bad_answer", detail=f"found '{n} V'")] for n in range(3)] + [[reading(status="off")]])
    for _ in range(4):
        made.sample()
    assert made.said == ["W degraded: a: bad_answer (found '0 V')", "W degraded: a: off"]


def test_channels_that_nobody_asked_for_are_left_out(make):
    made = make([[reading(voltage=1.0), reading("b", status="sensor_off")]], channels={"a": None})
    a, own = fields(made)
    assert a["status"] == "ok" and own["state"] == "ok" and own["errors"] == 0


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (errors.Disconnected("pulled"), "disconnected"),
        (errors.NoAnswer("hush"), "silent"),
        (errors.BadAnswer("?!"), "garbled"),
        (errors.OutOfStep("late"), "garbled"),
        (errors.WrongDevice("other"), "wrong_device"),
        (errors.InstrumentError("no"), "failed"),
        (ValueError("a fault"), "failed"),
        (ImportError("x", name="serial"), "failed"),
        (errors.BadInput("x"), "failed"),
    ],
)
def test_after_any_fault_it_says_so_once_lets_go_and_comes_back(make, patient, error, state):
    made = make([[reading(voltage=1.0)], error, error, [reading(voltage=2.0)]])
    assert len(made.sample()) == 2
    for count in (1, 2):
        (own,) = fields(made)
        assert (own["up"], own["state"], own["errors"], own["readings"]) == (0, state, count, 1)
    a, own = fields(made)
    assert a["voltage"] == 2.0
    assert (own["up"], own["state"], own["reconnects"], own["readings"]) == (1, "ok", 2, 2)
    said = [text for text in made.said if not text.startswith("D ")]
    assert [text.split(":")[0] for text in said] == ["I ok (scripted 1.0)", f"E {state}", "I ok again (scripted 1.0)"]
    assert (Link.opened, Link.closed) == (3, 2)


def test_the_reason_of_a_state_follows_the_fault(make, patient):
    """What differs in numbers and in what was found alone is the same reason."""
    faults = [
        errors.Disconnected("tcp://h:1: Connection refused"),
        errors.Disconnected("tcp://h:1: Connection refused"),
        errors.Disconnected("tcp://h:1: No route to host"),
        errors.BadAnswer("found '0.1x', expected a number"),
        errors.BadAnswer("found '0.2', expected a number"),
        errors.Disconnected("tcp://h:1: No route to host"),
    ]
    made = make(faults)
    for _ in range(len(faults) + 2):
        made.sample()
    assert made.said == [
        "E disconnected: tcp://h:1: Connection refused",
        "E disconnected: tcp://h:1: No route to host",
        "E garbled: found '0.1x', expected a number",
        "E disconnected: tcp://h:1: No route to host",
        "I ok again (scripted 1.0)",
    ]


def test_a_reason_that_changes_all_the_time_is_told_once_a_minute(make, patient):
    words = ["refused", "reset", "no route", "no network"] * 10
    made = make([errors.Disconnected(word) for word in words])
    for _ in words:
        made.sample()
    assert len(made.said) == AT_ONCE


@pytest.mark.parametrize("where", ["opening", "identities"])
def test_a_fault_on_connecting(make, patient, where):
    script = [errors.NoAnswer("hush")] * (1 if where == "opening" else Polled.contacts)
    made = make([[reading(voltage=1.0)]], **{where: script})
    (own,) = fields(made)
    assert (own["up"], own["state"], own["errors"]) == (0, "silent", 1)
    assert fields(made)[-1]["state"] == "ok" and made.reconnects == 0
    assert made.said == ["E silent: hush", "I ok again (scripted 1.0)"]
    assert Link.opened - Link.closed == 1


def test_a_first_contact_that_fails_is_tried_again(make):
    made = make([[reading(voltage=1.0)]], identities=[errors.NoAnswer("hush"), errors.BadAnswer("?")])
    assert fields(made)[-1]["state"] == "ok" and made.errors == 0


def test_a_package_that_is_not_there_is_named(make):
    made = make(opening=[ImportError("no", name="pyvisa")])
    made.sample()
    assert made.said == ["E failed: needs the Python package pyvisa: pip install 'labline[all]'"]


def test_another_instrument_in_its_place_is_told(make, patient):
    made = make([[], errors.Disconnected("pulled"), []], identities=["box 1", "box 2"])
    for _ in range(3):
        made.sample()
    assert made.said[2:] == ["W another instrument answers now: 'box 2', before it was 'box 1'", "I ok again (box 2)"]


def test_an_instrument_that_is_not_the_one_declared_is_not_read(make, patient, monkeypatch):
    monkeypatch.setattr(Scripted, "options_known", (PINNED,))
    script = [[reading(voltage=1.0)], errors.Disconnected("pulled"), [reading(voltage=2.0)]]
    made = make(script, identity="box [12]", identities=["box 1", "box 3", "box 2"])
    assert [fields(made)[-1]["state"] for _ in range(4)] == ["ok", "disconnected", "wrong_device", "ok"]
    assert "E wrong_device: this is 'box 3', expected 'box [12]' in what it says of itself (identity)" in made.said
    assert made.readings == 2


def test_attempts_to_connect_become_rarer(make, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(instrument.time, "monotonic", lambda: clock[0])
    made = make(opening=[errors.Disconnected("refused")] * 100)
    attempts = []
    while clock[0] < 60:
        left = len(Scripted.opening)
        made.sample()
        if len(Scripted.opening) < left:
            attempts.append(clock[0])
        clock[0] += 0.5
    assert attempts == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 25.5, 35.5, 45.5, 55.5]
    assert made.errors == len(attempts)


def test_after_a_good_cycle_the_first_attempts_are_soon_again(make, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(instrument.time, "monotonic", lambda: clock[0])
    pulled = errors.Disconnected("pulled")
    made = make([pulled, pulled, pulled, [], pulled, []])
    states = []
    while len(states) < 12:
        states.append(fields(made)[-1]["state"])
        clock[0] += 0.5
    assert states == ["disconnected"] * 7 + ["ok", "disconnected", "ok", "ok", "ok"]


def test_attempts_stay_rare_for_an_instrument_that_connects_but_never_answers(make, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(instrument.time, "monotonic", lambda: clock[0])
    made = make([errors.BadAnswer("?")] * 100)
    while clock[0] < 60:
        made.sample()
        clock[0] += 0.5
    assert made.errors == 10


@pytest.mark.parametrize(
    "values", [{"voltage": "high"}, {"count": 1.5}, {"count": True}, {"open": 2}, {"mode": 5}, {"voltage": [1]}]
)
def test_a_value_of_another_type_is_a_fault_of_the_driver(make, values):
    made = make([[reading(**values), reading("b", voltage=1)]])
    a, b, own = fields(made)
    assert a == {"status": "driver_fault"} and b == {"voltage": 1.0, "status": "ok"}
    assert (own["state"], own["discarded"], own["readings"]) == ("degraded", 1, 1)
    assert made.said[-1].startswith("W degraded: a: driver_fault (TypeError: ")


@pytest.mark.parametrize(
    "broken", [reading(mode="two\nlines"), reading(voltage=1.0, status="a\ud800"), reading(voltage=1.0, when=2.5)]
)
def test_what_can_not_be_stored_spoils_one_channel_alone(make, broken):
    made = make([[broken, reading("b", voltage=1.0)]])
    a, b, own = fields(made)
    assert a == {"status": "bad_answer"}
    assert b["voltage"] == 1.0 and own["readings"] == 1 and own["state"] == "degraded"


def test_a_link_that_can_not_be_closed_is_let_go(make, patient, monkeypatch):
    made = make([errors.NoAnswer("hush"), []])
    monkeypatch.setattr(Link, "close", lambda self: 1 / 0)
    assert fields(made)[-1]["state"] == "silent"
    assert fields(made)[-1]["state"] == "ok"


def test_a_request_to_stop_is_no_fault(make):
    made = make([errors.Stopped()])
    with pytest.raises(errors.Stopped):
        made.sample()
    assert made.errors == 0
