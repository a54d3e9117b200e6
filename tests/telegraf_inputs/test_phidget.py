"""The phidget driver, with the unmodified native library, against the simulated network server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from telegraf_inputs import instrument, stanza
from telegraf_inputs.drivers import _phidget_library, _phidget_link
from telegraf_inputs.drivers._phidget_classes import SENSORS
from telegraf_inputs.drivers.phidget import DRIVER
from telegraf_inputs.errors import BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.simulators import load
from telegraf_inputs.simulators import phidget as simulation
from telegraf_inputs.simulators.phidget_devices import DEVICES, HUB
from telegraf_inputs.simulators.phidget_protocol import entries
from telegraf_inputs.simulators.phidget_server import ERROR_EVENT, FIX_CHANGE
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

PATIENCE = 15.0  # seconds until a test gives up; never reached where all is well
QUEUE_FULL, SATURATED = 4, 0x1009


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Come back soon after a failure."""
    monkeypatch.setattr(instrument, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(instrument, "LONGEST_WAIT", 0.05)


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
    """A simulator and the instrument that reads it; ``points`` are those of the last cycle, by channel."""

    def __init__(self, channels: dict, password: str = "", **more):
        self.stanza = stanza.check(config(channels, **more))
        self.simulator = load("phidget")(self.stanza, password=password)
        self.simulator.start()
        self.stanza.connection = Url(self.simulator.url)
        self.logged: list[str] = []
        self.instrument = Instrument(self.stanza, Stop(), lambda level, text: self.logged.append(f"{level}! {text}"))
        self.points: dict[str, dict] = {}
        self.times: dict[str, int] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()
        self.simulator.stop()

    def cycle(self) -> dict:
        self.points = {}
        for point in self.instrument.sample():
            channel = point.tags.get("channel", "")
            self.points[channel] = dict(point.values)
            self.times[channel] = int(point.line().rsplit(" ", 1)[1])
        return self.points

    def until(self, good, what: str) -> dict:
        """Read until ``good(points)``; fails with ``what`` was waited for."""
        deadline = time.monotonic() + PATIENCE
        while not good(self.cycle()):
            assert time.monotonic() < deadline, f"waited for {what}; it is {self.points}; log: {self.logged}"
            self.instrument.stop.wait(0.01)
        return self.points

    def status(self, channel: str, status: str) -> dict:
        """Read until a channel has a status; returns its fields."""
        return self.until(
            lambda points: points.get(channel, {}).get("status", "").startswith(status), f"{channel}: {status}"
        )[channel]

    def say(self, channel: str, number: int, types: str, values: list) -> None:
        """Have the server send one packet of a channel."""
        key, standing = self._place(channel)
        for connection in list(self.simulator.server._connections):
            connection.packet(standing.device, key[1], key[2], number, entries(types, values))

    def _place(self, name: str):
        channel = next(c for c in self.stanza.channels if c.id == name)
        _, standing = self.simulator.channel(channel)
        return next((key, each) for key, each in self.simulator.server.channels.items() if each is standing)


@pytest.mark.parametrize("name", SENSORS)
def test_every_class_delivers_its_values(name):
    with Bench({"it": {"class": name}}) as bench:
        declared = next(iter(bench.stanza.channels)).quantities
        wanted = {q.name for q, _, needed, _ in SENSORS[name].values if needed} | {
            quantity for _, quantity in bench.simulator.bands()
        }
        missing = set(wanted)

        def all_came(points):
            fields = points.get("it", {})
            missing.difference_update(fields)
            return not missing and fields.get("status") == "ok"

        fields = bench.until(all_came, f"{wanted}")["it"]
        for quantity, value in fields.items():
            if quantity != "status":
                assert type(value).__name__ == declared[quantity].type
                low, high = bench.simulator.bands().get(("it", quantity), (float("-inf"), float("inf")))
                if not isinstance(value, (bool, str)):
                    assert low - 1e-3 * abs(low) <= value <= high + 1e-3 * abs(high), quantity


@pytest.mark.parametrize("name", [name for name, (*_, classes) in DEVICES.items() if classes])
def test_every_channel_of_every_device_attaches(name, monkeypatch):
    kind, *_, classes = DEVICES[name]
    monkeypatch.setattr(simulation, "DEVICES", {HUB: DEVICES[HUB], name: DEVICES[name]})
    port = {"hub_port": 1} if kind == "VINT" else {}
    channels = {f"{c}.{i}": {"class": c, "channel": i, **port} for c, count in classes.items() for i in range(count)}
    with Bench(channels) as bench:
        bench.until(
            lambda points: (
                points[""]["state"] == "ok" and all(s.attached for s in bench.instrument.driver.link.sensors)
            ),
            "all attached",
        )


def test_a_reading_is_delivered_once():
    with Bench({"it": {"class": "TemperatureSensor", "data_interval": "200ms"}}, interval="1s") as bench:
        bench.status("it", "ok")
        first = bench.times["it"]
        assert "it" not in bench.cycle(), "the same reading came again"
        bench.status("it", "ok")
        assert bench.times["it"] > first
        assert bench.times["it"] == bench.instrument.driver.link.sensors[0].news_ns, "not the time at which it came"


def test_a_reading_from_before_a_cut_is_not_delivered_after_it():
    with Bench({"it": {"class": "TemperatureSensor"}, "other": {"class": "LightSensor"}}) as bench:
        bench.status("it", "ok")
        sensor = bench.instrument.driver.link.sensors[0]
        key, standing = bench._place("it")
        standing.speak = lambda now, known: []
        standing.status = lambda known: type(standing).status(standing, False)  # it has no reading when it is back
        seen = sensor.news
        bench.say("it", 95, "g", [20.0])
        wait(lambda: sensor.news > seen)
        for unplugged in ({key[0]}, set()):
            bench.simulator.server.unplugged = unplugged
            wait(lambda: sensor.attached == (not unplugged))  # noqa: B023
        assert "it" not in bench.cycle()


def wait(fulfilled) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fulfilled():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_what_changes_seldom_holds_while_it_is_attached():
    with Bench({"it": {"class": "DigitalInput"}}) as bench:
        bench.status("it", "ok")
        first = bench.times["it"]
        assert bench.cycle()["it"]["status"] == "ok" and bench.times["it"] > first


def test_without_a_fix_there_is_no_position():
    with Bench({"it": {"class": "GPS"}}) as bench:
        bench.until(lambda points: "latitude" in points.get("it", {}), "a position")
        _, standing = bench._place("it")
        standing.speak = lambda now, known: []
        bench.say("it", FIX_CHANGE, "d", [0])  # and of the position nothing more
        fields = bench.until(lambda points: points["it"].get("fix") is False, "the loss of the fix")["it"]
        assert fields == {"fix": False, "status": "ok"}


def test_silence_is_told_and_nothing_repeated(monkeypatch):
    monkeypatch.setattr(_phidget_library, "SILENT_SECONDS", 0.2)
    with Bench({"it": {"class": "TemperatureSensor"}, "state": {"class": "DigitalInput"}}) as bench:
        bench.status("it", "ok")
        bench.status("state", "ok")
        bench.simulator.fault = "silent"
        assert bench.status("it", "silent") == {"status": "silent"}
        assert bench.points[""]["state"] == "degraded"
        bench.simulator.fault = None
        assert "temperature" in bench.status("it", "ok")


def test_a_counter_without_pulses_is_not_silent(monkeypatch):
    monkeypatch.setattr(_phidget_library, "SILENT_SECONDS", 0.0)
    with Bench({"it": {"class": "FrequencyCounter"}}) as bench:
        bench.status("it", "ok")
        _, standing = bench._place("it")
        standing.signals[0].center = standing.signals[0].swing = standing.signals[0].noise = 0.0
        fields = bench.until(lambda points: points.get("it", {}).get("frequency") == 0.0, "a frequency of 0")["it"]
        assert fields["status"] == "ok"
        time.sleep(10 * bench.instrument.driver.link.sensors[0].data_interval)
        assert bench.cycle()["it"]["status"] == "ok"


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
        assert bench.points[""]["reconnects"] == 0, "what is missing comes back by itself"


def test_lost_readings_are_told_with_the_next_one():
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        bench.say("it", ERROR_EVENT, "ds", [QUEUE_FULL, "Queue is full."])
        assert bench.status("it", "readings_lost")["temperature"]
        bench.status("it", "ok")


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
        raw = fields["voltage"] / 0.02 - 50 if name == "VoltageInput" else fields["voltage_ratio"] * 190.6 - 40.2
        assert fields["sensor_value"] == pytest.approx(raw, abs=0.01)


def test_a_spatial_with_an_algorithm_tells_its_attitude():
    with Bench({"it": {"class": "Spatial", "algorithm": "AHRS"}, "plain": {"class": "Accelerometer"}}) as bench:
        fields = bench.until(lambda points: "yaw" in points.get("it", {}), "an attitude")["it"]
        assert {name: round(fields[name], 6) % 360 for name in ("pitch", "roll", "yaw")} in (
            {"pitch": 0.0, "roll": 0.0, "yaw": 30.0},
            {"pitch": 0.0, "roll": 0.0, "yaw": 330.0},
        )
        assert "acceleration_x" in fields


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
    monkeypatch.setattr(_phidget_library, "_library", None)
    monkeypatch.setenv("LABLINE_LIBUSB", str(tmp_path))
    with pytest.raises(BadInput, match="apt install libusb-1.0-0"):
        _phidget_library.library()


def test_a_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_phidget_library, "_library", None)
    monkeypatch.setattr(_phidget_library, "_path", lambda: "libnotthere.so")
    with pytest.raises(BadInput, match="labline\\[phidget\\]"):
        _phidget_library.library()


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
    assert _phidget_link.target(Url(text)) == expected


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
        for quantity, *_ in sensor.values:
            known = seen.setdefault(quantity.name, quantity)
            assert (known.type, known.unit) == (quantity.type, quantity.unit), f"{sensor.name}: {quantity.name}"
    assert {q.name for q in DRIVER.quantities} == set(seen)


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
    import yaml

    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        if fault != "none":
            bench.simulator.fault = fault
        file = tmp_path / "cell.yml"
        file.write_text(yaml.safe_dump(config({"it": {"class": "TemperatureSensor"}}, connection=bench.simulator.url)))
        command = [sys.executable, "-m", "telegraf_inputs.drivers.phidget", "--config", str(file)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for line in process.stdout:
            if line.startswith("instrument,"):
                break
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        assert all(re.match("[EWID]! ", line) for line in errors.splitlines()), errors


@pytest.mark.parametrize("fault", ["silent", "truncated", "garbage", "disconnect"])
def test_a_server_that_is_faulty_at_the_start_is_found_later(fault):
    with Bench({"it": {"class": "TemperatureSensor"}}, timeout="200ms") as bench:
        bench.simulator.fault = fault
        bench.simulator.server._stopping.wait(0.05)  # it takes effect
        for _ in range(5):
            assert set(bench.cycle()) == {""} and bench.points[""]["up"] == 0
        bench.simulator.fault = None
        bench.status("it", "ok")


def test_the_same_channels_stay_open_through_a_fault():
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        link = bench.instrument.driver.link
        bench.simulator.fault = "disconnect"
        bench.until(lambda points: points[""]["state"] == "disconnected", "the cut")
        bench.simulator.fault = None
        bench.status("it", "ok")
        assert bench.instrument.driver.link is link


@pytest.mark.parametrize("attached", [True, False])
def test_a_program_that_has_grown_too_large_says_so_and_ends(attached, monkeypatch):
    with Bench({"it": {"class": "TemperatureSensor"}}) as bench:
        bench.status("it", "ok")
        assert not bench.instrument.stop.is_set
        if not attached:
            bench.simulator.fault = "disconnect"
            bench.until(lambda points: points[""]["state"] == "disconnected", "the cut")
        grown = _phidget_link._resident() + _phidget_link.LARGEST_GROWTH
        monkeypatch.setattr(_phidget_link, "_resident", lambda: grown)
        bench.until(lambda points: points[""]["state"] == "failed", "its end")
        assert bench.instrument.stop.is_set
        assert re.search(r"loses memory .* has \d+ MB and ends, so that Telegraf starts it anew", bench.logged[-1])


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


def test_the_program_does_not_import_the_package():
    code = "import sys, telegraf_inputs.drivers.phidget as p; p._phidget_link.Sensor; print('Phidget22' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
