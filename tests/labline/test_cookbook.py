"""The stanzas of docs/cookbook.md: each is a case, or is read by Telegraf from a server that has what its manual says."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
import yaml

from labline import cli
from labline.stack import credentials
from tests.parts import modbus, mqtt

ROOT = Path(__file__).parent.parent.parent
COOKBOOK = ROOT / "docs" / "cookbook.md"
CASES = ROOT / "tests" / "telegraf_inputs" / "cases"
STANZAS = {
    stanza["name"]: stanza
    for stanza in map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", COOKBOOK.read_text("utf-8"), re.M | re.S))
}
PLAYED = {"multimeter": "keithley_2000", "supply": "rigol_dp832", "lockin": "srs_sr830", "room": "dht_tester"}
# What the controller has: 850.5 °C, 42.0 %, a set point of 860.0 °C; a broken sensor reads as the highest value.
FURNACE = {1: 8505, 4: 420, 5: 8600, 75: 0}
SHELLY = {
    "id": 0,
    "source": "init",
    "output": True,
    "apower": 312.4,
    "voltage": 231.2,
    "current": 1.402,
    "aenergy": {"total": 15230.125, "by_minute": [5204.1, 5206.7, 5201.9], "minute_ts": 1767225600},
    "temperature": {"tC": 38.4, "tF": 101.1},
}


def test_six_instruments_are_in_it():
    assert {*PLAYED, "furnace", "pump_plug"} == set(STANZAS)
    assert {stanza["driver"] for stanza in STANZAS.values()} == {"scpi", "modbus", "mqtt", "serial_lines"}


@pytest.mark.parametrize("name", PLAYED)
def test_what_is_played_is_what_stands_there(name):
    case = CASES / STANZAS[name]["driver"] / PLAYED[name]
    stanza = yaml.safe_load((case / "config.yml").read_text(encoding="utf-8"))
    assert stanza == {**STANZAS[name], "timeout": stanza["timeout"]}, "but for the test's patience"
    assert len((case / "expected.lp").read_text(encoding="utf-8").splitlines()) > 3


@pytest.fixture
def read(tmp_path, capsys):
    """Read a stanza of the page by hand, at another place; gives the points' fields, by channel."""
    folder = credentials.private_directory(tmp_path / "state" / "cookbook" / "secrets")
    (folder / "broker").write_text(mqtt.PASSWORD)

    def run(name: str, connection: str) -> dict[str, str]:
        site = {
            "site": "cookbook",
            "nodes": [{"name": "here"}],
            "instruments": [{**STANZAS[name], "connection": connection, "interval": "1s"}],
        }
        file = tmp_path / "cookbook.yml"
        file.write_text(yaml.safe_dump(site, allow_unicode=True, sort_keys=False), encoding="utf-8")
        assert cli.main(["check", str(file)]) == 0
        capsys.readouterr()
        cli.main(["read", name, str(file), "--lines", "--state", str(tmp_path / "state")])
        lines = capsys.readouterr().out.splitlines()
        return {m[1]: m[2] for line in lines if (m := re.match(r"\S*channel=(\w+)\S* (.*) \d+$", line))}

    return run


@pytest.mark.parametrize(("status", "said"), [(0, 'false,status="ok"'), (1 << 5, 'true,status="sensor broken"')])
def test_the_furnace_controller_is_read_by_modbus(read, status, said):
    plant = modbus.SerialPlant({**FURNACE, 75: status}, {0: False})
    try:
        found = read("furnace", f"serial://{plant.line.other}?baudrate=19200&parity=E")["furnace"]
    finally:
        plant.stop()
    assert found == f"temperature=850.5,output=42.0,setpoint=860.0,sensor_broken={said}"


def test_the_plug_is_read_by_mqtt(read, tmp_path):
    broker = mqtt.Broker(tmp_path / "broker")
    stop = threading.Event()

    def publish():
        while not stop.wait(0.1):
            if broker.subscribers():
                broker.publish("shelly/pump/status/switch:0", json.dumps(SHELLY))
                return

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        found = read("pump_plug", f"mqtt://127.0.0.1:{broker.port}")["pump"]
    finally:
        stop.set()
        thread.join()
        broker.stop()
    fields = dict(part.split("=") for part in found.split(","))
    assert fields == {
        "switched_on": "true",
        "power": "312.4",
        "voltage": "231.2",
        "current": "1.402",
        "energy": "15230.125",
        "temperature": "38.4",
        "status": '"ok"',
    }
