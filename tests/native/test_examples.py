"""The examples: each is a site file that Telegraf takes; what Telegraf reads itself is read from servers that speak the protocol."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from labline import native_read
from labline.stack import credentials
from provisioning import native_config, telegraf_check, toml
from provisioning import site as sites
from telegraf_inputs.point import Point
from telegraf_inputs.stanza import Stanza
from telegraf_inputs.url import Url
from tests.parts import modbus, mqtt, snmp

ATTEMPTS = 3
DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = DOCS / "read-by-telegraf.md"
TEXTS = {
    yaml.safe_load(text)["site"]: text
    for text in (
        *re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S),
        *(file.read_text(encoding="utf-8") for file in sorted((DOCS / "examples").glob("*.yml"))),
    )
}
UPS = {
    "2.1.0": 2,
    "2.2.0": 0,
    "2.3.0": 42,
    "2.4.0": 97,
    "2.7.0": 24,
    "3.3.1.3.1": 231,
    "4.1.0": 3,
    "4.4.1.4.1": 540,
    "4.4.1.5.1": 36,
    "9.6.0": 1500,
}
CARD = """\
<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log><driver_version>535.1</driver_version><cuda_version>12.2</cuda_version><attached_gpus>1</attached_gpus>
<gpu id="00000000:01:00.0"><product_name>A Card</product_name><uuid>GPU-1</uuid><fan_speed>30 %</fan_speed>
<performance_state>P0</performance_state><compute_mode>Default</compute_mode>
<fb_memory_usage><total>24576 MiB</total><reserved>300 MiB</reserved><used>1024 MiB</used><free>23252 MiB</free></fb_memory_usage>
<utilization><gpu_util>57 %</gpu_util><memory_util>12 %</memory_util></utilization>
<temperature><gpu_temp>61 C</gpu_temp></temperature>
<gpu_power_readings><power_draw>180.25 W</power_draw></gpu_power_readings></gpu></nvidia_smi_log>
"""
WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   61.  -49.  -256        0      0      0      0      3        0
"""


@pytest.fixture(params=TEXTS)
def site(request, tmp_path):
    return loaded(request.param, tmp_path)


def loaded(name: str, folder: Path) -> sites.Site:
    file = folder / f"{name}.yml"
    file.write_text(TEXTS[name], encoding="utf-8")
    return sites.load(file)


def instrument(name: str, number: int, folder: Path, url: str = "", **options) -> Stanza:
    """One instrument of an example, at another place."""
    stanza = loaded(name, folder).instruments[number].stanza
    stanza.interval = 2.0
    if url:
        stanza.connection = Url(url)
    stanza.options.update(options)
    return stanza


def answered(stanza: Stanza, secrets: Path) -> list[Point]:
    """Read it; on a busy machine a server may be late."""
    for _ in range(ATTEMPTS):
        points, why = native_read.read(stanza, secrets)
        if points and not why:
            return points
    raise AssertionError(why)


def read(stanza: Stanza, secrets: Path) -> dict[tuple[str, str], object]:
    points = answered(stanza, secrets)
    assert {point.values.pop("status") for point in points} <= {"ok"}
    return {(p.tags["channel"], name): v for p in points for name, v in p.values.items() if name != "clock"}


@pytest.fixture
def secrets(tmp_path):
    folder = credentials.private_directory(tmp_path / "secrets")
    for name, text in {"ups_auth": snmp.AUTH, "ups_privacy": snmp.PRIVACY, "broker": mqtt.PASSWORD}.items():
        (folder / name).write_text(text)
    return folder


def test_telegraf_takes_it(site, telegraf_path):
    assert telegraf_check.check(site, telegraf_path) == ""


def test_a_ups(tmp_path, secrets):
    records = "".join(f"1.3.6.1.2.1.33.1.{oid}|2|{value}\n" for oid, value in UPS.items())
    agent = snmp.Agent(tmp_path / "agent", records)
    try:
        found = read(instrument("ups", 0, tmp_path, f"udp://127.0.0.1:{agent.port}", context="ups"), secrets)
    finally:
        agent.stop()
    assert found == {
        ("battery", "state"): 2,
        ("battery", "on_battery"): 0.0,
        ("battery", "remaining"): 42.0,
        ("battery", "charge"): 97.0,
        ("battery", "temperature"): 24.0,
        ("input", "voltage"): 231.0,
        ("output", "source"): 3,
        ("output", "power"): 540.0,
        ("output", "load"): 36.0,
        ("output", "rated_power"): 1500.0,
    }


def test_a_plant(tmp_path, secrets):
    """Each register has a value of its own; one alarm is on."""
    where = {
        (channel.id, name): each.where
        for channel in loaded("co2-plant", tmp_path).instruments[0].stanza.channels
        for name, each in loaded("co2-plant", tmp_path).instruments[0].stanza.driver.declared(channel).items()
    }
    registers, expected = {305: 0b010, 320: 3, **dict.fromkeys(range(300, 304), 0)}, {}
    for number, (key, each) in enumerate(where.items()):
        if each["format"] == "float32":
            value = -20.0 + number / 4
            registers[each["address"]], registers[each["address"] + 1] = modbus.swapped(value)
            expected[key] = value
    alarm = where["warnings", "sc01_co2_w"]
    registers[alarm["address"]] |= 1 << alarm["bit"]
    plant = modbus.Plant(registers, {0: False})
    try:
        points = answered(instrument("co2-plant", 0, tmp_path, f"tcp://127.0.0.1:{plant.port}"), secrets)
    finally:
        plant.stop()
    found = {(p.tags["channel"], name): v for p in points for name, v in p.values.items()}
    low = {key for key, value in expected.items() if key[1] == "pressure" and value < 0}
    assert {key: found.get(key) for key in expected} == {**expected, **dict.fromkeys(low)}
    assert (found["mode", "mode"], found["mode", "chiller"], found["mode", "co2"]) == (3, False, True)
    assert found["warnings", "status"] == "pump suction subcooling low" and found["warnings", "sc01_co2_w"] is True
    assert found["full_stops", "status"] == "ok" and sum(v is True for k, v in found.items() if "stop" in k[0]) == 0


def test_sensors_that_publish(tmp_path, secrets):
    broker = mqtt.Broker(tmp_path / "broker")
    esp = instrument(
        "sensors", 0, tmp_path, f"mqtts://127.0.0.1:{broker.tls_port}", username=mqtt.READER, ca=str(broker.ca)
    )
    flows = instrument(
        "sensors", 1, tmp_path, f"mqtts://127.0.0.1:{broker.tls_port}", username=mqtt.READER, ca=str(broker.ca)
    )
    flows.options |= {"password_file": "broker", "topic": "julabo/out"}  # this broker's sensors may write no others
    sensors = {"BME/temp": "21.5", "BME/humi": "40.25", "BME/dew": "7.5", "CCS/co2": "612", "CCS/tvoc": "14"}
    payload = {"sensors": [{"id": "room", "temp": "20,5"}, {"id": "oven", "temp": "181,25"}], "heaters": [{"on": True}]}

    def publish() -> None:
        while not stop.wait(0.2):
            for topic, text in sensors.items():
                broker.publish(f"ESP01/sensors/{topic}", text)
            broker.publish("julabo/out", json.dumps({"payload": json.dumps(payload)}))

    stop = threading.Event()
    thread = threading.Thread(target=publish)
    thread.start()
    try:
        with ThreadPoolExecutor() as readers:
            found = [*readers.map(lambda stanza: read(stanza, secrets), (esp, flows))]
    finally:
        stop.set()
        thread.join()
        broker.stop()
    assert found[0] == {tuple(topic.split("/")): float(text) for topic, text in sensors.items()}
    assert found[1] == {("oven", "temp"): 181.25, ("oven", "heating"): True}


def test_a_graphics_card(tmp_path, secrets):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!{sys.executable}\nprint({CARD!r})\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    found = read(instrument("gpus", 0, tmp_path, input={"nvidia_smi": {"bin_path": str(program)}}), secrets)
    assert found == {
        ("gpu0", "temperature"): 61.0,
        ("gpu0", "use"): 57,
        ("gpu0", "memory"): 1024,
        ("gpu0", "power"): 180.25,
    }


def test_a_machine_without_graphics_cards_reads_all_else(tmp_path, telegraf_path):
    stanza = instrument("gpus", 0, tmp_path, input={"nvidia_smi": {"bin_path": str(tmp_path / "absent")}})
    for name, text in native_config.files(stanza).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    agent = toml.nested("agent", {"interval": "1s", "flush_interval": "1s"}, many=False)
    out = toml.nested("outputs.file", {"files": ["stdout"], "data_format": "influx"})
    conf = [*agent, *native_config.tables(stanza, "lab", str(tmp_path)), *toml.nested("inputs.mem", {}), *out]
    (tmp_path / "telegraf.conf").write_text("\n".join(conf))
    command = [telegraf_path, "--config", tmp_path / "telegraf.conf", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PATH": ""}) as telegraf:
        try:
            assert next(iter(telegraf.stdout.readline, ""), "").startswith("mem,")
        finally:
            telegraf.terminate()


def test_a_wireless_network(tmp_path, secrets):
    (tmp_path / "proc" / "net").mkdir(parents=True)
    (tmp_path / "proc" / "net" / "wireless").write_text(WIRELESS)
    found = read(instrument("machine", 0, tmp_path, input={"wireless": {"host_proc": str(tmp_path / "proc")}}), secrets)
    assert found == {("wlan0", "level"): -49, ("wlan0", "link"): 61.0}
