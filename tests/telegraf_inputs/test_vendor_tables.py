"""The makers' tables, held by the makers' own lines: no entry of a driver's table can be wrong, missing or too many.

The lines stand here as in the manual that the driver names; Phidgets' are those of the maker's own package.
"""

from __future__ import annotations

import os
import re
from enum import IntEnum
from importlib import import_module

import pint
import pytest

from telegraf_inputs import declared, drivers
from telegraf_inputs.drivers import _julabo_quantities as quantities
from telegraf_inputs.drivers import _phidget_codes as phidget_codes
from telegraf_inputs.drivers import _scpi_quantity as scpi_quantity
from telegraf_inputs.drivers import _tpg_models as tpg_models
from telegraf_inputs.drivers import julabo, lakeshore_218, lakeshore_240, lakeshore_336, lakeshore_372, pfeiffer_tpg
from telegraf_inputs.drivers._julabo_models import MODELS, UNKNOWN, of_version
from telegraf_inputs.drivers._phidget_classes import SENSORS


def snake(text: str) -> str:
    return re.sub(r"\W+", "_", text.lower()).strip("_")


def table(text: str, form: str) -> dict[str, str]:
    """Take a manual's lines apart: code -> meaning."""
    rows = [re.fullmatch(form, line.strip()) for line in text.strip().splitlines()]
    assert all(rows), text
    return {row[1]: row[2] for row in rows}


# Pfeiffer Vacuum TPG 261, BG 5195 BEN, chapter 5: PRX (status of each gauge), UNI, and the error word.
PRX = """
0 -> Measurement data okay
1 -> Underrange
2 -> Overrange
3 -> Sensor error
4 -> Sensor off (IKR, PKR, IMR, PBR)
5 -> No sensor (output: 5,2.0000E-2 [mbar])
6 -> Identification error
"""
# With 3 and 4 of the TPG 366, whose 5, Volt, is no pressure.
UNI = """
0 -> mbar/bar
1 -> Torr
2 -> Pascal
3 -> Micron
4 -> hPascal
"""
ERROR_WORD = """
1000 -> Controller error
0100 -> NO HWR No hardware
0010 -> PAR Inadmissible parameter
0001 -> SYN Syntax error
"""
ARROW = r"(\w+) -> (?:[A-Z]{2,3} (?:HWR )?)?([^(]*?)(?: \(.*\))?"


def test_the_status_of_a_pfeiffer_gauge():
    told = {code: snake(text) for code, text in table(PRX, ARROW).items()}
    assert told.pop("0") == "measurement_data_okay"
    assert {"0": "ok", **told} == tpg_models.STATUS
    # INFICON VGC501, VGC502, VGC503, tina96e1, PRX.
    assert {**tpg_models.STATUS, "7": snake("Error BPG, HPG, BCG")} == tpg_models.INFICON_STATUS
    assert {*told.values(), tpg_models.INFICON_STATUS["7"]} == set(pfeiffer_tpg.PfeifferTPG.statuses)
    for name, controller in tpg_models.CONTROLLERS.items():
        expected = tpg_models.INFICON_STATUS if name.startswith("vgc") else tpg_models.STATUS
        assert controller.status == expected, name


def test_the_units_of_a_pfeiffer_controller():
    units = pint.UnitRegistry()
    names = {"mbar/bar": ("mbar", 1.0), "Pascal": ("Pa", 1.0), "Micron": ("torr", 1e-3), "hPascal": ("hPa", 1.0)}
    shown = {"mbar/bar": "mbar", "Torr": "Torr", "Pascal": "Pa", "Micron": "micron", "hPascal": "hPa"}
    expected = {}
    for code, text in table(UNI, r"(\d) -> (\S+)").items():
        unit, many = names.get(text, ("torr", 1.0))
        expected[code] = shown[text], pytest.approx(units.Quantity(many, unit).to("mbar").magnitude, rel=1e-6)
    assert expected == tpg_models.UNITS


def test_the_error_word_of_a_pfeiffer_controller():
    told = table(ERROR_WORD, ARROW)
    assert list(told) == ["1000", "0100", "0010", "0001"]
    assert tuple(text.lower() for text in told.values()) == pfeiffer_tpg.ERRORS


# Model, by the names of the manuals: gauges; the mnemonic that says who it is; what it answers; PRX, or one for each gauge.
@pytest.mark.parametrize(
    ("name", "gauges", "identity", "answer", "asked"),
    [
        ("tpg261", 1, "PNR", "302-510-A", "PRX"),
        ("tpg262", 2, "PNR", "302-510-C", "PRX"),
        ("tpg256a", 6, "PNR", "302-520-A", "PR1"),
        ("tpg361", 1, "AYT", "TPG 361,PTG28040,44990000,010400,010100", "PR1"),
        ("tpg362", 2, "AYT", "TPG 362,PTG28290,44990000,010100,010100", "PRX"),
        ("tpg366", 6, "AYT", "TPG 366,PTG28770,44990000,010300,010100", "PRX"),
        ("tpg366", 6, "AYT", "TPG366,PTG28770,44990000,010300,010100", "PRX"),
        ("vgc501", 1, "AYT", "VGC501,398-481,100,1.00,1.0", "PR1"),
        ("vgc502", 2, "AYT", "VGC502,398-482,100,1.00,1.0", "PR1"),
        ("vgc503", 3, "AYT", "VGC503,398-483,100,1.00,1.0", "PRX"),
    ],
)
def test_the_models_of_gauge_controllers(name, gauges, identity, answer, asked):
    model = tpg_models.CONTROLLERS[name]
    assert (model.gauges, model.identity, "PR1" if model.each else "PRX") == (gauges, identity, asked)
    assert model.form.match(answer)
    assert tpg_models.of_identity(answer) == (name if identity == "AYT" else "")
    assert model.title.replace(" ", "").lower() == name
    assert model.speaks == (name in ("tpg261", "tpg262"))


# Lake Shore Model 372 User's Manual, chapter 6.6, RDGST?: bit, bit weighting, status indicator.
RDGST = """
0 1 CS OVL
1 2 VCM OVL
2 4 VMIX OVL
3 8 VDIF OVL
4 16 R. OVER
5 32 R. UNDER
6 64 T. OVER
7 128 T. UNDER
"""


def test_the_status_bits_of_a_lake_shore():
    long = {"OVL": "overload", "R.": "resistance", "T.": "temperature"}
    told, temperature_alone = {}, 0
    for bit, (weight, text) in enumerate(table(RDGST, r"\d (\d+) (.*)").items()):
        assert int(weight) == 1 << bit
        told[int(weight)] = "_".join(long.get(word, word).lower() for word in text.split())
        temperature_alone |= int(weight) * text.startswith("T.")
    assert told == lakeshore_372.BITS
    assert temperature_alone == lakeshore_372.TEMPERATURE_ONLY
    assert set(told.values()) <= set(lakeshore_372.LakeShore372.statuses)


# Lake Shore Model 218 User's Manual, p. 6-29; Model 335 User's Manual (Rev. 1.3), p. 123, as those of the 224, 336 and
# 350; of the 240 what the maker's own package says.
RDGST_218 = """
4 16 temp under range
5 32 temp over range
6 64 units under range
7 128 units over range
"""
RDGST_336 = """
0 1 invalid reading
4 16 temp underrange
5 32 temp overrange
6 64 sensor units zero
7 128 sensor units overrange
"""
RDGST_240 = """
0 1 invalid reading
4 16 temp under range
5 32 temp over range
6 64 sensor units over range
7 128 sensor units under range
"""


@pytest.mark.parametrize(
    ("lines", "driver"), [(RDGST_218, lakeshore_218), (RDGST_240, lakeshore_240), (RDGST_336, lakeshore_336)]
)
def test_the_status_bits_of_lake_shores_monitors(lines, driver):
    told = {}
    for line in lines.strip().splitlines():
        bit, weight, text = line.split(" ", 2)
        assert int(weight) == 1 << int(bit)
        words = re.sub(r"(under|over) ?range", r"\1", text).replace("sensor units", "units").replace("units", "sensor")
        told[int(weight)] = "_".join(words.replace("temp ", "temperature ").split())
    kind = driver.DRIVER
    assert told == kind.bits and set(told.values()) <= set(kind.statuses)
    assert kind.temperature_only == sum(weight for weight, word in told.items() if word.startswith("temperature"))


# Julabo CF41, chapter Remote control: Status messages, Error messages.
JULABO = """
00 MANUAL STOP
01 MANUAL START
02 REMOTE STOP
03 REMOTE START
-01 LOW LEVEL ALARM
-03 EXCESS TEMPERATURE WARNING
-04 LOW TEMPERATURE WARNING
-05 WORKING SENSOR ALARM
-06 SENSOR DIFFERENCE ALARM
-07 I2C-BUS ERROR
-08 INVALID COMMAND
-09 COMMAND NOT ALLOWED IN CURRENT OPERATING MODE
-10 VALUE TOO SMALL
-11 VALUE TOO LARGE
-12 TEMPERATURE MEASUREMENT ALARM
-13 WARNING : VALUE EXCEEDS TEMPERATURE LIMITS
-14 EXCESS TEMPERATURE PROTECTOR ALARM
-15 EXTERNAL SENSOR ALARM
-20 WARNING: CLEAN CONDENSOR OR CHECK COOLING WATER CIRCUIT OF REFRIGERATOR
-21 WARNING: COMPRESSOR STAGE 1 DOES NOT WORK
-26 WARNING: STAND-BY PLUG IS MISSING
-33 SAFETY SENSOR ALARM
-38 EXTERNAL SENSOR SETPOINT PROGRAMMING ALARM
-40 NIVEAU LEVEL WARNUNG
"""
# Lists of commands, in commands, as each manual has them: CF31 and CF41; FC600 to FC1600; F33-SD; Magnum 91; CF40; FL1201.
JULABO_COMMANDS = {
    "cf41": """
IN_PV_00 Actual bath temperature.
IN_PV_01 Heating power being used (%).
IN_PV_02 Temperature value registered by the external Pt100 sensor.
IN_SP_00 Working temperature Setpoint 1
IN_SP_01 Working temperature Setpoint 2
IN_SP_02 Working temperature Setpoint 3
IN_SP_06 Temperature indication: 0 = °C 1 = °F
IN_MODE_01 Selected setpoint: 0 = Setpoint 1 1 = Setpoint 2 2 = Setpoint 3
IN_MODE_04 0 = Temperature control with internal sensor. 1 = Temperature control with external Pt100 sensor.
""",
    "fc": """
IN_PV_00 Actual bath temperature
IN_PV_01 Temperature of the external sensor
IN_PV_02 Heater capacity
IN_SP_00 Working temperature
IN_SP_01 High temperature
IN_SP_02 Low temperature
IN_MODE_04 0 = control mode via PC 1 = control mode via programmer input
""",
    "f33": """
IN_PV_00 Actual bath temperature.
IN_PV_01 Heater wattage being used (%).
IN_PV_02 Temperature value registered by the external Pt100 sensor.
IN_SP_00 Working temperature Setpoint 1
IN_SP_01 Working temperature Setpoint 2
IN_SP_03 High temperature warning limit
IN_SP_06 Temperature indication: 0 = °C 1 = °F
IN_MODE_01 Selected working temperature: 0 = Setpoint 1 1 = Setpoint 2
IN_MODE_04 0 = Temperature control with internal sensor. 1 = Temperature control with external Pt100 sensor.
""",
    "magnum": """
IN_PV_00 Actual bath temperature.
IN_PV_01 Heating power being used (%).
IN_PV_02 Temperature value registered by the external Pt100 sensor.
IN_PV_03 Temperature value registered by the safety sensor.
IN_SP_00 Working temperature
IN_SP_03 High temperature warning limit
IN_MODE_04 0 = Temperature control with internal sensor. 1 = Temperature control with external Pt100 sensor.
""",
    "cf40": """
IN_PV_00 Actual bath temperature.
IN_PV_01 Heating power being used (%).
IN_PV_03 Temperature value registered by the safety sensor.
IN_SP_00 Working temperature
""",
    "fl": """
IN_PV_00 Actual bath temperature.
IN_SP_00 Working temperature
""",
}  # fmt: skip
# What a channel's question says in every manual that has it.
JULABO_CHANNELS = {
    "bath": r"bath temperature",
    "external": r"external (Pt100 )?sensor",
    "heater": r"Heating power|Heater",
    "setpoint": r"Working temperature",
    "setpoint_1": r"Working temperature( Setpoint 1)?\Z",
    "setpoint_2": r"Setpoint 2\Z",
    "setpoint_3": r"Setpoint 3\Z",
}
# Others that have the same lists: HL-4, SL-26; PRESTO but for its unit; MC-2; MAGIO MS and DYNEO DD, CORIO CD.
SAME_AS = {"hightech": "cf41", "presto": "cf41", "toptech": "cf41", "magio": "magnum", "corio": "cf40"}


@pytest.mark.parametrize("name", MODELS)
def test_the_commands_of_a_julabo(name):
    model = MODELS[name]
    told = table(JULABO_COMMANDS[SAME_AS.get(name, name)], r"(\w+) (.*)")
    for channel, question in model.questions.items():
        if channel != "circulator":
            assert re.search(JULABO_CHANNELS[channel], told[question]), channel
    for channel, words in JULABO_CHANNELS.items():
        listed = [question for question, text in told.items() if re.search(words, text) and "MODE" not in question]
        assert bool(listed) == (channel in model.questions), channel
    selected = re.findall(r"(\d) = Setpoint (\d)", told.get("IN_MODE_01", ""))
    assert selected == [(str(index), str(index + 1)) for index in range(model.selects)]
    assert {int(code) + 1: f"set point {number}" for code, number in selected}.items() <= {
        choice.code: choice.word for choice in quantities.NUMBER.choices
    }.items()
    control = re.findall(r"(\d) = .*?(internal|external)", told.get("IN_MODE_04", ""))
    if model.controls:
        assert {bool(int(code)): word for code, word in control} == {c.code: c.word for c in quantities.CONTROL.choices}
    elif name != "magio":
        assert not control
    unit = [question for question, text in told.items() if "°C" in text]
    assert ([model.unit] if model.believed else []) == (
        unit if name == SAME_AS.get(name, name) or model.believed else []
    )
    if model.believed:
        assert dict(re.findall(r"(\d) = (°.)", told[model.unit])) == julabo.UNITS


def test_what_all_manuals_of_julabo_agree_on():
    for channel, question in UNKNOWN.questions.items():
        assert {model.questions[channel] for model in MODELS.values()} == {question}
    for channel in set(quantities.QUANTITIES) - set(UNKNOWN.questions) - {"setpoint", "setpoint_2", "setpoint_3"}:
        assert len({model.questions[channel] for model in MODELS.values() if channel in model.questions}) > 1, channel


# What models answered to VERSION, as programs that read them have it, and what a manual says: a number alone.
@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("JULABO CRYOCOMPACT CF31 VERSION 5.0", "cf41"),
        ("JULABO HIGHTECH FL HL/SL VERSION 4.0", "hightech"),
        ("JULABO TOPTECH-SERIES MC-2 VERSION 3.0", "toptech"),
        ("JULABO MAGIO MS 200-230V 50/60Hz VERSION 2.2.1", "magio"),
        ("JULABO MAGIO MS-1000F VERSION 1.1.2", "magio"),
        ("JULABO CORIO CD-200F VERSION 1.0", "corio"),
        ("JULABO FL300 Simulator, ISIS", "fl"),
        ("JULABO FL1703", "fl"),
        ("JULABO FP50_MH Simulator, ISIS", "fc"),
        ("JULABO FP50-HE", ""),  # two lists are told of it
        ("JULABO FC VERSION 1.0", "fc"),
        ("JULABO_V3.0", ""),
        ("V 2.10", ""),
    ],
)
def test_a_julabo_is_known_by_its_version(version, name):
    assert [known for known, model in MODELS.items() if re.search(model.version, version, re.IGNORECASE)] == [
        name
    ] * bool(name)
    assert of_version(version) == name


# SCPI-99 volume 1: 7.2.1.4 "INFinity … is represented as 9.9E37 … NINF … -9.9E37", 7.2.1.5 "NAN … as 9.91E37"; 7.3 Boolean.
@pytest.mark.parametrize(
    ("answer", "value", "trouble"),
    [
        ("9.9E37", None, "over_range"),
        ("-9.9E37", None, "over_range"),
        ("9.91E37", None, "no_reading"),
        ("9.89E37", 9.89e37, ""),
        ("-9.89E37", -9.89e37, ""),
        ("9.905E37", None, "over_range"),
        ("+9.90000000E+37", None, "over_range"),
        ("+9.91000000E+37", None, "no_reading"),
    ],
)
def test_the_special_numbers_of_scpi(answer, value, trouble):
    given = declared.read({"voltage": {"query": "MEAS:VOLT?", "unit": "V"}}, scpi_quantity.WHERE)
    assert scpi_quantity.Question("voltage", given["voltage"]).value(answer) == (value, trouble)


def test_the_booleans_of_scpi():
    on = declared.read({"on": {"query": "OUTP?", "unit": "", "type": "bool"}}, scpi_quantity.WHERE)["on"]
    found = {text: scpi_quantity.Question("on", on).value(text) for text in ("ON", "1", "OFF", "0")}
    assert found == {"ON": (True, ""), "1": (True, ""), "OFF": (False, ""), "0": (False, "")}


# Phidget22: the maker's package declares the codes, and says in words what they mean.
NO_VALUE = {
    "UNKNOWNVAL": "unknown",
    "UNKNOWNVALHIGH": "over_range",
    "UNKNOWNVALLOW": "under_range",
    "BADPOWER": "bad_power",
    "BADCURRENT": "bad_current",
    "BADCONNECTION": "bad_connection",
}
EVENTS = {
    "BADVERSION": "bad_version",
    "BUSY": "busy",
    "NETWORK": "network",
    "FAILURE": "failure",
    "WRAP": "wrapped",
    "OVERTEMP": "over_temperature",
    "OVERCURRENT": "over_current",
    "OUTOFRANGE": "out_of_range",
    "BADPOWER": "bad_power",
    "SATURATION": "saturated",
    "OVERVOLTAGE": "over_voltage",
    "FAILSAFE": "failsafe",
    "VOLTAGEERROR": "voltage_error",
    "INVALIDSTATE": "invalid_state",
    "BADCONNECTION": "bad_connection",
    "OUTOFRANGEHIGH": "over_range",
    "OUTOFRANGELOW": "under_range",
    "FAULT": "fault",
    "BADCURRENT": "bad_current",
}
NO_SENSORS = {"ENERGYDUMP", "MOTORSTALL", "ESTOP"}  # what only motors tell
# Which of the package's enumerations a setting is of, where it is not named as the setting is in the library.
ENUMERATIONS = {"IOMode": "EncoderIOMode", "Algorithm": "SpatialAlgorithm"}


def phidget(name: str) -> type[IntEnum]:
    return getattr(import_module(f"Phidget22.{name}"), name)


def test_the_return_codes_of_phidgets():
    codes = {code.name.removeprefix("EPHIDGET_"): code.value for code in phidget("ErrorCode")}
    assert {codes[name]: word for name, word in NO_VALUE.items()} == phidget_codes.NO_VALUE
    assert (codes["NOTATTACHED"], codes["UNSUPPORTED"]) == (phidget_codes.NOT_ATTACHED, phidget_codes.UNSUPPORTED)


def test_the_error_events_of_phidgets():
    codes = {code.name.removeprefix("EEPHIDGET_"): code.value for code in phidget("ErrorEventCode")}
    assert {codes[name]: word for name, word in EVENTS.items()} == phidget_codes.EVENTS
    assert codes["OK"] == phidget_codes.FINE
    assert {codes[name] for name in ("DISPATCH", "OVERRUN", "PACKETLOST")} == set(phidget_codes.LOST)
    assert set(codes) == {*EVENTS, *NO_SENSORS, "OK", "DISPATCH", "OVERRUN", "PACKETLOST"}


@pytest.mark.parametrize(
    ("sensor", "option"), [(name, option) for name, declared in SENSORS.items() for option in declared.settings]
)
def test_the_settings_of_phidgets(sensor, option):
    name, choices = SENSORS[sensor].settings[option]
    ratio = sensor == "VoltageRatioInput"
    enumeration = ENUMERATIONS.get(name, name)
    if name == "SensorType":
        enumeration = "VoltageRatioSensorType" if ratio else "VoltageSensorType"
    members = {code.name: code.value for code in phidget(enumeration)}
    prefix = os.path.commonprefix(list(members)).rpartition("_")[0] + "_"
    told = {name.removeprefix(prefix).lower(): number for name, number in members.items()}
    plain = {"off": "none", "2wire": "2", "3wire": "3", "4wire": "4", "312_5mv": "312.5mv"}
    told = {plain.get(word, word): number for word, number in told.items()}
    if name == "SensorType":  # a sensor that is none: the voltage itself
        assert told.pop("voltageratio" if ratio else "voltage") == 0
    assert told == {word.lower(): number for word, number in choices.items()}


# How the manuals set the line: Julabo, chapter Remote control (the factory's settings; the rest between commands); Lake Shore
# 372, chapter 6 (RS-232 over USB); Pfeiffer TPG 261, chapter 5. Baud rate, data bits, parity, stop bits, handshake, rest (s).
LINES = {
    "julabo": (4800, 7, "E", 1, True, 0.25),
    "lakeshore_372": (57600, 7, "O", 1, False, 0.01),
    "pfeiffer_tpg": (9600, 8, "N", 1, False, 0.0),
}


@pytest.mark.parametrize("name", LINES)
def test_the_line_is_as_the_manual_sets_it(name):
    wire = drivers.load(name).wire
    line = wire.serial_line
    keys = ("baudrate", "bytesize", "parity", "stopbits")
    assert (*(line[key] for key in keys), line.get("rtscts", False), wire.pause) == LINES[name]
