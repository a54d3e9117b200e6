"""Lake Shore's thermometers: the maker's own package reads of a simulator what labline reads; what an input says of itself."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from telegraf_inputs import drivers, simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.simulators._lakeshore import STALE
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url
from tests.parts import packages

ROUNDING = 2e-3  # of a value: instruments answer with a few digits
# Reads with the package `lakeshore`, which the maker publishes: class, scheme and place, inputs, outputs -> JSON.
MAKERS = """
import json, sys
import lakeshore, serial

class Port:
    def __init__(self, path):
        self.port = serial.Serial(path, 115200, timeout=10)
    def write(self, text):
        self.port.write(text.encode() + b"\\r\\n")
    def query(self, text):
        self.write(text)
        return self.port.read_until(b"\\r\\n").decode().strip()
    def clear(self):
        self.port.reset_input_buffer()

kind, scheme, place, inputs, outputs = json.loads(sys.argv[1])
if scheme == "tcp":
    host, port = place.split(":")
    device = getattr(lakeshore, kind)(ip_address=host, tcp_port=int(port), timeout=10)
else:
    device = getattr(lakeshore, kind)(connection=Port(place))
read = {}
for name in inputs:
    ask = device.get_input_parameter if kind == "Model240" else None
    ask = ask or getattr(device, "get_input_sensor", None) or device.get_input_configuration
    setting = ask(name)
    if hasattr(device, "get_channel_reading_status"):
        status = [word for word, is_so in device.get_channel_reading_status(name).items() if is_so]
    else:
        told = getattr(device, "get_input_reading_status", None) or device.get_reading_status
        status = [word for word, is_so in vars(told(name)).items() if is_so]
    read[name] = [device.get_kelvin_reading(name), device.get_sensor_reading(name), setting.sensor_type.name, status]
for number in outputs:
    read["output" + number] = device.get_heater_output(int(number))
    read["setpoint" + number] = device.get_control_setpoint(int(number))
print(json.dumps([device.model_number, read]))
"""
EVERY_KIND = {
    "A": {"sensor": "resistor"},
    "B": {"sensor": "diode"},
    "C": {"sensor": "thermocouple"},
    "D": {"sensor": "capacitor"},
    **dict.fromkeys(("output1", "output2", "setpoint1", "setpoint2")),
}


class Rig:
    """A simulator, and the instrument that reads it; ``read()`` gives channel -> fields, and the instrument's own."""

    def __init__(self, driver: str, otherwise: dict | None = None, **keys):
        example = yaml.safe_load(drivers.load(driver).example)
        self.stanza = stanzas.check({**example, "connection": "sim:", "timeout": "1s", **keys})
        self.stanza.wire.pause = 0.0
        self.simulator = simulators.start(self.stanza, **(otherwise or {}))
        self.stanza.connection = Url(self.simulator.url)
        self.logged: list[str] = []
        self.instrument = Instrument(self.stanza, Stop(), lambda level, text: self.logged.append(f"{level}! {text}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()
        self.simulator.stop()

    def read(self):
        *points, own = self.instrument.sample()
        return {point.tags["channel"]: point.values for point in points}, own.values


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Spare simulators the rest that instruments need."""
    for name in ("lakeshore_218", "lakeshore_240", "lakeshore_336"):
        monkeypatch.setattr(drivers.load(name).wire, "pause", 0.0)


@pytest.mark.parametrize(
    ("driver", "keys", "kind", "outputs"),
    [
        ("lakeshore_240", {}, "Model240", ""),
        ("lakeshore_336", {"model": "336", "channels": EVERY_KIND}, "Model336", "12"),
        ("lakeshore_336", {"model": "224", "channels": {"A": {"sensor": "diode"}, "D5": {"sensor": "resistor"}}}, "Model224", ""),
    ],
)  # fmt: skip
def test_the_makers_own_package_reads_the_same(driver, keys, kind, outputs):
    with Rig(driver, {"deaf": 0} if kind == "Model240" else None, **keys) as rig:
        ours, _ = rig.read()
        rig.instrument.close()
        url = Url(rig.simulator.url)
        inputs = list(rig.simulator.inputs)
        asked = json.dumps([kind, url.scheme, url.rest, [int(n) if n.isdigit() else n for n in inputs], outputs])
        done = subprocess.run(
            [packages.BASE, "-c", MAKERS, asked],
            env=packages.environment("lakeshore"),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        model, theirs = json.loads(done.stdout.splitlines()[-1])
        assert rig.instrument.stanza.identity.split(",")[1] == model
        bands = rig.simulator.bands()
        for name in inputs:
            kelvin, own, sensor, status = theirs[name]
            quantity = next(q for q in rig.stanza.find(name).quantities if q != "temperature")
            for told, field in ((kelvin, "temperature"), (own, quantity)):
                low, high = bands[name, field]
                slack = ROUNDING * max(abs(low), abs(high))
                for value in (told, ours[name][field]):
                    assert low - slack <= value <= high + slack, (name, field)
            assert status == [] and ours[name]["status"] == "ok"
            kinds = {
                "voltage": "DIODE",
                "resistance": "NTC_RTD",
                "thermovoltage": "THERMOCOUPLE",
                "capacitance": "CAPACITANCE",
            }
            assert sensor == kinds[quantity]
        for number in outputs:
            low, high = bands[f"output{number}", "heater_output"]
            assert low <= theirs[f"output{number}"] <= high and low <= ours[f"output{number}"]["heater_output"] <= high
            assert theirs[f"setpoint{number}"] == ours[f"setpoint{number}"]["setpoint"]


def test_the_first_contact_may_fail():
    with Rig("lakeshore_240") as rig:
        assert rig.simulator.deaf == 1
        read, own = rig.read()
        assert {values["status"] for values in read.values()} == {"ok"}
        assert (own["errors"], own["reconnects"]) == (0, 0)


@pytest.mark.parametrize("driver", ["lakeshore_218", "lakeshore_240", "lakeshore_336"])
def test_an_input_that_is_switched_off_repeats_nothing(driver):
    with Rig(driver) as rig:
        first, second = list(rig.simulator.inputs)[:2]
        assert rig.read()[0][first]["status"] == "ok"
        rig.simulator.disabled = {first}
        assert rig.simulator.answer(f"KRDG? {first}") == rig.simulator.written(STALE)
        read, _ = rig.read()
        assert read[first] == {"status": "disabled"} and read[second]["status"] == "ok"
        rig.simulator.disabled, rig.simulator.no_curve = set(), {first}
        read, _ = rig.read()
        assert read[first]["status"] == "no_curve" and "temperature" not in read[first] and len(read[first]) == 2


@pytest.mark.parametrize(("units", "mode", "status"), [("celsius", 1, "ok"), ("sensor", 1, "sensor_units"), ("kelvin", 3, "no_loop")])  # fmt: skip
def test_a_set_point_is_a_temperature_or_none(units, mode, status):
    with Rig("lakeshore_336", {"units": units, "mode": mode}) as rig:
        told = rig.read()[0]["setpoint1"]
        assert told["status"] == status
        assert ("setpoint" in told) == (status == "ok")
        if status == "ok":
            assert told["setpoint"] == pytest.approx(rig.simulator.setpoint("1"), abs=0.01)


def test_what_raw_and_calibrated_are():
    """A diode whose curve is in the site file and not in the instrument: calibrated above, raw below."""
    points = [[0.09, 500.0], [0.56, 300.0], [1.02, 77.0], [1.69, 1.4]]
    curve = {"form": "table", "of": "voltage", "to": "kelvin", "unit": "K", "points": points}
    channels = {"1": {"sensor": "diode", "calibration": curve}}
    with Rig("lakeshore_240", {"deaf": 0}, channels=channels) as rig:
        rig.simulator.no_curve = {"1"}
        told = rig.read()[0]["1"]
        assert 250.0 < told["kelvin"] < 330.0 and 0.4 < told["voltage"] < 0.7 and "temperature" not in told


@pytest.mark.parametrize(
    ("driver", "keys", "path"),
    [
        ("lakeshore_336", {"channels": {"output1": {"sensor": "diode"}}}, ("channels", "output1", "sensor")),
        ("lakeshore_336", {"model": "224", "channels": {"D": None}}, ("channels", "D")),
        ("lakeshore_240", {"model": "240-2p", "channels": {"3": None}}, ("channels", "3")),
        ("lakeshore_240", {"channels": {"1": {"sensor": "thermocouple"}}}, ("channels", "1", "sensor")),
    ],
)
def test_what_a_model_does_not_have_is_refused(driver, keys, path):
    with pytest.raises(BadInput) as caught:
        stanzas.check({**yaml.safe_load(drivers.load(driver).example), **keys})
    assert caught.value.path[: len(path)] == path
