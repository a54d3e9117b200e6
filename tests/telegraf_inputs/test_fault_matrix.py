"""Every driver under every fault: nothing is invented, nothing lands on another channel, the state says it, and it heals.

Of a feed, whatever the fault: what was said is stored once, with its own time, or is counted.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass

import pytest
import yaml

from telegraf_inputs import drivers, instrument, simulators, sparing
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.simulators.base import Simulator, TextSimulator
from telegraf_inputs.simulators.faults import ANY, EXCHANGE, FEED
from telegraf_inputs.simulators.feed import FeedSimulator, LineFeedSimulator
from telegraf_inputs.source import Polled
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url
from tests.telegraf_inputs import plugged

with plugged.in_place():
    PROGRAMS = drivers.programs()
# What the instrument's state may be under a fault. A simulator whose instrument shows it otherwise says so in `states`.
STATES = {
    "silent": {"silent"},
    "truncated": {"silent", "garbled"},
    "late": {"silent", "garbled"},
    "swapped": {"garbled"},
    "doubled": {"garbled"},
    "stray": {"garbled"},
    "garbage": {"garbled"},
    "over_range": {"degraded"},
    "disconnect": {"disconnected"},
    "lost": {"silent"},
    "backlog": {"silent"},
    "duplicate": {"ok"},
    "disorder": {"ok"},
    "burst": {"ok"},
    "clock_off": {"clock"},
}
DELIVERED = ("duplicate", "disorder", "burst", "backlog", "clock_off")  # faults of a feed that lose nothing
ON_THE_WAY = ("truncated", "late", "disconnect")  # the faults that are another matter on each transport
PATIENCE = 15.0  # seconds until a test gives up; never reached where all is well
ROUNDING = 2e-3  # of a value: instruments answer with a few digits
SEEN_AGAIN = 3  # times that a fault that lasts is met again
MANY = 40  # events that make a backlog, or fill a small inbox
OWN_TIME = "the last event, with the time that the source gave it (is its simulator's resolution_ns right?)"
FAR = "30s"  # a timeout that is not reached
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')


class Rig:
    """One simulator, and the instrument that reads it. Every value that is read is checked to be its own channel's."""

    def __init__(self, driver: str, transport: str | None = None, variant: str = "", **keys):
        self.simulator, self.stanza = start(driver, transport, variant, **keys)
        self.truth = {**self.simulator.bands(), **self.simulator.words()}
        self.logged: list[str] = []
        self.instrument = Instrument(self.stanza, Stop(), lambda level, text: self.logged.append(f"{level}! {text}"))
        self.points: list[Reported] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()
        self.simulator.stop()

    def cycle(self) -> Cycle:
        """Read once, as the program does."""
        cycle = Cycle([point.line() for point in self.instrument.sample()], self.stanza)
        cycle.hold_to(self.truth)
        self.points += cycle.points
        return cycle

    def until(self, good, what: str) -> Cycle:
        """Read until ``good(cycle)``; fails with ``what`` was waited for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            cycle = self.cycle()
            if good(cycle):
                return cycle
            assert time.monotonic() < deadline, (
                f"waited for {what}; it is {cycle.state!r}, {cycle.statuses}; log: {self.logged}"
            )
            self.instrument.stop.wait(0.01)

    def until_all_is_read(self, states: Container[str] = ("ok",), channels: Container[str] | None = None) -> None:
        """Read until every quantity of every channel (or of these) has come, and the state is ok (or one of these)."""
        missing = {key for key in self.truth if channels is None or key[0] in channels}

        def good(cycle):
            missing.difference_update(cycle.values)
            return not missing and cycle.state in states

        self.until(good, f"all readings ({missing} have not come), and one of the states {states}")

    def quiet(self) -> None:
        """Let the feed say nothing more, and take all that it has said; from here on its every word is noted."""
        self.simulator.said = []
        self.until(lambda _: self.simulator.said, "something that is said")
        self.simulator.hush()
        last = self.simulator.said[-1]
        self.until(lambda _: (last.channel, last.time_ns) in [(p.channel, p.time_ns) for p in self.points], OWN_TIME)
        self.simulator.said, self.points = [], []

    def counts(self) -> Counts:
        """Tell what the instrument has counted until now."""
        i = self.instrument
        return Counts(i.readings, i.lost, i.discarded)


@dataclass
class Counts:
    """What an instrument counts of its readings."""

    made: int
    dropped: int
    discarded: int

    @property
    def total(self) -> int:
        return self.made + self.dropped + self.discarded

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.made - other.made, self.dropped - other.dropped, self.discarded - other.discarded)


@dataclass(frozen=True)
class Reported:
    """A channel's point: when, of which quantities, and what is wrong with its time."""

    channel: str
    time_ns: int
    quantities: frozenset[str]
    clock: str


class Cycle:
    """What one cycle printed: ``values`` and ``statuses`` of the channels, and the instrument's own fields."""

    def __init__(self, lines: list[str], stanza):
        self.values: dict[tuple[str, str], float | bool | str] = {}
        self.statuses: dict[str, str] = {}
        self.instrument: dict[str, str] = {}
        self.points: list[Reported] = []
        self._all: list[tuple[tuple[str, str], float | bool | str]] = []
        for line in lines:
            series, fields, when = re.fullmatch(r"((?:[^ \\]|\\.)+) (.*) (\d+)\n", line).groups()
            tags = dict(re.findall(r",(\w+)=((?:[^,\\]|\\.)*)", series))
            values = dict(FIELD.findall(fields))
            if series.startswith("instrument,"):
                self.instrument = {name: text.strip('"') for name, text in values.items()}
                continue
            channel = tags["channel"]
            assert stanza.find(channel, series.partition(",")[0]) and tags["instrument"] == stanza.name
            self.statuses[channel] = values.pop("status").strip('"')
            clock = values.pop("clock", "").strip('"')
            values.pop("calibration", None)
            self.points.append(Reported(channel, int(when), frozenset(values), clock))
            self._all += [((channel, name), parsed(text)) for name, text in values.items()]
        self.values = dict(self._all)
        self.state = self.instrument["state"]
        self.errors = int(self.instrument["errors"].removesuffix("i"))

    def hold_to(self, truth: dict) -> None:
        """Fail where a value is not one that this quantity of this channel can have."""
        for key, value in self._all:
            assert key in truth, f"{key} was given {value!r}; the simulator knows of no such value"
            others = [k for k, own in truth.items() if k != key and true(value, own)]
            assert true(value, truth[key], ROUNDING), (
                f"{key} was given {value!r}, a value of {others or 'nothing there is'}; its own: {truth[key]}"
            )


def parsed(text: str) -> float | bool | str:
    """Read a field's value in line protocol."""
    if text[0] == '"':
        return text[1:-1]
    return text == "true" if text in ("true", "false") else float(text.removesuffix("i"))


def true(value, own, rounding: float = 0.0) -> bool:
    """Tell whether a value is one of a simulator's bands, or words."""
    if not isinstance(own, tuple) or len(own) != 2 or isinstance(value, (bool, str)):
        return value in own
    low, high = own
    slack = rounding * max(abs(low), abs(high))
    return low - slack <= value <= high + slack


def config(driver: str, connection: str, variant: str = "", **keys) -> dict:
    """Make a quick stanza for a driver from the example that it declares."""
    quick = {"connection": connection, "timeout": "100ms", "interval": "50ms"}
    other = simulators.load(driver).variants[variant] if variant else {}
    return {**yaml.safe_load(drivers.load(driver).example), **quick, **other, **keys}


def start(driver: str, transport: str | None = None, variant: str = "", **keys):
    """Start a driver's simulator as fast as its protocol allows; returns it, and a stanza that is connected to it."""
    stanza = stanzas.check(config(driver, "sim:", variant, **keys))
    settings = {"transport": transport} if transport else {}
    brisk = simulators.load(driver).of(stanza).brisk
    simulator = simulators.start(stanza, **brisk, **settings)
    stanza.connection = Url(simulator.url)
    return simulator, stanza


def possible(simulator: type[Simulator], *, delivered: bool) -> list[str]:
    """List the faults that a driver's simulator has: those under which readings are delivered, or the others."""
    named = [fault for fault in simulator.faults if fault not in simulator.not_faults]
    return [f for f in named if (f in DELIVERED if delivered else f not in DELIVERED or f == "backlog")]


def matrix():
    """Yield driver, transport (None: the driver's first), variant and fault."""
    for driver in PROGRAMS:
        simulator = simulators.load(driver)
        faults = possible(simulator, delivered=False)
        for fault in faults:
            yield driver, None, "", fault
        for variant in simulator.variants:
            stanza = stanzas.check(config(driver, "sim:", variant))
            kind = simulator.of(stanza)
            impossible = kind(stanza).not_faults
            for fault in possible(kind, delivered=False):
                if fault not in impossible:
                    yield driver, None, variant, fault
        if issubclass(simulator, (TextSimulator, LineFeedSimulator)):
            for transport in other_ways(driver):
                for fault in faults:
                    if fault in ON_THE_WAY:
                        yield driver, transport, "", fault


def other_ways(driver: str) -> list[str]:
    """List the transports beside its first one by which a driver's simulator can be reached."""
    return [way for way in drivers.load(driver).schemes[1:] if way not in simulators.load(driver).not_transports]


def feeds():
    """Yield driver, transport and fault of the feeds under whose faults all is delivered."""
    for driver in PROGRAMS:
        simulator = simulators.load(driver)
        ways = (None, *other_ways(driver)) if issubclass(simulator, LineFeedSimulator) else (None,)
        for fault in possible(simulator, delivered=True):
            for transport in ways:
                yield driver, transport, fault


def alone():
    """Yield driver, channel and the fault that it alone has, of the feeds; test_containment.py has those that are asked."""
    for driver in PROGRAMS:
        if not issubclass(drivers.load(driver), Polled):
            for channel in stanzas.check(config(driver, "sim:")).channels:
                for fault in simulators.load(driver).channel_faults:
                    if (channel.stream.kind, fault) != ("event", "silent"):  # that nothing happens is no fault
                        yield driver, channel.id, fault


with plugged.in_place():
    KNOWN = [
        d for d in PROGRAMS if issubclass(simulators.load(d), FeedSimulator)
    ]  # their simulators know what they said
    MATRIX, FEEDS, ALONE = list(matrix()), list(feeds()), list(alone())
    DROPPING = [d for d in KNOWN if (d, None, "burst") in FEEDS and not drivers.load(d).waits]


@pytest.fixture(autouse=True)
def with_plugins():
    with plugged.in_place():
        yield


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Come back soon after a failure, and spare simulators the rest that instruments need."""
    monkeypatch.setattr(instrument, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(instrument, "LONGEST_WAIT", 0.05)
    for wire in (drivers.load(name).wire for name in drivers.names()):
        monkeypatch.setattr(wire, "pause", 0.0)
        monkeypatch.setattr(wire, "settle", 0.0)


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch):
    """A fault that comes and goes is told a few times at once, then once a minute: here it is waited for."""
    monkeypatch.setattr(sparing, "AT_ONCE", 10_000)


@pytest.mark.parametrize(("driver", "transport", "variant", "fault"), MATRIX)
def test_fault(driver, transport, variant, fault):
    with Rig(driver, transport, variant) as rig:
        rig.until_all_is_read()
        expected = set(rig.simulator.states.get(fault, STATES[fault]))
        errors = rig.cycle().errors

        rig.simulator.fault = fault
        rig.until(lambda cycle: cycle.state in expected, f"one of the states {expected}")
        since = rig.cycle().errors  # what was read before the fault may have been waiting

        def holds(cycle):
            spared = rig.simulator.spared.get(fault, ()) if cycle.state == "degraded" else ()
            values = {key: value for key, value in cycle.values.items() if key[0] not in spared}
            assert not values, f"values under {fault}: {values}"
            assert cycle.state in expected, rig.logged
            assert "ok" not in [status for channel, status in cycle.statuses.items() if channel not in spared]
            assert cycle.instrument["up"] == ("1i" if cycle.state == "degraded" else "0i")
            return cycle.errors >= since + SEEN_AGAIN

        assert since > errors
        rig.until(holds, "the fault again, though all was opened anew")

        told = len(rig.logged)
        rig.simulator.fault = None
        rig.until_all_is_read()
        assert rig.cycle().instrument["up"] == "1i"
        assert rig.logged[told:], "nothing was said about the end of the fault"
        assert all(a != b for a, b in zip(rig.logged, rig.logged[1:], strict=False)), f"said twice: {rig.logged}"


@pytest.mark.parametrize(("driver", "transport", "fault"), FEEDS)
def test_a_fault_under_which_all_is_delivered(driver, transport, fault):
    with Rig(driver, transport, timeout=FAR) as rig:
        rig.until_all_is_read()
        known = isinstance(rig.simulator, FeedSimulator)
        if known:
            rig.quiet()
        before = rig.counts()
        rig.simulator.fault = fault
        expected = set(rig.simulator.states.get(fault, STATES[fault]))
        if fault == "backlog" and known:
            rig.until(lambda _: len(rig.simulator.held) > MANY, "a backlog")
            assert not rig.points, "it is held back"
        elif fault == "backlog":
            rig.until(lambda cycle: not cycle.values, "nothing that comes")
        else:
            rig.until_all_is_read(expected)
            for _ in range(3):
                cycle = rig.cycle()
                assert cycle.state in expected and cycle.instrument["up"] == "1i", rig.logged
        rig.simulator.fault = None
        rig.until_all_is_read()
        if known:
            hold_to_what_was_said(rig, before)
        assert rig.instrument.reconnects == 0


def hold_to_what_was_said(rig: Rig, before: Counts) -> Counts:
    """Fail where anything that the simulator said is not there, with its own time, or counted; returns the counts."""
    rig.simulator.hush()
    said = rig.simulator.said
    values = sum(len(event.values) for event in said)
    rig.until(lambda _: (rig.counts() - before).total >= values, f"{values} values that were said")
    counts = rig.counts() - before
    events = {rig.simulator.telling(event): event for event in said}.values()
    repeated = values - sum(len(event.values) for event in events)
    assert counts.total == values
    assert len({(p.channel, p.time_ns) for p in rig.points}) == len(rig.points), "two points of one time"
    fine = rig.simulator.resolution_ns  # what is of one time is moved by less
    stored = Counter((p.channel, p.time_ns // fine * fine, p.quantities) for p in rig.points)
    distinct = Counter((event.channel, event.time_ns, frozenset(event.values)) for event in events)
    assert not stored - distinct
    missing = sum(len(quantities) for *_, quantities in (distinct - stored).elements())
    assert missing + repeated == counts.dropped + counts.discarded
    # What is dropped may have been a repetition; nobody knows, for nobody has looked at it.
    assert counts.discarded == repeated or counts.dropped > 0 and counts.discarded < repeated
    now = time.time_ns()
    assert [p for p in rig.points if p.clock != ("future" if p.time_ns > now else "")] == []
    return counts


@pytest.mark.parametrize("driver", DROPPING)
def test_what_an_inbox_has_no_room_for_is_counted(driver):
    with Rig(driver, timeout=FAR) as rig:
        rig.instrument.inbox = Inbox(limit=MANY)
        rig.until_all_is_read()
        rig.quiet()
        before = rig.counts()
        rig.simulator.fault = "burst"
        rig.until(lambda _: rig.counts().dropped > before.dropped, "a burst that is too much")
        rig.simulator.fault = None
        rig.until_all_is_read()
        assert hold_to_what_was_said(rig, before).dropped > 0


def shows(fault: str, rig: Rig, cycle: Cycle) -> bool:
    """Tell whether a feed's fault shows in what has come."""
    first = rig.stanza.channels[0].id
    if fault == "disorder":
        times = [p.time_ns for p in rig.points if p.channel == first]
        return times != sorted(times)
    if fault == "burst":
        return Counter(p.channel for p in cycle.points)[first] >= MANY
    return rig.counts().discarded > 0 if fault == "duplicate" else any(p.clock for p in cycle.points)


@pytest.mark.parametrize(
    ("driver", "fault"), [(d, f) for d, way, f in FEEDS if d in KNOWN and way is None and f != "backlog"]
)
def test_a_fault_of_a_feed_is_one(driver, fault):
    """Else the matrix would show nothing."""
    with Rig(driver, timeout=FAR) as rig:
        rig.until_all_is_read()
        rig.points = []
        assert not shows(fault, rig, rig.cycle())
        rig.simulator.fault = fault
        rig.until(lambda cycle: shows(fault, rig, cycle), fault)


@pytest.mark.parametrize(("driver", "channel", "fault"), ALONE)
def test_a_fault_of_one_channel_of_a_feed_is_its_own(driver, channel, fault):
    with Rig(driver, timeout="1s") as rig:  # a busy machine keeps a feed silent for a moment
        rig.until_all_is_read()
        others = {c.id for c in rig.stanza.channels} - {channel}
        assert others
        rig.simulator.faulty[channel] = fault
        rig.until(lambda cycle: cycle.state == "degraded", "a state that tells it")
        rig.cycle()  # what was read before the fault may have been waiting
        since = rig.cycle().errors

        def holds(cycle):
            assert not [key for key in cycle.values if key[0] == channel]
            assert {status for name, status in cycle.statuses.items() if name in others} <= {"ok"}
            return cycle.errors >= since + SEEN_AGAIN and cycle.state == "degraded"

        rig.until(holds, "the fault again")
        rig.until_all_is_read(("degraded",), others)
        assert rig.instrument.reconnects == 0, "the others lost their connection"
        rig.simulator.faulty.clear()
        rig.until_all_is_read()


@pytest.mark.parametrize("driver", PROGRAMS)
def test_the_program_survives(driver, tmp_path):
    """The whole program, as Telegraf starts it, loses its instrument and finds it again."""
    simulator, stanza = start(driver)
    with stopping(simulator), Program(driver, simulator.url, tmp_path) as program:
        truth = {**simulator.bands(), **simulator.words()}
        missing = set(truth)

        def all_is_read(cycle):
            cycle.hold_to(truth)
            missing.difference_update(cycle.values)
            return not missing and cycle.state == "ok"

        program.until(all_is_read, stanza)
        simulator.fault = "disconnect"
        program.until(lambda cycle: cycle.state in simulator.states.get("disconnect", STATES["disconnect"]), stanza)
        simulator.fault = None
        missing |= set(truth)
        program.until(all_is_read, stanza)


@contextlib.contextmanager
def stopping(simulator):
    try:
        yield
    finally:
        simulator.stop()


class Program:
    """A driver's program, started as Telegraf does; ended by the end of its stdin."""

    def __init__(self, driver: str, url: str, folder):
        file = folder / "config.yml"
        file.write_text(yaml.safe_dump(config(driver, url)), encoding="utf-8")
        self._errors = folder / "stderr"
        command = [sys.executable, "-m", f"telegraf_inputs.drivers.{driver}", "--config", str(file)]
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        self._process.stdin.close()
        try:
            rest = self._process.stdout.read()
            status = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            errors = self._errors.read_text(encoding="utf-8")
        if not any(failed):
            assert status == 0, errors
            assert rest == "" or rest.endswith("\n")
            assert all(re.match(r"[EWID]! ", line) for line in errors.splitlines()), errors

    def until(self, good, stanza) -> None:
        """Read what the program prints until ``good(cycle)``."""
        deadline = time.monotonic() + PATIENCE
        lines: list[str] = []
        for line in self._process.stdout:
            lines.append(line)
            if line.startswith("instrument,"):
                if good(Cycle(lines, stanza)):
                    return
                lines = []
            assert time.monotonic() < deadline, f"it prints {lines or line}"
        pytest.fail("the program ended")


def test_every_exemption_has_its_reason():
    for driver in PROGRAMS:
        simulator = simulators.load(driver)
        for way, reason in simulator.not_transports.items():
            assert way in drivers.load(driver).schemes[1:] and len(reason) > 20, f"{driver}: {way}"
        for fault, reason in simulator.not_faults.items():
            assert fault in simulator.faults and len(reason) > 20, f"{driver}: {fault}"


@pytest.mark.parametrize("driver", PROGRAMS)
def test_a_simulator_has_the_faults_of_its_kind(driver):
    asked = issubclass(drivers.load(driver), Polled)
    assert set(simulators.load(driver).faults) == set(ANY) | set(EXCHANGE if asked else FEED)


def test_a_feed_is_among_them():
    assert {"ticker"} <= {d for d, *_ in FEEDS} & {d for d, *_ in MATRIX} & {d for d, *_ in ALONE}
