"""Every driver under every fault: nothing is invented, nothing lands on another channel, the state says it, and it heals."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time

import pytest
import yaml

from telegraf_inputs import drivers, instrument, simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.simulators.base import TextSimulator
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

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
TRUE_ALL_THE_SAME = (
    "duplicate",
    "disorder",
    "burst",
    "clock_off",
)  # faults of a feed under which readings are delivered
ON_THE_WAY = ("truncated", "late", "disconnect")  # the faults that are another matter on each transport
PATIENCE = 15.0  # seconds until a test gives up; never reached where all is well
ROUNDING = 2e-3  # of a value: instruments answer with a few digits
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')


class Rig:
    """One simulator, and the instrument that reads it. Every value that is read is checked to be its own channel's."""

    def __init__(self, driver: str, transport: str | None = None, variant: str = ""):
        self.simulator, self.stanza = start(driver, transport, variant)
        self.bands = self.simulator.bands()
        self.logged: list[str] = []
        self.instrument = Instrument(self.stanza, Stop(), lambda level, text: self.logged.append(f"{level}! {text}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()
        self.simulator.stop()

    def cycle(self) -> Cycle:
        """Read once, as the program does."""
        cycle = Cycle([point.line() for point in self.instrument.sample()], self.stanza)
        cycle.hold_to(self.bands)
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

    def until_all_is_read(self) -> None:
        """Read until every quantity of every channel has come, and the state is ok."""
        missing = set(self.bands)

        def good(cycle):
            missing.difference_update(cycle.numbers)
            return not missing and cycle.state == "ok"

        self.until(good, f"all readings ({missing} have not come)")


class Cycle:
    """What one cycle printed: ``numbers`` and ``statuses`` of the channels, and the instrument's own fields."""

    def __init__(self, lines: list[str], stanza):
        self.numbers: dict[tuple[str, str], float] = {}
        self.statuses: dict[str, str] = {}
        self.instrument: dict[str, str] = {}
        for line in lines:
            series, fields, _ = re.fullmatch(r"((?:[^ \\]|\\.)+) (.*) (\d+)\n", line).groups()
            tags = dict(re.findall(r",(\w+)=((?:[^,\\]|\\.)*)", series))
            values = dict(FIELD.findall(fields))
            if series.startswith("instrument,"):
                self.instrument = {name: text.strip('"') for name, text in values.items()}
                continue
            assert series.startswith(f"{stanza.driver.name},") and tags["instrument"] == stanza.name
            self.statuses[tags["channel"]] = values.pop("status").strip('"')
            for name, text in values.items():
                if text[0] not in '"tf':
                    self.numbers[tags["channel"], name] = float(text.removesuffix("i"))
        self.state = self.instrument["state"]

    def hold_to(self, bands: dict) -> None:
        """Fail where a value is not one that this quantity of this channel can have."""
        for key, value in self.numbers.items():
            low, high = bands[key]
            slack = ROUNDING * max(abs(low), abs(high))
            others = [k for k, (a, b) in bands.items() if k != key and a <= value <= b]
            assert low - slack <= value <= high + slack, (
                f"{key} was given {value}, a value of {others or 'nothing there is'}; its own: {low} … {high}"
            )


def config(driver: str, connection: str, variant: str = "") -> dict:
    """Make a quick stanza for a driver from the example that it declares."""
    quick = {"connection": connection, "timeout": "100ms", "interval": "50ms"}
    other = simulators.load(driver).variants[variant] if variant else {}
    return {**yaml.safe_load(drivers.load(driver).example), **quick, **other}


def start(driver: str, transport: str | None = None, variant: str = ""):
    """Start a driver's simulator as fast as its protocol allows; returns it, and a stanza that is connected to it."""
    stanza = stanzas.check(config(driver, "sim:", variant))
    settings = {"transport": transport} if transport else {}
    brisk = simulators.load(driver).brisk
    simulator = simulators.start(stanza, **brisk, **settings)
    stanza.connection = Url(simulator.url)
    return simulator, stanza


def possible(simulator) -> list[str]:
    """List the faults that a driver's simulator has."""
    return [fault for fault in simulator.faults if fault not in simulator.not_faults]


def matrix():
    """Yield driver, transport (None: the driver's first), variant and fault."""
    for driver in drivers.programs():
        simulator = simulators.load(driver)
        faults = [fault for fault in possible(simulator) if fault not in TRUE_ALL_THE_SAME]
        for fault in faults:
            yield driver, None, "", fault
        for variant in simulator.variants:
            impossible = simulator(stanzas.check(config(driver, "sim:", variant))).not_faults
            for fault in faults:
                if fault not in impossible:
                    yield driver, None, variant, fault
        if issubclass(simulator, TextSimulator):
            for transport in drivers.load(driver).schemes[1:]:
                for fault in faults:
                    if fault in ON_THE_WAY:
                        yield driver, transport, "", fault


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Come back soon after a failure, and spare simulators the rest that instruments need."""
    monkeypatch.setattr(instrument, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(instrument, "LONGEST_WAIT", 0.05)
    for wire in (drivers.load(name).wire for name in drivers.names()):
        monkeypatch.setattr(wire, "pause", 0.0)
        monkeypatch.setattr(wire, "settle", 0.0)


@pytest.mark.parametrize(("driver", "transport", "variant", "fault"), list(matrix()))
def test_fault(driver, transport, variant, fault):
    with Rig(driver, transport, variant) as rig:
        rig.until_all_is_read()
        expected = set(rig.simulator.states.get(fault, STATES[fault]))
        errors = int(rig.cycle().instrument["errors"].removesuffix("i"))

        rig.simulator.fault = fault
        rig.until(lambda cycle: cycle.state in expected, f"one of the states {expected}")
        rig.cycle()  # what was read before the fault may have been waiting
        for _ in range(3):
            cycle = rig.cycle()
            spared = rig.simulator.spared.get(fault, ()) if cycle.state == "degraded" else ()
            numbers = {key: value for key, value in cycle.numbers.items() if key[0] not in spared}
            assert not numbers, f"values under {fault}: {numbers}"
            assert cycle.state in expected, rig.logged
            assert "ok" not in [status for channel, status in cycle.statuses.items() if channel not in spared]
            assert cycle.instrument["up"] == ("1i" if cycle.state == "degraded" else "0i")
        assert int(cycle.instrument["errors"].removesuffix("i")) > errors

        told = len(rig.logged)
        rig.simulator.fault = None
        rig.until_all_is_read()
        assert rig.cycle().instrument["up"] == "1i"
        assert rig.logged[told:], "nothing was said about the end of the fault"
        assert all(a != b for a, b in zip(rig.logged, rig.logged[1:], strict=False)), f"said twice: {rig.logged}"


@pytest.mark.parametrize(
    ("driver", "fault"),
    [(d, f) for d in drivers.programs() for f in possible(simulators.load(d)) if f in TRUE_ALL_THE_SAME],
)
def test_fault_of_a_feed(driver, fault):
    with Rig(driver) as rig:
        rig.until_all_is_read()
        expected = set(rig.simulator.states.get(fault, STATES[fault]))
        rig.simulator.fault = fault
        missing = set(rig.bands)

        def all_came(cycle):
            missing.difference_update(cycle.numbers)
            return not missing and cycle.state in expected

        rig.until(all_came, f"all readings, and one of the states {expected}")
        for _ in range(3):
            cycle = rig.cycle()
            assert cycle.state in expected, rig.logged
            assert cycle.instrument["up"] == "1i" and cycle.instrument["dropped"] == "0i"
        rig.simulator.fault = None
        rig.until_all_is_read()


@pytest.mark.parametrize("driver", drivers.programs())
def test_the_program_survives(driver, tmp_path):
    """The whole program, as Telegraf starts it, loses its instrument and finds it again."""
    simulator, stanza = start(driver)
    with stopping(simulator), Program(driver, simulator.url, tmp_path) as program:
        bands, missing = simulator.bands(), set(simulator.bands())

        def all_is_read(cycle):
            cycle.hold_to(bands)
            missing.difference_update(cycle.numbers)
            return not missing and cycle.state == "ok"

        program.until(all_is_read, stanza)
        simulator.fault = "disconnect"
        program.until(lambda cycle: cycle.state in simulator.states.get("disconnect", STATES["disconnect"]), stanza)
        simulator.fault = None
        missing |= set(bands)
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
    for driver in drivers.programs():
        for fault, reason in simulators.load(driver).not_faults.items():
            assert fault in simulators.FAULTS and len(reason) > 20, f"{driver}: {fault}"
