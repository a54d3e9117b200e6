"""SCPI instruments declared in YAML: what is refused, where and why; and the simulator that answers any declaration."""

from __future__ import annotations

import math

import pytest

from telegraf_inputs import declared, simulators, stanza
from telegraf_inputs.declare import RESERVED
from telegraf_inputs.drivers._scpi_quantity import WHERE, Question
from telegraf_inputs.errors import BadAnswer, BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop

VOLTAGE = {"query": "MEAS:VOLT?", "unit": "V"}


ON = declared.read({"on": {"query": "OUTP?", "unit": "", "type": "bool"}}, WHERE)["on"]


MODE = {
    "query": "FUNC?",
    "unit": "",
    "type": "int",
    "choices": {"0": "off", "1": {"word": "on", "severity": "ok"}, "2": {"word": "tripped", "severity": "critical"}},
}


def supply(read=None, *, channel=None, **keys):
    channels = {"1": {"read": {"voltage": VOLTAGE} if read is None else read, **(channel or {})}}
    return {"name": "supply", "driver": "scpi", "connection": "sim:", "channels": channels, **keys}


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (supply(channel={"before": "OUTP ON"}), "channels.1.before", "may do more than ask"),
        (supply(channel={"before": "INST:NSEL 1;:OUTP:STAT 1"}), "channels.1.before", "OUTP:STAT 1"),
        (
            supply({"voltage": {**VOLTAGE, "query": "OUTP ON;MEAS:VOLT?"}}),
            "channels.1.read.voltage.query",
            "may do more than ask",
        ),
        (
            supply({"voltage": {**VOLTAGE, "query": "MEAS:VOLT?;*CAL?"}}),
            "channels.1.read.voltage.query",
            "may do more than ask",
        ),
        (supply({"voltage": {**VOLTAGE, "query": "*TST?"}}), "channels.1.read.voltage.query", "may do more than ask"),
        (
            supply({"voltage": {**VOLTAGE, "query": "MEAS:VOLT?;CURR?"}}),
            "channels.1.read.voltage.query",
            "one question",
        ),
        (supply({"voltage": {**VOLTAGE, "query": "INST:NSEL 1"}}), "channels.1.read.voltage.query", "one question"),
        (
            supply({"voltage": {**VOLTAGE, "query": "MEAS:VOLT?\nOUTP ON"}}),
            "channels.1.read.voltage.query",
            "on one line",
        ),
        (supply(setup=["*RST"]), "setup[0]", "allow: ['*RST']"),
        (supply(setup=[1]), "setup[0]", "expected an SCPI command"),
        (supply(fence="*CLS"), "fence", "one question"),
        (supply(identity="HMP[4040"), "identity", "no regular expression"),
        (supply({}), "channels.1.read", "is empty; name at least one quantity"),
        (supply({"voltage": {"unit": "V"}}), "channels.1.read.voltage.query", "is missing"),
        (supply({"voltage": {"query": "MEAS:VOLT?"}}), "channels.1.read.voltage.unit", "is missing"),
        (supply({"voltage": {**VOLTAGE, "unti": "V"}}), "channels.1.read.voltage.unti", "did you mean 'unit'?"),
        (supply({"voltage": {**VOLTAGE, "low": "0"}}), "channels.1.read.voltage.low", "expected a number"),
        (supply({"voltage": {**VOLTAGE, "low": 5, "high": 1}}), "channels.1.read.voltage.low", "not below 'high'"),
        (supply({"voltage": {**VOLTAGE, "scale": 0}}), "channels.1.read.voltage.scale", "every reading is 0"),
        (supply({"voltage": {**VOLTAGE, "scale": math.nan}}), "channels.1.read.voltage.scale", "expected a number"),
        (supply({"voltage": {**VOLTAGE, "high": math.inf}}), "channels.1.read.voltage.high", "expected a number"),
        (supply({"voltage": {**VOLTAGE, "decimals": -3}}), "channels.1.read.voltage.decimals", "from 0 to 15"),
        (supply({"voltage": {**VOLTAGE, "decimals": 16}}), "channels.1.read.voltage.decimals", "from 0 to 15"),
        (supply(channel={"before": "ROUT:CLOS (@101)"}, allow=["ROUT:CLOS"]), "channels.1.before", "add check: false"),
        (
            supply({"voltage": {**VOLTAGE, "type": "double"}}),
            "channels.1.read.voltage.type",
            "one of float, int, bool, str",
        ),
        (
            supply({"voltage": {**VOLTAGE, "type": "int", "scale": 2}}),
            "channels.1.read.voltage.scale",
            "is for type float",
        ),
        (supply({"voltage": {**VOLTAGE, "query": "MEAS:VOLT"}}), "channels.1.read.voltage.query", "is a '?' missing"),
        (supply({"voltage": {**VOLTAGE, "pattern": "("}}), "channels.1.read.voltage.pattern", "no regular expression"),
        (supply({"voltage": {**VOLTAGE, "example": "12 V"}}), "channels.1.read.voltage.example", "does not fit"),
        (supply({"Voltage": VOLTAGE}), "channels.1.read.Voltage", "snake_case"),
        *((supply({name: VOLTAGE}), f"channels.1.read.{name}", f"has a {name!r} already") for name in RESERVED),
        (supply({"voltage": "MEAS:VOLT?"}), "channels.1.read.voltage", "expected the quantity's keys: query"),
        (supply({"mode": {**MODE, "type": "float"}}), "channels.1.read.mode.choices", "int, bool or str"),
        (supply({"mode": {**MODE, "unit": "V"}}), "channels.1.read.mode.unit", "a code has no unit"),
        (supply({"mode": {**MODE, "choices": {"one": "x"}}}), "channels.1.read.mode.choices.one", "whole number"),
        (
            supply({"mode": {**MODE, "choices": {"1": ""}}}),
            "channels.1.read.mode.choices.1",
            "expected a word or a few",
        ),
    ],
)
def test_refused_with_the_place_and_the_reason(data, path, message):
    with pytest.raises(BadInput) as caught:
        stanza.check(data)
    told = str(caught.value)
    assert told.startswith(f"{path}: ") and message in told


@pytest.mark.parametrize(("answer", "value"), [("1", True), ("ON", True), ("on\r", True), ("0", False), ("OFF", False)])
def test_a_truth_value_is_a_number_or_a_word(answer, value):
    assert Question("on", ON).value(answer) == (value, "")


@pytest.mark.parametrize("answer", ["2", "", "ONN", "TRUE"])
def test_what_is_no_truth_value(answer):
    with pytest.raises(BadAnswer, match="expected 0, 1, OFF or ON"):
        Question("on", ON).value(answer)


def test_two_channels_with_one_quantity_in_two_units_are_refused():
    data = supply()
    data["channels"]["2"] = {"read": {"voltage": {"query": "MEAS:VOLT2?", "unit": "mV"}}}
    with pytest.raises(BadInput, match=r"channels\.2\.read\.voltage: .*unit 'mV' here, but 'V' in channel '1'"):
        stanza.check(data)


@pytest.mark.parametrize(
    "channel", [{"before": "INST OUT5"}, {"before": "ROUT:CHAN 5"}, {"before": "ROUT:CLOS (@101)", "check": False}]
)
def test_a_selection_is_taken_that_can_be_asked_for_or_is_trusted(channel):
    checked = stanza.check(supply(channel=channel, allow=["ROUT:CHAN", "ROUT:CLOS"]))
    assert checked.channels[0].options["before"] == channel["before"]


def test_the_simulator_remembers_what_is_set():
    setup = {"setup": ["HEAD OFF", "UNIT:TEMP K"], "allow": ["UNIT:TEMP"], "timeout": "20s"}
    checked = stanza.check(supply(connection="sim:?transport=tcp", channel={"before": "INST OUT1"}, **setup))
    instrument = Instrument(checked, Stop(), lambda level, text: None)
    try:
        assert [instrument.sample()[-1].values["state"] for _ in range(2)] == ["ok", "ok"]
    finally:
        instrument.close()


def test_what_the_user_allows_is_sent():
    checked = stanza.check(supply(setup=["*RST", "CONF:VOLT:DC"], allow=["*RST", "conf:volt:dc"]))
    assert checked.options["setup"] == ["*RST", "CONF:VOLT:DC"]


def test_the_simulator_answers_any_declaration():
    read = {
        "voltage": {
            "query": "MEAS:VOLT?",
            "unit": "V",
            "pattern": r"VOLT ([0-9.E+-]+)V",
            "example": "VOLT 12.5V",
            "low": 10,
            "high": 12,
        },
        "current": {"query": ":meas:curr? (@1)", "unit": "mA", "scale": 1000},
        "level": {"query": "LEV?", "unit": "dB", "low": -90, "high": -10},
        "count": {"query": "COUN?", "unit": "", "type": "int", "low": 5, "high": 50},
        "on": {"query": "OUTP?", "unit": "", "type": "bool"},
        "mode": {"query": "FUNC?", "unit": "", "type": "str"},
    }
    checked = stanza.check(supply(read, connection="sim:?transport=tcp"))
    instrument = Instrument(checked, Stop(), lambda level, text: None)
    try:
        points = instrument.sample()
        bands = instrument.simulator.bands()
    finally:
        instrument.close()
    values = points[0].values
    assert instrument.state == "ok"
    assert set(values) == {*read, "status"} and values["on"] is True and values["mode"] == "channel 1"
    for (channel, name), (low, high) in bands.items():
        slack = 1e-6 * max(abs(low), abs(high))  # seven digits are answered
        assert channel == "1" and low - slack <= values[name] <= high + slack


def test_the_simulator_is_what_the_transport_says():
    for transport, scheme in (("tcp", "tcp"), ("serial", "serial"), ("visa", "visa"), (None, "visa")):
        query = f"?transport={transport}" if transport else ""
        simulator = simulators.start(stanza.check(supply(connection=f"sim:{query}")))
        simulator.stop()
        assert simulator.url.startswith(f"{scheme}://")
    with pytest.raises(BadInput, match="can't be reached by transport=file"):
        simulators.start(stanza.check(supply(connection="sim:?transport=file")))


@pytest.mark.parametrize(
    ("kind", "choices", "values"),
    [
        ("int", MODE["choices"], (0, 1)),
        ("str", {"CV": "constant voltage", "FAIL": {"word": "failed", "severity": "critical"}}, ("CV",)),
        ("bool", {"true": {"word": "tripped", "severity": "critical"}, "false": "well"}, (False,)),
    ],
)
def test_the_simulator_answers_codes_that_are_no_fault(kind, choices, values):
    checked = stanza.check(
        supply({"mode": {**MODE, "type": kind, "choices": choices}}, connection="sim:?transport=tcp")
    )
    instrument = Instrument(checked, Stop(), lambda level, text: None)
    try:
        point, _ = instrument.sample()
    finally:
        instrument.close()
    assert point.values["status"] == "ok" and point.values["mode"] in values


def test_a_field_is_a_code_in_every_channel_or_in_none():
    data = supply({"mode": MODE})
    data["channels"]["2"] = {"read": {"mode": {**MODE, "choices": None}}}
    with pytest.raises(BadInput, match=r"channels\.2\.read\.mode: .*kind 'number' here, but 'code' in channel '1'"):
        stanza.check(data)
    data["channels"]["2"] = {"read": {"mode": {**MODE, "choices": {"7": "other codes"}}}}
    stanza.check(data)


def test_a_code_is_not_calibrated():
    with pytest.raises(BadInput, match="expected the quantity that is calibrated"):
        stanza.check(
            supply(
                {"mode": MODE},
                channel={"calibration": {"form": "linear", "b": 2, "of": "mode", "to": "x", "unit": "V"}},
            )
        )
