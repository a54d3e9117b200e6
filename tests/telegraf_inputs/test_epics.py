"""Process variables, read from a real IOC: of EPICS base 7, with alarms, codes, units, restarts."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import caproto
import pytest
from caproto.sync.client import read

from telegraf_inputs import simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers import _epics_variable, epics
from telegraf_inputs.errors import BadInput, Mistakes
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from tests.parts.epics import Ioc

PATIENCE = 60.0  # seconds until a test gives up; never reached where all is well
RECORDS = """
record(calc, "t:Ramp") { field(SCAN, ".1 second") field(CALC, "VAL<1000?VAL+1:0") field(EGU, "V") field(PREC, "1") }
record(ao, "t:Volts") { field(VAL, "50") field(PINI, "YES") field(EGU, "V")
  field(HIGH, "60") field(HSV, "MINOR") field(HIHI, "80") field(HHSV, "MAJOR") field(DRVH, "100") field(DRVL, "0") }
record(ao, "t:Current") { field(VAL, "7.5") field(PINI, "YES") field(EGU, "uA") }
record(ao, "t:Heat") { field(VAL, "21.5") field(PINI, "YES") field(EGU, "degC") }
record(ao, "t:Milli") { field(VAL, "1500") field(PINI, "YES") field(EGU, "mV") }
record(ao, "t:Never") { field(EGU, "V") }
record(mbbo, "t:State") { field(ZRST, "OFF") field(ONST, "ON") field(TWST, "TRIP") field(TWSV, "MAJOR")
  field(ZRVL, "0") field(ONVL, "1") field(TWVL, "2") field(VAL, "1") field(PINI, "YES") }
record(bo, "t:Power") { field(ZNAM, "Off") field(ONAM, "On") field(VAL, "1") field(PINI, "YES") }
record(waveform, "t:Wave") { field(NELM, "8") field(FTVL, "DOUBLE") }
record(stringout, "t:Text") { field(VAL, "beam on") field(PINI, "YES") }
record(longout, "t:Count") { field(VAL, "5") field(PINI, "YES") }
record(ao, "t:Slow") { field(VAL, "1") field(PINI, "YES") field(EGU, "V") field(MDEL, "10") }
"""


@pytest.fixture(scope="module")
def ioc(tmp_path_factory):
    started = Ioc(tmp_path_factory.mktemp("ioc"), RECORDS)
    yield started
    started.stop()


class Reader:
    """An instrument that reads PVs: channel -> {quantity: its declaration}."""

    def __init__(self, place, channels, prefix="t:", **keys):
        read = {
            name: {"prefix": prefix, "read": {q: {"unit": "", **each} for q, each in quantities.items()}}
            for name, quantities in channels.items()
        }
        quick = {"timeout": "1s", "interval": "1s", **keys}
        connection = place if isinstance(place, str) else f"ca://127.0.0.1:{place.port}"
        stanza = stanzas.check({"name": "x", "driver": "epics", "connection": connection, "channels": read, **quick})
        self.logged: list[str] = []
        self.instrument = Instrument(stanza, Stop(), lambda level, text: self.logged.append(f"{level} {text}"))
        self.points = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()

    def put(self, ioc, name, value):
        """Put a value into a record; from here on, what was read before it counts no more."""
        self.instrument.sample()
        self.points = []
        ioc.put(name, value)

    def until(self, good, what: str):
        """Read until a point of a channel is ``good(fields, point)``; returns it."""
        until = time.monotonic() + PATIENCE
        while True:
            for point in self.points:
                if good(point.values, point):
                    return point
            *points, _ = self.instrument.sample()
            self.points += points
            assert time.monotonic() < until, (
                f"waited for {what}; {self.instrument.state}, {self.logged}, {self.points[-9:]}"
            )
            self.instrument.stop.wait(0.02)

    def until_state(self, state):
        until = time.monotonic() + PATIENCE
        while self.instrument.state != state:
            assert time.monotonic() < until, f"waited for {state}; {self.instrument.state}, {self.logged}"
            self.points += self.instrument.sample()[:-1]
            self.instrument.stop.wait(0.02)

    def value(self, quantity, value, status="ok"):
        return self.until(
            lambda f, _: f.get(quantity) == value and f["status"] == status, f"{quantity}={value} {status}"
        )

    def status(self, channel, status):
        return self.until(
            lambda f, p: f["status"] == status and f"channel={channel} " in p.line(), f"{channel} is {status}"
        )


def test_each_event_has_the_time_of_the_ioc(ioc, monkeypatch):
    with Reader(ioc, {"a": {"ramp": {"pv": "Ramp", "unit": "V"}}}) as reader:
        reader.until(lambda f, _: len(reader.points) > 8, "events")
        found = [(p.timestamp, p.values["ramp"]) for p in reader.points]
        assert all(later[1] == earlier[1] + 1 for earlier, later in zip(found, found[1:], strict=False)), found
        assert found == sorted(found)
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", f"127.0.0.1:{ioc.port}")
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    with Reader(ioc, {"a": {"voltage": {"pv": "Volts", "unit": "V"}}}) as reader:
        reader.value("voltage", 50.0)
        reader.put(ioc, "t:Volts", "51")
        found = reader.value("voltage", 51.0).timestamp
        stamp = read("t:Volts", data_type="time", repeater=False).metadata.stamp
        assert found == (stamp.secondsSinceEpoch + 631_152_000) * 10**9 + stamp.nanoSeconds
        reader.put(ioc, "t:Volts", "50")


def test_alarms_of_a_record_are_the_status(ioc):
    with Reader(ioc, {"a": {"voltage": {"pv": "Volts", "unit": "V"}}}) as reader:
        reader.value("voltage", 50.0)
        reader.put(ioc, "t:Volts", "70")
        reader.value("voltage", 70.0, "minor: high")
        reader.put(ioc, "t:Volts", "120")  # the record lets no more than 100 through
        reader.value("voltage", 100.0, "major: hihi")
        reader.put(ioc, "t:Volts", "50")
        reader.value("voltage", 50.0)
        reader.instrument.sample()
        assert [text.split(" (")[0] for text in reader.logged] == [
            "I ok", "W degraded: a: minor: high", "W degraded: a: major: hihi", "I ok again",
        ]  # fmt: skip


def test_codes_are_their_words_or_numbers_and_texts_come_whole(ioc):
    tripped = {"TRIP": {"word": "tripped", "severity": "critical"}, "ON": "on", "OFF": "off"}
    with Reader(
        ioc,
        {
            "word": {"state": {"pv": "State", "type": "str"}},
            "choice": {"state_word": {"pv": "State.VAL", "type": "str", "choices": tripped}},
            "code": {"on": {"pv": "Power", "type": "bool"}},
            "text": {"text": {"pv": "Text", "type": "str"}},
            "count": {"count": {"pv": "Count", "type": "int"}},
            "byte": {"byte": {"pv": "Text.DISP", "type": "int"}},
        },
    ) as reader:
        for quantity, value in (("state", "ON"), ("on", True), ("text", "beam on"), ("count", 5)):
            reader.value(quantity, value)
        reader.put(ioc, "t:Text.DISP", "200")
        reader.value("byte", 200)
        reader.put(ioc, "t:State", "2")
        reader.value("state", "TRIP", "major: state")
        reader.value("state_word", "TRIP", "major: state")
        reader.put(ioc, "t:Power", "0")
        reader.value("on", False)
        reader.put(ioc, "t:State", "1")
        reader.value("state", "ON")


def test_what_is_no_reading_is_none_and_takes_nothing_along(ioc):
    with Reader(
        ioc,
        {
            "never": {"never": {"pv": "Never", "unit": "V"}},
            "array": {"wave": {"pv": "Wave", "unit": "V"}},
            "missing": {"missing": {"pv": "Nope", "unit": "V"}},
            "unit": {"milli": {"pv": "Milli", "unit": "V"}},
            "type": {"text": {"pv": "Text", "unit": "V"}},
            "well": {"current": {"pv": "Current", "unit": "µA"}},
            "scaled": {"milli_v": {"pv": "Milli.VAL", "unit": "V", "scale": 0.001, "ioc_unit": "mV"}},
            "celsius": {"heat": {"pv": "Heat", "unit": "°C"}},
        },
    ) as reader:
        for channel, status in (
            ("never", "invalid: udf"), ("array", "array"), ("missing", "not_found"), ("unit", "wrong_unit"), ("type", "wrong_type"),
        ):  # fmt: skip
            reader.status(channel, status)
        for quantity, value in (("current", 7.5), ("milli_v", 1.5), ("heat", 21.5)):
            reader.value(quantity, value)
        assert {name for p in reader.points for name in p.values} == {"status", "current", "milli_v", "heat"}
        assert reader.instrument.state == "degraded" and reader.instrument.reconnects == 0
        now = time.time_ns()
        assert all(abs(p.timestamp - now) < 60e9 for p in reader.points), "the time of what never was is no time"


def test_units_and_decimals_of_a_record_that_are_others_are_told(ioc):
    """Nothing is shown otherwise than the stanza says: another unit would be a wrong number, other decimals are not."""
    with Reader(
        ioc,
        {
            "as_it_is": {"ramp": {"pv": "Ramp", "unit": "V", "decimals": 1}},
            "finer": {"ramp": {"pv": "Ramp.VAL", "unit": "V"}},
            "coarser": {"ramp": {"pv": "Ramp.LA", "unit": "V", "decimals": 3}},
            "scaled": {"milli": {"pv": "Ramp.LALM", "unit": "mV", "scale": 1000, "decimals": 0}},
            "unsaid": {"current": {"pv": "Current", "unit": "µA", "decimals": 2}},
            "unit": {"milli": {"pv": "Milli", "unit": "V"}},
        },
    ) as reader:
        reader.status("unit", "wrong_unit")
        for channel in ("as_it_is", "finer", "coarser", "scaled", "unsaid"):
            reader.status(channel, "ok")
        reader.instrument.sample()
        reader.instrument.sample()
        decimals = "t:Ramp.VAL 1 (the stanza: none), t:Ramp.LA 1 (the stanza: 3); shown is what `decimals` says"
        assert [text for text in reader.logged if "PREC" in text] == [f"I decimals by the record (PREC): {decimals}"]
        assert any("t:Milli is in 'mV' by its record (EGU), the stanza says 'V'" in text for text in reader.logged)


def test_what_does_not_change_is_known_to_hold(ioc):
    """Its record's time is that of the IOC's start; what is confirmed has the time at which it is."""
    with Reader(ioc, {"a": {"current": {"pv": "Current", "unit": "µA"}}}, timeout="200ms", interval="200ms") as reader:
        reader.until(lambda *_: len(reader.points) >= 4, "confirmations")
        times = [p.timestamp for p in reader.points]
        assert {p.values["current"] for p in reader.points} == {7.5} and times == sorted(times)
        assert reader.instrument.discarded == 0 and reader.instrument.state == "ok"


def test_what_changes_by_less_than_it_would_tell_is_found_by_asking(ioc):
    with Reader(ioc, {"a": {"slow": {"pv": "Slow", "unit": "V"}}}, timeout="200ms", interval="200ms") as reader:
        reader.value("slow", 1.0)
        reader.put(ioc, "t:Slow", "2")
        reader.value("slow", 2.0)
        reader.put(ioc, "t:Slow", "1")


def test_an_ioc_that_is_started_anew_is_found_and_what_it_says_may_be_another_thing(tmp_path):
    ioc = Ioc(tmp_path, 'record(ao, "t:Volts") { field(VAL, "50") field(PINI, "YES") field(EGU, "V") }')
    try:
        with Reader(ioc, {"a": {"voltage": {"pv": "Volts", "unit": "V"}}}) as reader:
            reader.value("voltage", 50.0)
            ioc.stop()
            reader.until_state("disconnected")
            ioc.records = ioc.records.replace('"V"', '"mV"')
            ioc.start()
            reader.status("a", "wrong_unit")
            assert reader.instrument.reconnects == 1
    finally:
        ioc.stop()


def test_an_ioc_that_hangs_is_silent_and_goes_on(ioc):
    channels = {"a": {"current": {"pv": "Current", "unit": "µA"}}, "b": {"ramp": {"pv": "Ramp", "unit": "V"}}}
    with Reader(ioc, channels, timeout="300ms", interval="200ms") as reader:
        reader.value("current", 7.5)
        ioc.hang(True)
        try:
            reader.until_state("silent")
        finally:
            ioc.hang(False)
        reader.points = []
        reader.value("current", 7.5)
        reader.until_state("ok")


@pytest.fixture
def simulated():
    """An IOC that does what a real one does not on demand, with one PV, ``A``."""
    channels = {"a": {"read": {"v": {"pv": "A", "unit": "V"}}}}
    stanza = stanzas.check({"name": "x", "driver": "epics", "connection": "sim", "channels": channels})
    started = simulators.start(stanza, period=0.02)
    yield started
    started.stop()


def reading(simulator) -> Reader:
    channels = {"a": {"v": {"pv": "A", "unit": "V"}}}
    return Reader(simulator.url, channels, prefix="", timeout="200ms", interval="200ms")


def test_a_subscription_that_an_ioc_forgets_is_made_anew(simulated):
    with reading(simulated) as reader:
        reader.until(lambda *_: len(reader.points) > 3, "events")
        simulated._server.forget()
        reader.points = []
        reader.until(lambda *_: len(reader.points) > 20, "more than answers")
        times = [p.timestamp for p in reader.points]
        apart = sorted(later - earlier for earlier, later in zip(times, times[1:], strict=False))
        assert apart[len(apart) // 2] < 100e6, "each event, not each answer"
        assert reader.instrument.reconnects == 0


def test_an_ioc_that_first_says_nothing_of_its_pvs_is_asked_again(simulated):
    simulated.fault = "lost"
    with reading(simulated) as reader:
        reader.until_state("silent")
        simulated.fault = None
        reader.until(lambda f, _: "v" in f, "a value")


def test_what_we_may_not_read_is_refused_and_no_value(simulated):
    (record,) = simulated._server.records.values()
    record.refused = caproto.CAStatus.ECA_NORDACCESS
    with reading(simulated) as reader:
        reader.status("a", "refused")
        assert not [p for p in reader.points if "v" in p.values]
        record.refused = None
        reader.until(lambda f, _: "v" in f, "a value")


def test_a_fault_of_the_driver_is_told_and_does_not_last(simulated, monkeypatch):
    monkeypatch.setattr(epics, "RENEW_SECONDS", 0.1)
    with reading(simulated) as reader:
        reader.until(lambda f, _: "v" in f, "a value")
        with monkeypatch.context() as broken:
            broken.setattr(_epics_variable.ProcessVariable, "_value", lambda *_: 1 / 0)
            reader.until_state("failed")
            assert "fault in driver 'epics': ZeroDivisionError" in reader.logged[-1]
        reader.until_state("ok")


def test_a_server_that_answers_searches_and_takes_no_connection_is_told(simulated, monkeypatch):
    ended = []
    monkeypatch.setattr(threading, "excepthook", lambda thread: ended.append(thread.exc_type))
    monkeypatch.setattr(epics, "RENEW_SECONDS", 0.1)
    server = simulated._server

    def refuse(_: bool) -> None:
        if server._listener is not None:
            server._listener.close()
            server._listener = None

    def take(_: bool) -> None:
        server._listener = server._listener or socket.create_server(("127.0.0.1", server.port))

    simulated.plug = refuse  # called by the thread that serves
    with reading(simulated) as reader:
        reader.until_state("disconnected")
        until = time.monotonic() + PATIENCE
        while not any("takes no connection" in text for text in reader.logged):
            assert time.monotonic() < until, reader.logged
            reader.instrument.sample()
        simulated.plug = take
        reader.until(lambda f, _: "v" in f, "a value")
    assert set(ended) == {SystemExit}, "of which Python prints nothing"


def test_without_a_place_it_is_looked_for_as_epics_does(ioc, monkeypatch):
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", f"127.0.0.1:{ioc.port}")
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    with Reader("ca://", {"a": {"current": {"pv": "Current", "unit": "µA"}}}) as reader:
        reader.value("current", 7.5)


def test_where_nobody_answers_all_names_are_doubted():
    with Reader("ca://127.0.0.1:9", {"a": {"voltage": {"pv": "Volts", "unit": "V"}}}, timeout="100ms") as reader:
        reader.instrument.sample()
        assert reader.instrument.state == "disconnected"
        assert "no IOC answers for t:Volts" in reader.logged[0] and "do the names" in reader.logged[0]


@pytest.mark.parametrize(
    ("connection", "pv", "said"),
    [
        ("ca://h?x=1", "A", "channel access has none"),
        ("ca://[::1]:5064", "A", "IPv4"),
        ("ca://h", "A B", "expected a PV's name"),
        ("ca://h", "", "expected a PV's name"),
        ("tcp://h:1", "A", "can't be reached by tcp"),
    ],
)
def test_what_can_not_be_read_is_refused(connection, pv, said):
    channel = {"read": {"v": {"pv": pv, "unit": "V"}}}
    with pytest.raises(BadInput, match=said):
        stanzas.check({"name": "x", "driver": "epics", "connection": connection, "channels": {"a": channel}})


def test_it_loads_no_numpy():
    code = "import sys; from telegraf_inputs.drivers import _epics_variable; import telegraf_inputs.drivers.epics; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_one_pv_is_read_once():
    channels = {name: {"read": {"v": {"pv": "lab:T", "unit": "V"}}} for name in "ab"}
    with pytest.raises((BadInput, Mistakes), match="reads the same PV as 'v' of channel 'a'"):
        stanzas.check({"name": "x", "driver": "epics", "connection": "ca://h", "channels": channels})
