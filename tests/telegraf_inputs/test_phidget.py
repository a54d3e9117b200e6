"""The phidget driver, with the unmodified native library, against the simulated network server."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import yaml

from telegraf_inputs import stanza
from telegraf_inputs.drivers import _phidget_library, _phidget_sensor, _phidget_server, phidget
from telegraf_inputs.drivers._phidget_classes import SENSORS
from telegraf_inputs.drivers._phidget_library import LIBRARY, PhidgetLibrary
from telegraf_inputs.drivers.phidget import DRIVER
from telegraf_inputs.errors import BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.simulators import load
from telegraf_inputs.simulators import phidget as simulation
from telegraf_inputs.simulators.phidget_channels import FIX_CHANGE, TAG_LOST, entries
from telegraf_inputs.simulators.phidget_devices import DEVICES, HUB
from telegraf_inputs.simulators.phidget_server import BURST, ERROR_EVENT
from telegraf_inputs.stop import Stop
from telegraf_inputs.transports.phidget import target
from telegraf_inputs.url import Url

PATIENCE = 20.0  # seconds until a test gives up; never reached where all is well
QUEUE_FULL, SATURATED = 4, 0x1009
TEMPERATURE, STATE, TAG = 95, 90, 92  # packets


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Mend soon what is silent, and look often."""
    monkeypatch.setattr(phidget, "FIRST_MEND", 0.1)
    monkeypatch.setattr(_phidget_server, "LOOK_SECONDS", 0.05)


def config(channels: dict, **more) -> dict:
    return {
        "name": "cell",
        "driver": "phidget",
        "connection": "sim:",
        "interval": "50ms",
        "timeout": "1s",
        "channels": channels,
        **more,
    }


class Bench:
    """A simulator and the instrument that reads it. ``points`` are those of the last cycle: channel -> fields, the last
    of each; ``all`` are all of it, in order: (channel, fields, time in ns)."""

    def __init__(self, channels: dict, password: str = "", simulator=None, **more):
        self.stanza = stanza.check(config(channels, **more))
        self.simulator = simulator or load("phidget")(self.stanza, password=password)
        if simulator is None:
            self.simulator.start()
        self.stanza.connection = Url(self.simulator.url)
        self.logged: list[str] = []
        self.instrument = Instrument(self.stanza, Stop(), lambda level, text: self.logged.append(f"{level}! {text}"))
        self.points: dict[str, dict] = {}
        self.all: list[tuple[str, dict, int]] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()
        self.simulator.stop()

    @property
    def sensors(self):
        return self.instrument.source._sensors

    def cycle(self) -> dict:
        return self._take(self.instrument.sample())

    def collect(self) -> dict:
        """Wait for what comes by itself, and take it, as the program does between two cycles."""
        assert select.select([self.instrument.inbox], [], [], PATIENCE)[0], "nothing came"
        return self._take(self.instrument.collect())

    def _take(self, points) -> dict:
        self.all = [
            (p.tags.get("channel", ""), dict(p.values), int(p.line().rsplit(" ", 1)[1])) for p in points if p.line()
        ]
        self.points = {channel: fields for channel, fields, _ in self.all}
        return self.points

    def until(self, good, what: str) -> dict:
        """Read until ``good(points)``; fails with ``what`` was waited for."""
        deadline = time.monotonic() + PATIENCE
        while not good(self.cycle()):
            assert time.monotonic() < deadline, f"waited for {what}; it is {self.points}; log: {self.logged}"
            self.instrument.stop.wait(0.01)
        return self.points

    def status(self, channel: str, status: str) -> dict:
        """Read until a channel has a status; returns the fields of the first point that says so."""

        def said(_):
            return any(c == channel and f["status"].startswith(status) for c, f, _ in self.all)

        self.until(said, f"{channel}: {status}")
        return next(f for c, f, _ in self.all if c == channel and f["status"].startswith(status))

    def state(self, state: str) -> dict:
        """Read until the instrument has a state; returns its fields."""
        return self.until(lambda points: points[""]["state"] == state, state)[""]

    def mute(self, *channels: str) -> None:
        """Have channels say nothing by themselves."""
        for channel in channels:
            self._place(channel)[1].speak = lambda now, known, restless=False: []

    def say(self, channel: str, number: int, types: str, *events: list) -> None:
        """Have the server send packets of a channel, in one piece."""
        key, standing = self._place(channel)
        for connection in [c for c, ready in list(self.simulator.server._connections.items()) if ready]:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            for values in events:
                connection.packet(standing.device, key[1], key[2], number, entries(types, values))
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    def _place(self, name: str):
        channel = next(c for c in self.stanza.channels if c.id == name)
        _, standing = self.simulator.channel(channel)
        return next((key, each) for key, each in self.simulator.server.channels.items() if each is standing)


def wait(fulfilled) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fulfilled():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("name", SENSORS)
def test_every_class_delivers_its_values(name):
    with Bench({"it": {"class": name}}) as bench:
        declared = next(iter(bench.stanza.channels)).quantities
        wanted = {v.quantity.name for v in SENSORS[name].values if v.needed} | {
            quantity for _, quantity in bench.simulator.bands()
        }
        missing = set(wanted)

        def all_came(points):
            for channel, fields, _ in bench.all:
                if channel == "it":
                    missing.difference_update(fields)
                    check(fields)
            return not missing and points[""]["state"] == "ok"

        def check(fields):
            for quantity, value in fields.items():
                if quantity != "status":
                    assert type(value).__name__ == declared[quantity].type
                    low, high = bench.simulator.bands().get(("it", quantity), (float("-inf"), float("inf")))
                    if not isinstance(value, (bool, str)):
                        assert low - 1e-3 * abs(low) <= value <= high + 1e-3 * abs(high), quantity

        bench.until(all_came, f"{wanted}")


@pytest.mark.parametrize("name", [name for name, (*_, classes) in DEVICES.items() if classes])
def test_every_channel_of_every_device_attaches(name, monkeypatch):
    kind, *_, classes = DEVICES[name]
    monkeypatch.setattr(simulation, "DEVICES", {HUB: DEVICES[HUB], name: DEVICES[name]})
    port = {"hub_port": 1} if kind == "VINT" else {}
    channels = {f"{c}.{i}": {"class": c, "channel": i, **port} for c, count in classes.items() for i in range(count)}
    with Bench(channels) as bench:
        bench.until(
            lambda points: points[""]["state"] == "ok" and all(s.attached for s in bench.sensors),
            "all attached",
        )


def test_each_reading_is_delivered_once_with_the_time_at_which_it_came():
    with Bench({"it": {"class": "TemperatureSensor"}}, interval="1h") as bench:
        bench.mute("it")
        bench.cycle()
        told = []
        for value in (20.0, 20.0, 21.0):
            began = time.time_ns()
            bench.say("it", TEMPERATURE, "g", [value])
            bench.collect()
            ((channel, fields, came),) = bench.all
            assert (channel, fields) == ("it", {"temperature": value, "status": "ok"})
            assert began < came < time.time_ns()
            told.append(came)
        assert sorted(set(told)) == told
        assert set(bench.cycle()) == {""}, "nothing comes again"


def test_all_that_happens_within_a_cycle_is_delivered_at_once():
    """Two tags and four edges of a door."""
    with Bench({"door": {"class": "DigitalInput"}, "card": {"class": "RFID"}}, interval="1h") as bench:
        bench.mute("door", "card")
        bench.cycle()
        bench.collect() if select.select([bench.instrument.inbox], [], [], 0)[0] else None
        bench.say("card", TAG, "sd", ["1a00c0ffee", 1])
        bench.say("door", STATE, "d", [1], [0], [1], [0])
        bench.say("card", TAG_LOST, "sd", ["1a00c0ffee", 1])
        bench.say("card", TAG, "sd", ["0100f00d42", 1])
        came = []
        while len(came) < 7:
            bench.collect()
            came += bench.all
        doors = [fields["state"] for channel, fields, _ in came if channel == "door"]
        cards = [(f["tag"], f["tag_present"]) for channel, f, _ in came if channel == "card"]
        assert doors == [True, False, True, False]
        assert cards == [("1a00c0ffee", True), ("1a00c0ffee", False), ("0100f00d42", True)]
        assert len({(channel, time_ns) for channel, _, time_ns in came}) == 7, "two have one time"
        assert all(fields["status"] == "ok" for _, fields, _ in came)
        assert set(bench.cycle()) == {""}, "what was told is told again"
        assert bench.cycle()["card"] == {"tag": "0100f00d42", "tag_present": True, "status": "ok"}
        assert bench.points["door"] == {"state": False, "status": "ok"}
        assert bench.points[""]["dropped"] == 0


def test_the_program_prints_what_happens_when_it_happens(tmp_path):
    """Not with the next cycle, which comes in an hour."""
    channels = {"door": {"class": "DigitalInput"}}
    with Bench(channels) as bench:
        bench.mute("door")
        file = tmp_path / "cell.yml"
        file.write_text(yaml.safe_dump(config(channels, connection=bench.simulator.url, interval="1h")))
        with Program(file) as program:
            program.until(lambda line: line.startswith("instrument,"))
            bench.say("door", STATE, "d", [1], [0])
            first = program.until(lambda line: "channel=door" in line)
            second = program.until(lambda line: "channel=door" in line)
        assert "state=true" in first and "state=false" in second


class Program:
    """The driver's program, started as Telegraf does."""

    def __init__(self, *files):
        command = [sys.executable, "-m", "telegraf_inputs.drivers.phidget"]
        for file in files:
            command += ["--config", str(file)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        self.process.send_signal(signal.SIGTERM)
        try:
            _, errors = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        if not any(failed):
            assert self.process.returncode == 0, errors
            assert all(re.match("[EWID]! ", line) for line in errors.splitlines()), errors

    def until(self, good) -> str:
        for line in self.process.stdout:
            if good(line):
                return line
        pytest.fail(f"the program ended: {self.process.stderr.read()}")


def test_a_reading_is_none_while_detached():
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        bench.mute("it")
        (sensor,) = bench.sensors
        key, _ = bench._place("it")
        bench.simulator.server.unplugged = {key[0]}
        wait(lambda: not sensor.attached)
        bench.instrument.inbox.take()
        sensor._handle.handlers["PhidgetTemperatureSensor_setOnTemperatureChangeHandler"](None, None, 20.0)
        assert bench.instrument.inbox.take() == []


@pytest.mark.parametrize("unknown", [1e300, -1e300, float("nan"), float("inf")])
def test_what_is_no_number_is_no_reading(unknown):
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        bench.mute("it")
        (sensor,) = bench.sensors
        bench.instrument.inbox.take()
        sensor._handle.handlers["PhidgetTemperatureSensor_setOnTemperatureChangeHandler"](None, None, unknown)
        (reading,) = bench.instrument.inbox.take()
        assert (reading.values, reading.status) == ({}, "unknown")


def test_a_fault_in_a_callback_is_told_and_kept_from_the_library(monkeypatch, capfd):
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        monkeypatch.setattr(_phidget_sensor, "flat", lambda types, arguments: 1 / 0)
        assert bench.status("it", "driver_fault") == {"status": "driver_fault"}
        assert "ZeroDivisionError" in "".join(bench.logged)
        monkeypatch.undo()
        bench.status("it", "ok")
    assert capfd.readouterr().err == "", "the library printed a traceback"


def test_what_changes_seldom_holds_while_it_is_attached():
    with Bench({"it": {"class": "DigitalInput"}}) as bench:
        bench.mute("it")
        bench.status("it", "ok")
        first = bench.all[0][2]
        assert bench.cycle()["it"]["status"] == "ok" and bench.all[0][2] > first


@pytest.mark.parametrize(
    ("channel", "interval", "expected"),
    [
        ({"class": "TemperatureSensor"}, "5s", 5.0),
        ({"class": "TemperatureSensor", "data_interval": "500ms"}, "5s", 0.5),
        ({"class": "TemperatureSensor"}, "1ms", 0.02),  # no faster than the device can
        ({"class": "TemperatureSensor"}, "1h", 60.0),  # nor slower
        ({"class": "Encoder"}, "5s", 0.25),  # a change is not held up
        ({"class": "Encoder", "data_interval": "100ms"}, "5s", 0.1),
    ],
)
def test_the_data_interval_is_the_instruments_unless_it_is_said(channel, interval, expected):
    with Bench({"it": channel}, interval=interval) as bench:
        bench.cycle()
        wait(lambda: bench.sensors[0].attached)
        if channel["class"] == "Encoder":
            bench.say("it", 29, "dgcd", [1, 250.0, 0, 0])
            wait(lambda: bench.sensors[0]._told)
        else:
            wait(lambda: bench.cycle() and bench.instrument.made["it"].readings)
        _, standing = bench._place("it")
        assert standing.interval == bench.sensors[0].interval == expected


def test_without_a_fix_there_is_no_position():
    with Bench({"it": {"class": "GPS"}}) as bench:
        bench.until(lambda _: any("latitude" in fields for _, fields, _ in bench.all), "a position")
        bench.mute("it")
        bench.say("it", FIX_CHANGE, "d", [0])  # and of the position nothing more
        bench.until(lambda points: points.get("it", {}).get("fix") is False, "the loss of the fix")
        bench.cycle()
        assert bench.cycle()["it"] == {"fix": False, "status": "ok"}


def test_silence_is_told_and_nothing_repeated(monkeypatch):
    monkeypatch.setattr(_phidget_sensor, "SILENT_SECONDS", 0.2)
    channels = {"it": {"class": "TemperatureSensor"}, "other": {"class": "LightSensor"}, "door": {"class": "RFID"}}
    with Bench(channels) as bench:
        for channel in channels:
            bench.status(channel, "ok")
        bench.mute("it")
        assert bench.status("it", "silent") == {"status": "silent"}
        assert bench.points[""]["state"] == "degraded"
        del bench._place("it")[1].speak
        assert "temperature" in bench.status("it", "ok")


def test_a_server_that_falls_silent_is_left_and_found_again(monkeypatch):
    monkeypatch.setattr(_phidget_sensor, "SILENT_SECONDS", 0.2)
    channels = {"it": {"class": "TemperatureSensor"}, "door": {"class": "DigitalInput"}}
    with Bench(channels, timeout="100ms") as bench:
        bench.status("it", "ok")
        bench.simulator.fault = "silent"
        assert bench.state("silent")["up"] == 0
        wait(lambda: not any(sensor.attached for sensor in bench.sensors))
        for _ in range(3):
            assert set(bench.cycle()) == {""}, "what the door was holds no longer"
        bench.simulator.fault = None
        bench.status("it", "ok")
        assert "state" in bench.status("door", "ok")


@pytest.mark.parametrize("alone", [True, False])
def test_a_subscription_that_was_lost_without_a_word_is_made_anew(alone, monkeypatch):
    monkeypatch.setattr(_phidget_sensor, "SILENT_SECONDS", 0.2)
    channels = {"it": {"class": "TemperatureSensor"}, **({} if alone else {"other": {"class": "LightSensor"}})}
    with Bench(channels) as bench:
        bench.until(lambda points: set(channels) <= set(points), "all")
        key, _ = bench._place("it")
        server = bench.simulator.server
        with server._lock:
            for connection in server._connections:
                del connection.opened[key]
        bench.until(lambda points: points[""]["state"] in ("silent", "degraded"), "the silence")
        bench.status("it", "ok")
        bench.state("ok")


def test_what_a_server_remembers_of_a_silent_phidget_is_no_news(monkeypatch):
    """A Phidget that hangs: whoever opens it anew is told its last reading, again and again."""
    monkeypatch.setattr(_phidget_sensor, "SILENT_SECONDS", 0.2)
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        _, standing = bench._place("it")
        bench.mute("it")
        standing.measure = lambda: [20.5]
        bench.status("it", "ok")
        bench.say("it", TEMPERATURE, "g", [20.5])
        opened = []
        status = standing.status
        standing.status = lambda known: opened.append(1) or status(known)
        bench.state("silent")
        while len(opened) < 3:
            assert set(bench.cycle()) == {""} and bench.points[""]["state"] == "silent"
        wait(lambda: bench.sensors[0].attached)
        assert set(bench.cycle()) == {""}
        wait(lambda: not bench.sensors[0]._fresh)
        bench.say("it", TEMPERATURE, "g", [20.5])
        assert bench.status("it", "ok")["temperature"] == 20.5


def test_a_backlog_comes_whole():
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        bench.simulator.fault = "backlog"
        held = bench.simulator.server._held
        wait(lambda: any(len(packets) > 5 for packets in held.values()))
        bench.cycle()
        before, made = sum(len(packets) for packets in held.values()), bench.instrument.made["it"]
        before += made.readings
        bench.simulator.fault = None
        bench.until(lambda _: made.readings >= before, "the backlog")
        assert bench.points[""]["dropped"] == 0


def test_a_burst_comes_whole():
    with Bench({"door": {"class": "DigitalInput"}}, interval="1h") as bench:
        bench.cycle()
        before = bench.instrument.made["door"].readings
        bench.mute("door")
        bench.say("door", STATE, "d", *([i % 2] for i in range(3 * BURST)))
        came = []
        while len(came) < 3 * BURST:
            bench.collect()
            came += [fields["state"] for _, fields, _ in bench.all]
        assert came == [bool(i % 2) for i in range(3 * BURST)]
        assert bench.instrument.made["door"].readings == before + 3 * BURST
        assert bench.instrument.lost == 0


def test_what_the_library_could_not_hold_is_counted(monkeypatch):
    """It holds 200 events of a channel; here whoever takes them is slow."""
    with Bench({"door": {"class": "DigitalInput"}}, interval="1h") as bench:
        bench.cycle()
        bench.mute("door")
        held = threading.Event()
        put_said = bench.instrument.inbox.put_said

        def slow(said, readings):
            held.wait(PATIENCE)
            put_said(said, readings)

        bench.sensors[0]._deliver = slow
        bench.say("door", STATE, "d", *([i % 2] for i in range(400)))
        wait(lambda: bench.instrument.lost > 0)
        held.set()
        statuses = set()
        while "readings_lost" not in statuses:
            bench.collect()
            statuses |= {fields["status"] for _, fields, _ in bench.all}
        assert bench.cycle()[""]["dropped"] > 0


def test_a_counter_without_pulses_is_not_silent(monkeypatch):
    monkeypatch.setattr(_phidget_sensor, "SILENT_SECONDS", 1.2)  # the library takes 1 s to find that there are none
    with Bench({"it": {"class": "FrequencyCounter"}}) as bench:
        bench.status("it", "ok")
        _, standing = bench._place("it")
        standing.signals[0].center = standing.signals[0].swing = standing.signals[0].noise = 0.0
        bench.until(lambda points: points.get("it", {}).get("frequency") == 0.0, "a frequency of 0")
        heard = bench.sensors[0]._heard_at
        wait(lambda: time.monotonic() > heard + 1.5 * _phidget_sensor.SILENT_SECONDS)
        assert bench.cycle()["it"] == {"frequency": 0.0, "count": bench.points["it"]["count"], "status": "ok"}
        assert not any("silent" in text for text in bench.logged)


@pytest.mark.parametrize("name", [name for name, sensor in SENSORS.items() if sensor.paced and not sensor.resting])
def test_a_reading_without_value_is_none(name):
    with Bench({"it": {"class": name}}) as bench:
        bench.status("it", "ok")
        bench.simulator.fault = "unknown"
        assert bench.status("it", "unknown") == {"status": "unknown"}
        bench.simulator.fault = "over_range"
        assert bench.status("it", "out_of_range") == {"status": "out_of_range"}
        bench.simulator.fault = None
        assert len(bench.status("it", "ok")) > 1


def test_an_unplugged_phidget_leaves_no_value_and_comes_back():
    channels = {
        "here": {"class": "TemperatureSensor", "hub_port": 0},
        "there": {"class": "HumiditySensor", "hub_port": 1},
    }
    with Bench(channels) as bench:
        bench.until(lambda points: {"here", "there"} <= set(points) and points[""]["state"] == "ok", "both")
        there, _ = bench._place("there")
        bench.simulator.server.unplugged = {there[0]}
        assert bench.status("there", "detached") == {"status": "detached"}
        assert bench.status("here", "ok")["temperature"]
        assert bench.points[""]["up"] == 1 and bench.points[""]["state"] == "degraded"
        bench.simulator.server.unplugged = set()
        assert bench.status("there", "ok")["humidity"]
        bench.simulator.fault = "detach"
        assert "all Phidgets of this instrument are detached" in bench.logged[-1] or bench.state("disconnected")
        bench.simulator.fault = None
        assert bench.state("ok")["reconnects"] == 1


@pytest.mark.parametrize(("name", "lost"), [("TemperatureSensor", 1), ("Accelerometer", 3)])
def test_lost_readings_are_told_and_counted(name, lost):
    with Bench({"it": {"class": name}}) as bench:
        bench.status("it", "ok")
        bench.say("it", ERROR_EVENT, "ds", [QUEUE_FULL, "Queue is full."])
        assert bench.status("it", "readings_lost") == {"status": "readings_lost"}
        assert bench.points[""]["state"] == "degraded" and bench.points[""]["dropped"] == lost
        assert bench.status("it", "ok")
        assert bench.state("ok")["dropped"] == lost


def test_an_error_event_holds_until_a_reading_follows(monkeypatch):
    with Bench({"it": {"class": "TemperatureSensor", "data_interval": "400ms"}}) as bench:
        bench.status("it", "ok")
        bench.say("it", ERROR_EVENT, "ds", [SATURATED, "Saturation detected."])
        assert bench.status("it", "saturated") == {"status": "saturated"}
        assert "temperature" in bench.status("it", "ok")


def test_a_setting_that_the_device_has_not_gives_no_reading():
    channels = {
        "ambient": {"class": "TemperatureSensor", "channel": 4, "thermocouple_type": "J"},
        "good": {"class": "TemperatureSensor"},
    }
    with Bench(channels) as bench:
        fields = bench.status("ambient", "setup_failed")
        assert (
            list(fields) == ["status"]
            and "ThermocoupleType" in fields["status"]
            and "Not Supported" in fields["status"]
        )
        assert bench.status("good", "ok")["temperature"]


@pytest.mark.parametrize(
    ("name", "sensor_type", "unit"), [("VoltageInput", "1114", "°C"), ("VoltageRatioInput", "1125_HUMIDITY", "%")]
)
def test_a_sensor_on_a_hub_port_is_converted(name, sensor_type, unit):
    with Bench({"it": {"class": name, "hub_port": 2, "is_hub_port": True, "sensor_type": sensor_type}}) as bench:
        assert bench.stanza.channels[0].quantities["sensor_value"].unit == unit
        fields = bench.until(lambda points: "sensor_value" in points.get("it", {}), "a converted value")["it"]
        low, high = bench.simulator.bands()["it", "sensor_value"]
        assert low <= fields["sensor_value"] <= high
        assert set(fields) == {"sensor_value", "status"}, "what a server does not tell any more was repeated"


def test_a_spatial_with_an_algorithm_tells_its_attitude():
    with Bench({"it": {"class": "Spatial", "algorithm": "AHRS"}, "plain": {"class": "Accelerometer"}}) as bench:
        bench.until(lambda _: any("acceleration_x" in fields for c, fields, _ in bench.all if c == "it"), "the rest")
        fields = bench.until(lambda points: "yaw" in points.get("it", {}), "an attitude")["it"]
        assert {name: round(fields[name], 6) % 360 for name in ("pitch", "roll", "yaw")} in (
            {"pitch": 0.0, "roll": 0.0, "yaw": 30.0},
            {"pitch": 0.0, "roll": 0.0, "yaw": 330.0},
        )


def test_the_password_is_read_from_its_file(tmp_path):
    (tmp_path / "password").write_text("open sesame\n")
    with Bench(
        {"it": {"class": "LightSensor"}}, password="open sesame", password_file=str(tmp_path / "password")
    ) as bench:
        bench.status("it", "ok")


def test_a_wrong_password_is_told_without_it(tmp_path):
    (tmp_path / "password").write_text("open barley")
    with Bench(
        {"it": {"class": "LightSensor"}}, password="open sesame", password_file=str(tmp_path / "password")
    ) as bench:
        assert bench.cycle()[""] | {"up": 0, "state": "silent"} == bench.points[""]
        assert bench.logged[0].endswith("and the password") and "barley" not in bench.logged[0]


def test_a_password_that_is_missing_is_thought_of():
    with Bench({"it": {"class": "LightSensor"}}, password="open sesame") as bench:
        bench.cycle()
        assert bench.logged[0].endswith("whether the server wants a password (password_file)")


def test_a_missing_libusb_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("LABLINE_LIBUSB", str(tmp_path))
    with pytest.raises(BadInput, match="apt install libusb-1.0-0"):
        PhidgetLibrary().load()


def test_a_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_phidget_library, "_path", lambda: "libnotthere.so")
    with pytest.raises(BadInput, match="labline\\[phidget\\]"):
        PhidgetLibrary().load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("phidget://", (None, None)),
        ("phidget://561234", (None, 561234)),
        ("phidget://192.168.1.9:5000/561234", (("192.168.1.9", 5000), 561234)),
        ("phidget://labpi.local/561234", (("labpi.local", 5661), 561234)),
        ("phidget://labpi", (("labpi", 5661), None)),
        ("phidget://[::1]:5000/7", (("::1", 5000), 7)),
    ],
)
def test_a_connection_is_usb_or_a_server(text, expected):
    assert target(Url(text)) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"connection": "phidget://labpi/oven"}, "connection: found 'phidget://labpi/oven', expected phidget://"),
        ({"connection": "phidget:///7"}, "connection: found"),
        ({"connection": "phidget://labpi:70000/7"}, "connection: .*port from 1 to 65535"),
        ({"channels": {"a": {}}}, "channels.a.class: is missing"),
        ({"channels": {"a": {"class": "Temperature"}}}, "channels.a.class: .*expected one of Accelerometer"),
        (
            {"channels": {"a": {"class": "LightSensor", "rtd_type": "PT100_3850"}}},
            "channels.a.rtd_type: is no setting of a LightSensor",
        ),
        (
            {"channels": {"a": {"class": "TemperatureSensor", "thermocouple_type": "Q"}}},
            "channels.a.thermocouple_type: found 'Q', expected one of J, K",
        ),
        (
            {"channels": {"a": {"class": "LightSensor", "hub_port": -1}}},
            "channels.a.hub_port: found -1, expected 0 to 6",
        ),
        ({"channels": {"a": {"class": "LightSensor", "hub_port": 7}}}, "channels.a.hub_port: found 7, expected 0 to 6"),
        (
            {"channels": {"a": {"class": "LightSensor", "channel": 64}}},
            "channels.a.channel: found 64, expected 0 to 63",
        ),
        (
            {"channels": {"a": {"class": "LightSensor", "serial": 700000 + 2**32}}},
            "channels.a.serial: found 4295667296, expected 1 to 2147483647",
        ),
        (
            {"channels": {"a": {"class": "LightSensor", "data_interval": "1000w"}}},
            "channels.a.data_interval: expected a duration from 1ms to 1d",
        ),
        (
            {"connection": f"phidget://{700000 + 2**32}"},
            "connection: found 'phidget://4295667296', expected phidget://, ",
        ),
        ({"connection": f"phidget://hub:5661/{700000 + 2**32}"}, "with the serial number on the label"),
        ({"connection": "phidget://hub/" + 5000 * "9"}, "with the serial number on the label"),
        (
            {
                "channels": {
                    name: {"class": name, "hub_port": 2, "is_hub_port": True}
                    for name in ("DigitalInput", "VoltageInput")
                }
            },
            "channels.VoltageInput: the port itself at hub port 2 of any Phidget is channel 'DigitalInput' already",
        ),
        (
            {"channels": {"a": {"class": "LightSensor", "hub_port": 0, "is_hub_port": True}}},
            "channels.a.is_hub_port: a hub's port is a DigitalInput",
        ),
        (
            {"channels": {"a": {"class": "DigitalInput", "is_hub_port": True}}},
            "channels.a.is_hub_port: .*needs its hub_port",
        ),
        ({"channels": {"a": {"class": "LightSensor", "sensor_value": 3}}}, "channels.a.sensor_value: is not a key"),
    ],
)
def test_a_wrong_stanza_is_refused(change, message):
    with pytest.raises(BadInput) as caught:
        stanza.check(config({"a": {"class": "LightSensor"}}) | change)
    assert re.search(message, str(caught.value))


def test_an_unreadable_password_file_is_told(tmp_path):
    with Bench({"it": {"class": "LightSensor"}}, password_file=str(tmp_path / "none")) as bench:
        assert bench.cycle()[""]["state"] == "failed"
        assert "password_file: can't read" in bench.logged[0]


def test_a_quantity_is_the_same_in_every_class():
    seen = {}
    for sensor in SENSORS.values():
        for quantity in (v.quantity for v in sensor.values):
            known = seen.setdefault(quantity.name, quantity)
            assert (known.type, known.unit) == (quantity.type, quantity.unit), f"{sensor.name}: {quantity.name}"
    assert {q.name for q in DRIVER.streams[0].quantities} == set(seen)


def test_every_event_brings_what_its_class_declares():
    for sensor in SENSORS.values():
        declared = {v.quantity.name for v in sensor.values}
        brought = [name for event in sensor.events for name in event.brings]
        assert set(brought) == declared, f"{sensor.name}: {declared ^ set(brought)}"
        assert sensor.paced or all(v.getter for v in sensor.values), f"{sensor.name}: what holds can't be asked for"


def test_every_sensor_class_of_the_package_is_in_the_table():
    from importlib.machinery import PathFinder

    no_sensors = {
        "BLDCMotor",
        "DataAdapter",
        "DCMotor",
        "Dictionary",
        "DigitalOutput",
        "FirmwareUpgrade",
        "Generic",
        "Hub",
        "IR",
        "LCD",
        "LEDArray",
        "Log",
        "Manager",
        "MotorPositionController",
        "MotorVelocityController",
        "PowerGuard",
        "RCServo",
        "Stepper",
        "VoltageOutput",
        "__init__",
    }
    folder = PathFinder.find_spec("Phidget22").submodule_search_locations[0]
    there = {name.removesuffix(".py") for name in os.listdir(os.path.join(folder, "Devices")) if name.endswith(".py")}
    assert there - no_sensors == set(SENSORS)


@pytest.mark.parametrize("fault", ["none", "silent", "disconnect", "truncated"])
def test_the_program_ends_promptly_whatever_the_server_does(fault, tmp_path):
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        if fault != "none":
            bench.simulator.fault = fault
        file = tmp_path / "cell.yml"
        file.write_text(yaml.safe_dump(config({"it": {"class": "TemperatureSensor"}}, connection=bench.simulator.url)))
        with Program(file) as program:
            program.until(lambda line: line.startswith("instrument,"))


def test_a_server_that_falls_silent_does_not_hold_the_end_of_the_program(tmp_path):
    channels = {"it": {"class": "TemperatureSensor"}, "door": {"class": "DigitalInput"}}
    with Bench(channels) as bench:
        file = tmp_path / "cell.yml"
        file.write_text(yaml.safe_dump(config(channels, connection=bench.simulator.url)))
        with Program(file) as program:
            program.until(lambda line: "temperature=" in line)
            bench.simulator.fault = "silent"
            program.until(lambda line: "channel=it" in line and "silent" in line or 'state="silent"' in line)


@pytest.mark.parametrize("fault", ["silent", "truncated", "garbage", "disconnect"])
def test_a_server_that_is_faulty_at_the_start_is_found_later(fault):
    with Bench({"it": {"class": "TemperatureSensor"}}, timeout="200ms") as bench:
        bench.simulator.fault = fault
        bench.simulator.server._stopping.wait(0.05)  # it takes effect
        for _ in range(5):
            assert set(bench.cycle()) == {""} and bench.points[""]["up"] == 0
        bench.simulator.fault = None
        bench.status("it", "ok")
        assert bench.state("ok")["reconnects"] == 0, "it was never there before"


def test_a_server_that_accepts_and_says_nothing_is_told_and_found_when_it_speaks():
    """The library would hang in such a connection for ever; it is told of the server only when it speaks."""
    with Bench({"it": {"class": "TemperatureSensor"}}, timeout="100ms") as bench:
        bench.simulator.fault = "deaf"
        for _ in range(10):
            assert bench.cycle()[""] | {"up": 0, "state": "silent"} == bench.points[""]
            time.sleep(_phidget_server.LOOK_SECONDS)
        assert "accepts connections, and says nothing" in bench.logged[0] and len(bench.logged) == 1
        hanging = len(bench.simulator.server._connections)
        assert hanging <= 2, "each look left a connection behind"
        bench.simulator.fault = None
        bench.status("it", "ok")
        (server,) = LIBRARY._servers.values()
        assert server._name == b"labline1", "it was connected to under more names than needed"


def test_a_library_that_hangs_in_a_server_is_helped_out(monkeypatch):
    """The server comes back, accepts the library's own attempt, says nothing, and is well only then."""
    monkeypatch.setattr(_phidget_server, "FIRST_WAIT", 1000.0)
    with Bench({"it": {"class": "TemperatureSensor"}}, timeout="100ms") as bench:
        bench.status("it", "ok")
        bench.simulator.fault = "disconnect"
        bench.state("disconnected")
        bench.simulator.fault = "deaf"
        since: dict[object, float] = {}

        def hangs(_):
            now = time.monotonic()
            connections = list(bench.simulator.server._connections)
            return any(now - since.setdefault(connection, now) > 1.0 for connection in connections)

        bench.until(hangs, "a connection that hangs: those of greetings end after 0.1 s")
        bench.simulator.fault = None
        bench.status("it", "ok")
        (server,) = LIBRARY._servers.values()
        assert server._name == b"labline2"


VENDORS_SERVER = """
import ctypes, socket, sys
from telegraf_inputs.drivers._phidget_library import LIBRARY
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = ctypes.c_void_p()
LIBRARY.call("PhidgetNet_startServer", 0, socket.AF_INET, b"real", b"127.0.0.1", port, b"secret", ctypes.byref(server))
print(port, flush=True)
sys.stdin.read()
"""


def test_the_vendors_own_server_answers_the_greeting():
    """The library can be a network server, too: the same code as in Phidgets' products."""
    process = subprocess.Popen(
        [sys.executable, "-c", VENDORS_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(process.stdout.readline())
        LIBRARY.server("127.0.0.1", port, b"").greet(PATIENCE, Stop())
    finally:
        process.kill()
        process.wait()


def test_a_phidget_that_the_server_has_not_is_looked_for_ever_more_seldom(monkeypatch):
    monkeypatch.setattr(_phidget_server, "FIRST_WAIT", 0.1)
    with Bench({"it": {"class": "TemperatureSensor"}}, timeout="100ms") as bench:
        bench.simulator.server._gone = bench.simulator.server.unplugged = set(bench.simulator.server._by_phid)
        for _ in range(20):
            bench.cycle()
            time.sleep(_phidget_server.LOOK_SECONDS)
        assert "the server is there, but attaches no such Phidget; check serial number" in bench.logged[0]
        assert len(bench.logged) == 1
        (server,) = LIBRARY._servers.values()
        assert int(server._name.removeprefix(b"labline")) <= 5


def test_the_same_channels_stay_open_through_a_fault():
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        sensors = bench.sensors
        for fault in ("disconnect", "detach"):
            bench.simulator.fault = fault
            bench.state("disconnected")
            bench.simulator.fault = None
            bench.status("it", "ok")
        assert bench.sensors is sensors


def test_instruments_of_one_program_share_the_connection_to_a_server():
    channels = {
        "warm": {"class": "TemperatureSensor", "hub_port": 0},
        "wet": {"class": "HumiditySensor", "hub_port": 1},
    }
    simulator = load("phidget")(stanza.check(config(channels)))
    simulator.start()
    benches = [Bench({name: each}, simulator=simulator, name=name) for name, each in channels.items()]
    first, second = benches
    first.status("warm", "ok")
    second.status("wet", "ok")
    assert len(simulator.server._connections) == 1
    second.instrument.close()
    assert first.status("warm", "ok")["temperature"]
    first.__exit__()


def test_an_instrument_whose_server_is_gone_leaves_the_others_alone():
    with Bench({"it": {"class": "TemperatureSensor"}}) as first, Bench({"it": {"class": "LightSensor"}}) as second:
        first.status("it", "ok")
        second.status("it", "ok")
        for fault in ("disconnect", "silent"):
            first.simulator.fault = fault
            first.until(lambda points: points[""]["up"] == 0, fault)
            for _ in range(3):
                assert second.status("it", "ok")["illuminance"]
                assert second.points[""]["state"] == "ok"
            first.simulator.fault = None
            first.status("it", "ok")


def test_one_program_reads_several_instruments(tmp_path):
    with Bench({"it": {"class": "TemperatureSensor"}}) as first, Bench({"it": {"class": "LightSensor"}}) as second:
        files = []
        for name, bench in (("warm", first), ("bright", second)):
            files.append(tmp_path / f"{name}.yml")
            channels = {"it": {"class": "TemperatureSensor" if name == "warm" else "LightSensor"}}
            files[-1].write_text(yaml.safe_dump(config(channels, connection=bench.simulator.url, name=name)))
        with Program(*files) as program:
            missing = {"instrument=warm,channel=it temperature=", "instrument=bright,channel=it illuminance="}
            program.until(lambda line: missing.difference_update(m for m in set(missing) if m in line) or not missing)


@pytest.mark.parametrize("attached", [True, False])
def test_a_program_that_has_grown_too_large_says_so_and_ends(attached, monkeypatch):
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        assert not bench.instrument.stop.is_set
        if not attached:
            bench.simulator.fault = "disconnect"
            bench.state("disconnected")
        grown = _phidget_library._resident() + 2 * _phidget_library.LARGEST_GROWTH
        monkeypatch.setattr(_phidget_library, "_resident", lambda: grown)
        bench.state("failed")
        assert bench.instrument.stop.is_set
        assert re.search(r"loses memory .* by \d+ MB and ends, so that Telegraf starts it anew", bench.logged[-1])


def test_a_phidget_that_is_not_on_usb_is_told():
    checked = stanza.check(config({"it": {"class": "TemperatureSensor"}}, connection="phidget://7", timeout="50ms"))
    logged = []
    cell = Instrument(checked, Stop(), lambda level, text: logged.append(text))
    try:
        assert [point.values["state"] for point in cell.sample()] == ["disconnected"]
        assert "no such Phidget is on USB; check serial number" in logged[0]
    finally:
        cell.close()


def test_what_no_simulated_phidget_has_is_refused():
    channels = {"a": {"class": "LightSensor", "hub_port": 0}, "b": {"class": "HumiditySensor", "hub_port": 0}}
    with pytest.raises(
        BadInput,
        match="no simulated Phidget has HumiditySensor channel 0, LightSensor channel 0 together \\(hub_port 0\\)",
    ):
        Bench(channels)
