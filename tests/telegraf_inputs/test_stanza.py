"""The stanza: what its keys become, and what is said where one of them is wrong."""

from __future__ import annotations

import pytest

from telegraf_inputs import drivers, transports
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.declare import ABOVE_ZERO
from telegraf_inputs.errors import BadInput

LAKE_SHORE = {"name": "cryostat", "driver": "lakeshore_372", "connection": "tcp://192.168.1.5:7777"}
SCPI = {
    "name": "supply",
    "driver": "scpi",
    "connection": "tcp://192.168.1.5:5025",
    "channels": {"1": {"read": {"voltage": {"query": "V?", "unit": "V"}}}},
}
PHIDGET = {
    "name": "oven",
    "driver": "phidget",
    "connection": "phidget://",
    "channels": {"a": {"class": "TemperatureSensor"}},
}
CHILLER = {"name": "chiller", "driver": "julabo", "connection": "serial:///dev/ttyUSB1"}
GAUGES = {"name": "vacuum", "driver": "pfeiffer_tpg", "connection": "serial:///dev/ttyUSB0", "model": "tpg262"}
SENSOR = {"name": "freezer", "driver": "ds18b20", "channels": {"28-0316a2795f1c": None}}


def test_what_is_not_said_is_the_drivers():
    stanza = stanzas.check(LAKE_SHORE)
    assert (stanza.label, stanza.description, stanza.trigger, stanza.stale, stanza.tags) == (
        "cryostat",
        "",
        "self",
        None,
        {},
    )
    assert (stanza.interval, stanza.timeout) == (stanza.driver.interval, stanza.driver.timeout)
    assert [c.id for c in stanza.channels] == list(stanza.driver.channel_names)
    assert list(stanza.channels[0].quantities) == ["temperature", "resistance"]


def test_what_is_said_is_taken():
    stanza = stanzas.check(
        {
            **LAKE_SHORE,
            "label": 372,
            "interval": "1.5min",
            "timeout": "500ms",
            "stale": "0s",
            "trigger": "stdin",
            "tags": {"cooldown": 17, "user": "Ana Müller"},
            "channels": {"5": {"label": "Mixing chamber", "limits": {"temperature": {"critical": {"above": "2 K"}}}}},
        }
    )
    assert (stanza.label, stanza.interval, stanza.timeout, stanza.stale, stanza.trigger) == (
        "372",
        90.0,
        0.5,
        0.0,
        "stdin",
    )
    assert stanza.tags == {"cooldown": "17", "user": "Ana Müller"}
    (channel,) = stanza.channels
    assert (channel.id, channel.label) == ("5", "Mixing chamber")
    assert channel.limits == {"temperature": {"critical": {"above": "2 K"}}}


def test_a_calibrated_quantity_takes_the_name_of_the_raw_one():
    data = {**LAKE_SHORE, "channels": {"5": {"calibration": {"of": "temperature", "form": "linear", "b": 1.01}}}}
    quantities = stanzas.check(data).channels[0].quantities
    assert list(quantities) == ["temperature", "resistance", "temperature_raw"]
    assert (quantities["temperature"].unit, quantities["temperature"].low, quantities["temperature"].decimals) == (
        "K",
        None,
        4,
    )
    assert (quantities["temperature_raw"].least, quantities["temperature_raw"].high) == (ABOVE_ZERO, 1000.0)


def test_a_calibrated_quantity_gets_a_name_of_its_own():
    calibration = {"of": "resistance", "to": "level", "unit": "%", "form": "linear", "b": 1, "description": "Helium"}
    data = {**LAKE_SHORE, "channels": {"5": {"calibration": calibration, "limits": {"level": {}}}}}
    channel = stanzas.check(data).channels[0]
    assert list(channel.quantities) == ["temperature", "resistance", "level"]
    assert (channel.quantities["level"].unit, channel.quantities["level"].description) == ("%", "Helium")


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"name": None}, ("name",), "is missing; expected the instrument's name"),
        ({"name": "the cryostat"}, ("name",), "found 'the cryostat', expected letters, digits"),
        ({"name": ["x"]}, ("name",), "found ['x'], expected a text"),
        ({"driver": None}, ("driver",), "is missing; expected the driver that reads it"),
        ({"driver": "lakeshore_327"}, ("driver",), "there is no driver 'lakeshore_327'; did you mean 'lakeshore_372'?"),
        ({"driver": "../x"}, ("driver",), "there is no driver '../x'"),
        ({"connection": None}, ("connection",), "is missing; expected how it is reached"),
        ({"connection": 5}, ("connection",), "'5' is no connection; expected sim, or a URL"),
        ({"connection": "tcp//host"}, ("connection",), "is no connection"),
        ({"connection": "tpc://host:1"}, ("connection",), "did you mean 'tcp'?"),
        ({"connection": "tcp://host"}, ("connection",), "must name a host and a port"),
        ({"connection": "tcp://host:99999"}, ("connection",), "a port from 1 to 65535"),
        ({"connection": "tcp://host:1?baudrate=1"}, ("connection",), "a socket has none"),
        ({"connection": "phidget://"}, ("connection",), "can't be reached by phidget; expected tcp or serial or visa"),
        ({"connection": "serial://dev/ttyUSB0"}, ("connection",), "serial:///dev/ttyUSB0 (three slashes)"),
        ({"connection": "serial:///dev/x?baud=9600"}, ("connection",), "did you mean 'baudrate'?"),
        ({"connection": "serial:///dev/x?baudrate=fast"}, ("connection",), "found baudrate=fast"),
        ({"connection": "serial:///dev/x?parity=odd"}, ("connection",), "expected N or E or O or M or S"),
        ({"connection": "serial:///dev/x?rtscts=maybe"}, ("connection",), "expected true or"),
        ({"connection": "tcp://my host:4001"}, ("connection",), "must name a host and a port"),
        ({"connection": "tcp:///h:1"}, ("connection",), "must name a host and a port"),
        ({"connection": "serial:///"}, ("connection",), "names no port"),
        ({"connection": "visa://TCPIP::x"}, ("connection",), "names no VISA resource"),
        ({"connection": "sim:?sed=1"}, ("connection",), "did you mean 'seed'?"),
        ({"connection": "sim:?seed=x"}, ("connection",), "found seed=x, expected a whole number"),
        ({"connection": "sim:?faults=silnt@1+1"}, ("connection",), "did you mean 'silent'?"),
        ({"connection": "sim:?faults=silent@1+1/0"}, ("connection",), "expected KIND@START+LENGTH"),
        ({"connection": "sim:?transport=file"}, ("connection",), "can't be reached by transport=file"),
        ({"interval": 5}, ("interval",), "found 5, expected a duration with its unit"),
        ({"interval": "0s"}, ("interval",), "found '0s', expected a duration from 1ms to 1y"),
        ({"interval": "0.4ms"}, ("interval",), "found '0.4ms', expected a duration from 1ms to 1y"),
        ({"interval": "2y"}, ("interval",), "found '2y', expected a duration from 1ms to 1y"),
        ({"timeout": "2d"}, ("timeout",), "found '2d', expected a duration from 1ms to 1d"),
        ({"stale": "400y"}, ("stale",), "found '400y', expected a duration from 0s to 10y"),
        ({"intervall": "5s"}, ("intervall",), "did you mean 'interval'?"),
        ({"trigger": "telegraf"}, ("trigger",), "expected one of self, stdin"),
        ({"label": 1.1}, ("label",), "found 1.1, expected a text; write it in quotes"),
        ({"label": True}, ("label",), "found True, expected a text; write it in quotes"),
        ({"tags": ["a"]}, ("tags",), "expected a mapping"),
        ({"tags": {"host": "x"}}, ("tags", "host"), "is a tag or field that labline writes itself"),
        ({"tags": {"driver": "x"}}, ("tags", "driver"), "is a tag or field that labline writes itself"),
        ({"tags": {"temperature": "x"}}, ("tags", "temperature"), "is a tag or field that labline writes itself"),
        ({"tags": {"state": "x"}}, ("tags", "state"), "is a tag or field that labline writes itself"),
        ({"tags": {"time": "x"}}, ("tags", "time"), "can't be named 'time'"),
        ({"tags": {"run": 1.1}}, ("tags", "run"), "found 1.1, expected a text"),
        ({"tags": {"run": ""}}, ("tags", "run"), "not empty"),
        ({"tags": {"path": "C:\\"}}, ("tags", "path"), "has a backslash"),
        ({"tags": {"path": "a\tb"}}, ("tags", "path"), "tears the line"),
        (
            {
                "driver": "phidget",
                "connection": "phidget://",
                "channels": {
                    "a": {"class": "VoltageInput", "hub_port": 1},
                    "b": {"class": "VoltageInput", "hub_port": 1},
                },
            },
            ("channels", "b"),
            "VoltageInput 0 at hub port 1 of any Phidget is channel 'a' already",
        ),
        ({"channels": {}}, ("channels",), "is empty"),
        ({"channels": ["1"]}, ("channels",), "found ['1'], expected a mapping"),
        ({"channels": {"17": None}}, ("channels", "17"), "has no channel '17'; did you mean"),
        ({"channels": {"1": "Still"}}, ("channels", "1"), "found 'Still', expected the channel's keys: label"),
        ({"channels": {"1": {"lable": "x"}}}, ("channels", "1", "lable"), "did you mean 'label'?"),
        (
            {"channels": {"1": {"limits": {"temprature": {}}}}},
            ("channels", "1", "limits", "temprature"),
            "did you mean 'temperature'?",
        ),
        (
            {"channels": {"1": {"calibration": {"form": "linear", "b": 1}}}},
            ("channels", "1", "calibration", "of"),
            "known: temperature",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(change, path, message):
    with pytest.raises(BadInput) as caught:
        stanzas.check({**LAKE_SHORE, **change})
    assert caught.value.path == path
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (None, (), "found nothing, expected an instrument's keys"),
        ("x", (), "found 'x', expected an instrument's keys"),
        (
            {k: v for k, v in SCPI.items() if k != "channels"},
            ("channels",),
            "reads the channels that you name; add at least one",
        ),
        ({**SCPI, "channels": {"a b": {}}}, ("channels", "a b"), "found 'a b', expected letters, digits"),
        ({**SCPI, "channels": {"a": {}}}, ("channels", "a", "read"), "is missing; expected the quantities"),
        ({**SCPI, "setup": "x"}, ("setup",), "found 'x', expected a list"),
        (
            {**GAUGES, "mode": "continuous"},
            ("unit",),
            "expected the unit that its display is set to, one of mbar, Torr, Pa",
        ),
        ({**GAUGES, "unit": "Torr"}, ("unit",), "leave this out"),
        ({**GAUGES, "unit": "Torr", "identity": "302-510"}, ("unit",), "leave this out"),
        (
            {**GAUGES, "model": "tpg362", "mode": "continuous", "unit": "Torr"},
            ("mode",),
            "a TPG 362 does not speak by itself; expected mode: mnemonics",
        ),
        ({**GAUGES, "channels": {"3": None}}, ("channels", "3"), "no channel '3' with these options; known: 1, 2"),
        ({**GAUGES, "model": "tpg300"}, ("model",), "found 'tpg300', expected one of tpg261, tpg262, tpg256a"),
        (
            {**CHILLER, "model": "fc", "channels": {"setpoint_2": None}},
            ("channels", "setpoint_2"),
            "no channel 'setpoint_2' with these options; known: bath, external, setpoint, heater, circulator, setpoint_1",
        ),
        ({**CHILLER, "model": "CF41"}, ("model",), "found 'CF41', expected one of cf41, hightech"),
        ({**GAUGES, "model": "TPG 366"}, ("model",), "did you mean 'tpg366'?"),
        ({**GAUGES, "mode": "continuous", "unit": "psi"}, ("unit",), "found 'psi', expected one of mbar, hPa, Torr"),
        ({**SENSOR, "connection": "file://foo"}, ("connection",), "file:///sys/bus/w1/devices (three slashes)"),
        ({**SENSOR, "connection": "file:///foo?x=1"}, ("connection",), "is no folder's URL"),
        ({**PHIDGET, "channels": {"a": {"class": "Thermometer"}}}, ("channels", "a", "class"), "expected one of"),
        (
            {**PHIDGET, "channels": {"a": {"class": "TemperatureSensor", "channel": 1.5}}},
            ("channels", "a", "channel"),
            "a whole number",
        ),
        (
            {**PHIDGET, "channels": {"a": {"class": "TemperatureSensor", "channel": True}}},
            ("channels", "a", "channel"),
            "a whole number",
        ),
        (
            {**PHIDGET, "channels": {"a": {"class": "TemperatureSensor", "is_hub_port": 1}}},
            ("channels", "a", "is_hub_port"),
            "true or false",
        ),
    ],
)
def test_what_is_wrong_with_other_drivers(data, path, message):
    with pytest.raises(BadInput) as caught:
        stanzas.check(data)
    assert caught.value.path == path
    assert message in caught.value.message


def test_a_file_is_one_stanza_of_the_programs_driver(tmp_path):
    file = tmp_path / "cryostat.yml"
    file.write_text("name: cryostat\ndriver: lakeshore_372\nconnection: sim\nchannels:\n  5:\n")
    stanza = stanzas.load(file)
    assert [c.id for c in stanza.channels] == ["5"]
    assert stanzas.load(file, stanza.driver).driver is stanza.driver
    file.write_text(file.read_text().replace("5:", "5: {limits: {temp: {}}}"))
    with pytest.raises(BadInput) as caught:
        stanzas.load(file)
    assert str(caught.value) == (
        f"{file}:5: channels.5.limits.temp: this channel has no quantity 'temp'; known: temperature, resistance"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({**LAKE_SHORE, "identity": "LSA(12"}, "identity: 'LSA(12' is no regular expression"),
        (
            {
                "name": "vacuum",
                "driver": "pfeiffer_tpg",
                "connection": "sim:",
                "model": "tpg262",
                "mode": "continuous",
                "unit": "mbar",
                "identity": "302-510",
            },
            "identity: leave this out: it is for mode: mnemonics",
        ),
    ],
)
def test_an_identity_that_can_not_be_looked_for(data, message):
    with pytest.raises(BadInput) as caught:
        stanzas.check(data)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("schemes", "meant"), [(("file", "tcp"), "file"), (("serial", "tcp"), "tcp"), ((), "tcp")])
def test_a_host_and_a_port_are_taken_for_its_drivers_own_way(schemes, meant, monkeypatch):
    """Whatever transport that is: it says of itself that a URL of it is a host and a port."""
    monkeypatch.setattr(type(transports.load("file")), "network", True)
    monkeypatch.setattr(drivers.load("lakeshore_372"), "schemes", schemes or ("serial",))
    with pytest.raises(BadInput, match=f"did you mean '{meant}://gauge.lab:7777'"):
        stanzas.check({"name": "x", "driver": "lakeshore_372", "connection": "gauge.lab:7777"})
