"""What is wrong with a stanza of what Telegraf reads itself is told with its place, and what was expected."""

from __future__ import annotations

import pytest
import yaml

from provisioning import site as sites
from telegraf_inputs import drivers, stanza, yamlfile
from telegraf_inputs.errors import BadInput

GONE = object()


def changed(name: str, path: str, value: object) -> dict:
    """Change one key of a driver's example; ``path`` has dots."""
    data = yamlfile.parse(drivers.load(name).example, "example").data
    *way, last = path.split("/")
    inside = data
    for key in way:
        inside = inside.setdefault(key, {})
    if value is GONE:
        del inside[last]
    else:
        inside[last] = value
    return data


@pytest.mark.parametrize(
    ("name", "path", "value", "where", "words"),
    [
        ("mqtt", "username", "@{labline:writer}", "username", "looks for a password"),
        ("opcua", "username", "@{labline:writer}", "username", "looks for a password"),
        ("snmp", "community", "@{labline:writer}", "community", "looks for a password"),
        ("snmp", "channels/battery/read/charge/oid", GONE, "channels.battery.read.charge.oid", "is missing"),
        ("snmp", "channels/battery/read/charge/oid", "UPS-MIB::upsX.0", "channels.battery.read.charge.oid", "in numbers"),
        ("snmp", "channels/battery/read/charge/oidd", "1.3", "channels.battery.read.charge.oidd", "did you mean 'oid'"),
        ("snmp", "channels/battery/read/charge/unit", GONE, "channels.battery.read.charge.unit", "is missing"),
        ("snmp", "channels/battery/read/Charge", {"oid": "1.3", "unit": "%"}, "channels.battery.read.Charge", "snake_case"),
        ("snmp", "channels/battery/read/status", {"oid": "1.3", "unit": "%"}, "channels.battery.read.status", "already"),
        ("snmp", "channels/battery/read", {}, "channels.battery.read", "at least one quantity"),
        ("snmp", "channels/battery/read", GONE, "channels.battery.read", "is missing"),
        ("snmp", "channels/battery/read/charge", "1.3.6", "channels.battery.read.charge", "expected the quantity's keys"),
        ("snmp", "channels/battery/read/charge/low", 200, "channels.battery.read.charge.low", "not below 'high'"),
        ("snmp", "channels/battery/read/charge/scale", 0, "channels.battery.read.charge.scale", "is 0"),
        ("snmp", "channels/output/read/source/scale", 0.1, "channels.output.read.source.scale", "is for type float"),
        ("snmp", "channels/output/read/source/choices/six", "x", "channels.output.read.source.choices.six", "whole number"),
        ("snmp", "channels/output/read/source/choices/5/severity", "grave", "channels.output.read.source.choices.5.severity", "expected one of"),
        ("snmp", "channels/battery/read/charge/choices", {"1": "x"}, "channels.battery.read.charge.choices", "int, bool or str"),
        ("snmp", "channels/battery/calibration", {"form": "polynomial", "of": "charge", "coefficients": [1, 2]}, "channels.battery.calibration.form", "linear alone"),
        ("snmp", "user", GONE, "user", "version 3 needs a user"),
        ("snmp", "version", 2, "user", "belongs to version 3"),
        ("snmp", "auth_password_file", "ups.auth", "auth_password_file", "letters, digits and '_'"),
        ("snmp", "auth_password_file", GONE, "auth_password_file", "no encryption without"),
        ("snmp", "connection", "tcp://192.168.1.9:161", "connection", "can't be reached by tcp"),
        ("snmp", "connection", "udp://192.168.1.9:161?community=x", "connection", "has options"),
        ("snmp", "trigger", "stdin", "trigger", "Telegraf itself sets the pace"),
        ("modbus", "channels/plant/read/mode/register", "holdings", "channels.plant.read.mode.register", "holding, input, coil, discrete"),
        ("modbus", "channels/plant/read/mode/format", "int17", "channels.plant.read.mode.format", "expected one of int16"),
        ("modbus", "channels/plant/read/mode/format", GONE, "channels.plant.read.mode.format", "what the register holds"),
        ("modbus", "channels/plant/read/mode/address", 65536, "channels.plant.read.mode.address", "from 0 to 65535"),
        ("modbus", "channels/plant/read/mode/address", "40001", "channels.plant.read.mode.address", "a whole number"),
        ("modbus", "channels/plant/read/pump/bit", GONE, "channels.plant.read.pump.bit", "is missing"),
        ("modbus", "channels/plant/read/pump/bit", 16, "channels.plant.read.pump.bit", "from 0 to 15"),
        ("modbus", "channels/plant/read/mode/bit", 1, "channels.plant.read.mode.bit", "goes with format: bit"),
        ("modbus", "channels/valve/read/open/format", "bit", "channels.valve.read.open.format", "a coil is one bit"),
        ("modbus", "channels/plant/read/pump/format", "string", "channels.plant.read.pump", ""),
        ("modbus", "unit", 300, "unit", "from 0 to 255"),
        ("modbus", "byte_order", "ABDC", "byte_order", "ABCD, DCBA, BADC, CDAB"),
        ("mqtt", "topic", GONE, "channels.BME.read.temp.topic", "is missing; expected the topic"),
        ("mqtt", "topic", "ESP01/sensors/x", "channels.BME.read.humi", "let {channel} or {quantity} stand"),
        ("mqtt", "topic", "ESP01/+/{quantity}", "channels.BME.read.temp.topic", "one topic"),
        ("mqtt", "topic", "ESP01/#", "channels.BME.read.temp.topic", "one topic"),
        ("mqtt", "topic", "ESP01/{chanel}", "channels.BME.read.temp.topic", "one topic"),
        ("mqtt", "channels/julabo/read/bath/path", "a..b", "channels.julabo.read.bath.path", "names with '.'"),
        ("mqtt", "username", GONE, "username", "needs a user"),
        ("mqtt", "connection", "mqtt://192.168.1.3", "ca", "not encrypted"),
        ("mqtt", "connection", "mqtt://lab:secret@192.168.1.3", "connection", "user or password before '@'"),
        ("mqtt", "qos", 3, "qos", "0, 1, 2"),
        ("opcua", "channels/tank/read/level/node", "Tank.Level", "channels.tank.read.level.node", "ns=2;s="),
        ("opcua", "channels/turbine/read/speed/node", "ns=2;s=Tank.Level", "channels.turbine.read.speed", "reads the same value as 'level' of channel 'tank'"),
        ("opcua", "password_file", GONE, "password_file", "go together"),
        ("opcua", "certificate", "/etc/cert.pem", "private_key", "go together"),
        ("opcua", "connection", "opc.tcp://192.168.1.20:0", "connection", "port from 1 to 65535"),
        ("telegraf", "input", {}, "input", "expected one input"),
        ("telegraf", "input", {"a": {}, "b": {}}, "input", "expected one input"),
        ("telegraf", "input/nvidia_smi/alias", "x", "input.nvidia_smi.alias", "labline writes it"),
        ("telegraf", "input/nvidia_smi/timeout", None, "input.nvidia_smi.timeout", "is empty"),
        ("telegraf", "connection", "tcp://h:1", "connection", "has no connection"),
        ("telegraf", "channels/gpu0/measurement", GONE, "channels.gpu0.measurement", "is missing"),
        ("telegraf", "channels/gpu0/page", "a/b", "channels.gpu0.page", "expected a title of up to 40 letters"),
        ("telegraf", "channels/gpu0/tags/index", 0, "channels.gpu0.tags.index", "write it in quotes"),
        ("telegraf", "channels/gpu1/tags/index", "0", "channels.gpu1.read.temperature", "reads the same value"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(name, path, value, where, words):
    with pytest.raises(BadInput) as caught:
        stanza.check(changed(name, path, value))
    text = str(caught.value)
    assert text.startswith(where) and words in text, text
    assert "secret" not in text


@pytest.mark.parametrize("measurement", ["cpu", "instrument", "internal_write"])
def test_a_measurement_of_lablines_own_is_refused(tmp_path, measurement):
    data = changed("telegraf", "channels/gpu0/measurement", measurement)
    (tmp_path / "site.yml").write_text(
        yaml.safe_dump({"site": "lab", "nodes": [{"name": "daq"}], "instruments": [data]})
    )
    with pytest.raises(BadInput, match="name_override: ") as caught:
        sites.load(tmp_path / "site.yml")
    assert "instruments[0].channels.gpu0.measurement" in str(caught.value)


def test_a_device_on_a_modbus_line_has_its_number_alone(tmp_path):
    first, second = (changed("modbus", "name", name) for name in ("a", "b"))
    file = tmp_path / "site.yml"

    def load():
        file.write_text(yaml.safe_dump({"site": "lab", "nodes": [{"name": "daq"}], "instruments": [first, second]}))
        return sites.load(file)

    with pytest.raises(BadInput, match="192.168.1.7:502 unit 1 is already used by 'a'"):
        load()
    second["unit"] = 2
    assert len(load().instruments) == 2
