"""SCPI instruments declared in YAML: what is refused, where and why; and the simulator that answers any declaration."""

from __future__ import annotations

import math

import pytest

from telegraf_inputs import declared, simulators, stanza
from telegraf_inputs.declare import RESERVED
from telegraf_inputs.drivers import _scpi_quantity
from telegraf_inputs.drivers._scpi_quantity import WHERE, Question
from telegraf_inputs.errors import BadAnswer, BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.line import Line
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


def question(**keys):
    channel = {"read": {"q": {"query": "Q?", "unit": "", **keys}}}
    checked = stanza.check({"name": "i", "driver": "scpi", "connection": "tcp://h:1", "channels": {"A": channel}})
    return Question(*next(iter(_scpi_quantity.read(checked.channels[0]).items())))


@pytest.mark.parametrize(
    ("keys", "answer", "value"),
    [
        ({"type": "int"}, "+1.0E+00", 1),
        ({"type": "int"}, "+2.253200E+04", 22532),
        ({"type": "int"}, "35", 35),
        ({"type": "int"}, "0x35", 53),
        ({"type": "int"}, "#H1F", 31),
        ({"type": "int"}, "#q17", 15),
        ({"type": "int"}, "#B101", 5),
        ({"type": "int", "base": "hex"}, "1f", 31),
        ({"type": "int", "base": "octal"}, "17", 15),
        ({"type": "int", "base": "binary"}, "101", 5),
        ({}, "#H1F", 31.0),
        ({"base": "hex"}, "10", 16.0),
        ({"type": "int", "pattern": r"STB=(\S+)"}, "STB=0x35", 53),
        ({"type": "int", "bits": "2-4"}, "#B10100", 5),
        ({"type": "int", "bits": 4}, "+1.6E+01", 1),
        ({"type": "bool", "bits": 5}, "0x35", True),
        ({"type": "bool"}, "+1.0E0", True),
        ({"part": 2}, "+1.499983E+00,+1.499995E-03,+2.253200E+04", 1.499995e-3),
        ({"part": 3, "type": "int"}, "+1.499983E+00,+1.499995E-03,+2.253200E+04", 22532),
        ({"part": 2, "separator": ";", "pattern": r"I=(.*)A"}, "U=1V; I=2A", 2.0),
        ({"decimal_comma": True}, "-1,5", -1.5),
        ({"decimal_comma": True}, "1,5E-3", 1.5e-3),
        ({"decimal_comma": True}, "15", 15.0),
        ({"decimal_comma": True, "scale": 10, "pattern": r"(\S+) mV"}, "1,5 mV", 15.0),
    ],
)
def test_an_answer_is_read_as_it_is_declared(keys, answer, value):
    found, trouble = question(**keys).value(answer)
    assert (found, trouble) == (value, "") and type(found) is type(value)


@pytest.mark.parametrize(
    ("keys", "answer", "trouble"),
    [
        ({}, "NAN", "no_reading"),
        ({}, "+nan", "no_reading"),
        ({}, "-INF", "over_range"),
        ({"type": "int"}, "9.91E37", "no_reading"),
        ({"type": "int"}, "NINF", "over_range"),
        ({"missing": ["OVLD", "--------"]}, "--------", "no_reading"),
        ({"missing": ["OVLD"]}, '"ovld"', "no_reading"),
        ({"missing": ["no sensor"], "pattern": r"T=(.*)"}, "no sensor", "no_reading"),
        ({"missing": ["---"], "pattern": r"T=(.*)"}, "T=---", "no_reading"),
        ({"missing": ["---"], "part": 2}, "1,---", "no_reading"),
        ({"missing": [-9999]}, "-9.9990E+03", "no_reading"),
        ({"over_range": ["OL"]}, "OL", "over_range"),
        ({"type": "str", "missing": [""]}, "", "no_reading"),
    ],
)
def test_what_says_that_there_is_no_reading(keys, answer, trouble):
    assert question(**keys).value(answer) == (None, trouble)


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ({"type": "int"}, "1.5"),
        ({"type": "int"}, "1E30"),
        ({"type": "int"}, "#H1G"),
        ({"type": "int"}, "1F"),
        ({"type": "int", "base": "binary"}, "102"),
        ({"type": "int"}, "OVLD"),
        ({"type": "int", "bits": 1}, "-2"),
        ({"type": "int", "bits": 1}, "1.5"),
        ({"type": "bool", "bits": 1}, "ON?"),
        ({}, "1,5"),
        ({"decimal_comma": True}, "1.5"),
        ({"decimal_comma": True}, "1.234,5"),
        ({"part": 2}, "1.5"),
        ({"part": 1}, ""),
        ({"missing": ["OVLD"]}, "OVLD1"),
    ],
)
def test_what_is_no_answer(keys, answer):
    with pytest.raises(BadAnswer, match=r"asked Q\?, found "):
        question(**keys).value(answer)


@pytest.mark.parametrize(
    ("read", "channel", "keys", "path", "message"),
    [
        ({"part": 0}, {}, {}, "read.v.part", "from 1 to 10000"),
        ({"separator": ""}, {}, {}, "read.v.separator", "is empty"),
        ({"bits": "5"}, {}, {}, "read.v.bits", "for type int, or one bit for type bool; this is float"),
        ({"bits": "4-5", "type": "bool"}, {}, {}, "read.v.bits", "one bit for type bool"),
        ({"bits": "5-4", "type": "int"}, {}, {}, "read.v.bits", "expected a bit such as 5"),
        ({"bits": "70", "type": "int"}, {}, {}, "read.v.bits", "below 63"),
        ({"base": "ternary"}, {}, {}, "read.v.base", "one of decimal, hex"),
        ({"missing": [True]}, {}, {}, "read.v.missing[0]", "expected an answer: a text (in quotes) or a number"),
        ({"decimal_comma": True, "type": "int"}, {}, {}, "read.v.decimal_comma", "is for type float"),
        ({"decimal_comma": True, "part": 1}, {}, {}, "read.v.decimal_comma", "another separator than a comma"),
        ({"valid_when": {"query": "S?"}}, {}, {}, "read.v.valid_when.equals", "is missing"),
        ({"valid_when": {"query": "S", "equals": 0}}, {}, {}, "read.v.valid_when.query", "is a '?' missing"),
        ({}, {"valid_when": {"query": "*TST?", "equals": 0}}, {}, "read.v.valid_when.query", "may do more than ask"),
        ({}, {"valid_when": {"query": "S?", "equals": 0, "bits": "x"}}, {}, "valid_when.bits", "expected a bit"),
        ({"query": "*TST?1"}, {}, {}, "read.v.query", "may do more than ask"),
        ({"query": "print(v())"}, {}, {}, "read.v.query", "allow: ['PRINT(V())']"),
        ({"query": "VAL;OUTP ON"}, {}, {"allow": ["VAL"]}, "read.v.query", "may do more than ask"),
        ({}, {}, {"wire": {"receive": "none"}}, "read.v.pattern", "may break off anywhere"),
    ],
)
def test_what_an_answer_can_not_be_is_refused(read, channel, keys, path, message):
    data = supply({"v": {"query": "V?", "unit": "", **read}}, channel=channel, **keys)
    with pytest.raises(BadInput) as caught:
        stanza.check(data)
    told = str(caught.value)
    assert told.startswith(f"channels.1.{path}: ") and message in told


@pytest.mark.parametrize("query", ["OUTP?1", "KRDG?A", "KRDG? {channel}", ":MEAS:VOLT? (@1)"])
def test_a_question_needs_no_blank_before_its_argument(query):
    stanza.check(supply({"v": {"query": query, "unit": "V"}}))


def test_questions_without_a_mark_are_asked_that_are_allowed():
    read = {"v": {"query": "print(smua.measure.v())", "unit": "V"}, "t": {"query": "VAL1", "unit": "V"}}
    checked = stanza.check(supply(read, allow=["print(smua.measure.v())", "val1"], connection="sim:?transport=tcp"))
    instrument = Instrument(checked, Stop(), lambda level, text: None)
    try:
        assert set(instrument.sample()[0].values) == {"v", "t", "status"}
    finally:
        instrument.close()


def test_a_channel_without_a_sensor_is_waited_for_by_nobody(monkeypatch):
    """An answer that is whole, but none of the declared, is followed by the identity at once."""
    channels = {n: {"read": {"voltage": {"query": f"V? {n}", "unit": "V"}}} for n in "123"}
    checked = stanza.check({**supply(connection="sim:?transport=tcp"), "channels": channels})
    quiet = []
    discard = Line.discard
    monkeypatch.setattr(
        Line, "discard", lambda line, seconds=0.0, **named: quiet.append((seconds, named)) or discard(line)
    )
    instrument = Instrument(checked, Stop(), lambda level, text: None)
    try:
        instrument.simulator.faulty = {"2": "garbage"}
        *points, own = instrument.sample()
    finally:
        instrument.close()
    assert [point.values["status"] for point in points] == ["ok", "bad_answer", "ok"] and own.values["up"] == 1
    assert quiet and set(map(str, quiet)) == {"(0.0, {})"}
