"""A fault of one channel is that channel's alone: the others are read, with their own values, and the reports go on."""

from __future__ import annotations

import threading
import time

import pytest
import yaml

from telegraf_inputs import drivers, instrument, simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.simulators.base import GARBAGE, TextSimulator
from telegraf_inputs.simulators.faults import EXCHANGE
from telegraf_inputs.simulators.lakeshore_372 import LakeShore372Simulator
from telegraf_inputs.source import Polled
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

PATIENCE = 15.0  # seconds until a test gives up; never reached where all is well
ROUNDING = 2e-3  # of a value: instruments answer with a few digits
QUICK = {"timeout": "100ms", "interval": "50ms"}
# Further channels than those of the driver's example.
WIDER = {
    "julabo": {"channels": dict.fromkeys(drivers.load("julabo").channel_names)},
    "lakeshore_372": {"channels": dict.fromkeys(("A", "1", "5"))},
    "thermistor_adcpi": {"channels": dict.fromkeys(("1", "2", "5"))},
    "ds18b20": {"channels": {name: {"id": f"28-00000000000{name}"} for name in "123"}},
}
# Settings of simulators that lead through other parts of their drivers.
OTHERWISE = {"lakeshore_372": ({"old": True}, {"scanning": False})}
DWELL = {"lakeshore_372": {"dwell": 0.6}}  # seconds: long enough for a cycle in which one question is not answered

# What a channel says of itself: a gauge of a controller has no answer of its own, but a status in that of all.
STATUSES = {
    "silent": {"no_answer"},
    "hang": {"no_answer"},
    "busy": {"no_answer"},
    "garbage": {"bad_answer", "unknown_code"},
    "truncated": {"bad_answer"},
}


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Come back soon after a failure, and spare simulators the rest that instruments need."""
    monkeypatch.setattr(instrument, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(instrument, "LONGEST_WAIT", 0.05)
    for wire in (drivers.load(name).wire for name in drivers.names()):
        monkeypatch.setattr(wire, "pause", 0.0)
        monkeypatch.setattr(wire, "settle", 0.0)


class Rig:
    """A simulator and the instrument that reads it: all values are held to be their own channel's."""

    def __init__(self, driver: str, variant: str = "", otherwise: dict | None = None, **keys):
        kind = simulators.load(driver)
        self.stanza = checked(driver, variant, **keys)
        brisk = kind.of(self.stanza).brisk
        self.simulator = simulators.start(self.stanza, **{**brisk, **DWELL.get(driver, {}), **(otherwise or {})})
        self.stanza.connection = Url(self.simulator.url)
        self.channels = [channel.id for channel in self.stanza.channels]
        self.logged: list[str] = []
        self.instrument = Instrument(self.stanza, Stop(), lambda level, text: self.logged.append(f"{level}! {text}"))
        self.measured = set(self.channels)  # those that have values
        if isinstance(self.simulator, LakeShore372Simulator) and not self.simulator.scanning:
            self.measured &= {"A", self.simulator.scanned()}
        self._bands, self._words = self.simulator.bands(), self.simulator.words()
        self.statuses: dict[str, str] = {}  # channel -> the last that it had

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()
        self.simulator.stop()

    def cycle(self):
        """Read once; returns the channels' fields, and the instrument's own."""
        *points, own = self.instrument.sample()
        read = {point.tags["channel"]: point.values for point in points}
        for channel, values in read.items():
            self.statuses[channel] = values["status"]
            for name, value in values.items():
                if (channel, name) in self._bands:
                    low, high = self._bands[channel, name]
                    slack = ROUNDING * max(abs(low), abs(high))
                    assert low - slack <= value <= high + slack, f"{channel} {name}: {value} is not its own"
                assert value in self._words.get((channel, name), (value,)), f"{channel} {name}: {value} is not its own"
        return read, own.values

    def well(self, channels: set[str]) -> set[str]:
        """Tell which of some channels are well."""
        return {name for name in channels if self.statuses[name] == "ok"}

    def until(self, good) -> None:
        """Read until ``good(read, own)``."""
        end = time.monotonic() + PATIENCE
        well = False
        while not well:
            well = good(*self.cycle())
            assert time.monotonic() < end, f"{self.instrument.state}: {self.instrument.detail}"

    def until_read(self, channels, look=lambda read, own: None, without=frozenset()) -> None:
        """Read until each of these channels has had all its values, but for ``without``: (channel, field).

        ``look(read, own)`` is called for each cycle.
        """
        missing = {key for key in (*self._bands, *self._words) if key[0] in channels} - without
        assert {channel for channel, _ in missing} == set(channels)

        def all_came(read, own) -> bool:
            look(read, own)
            missing.difference_update((channel, name) for channel, values in read.items() for name in values)
            return not missing

        self.until(all_came)


def checked(driver: str, variant: str = "", **keys) -> stanzas.Stanza:
    """Check a quick stanza of a driver: its example, with further channels, in one of the ways to be spoken to."""
    other = simulators.load(driver).variants[variant] if variant else {}
    example = yaml.safe_load(drivers.load(driver).example)
    return stanzas.check({**example, "connection": "sim:", **WIDER.get(driver, {}), **other, **QUICK, **keys})


def ways():
    """Yield driver, variant, the simulator's settings, and the faults that one channel can have."""
    for driver in drivers.programs():
        kind = simulators.load(driver)
        for fault in kind.channel_faults if issubclass(drivers.load(driver), Polled) else ():
            for variant in ("", *kind.variants):
                if issubclass(checked(driver, variant).driver, Polled):
                    yield driver, variant, None, fault
            for otherwise in OTHERWISE.get(driver, ()):
                yield driver, "", otherwise, fault


def hold_alone(rig: Rig, key: str | tuple[str, str], fault: str) -> None:
    """Spoil a channel, or one question of it, and hold that all others are read meanwhile; it heals in the end."""
    channel = key if isinstance(key, str) else key[0]
    spoilt = {channel, *rig.simulator.sharing.get(channel, ())}
    rig.simulator.faulty = {key: fault}
    rig.until(lambda read, own: rig.statuses[channel] != "ok" and (key != channel or not rig.well(spoilt)))

    def look(read, own):
        assert (own["up"], own["state"], own["reconnects"]) == (1, "degraded", 0), rig.instrument.detail
        for name in spoilt & read.keys() if key == channel else {channel} & read.keys():
            # One question that is not answered need not take the others of its channel along.
            assert set(read[name]) == {"status"} or key != channel, f"a value of {name} under a fault: {read[name]}"
            assert read[name]["status"] in STATUSES[fault], name
        assert rig.well(rig.measured - spoilt) == rig.measured - spoilt

    rig.until_read(rig.measured - spoilt, look)
    rig.simulator.faulty = {}
    rig.until(lambda read, own: rig.well(rig.measured) == rig.measured)


@pytest.mark.parametrize(("driver", "variant", "otherwise", "fault"), list(ways()))
def test_a_fault_of_one_channel_leaves_the_others_read(driver, variant, otherwise, fault):
    with Rig(driver, variant, otherwise) as rig:
        rig.until_read(rig.measured)
        for channel in sorted(rig.measured):
            hold_alone(rig, channel, fault)
        rig.until_read(rig.measured)
        assert rig.instrument.reconnects == 0, "a fault of one channel cost the connection"


@pytest.mark.parametrize(
    ("driver", "otherwise"),
    [
        (driver, otherwise)
        for driver in drivers.programs()
        if issubclass(simulators.load(driver), TextSimulator) and "silent" in simulators.load(driver).channel_faults
        for otherwise in (None, *OTHERWISE.get(driver, ()))
    ],
)
def test_one_question_that_is_not_answered_costs_its_channel_alone(driver, otherwise):
    """Every question of a channel, whatever came before it."""
    with Rig(driver, "", otherwise) as rig:
        rig.until_read(rig.measured)
        alone = rig.measured - set(rig.simulator.sharing)
        questions = [key for key in rig.simulator.questions if key[0] in (min(alone), max(alone))]
        assert questions
        for question in sorted(questions):
            hold_alone(rig, question, "garbage")
        assert rig.instrument.reconnects == 0


def spared():
    """Yield driver, a question without whose answer it is read, and what becomes of that answer."""
    for driver in drivers.programs():
        for question in simulators.load(driver).optional:
            for becomes in ("silent", "garbage") + (() if question in ANY_TEXT else ("odd", "refused")):
                yield driver, question, becomes


# The settings of a simulator, and the keys of a stanza, with which a question is asked and nothing hangs on it.
SETTINGS = {"FILTER?": {"old": True}}
KEYS = {
    "IN_SP_06": {"model": "toptech"},
    "UNI": {"identity": "none", "unit": "mbar"},
    "UNIT:TEMP?": {"setup": ["UNIT:TEMP K"], "allow": ["UNIT:TEMP"]},
}
ANY_TEXT = ("UNIT:TEMP?",)  # questions to which no text is odd
# What hangs on a question nevertheless: (channel, field). A channel of which nothing is left says so.
LEFT_OUT = {
    "IN_MODE_01": {("setpoint", name) for name in ("setpoint", "setpoint_number", "external_control")},
    "IN_MODE_04": {("setpoint", "external_control")},
}
STATUS_WITHOUT = {"IN_MODE_01": {"setpoint": "not_of_model"}}
ODD = {"odd": "14.55", "refused": "-08 INVALID COMMAND"}


@pytest.mark.parametrize(("driver", "question", "becomes"), list(spared()))
def test_an_optional_question_never_loses_the_instrument(driver, question, becomes):
    """Not answered, refused or answered oddly: all else is read, absence is assumed, and told once however often it connects."""
    without, statuses = LEFT_OUT.get(question, set()), STATUS_WITHOUT.get(question, {})
    with Rig(driver, "", SETTINGS.get(question), **KEYS.get(question, {})) as rig:
        answer = rig.simulator.answer

        def spoilt(request):
            said = answer(request)
            if not request.startswith(question):
                return said
            asked.append(request)
            garbage = GARBAGE + rig.stanza.wire.receive
            return None if becomes == "silent" else garbage if becomes == "garbage" else ODD[becomes]

        asked: list[str] = []
        rig.simulator.answer = spoilt

        def look(read, own):
            assert not without & {(channel, name) for channel, values in read.items() for name in values}

        for connection in range(2):
            rig.until_read(rig.measured - set(statuses), look, without)
            for _ in range(3):  # nor is it asked in a later cycle
                look(*rig.cycle())
            assert {name: status for name, status in rig.statuses.items() if status != "ok"} == statuses
            state = "degraded" if statuses else "ok"
            assert (rig.instrument.state, rig.instrument.reconnects) == (state, connection), rig.logged
            assert len(asked) <= 2 * (connection + 1), "what is unknown is asked once a connection"
            rig.simulator.fault = "disconnect"
            rig.until(lambda read, own: own["up"] == 0)
            rig.simulator.fault = None
        assert sum(question in line for line in rig.logged) == 1, rig.logged


def test_what_is_optional_is_told_by_its_simulator(monkeypatch):
    """Else the test above would not know of it."""
    asked = set()
    optional = Polled.optional

    def noted(source, question, *more, **named):
        asked.add((source.name, question.partition(" ")[0]))
        return optional(source, question, *more, **named)

    monkeypatch.setattr(Polled, "optional", noted)
    for driver in drivers.programs():
        if issubclass(drivers.load(driver), Polled):
            ways = [(settings, {}) for settings in (None, *OTHERWISE.get(driver, ()))]
            ways += [(SETTINGS.get(q), KEYS[q]) for q in simulators.load(driver).optional if q in KEYS]
            for settings, keys in ways:
                with Rig(driver, "", settings, **keys) as rig:
                    rig.until_read(rig.measured)
    assert asked == {(d, q) for d in drivers.programs() for q in simulators.load(d).optional}


def test_whoever_is_asked_can_have_a_fault_of_one_channel():
    for driver in drivers.programs():
        simulator = simulators.load(driver)
        if set(EXCHANGE) & set(simulator.faults) - set(simulator.not_faults):
            assert simulator.channel_faults, driver


def test_a_read_that_never_returns_has_one_thread():
    with Rig("ds18b20") as rig:
        rig.until_read(rig.channels)
        threads = threading.active_count()
        for _ in range(2):
            rig.simulator.faulty = {"1": "hang"}
            rig.until(lambda read, own: own["state"] == "degraded")
            for _ in range(5):
                rig.cycle()
                assert threading.active_count() <= threads + 1
            rig.simulator.faulty = {}
            rig.until(lambda read, own: own["state"] == "ok")
            assert threading.active_count() <= threads


def test_whoever_has_no_identity_and_answers_nothing_is_silent():
    """Not one answer in a cycle: without an identity to be asked for, that is all by which silence is known."""
    tried = []
    for driver in drivers.programs():
        kind = drivers.load(driver)
        if not issubclass(kind, Polled) or not any(
            o.name == "identity" and "none" in o.description for o in kind.options_known
        ):
            continue
        tried.append(driver)
        data = {**yaml.safe_load(kind.example), "connection": "sim:", "identity": "none", **QUICK}
        checked = stanzas.check(data)
        simulator = simulators.start(checked, **simulators.load(driver).brisk)
        checked.connection = Url(simulator.url)
        made = instrument.Instrument(checked, Stop(), lambda level, text: None)
        try:
            simulator.fault = "silent"
            for _ in range(2):
                own = made.sample()[-1].values
                assert (own["state"], own["up"], own["readings"]) == ("silent", 0, 0), driver
            simulator.fault = None
            deadline = time.monotonic() + PATIENCE
            while made.sample()[-1].values["state"] != "ok":
                assert time.monotonic() < deadline, f"{driver}: {made.detail}"
        finally:
            made.close()
            simulator.stop()
    assert {"scpi", "pfeiffer_tpg"} <= set(tried)
