"""The sensor classes of Phidget22: one table from which the driver does everything, and the documentation is made.

Source: Phidget22 API (https://www.phidgets.com/?view=api), library 1.26. A class that is no sensor (motors, outputs, LCD, IR, hub,
power guard, data adapter, dictionary) is not here.

A value comes from an argument of the class's first event (a number: which one, arrays counted through), or from a getter
("Name:type"). Types are those of the C interface: d double, D three doubles, O ten (octaves), i int, b int as boolean, u uint32, q int64, Q uint64,
s text, * a structure that is not used; of a getter, D1 is the second of three doubles.
"""

from __future__ import annotations

from typing import Any

from ..declare import FieldType, Quantity

Value = tuple[Quantity, int | str, bool, str]


class Sensor:
    """One class: its ``events`` (name -> argument types, the first carries the readings), its values and its settings.

    ``values`` are (Quantity, source, needed, setting): a value that is not ``needed`` may be unknown without a fault; one with a
    ``setting`` is there only where that is made. ``paced``: with a
    change trigger of 0 it sends a reading each data interval, so that its silence is a fault; the others speak when something
    changes, and what they last said holds as long as they are attached. ``resting`` is a getter: while it says 0, a paced class
    has nothing to say. ``settings``: option -> (name in the library, its choices), applied at each attachment. ``holds`` names the
    quantity that says whether the others hold: the library may go on telling them.
    """

    __slots__ = ("name", "events", "values", "paced", "resting", "trigger", "settings", "port_mode", "holds")

    def __init__(
        self,
        name: str,
        events: dict[str, str],
        values: tuple[Value, ...],
        *,
        paced: bool = True,
        resting: str | None = None,
        trigger: str | None = None,
        settings: dict[str, tuple[str, dict[str, int]]] | None = None,
        port_mode: bool = False,
        holds: str = "",
    ):
        self.name, self.events, self.values, self.paced, self.resting = name, events, values, paced, resting
        self.trigger, self.settings, self.port_mode, self.holds = trigger, settings or {}, port_mode, holds


def value(
    name: str,
    unit: str,
    description: str,
    source: int | str,
    low: float | None = None,
    high: float | None = None,
    *,
    type: FieldType = "float",
    decimals: int | None = None,
    needed: bool = True,
    setting: str = "",
) -> Value:
    return (
        Quantity(name, unit, description, low, high, type=type, decimals=decimals),
        source,
        needed and not setting,
        setting,
    )


def single(
    name: str,
    event: str,
    quantity: str,
    unit: str,
    description: str,
    low: float,
    high: float,
    decimals: int,
    **more: Any,
) -> Sensor:
    """Declare a class of one number, which its change event carries."""
    return Sensor(
        name,
        {event + "Change": "d"},
        (value(quantity, unit, description, 0, low, high, decimals=decimals),),
        trigger=event + "ChangeTrigger",
        **more,
    )


def vector(quantity: str, unit: str, description: str, first: int, limit: float, decimals: int) -> tuple[Value, ...]:
    return tuple(
        value(f"{quantity}_{axis}", unit, f"{description}, {axis} axis", first + i, -limit, limit, decimals=decimals)
        for i, axis in enumerate("xyz")
    )


def optional(values: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple((quantity, source, False, setting) for quantity, source, _, setting in values)


POWER = {"power_supply": ("PowerSupply", {"none": 1, "12V": 2, "24V": 3, "5V": 4})}
INPUT = {"input_mode": ("InputMode", {"NPN": 1, "PNP": 2, "floating": 3, "pullup": 4})}
WIRES = {"rtd_wires": ("RTDWireSetup", {"2": 1, "3": 2, "4": 3})}
OCTAVES = ("31.5 Hz", "63 Hz", "125 Hz", "250 Hz", "500 Hz", "1 kHz", "2 kHz", "4 kHz", "8 kHz", "16 kHz")

# fmt: off
# Sensors on a voltage or ratio input: the library converts, into these units. A number not given is the product's times ten.
VOLTAGE_SENSORS = {
    "V": "1117 1123 1130_ORP=11302 1135 3507 3508 3509 3510 VCP4116=41160",
    "°C": "1114", "lx": "1127 1142 1143", "dB": "1133", "mA": "1132 3511 3512 3513", "W": "3514 3515 3516 3517 3518 3519",
    "A": "3500 3501 3502 3503 3584 3585 3586 3587 3588 3589 VCP4114=41140 VCP4115=41150",
    "": "1130_PH=11301 MOT2002_LOW=20020 MOT2002_MED=20021 MOT2002_HIGH=20022",
}
RATIO_SENSORS = {
    "": "1102 1103 1104 1105 1106 1109 1110 1111 1112 1113 1116 1120 1121 1129 1134", "%": "1107 1125_HUMIDITY=11251 3130",
    "cm": "1101_SHARP_2D120X=11011 1101_SHARP_2Y0A21=11012 1101_SHARP_2Y0A02=11013 1128 3520 3521 3522", "mm": "1146",
    "kPa": "1115 1126 1136 1137 1138 1139 1140 1141", "°C": "1124 1125_TEMPERATURE=11252", "G": "1108", "g": "1131",
    "A": "1118_AC=11181 1118_DC=11182 1119_AC=11191 1119_DC=11192 1122_AC=11221 1122_DC=11222", "kg": "3120 3121 3122 3123",
}
# fmt: on


def sensor_types(by_unit: dict[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    """Unfold the tables above: name -> number, and name -> unit."""
    numbers, units = {}, {}
    for unit, words in by_unit.items():
        for word in words.split():
            name, _, number = word.partition("=")
            numbers[name], units[name] = int(number or 10 * int(name)), unit
    return numbers, units


VOLTAGE_TYPES, VOLTAGE_UNITS = sensor_types(VOLTAGE_SENSORS)
RATIO_TYPES, RATIO_UNITS = sensor_types(RATIO_SENSORS)
SENSOR_VALUE = value(
    "sensor_value",
    "",
    "Value of the sensor on the input, as `sensor_type` converts it",
    "SensorValue:d",
    setting="sensor_type",
)

# fmt: off
SENSORS = {sensor.name: sensor for sensor in (
    Sensor("Accelerometer", {"AccelerationChange": "Dd"}, vector("acceleration", "g", "Acceleration", 0, 100.0, 4),
           trigger="AccelerationChangeTrigger"),
    Sensor("CapacitiveTouch", {"Touch": "d", "TouchEnd": ""}, (
        value("touched", "", "Whether it is being touched", "IsTouched:b", type="bool"),
        value("touch_value", "", "Where it is touched, or how much", "TouchValue:d", 0.0, 1.0, decimals=3, needed=False)), paced=False),
    single("CurrentInput", "Current", "current", "A", "Current", -1000.0, 1000.0, 6, settings=POWER),
    Sensor("DigitalInput", {"StateChange": "i"}, (value("state", "", "State of the input", "State:b", type="bool"),),
           paced=False, settings={**POWER, **INPUT}, port_mode=True),
    Sensor("DistanceSensor", {"DistanceChange": "u"}, (value("distance", "mm", "Distance", 0, 0, 100000, type="int"),),
           trigger="DistanceChangeTrigger"),
    Sensor("Encoder", {"PositionChange": "idi"}, (
        value("position", "", "Position in counts since it was attached or set to 0", "Position:q", type="int"),
        value("index_position", "", "Position in counts at the last index pulse", "IndexPosition:q", type="int", needed=False)),
        paced=False, settings={"io_mode": ("IOMode", {"push_pull": 1, "line_driver_2k2": 2, "line_driver_10k": 3,
                                                      "open_collector_2k2": 4, "open_collector_10k": 5})}),
    Sensor("FrequencyCounter", {"CountChange": "Qd", "FrequencyChange": "d"}, (
        value("frequency", "Hz", "Frequency", "Frequency:d", 0.0, 1e7, decimals=3),
        value("count", "", "Pulses since it was attached", "Count:Q", 0, type="int")), resting="Frequency",
        settings={**POWER, **INPUT, "filter_type": ("FilterType", {"zero_crossing": 1, "logic_level": 2})}),
    Sensor("GPS", {"PositionChange": "ddd", "HeadingChange": "dd", "PositionFixStateChange": "i"}, (
        value("latitude", "°", "Latitude, north positive", "Latitude:d", -90.0, 90.0, decimals=6, needed=False),
        value("longitude", "°", "Longitude, east positive", "Longitude:d", -180.0, 180.0, decimals=6, needed=False),
        value("altitude", "m", "Altitude above mean sea level", "Altitude:d", -1000.0, 100000.0, decimals=1, needed=False),
        value("heading", "°", "True course over ground", "Heading:d", 0.0, 360.0, decimals=1, needed=False),
        value("velocity", "km/h", "Speed over ground", "Velocity:d", 0.0, 2000.0, decimals=1, needed=False),
        value("fix", "", "Whether enough satellites are seen to know the position", "PositionFixState:b", type="bool")), paced=False, holds="fix"),
    Sensor("Gyroscope", {"AngularRateUpdate": "Dd"}, vector("angular_rate", "°/s", "Angular rate", 0, 10000.0, 3)),
    single("HumiditySensor", "Humidity", "humidity", "%", "Relative humidity", 0.0, 100.0, 2),
    single("LightSensor", "Illuminance", "illuminance", "lx", "Illuminance", 0.0, 200000.0, 3),
    Sensor("Magnetometer", {"MagneticFieldChange": "Dd"}, vector("magnetic_field", "G", "Magnetic field", 0, 100.0, 5),
           trigger="MagneticFieldChangeTrigger"),
    single("PHSensor", "PH", "ph", "", "Acidity, pH", -2.0, 16.0, 3),
    single("PressureSensor", "Pressure", "pressure", "kPa", "Absolute pressure", 0.0, 1000.0, 3),
    single("ResistanceInput", "Resistance", "resistance", "Ω", "Resistance", 0.0, 1e6, 3, settings=WIRES),
    Sensor("RFID", {"Tag": "si", "TagLost": "si"}, (
        value("tag", "", "The tag that is, or since the last reading was, in the field", 0, type="str", needed=False),
        value("tag_present", "", "Whether a tag is in the field", "TagPresent:b", type="bool")), paced=False),
    Sensor("SoundSensor", {"SPLChange": "dddO"}, (
        value("sound_level", "dB", "Sound pressure level, not weighted", 0, 0.0, 200.0, decimals=2),
        value("sound_level_a", "dB", "Sound pressure level, A-weighted", 1, 0.0, 200.0, decimals=2),
        value("sound_level_c", "dB", "Sound pressure level, C-weighted", 2, 0.0, 200.0, decimals=2),
        *(value("octave_" + band.replace(".", "_").replace(" k", "000_").replace(" ", "_").lower(), "dB",
                f"Sound pressure level of the octave around {band}", 3 + i, 0.0, 200.0, decimals=2, needed=False)
          for i, band in enumerate(OCTAVES))),
        trigger="SPLChangeTrigger", settings={"spl_range": ("SPLRange", {"102dB": 1, "82dB": 2})}),
    Sensor("Spatial", {"SpatialData": "DDDd", "AlgorithmData": "Dd"}, (
        *vector("acceleration", "g", "Acceleration", 0, 100.0, 4),
        *vector("angular_rate", "°/s", "Angular rate", 3, 10000.0, 3),
        # The magnetometer pauses while it resets itself.
        *optional(vector("magnetic_field", "G", "Magnetic field", 6, 100.0, 5)),
        *(value(angle, "°", f"Attitude: {angle}, by the algorithm", f"EulerAngles:D{i}", -180.0, 360.0, decimals=2, setting="algorithm")
          for i, angle in enumerate(("pitch", "roll", "yaw")))),
        settings={"algorithm": ("Algorithm", {"none": 0, "AHRS": 1, "IMU": 2})}),
    single("TemperatureSensor", "Temperature", "temperature", "°C", "Temperature", -273.15, 2000.0, 3, settings={
        "thermocouple_type": ("ThermocoupleType", {"J": 1, "K": 2, "E": 3, "T": 4}),
        "rtd_type": ("RTDType", {"PT100_3850": 1, "PT1000_3850": 2, "PT100_3920": 3, "PT1000_3920": 4}), **WIRES}),
    Sensor("VoltageInput", {"VoltageChange": "d", "SensorChange": "d*"}, (
        value("voltage", "V", "Voltage", "Voltage:d", -1000.0, 1000.0, decimals=6), SENSOR_VALUE),
        trigger="VoltageChangeTrigger", port_mode=True,
        settings={**POWER, "voltage_range": ("VoltageRange", {"10mV": 1, "40mV": 2, "200mV": 3, "312.5mV": 4, "400mV": 5, "1000mV": 6,
                                                              "2V": 7, "5V": 8, "15V": 9, "40V": 10, "auto": 11}),
                  "sensor_type": ("SensorType", VOLTAGE_TYPES)}),
    Sensor("VoltageRatioInput", {"VoltageRatioChange": "d", "SensorChange": "d*"}, (
        value("voltage_ratio", "", "Voltage as part of the supply's", "VoltageRatio:d", -10.0, 10.0, decimals=7), SENSOR_VALUE),
        trigger="VoltageRatioChangeTrigger", port_mode=True,
        settings={"bridge_gain": ("BridgeGain", {"1": 1, "2": 2, "4": 3, "8": 4, "16": 5, "32": 6, "64": 7, "128": 8}),
                  "sensor_type": ("SensorType", RATIO_TYPES)}),
)}
# fmt: on
