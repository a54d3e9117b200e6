"""The sensor classes of Phidget22: one table from which the driver does everything, and the documentation is made.

Source: Phidget22 API (https://www.phidgets.com/?view=api), library 1.26. A class that is no sensor (motors, outputs, LCD, IR, hub,
power guard, data adapter, dictionary) is not here.

What an event brings comes from one of its arguments (a number: which one, arrays counted through), from a getter
("Name:type"), or is said by the event itself (True, False). Types are those of the C interface: d double, D three
doubles, O ten (octaves), i int, b int as boolean, u uint32, q int64, Q uint64, s text, * a structure that is not used;
of a getter, D1 is the second of three doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..declare import FieldType, Quantity

LOCALLY = "locally "  # before a getter: what it says is up to date on USB alone


@dataclass(frozen=True)
class LibraryEvent:
    """What the library calls back for: the types of its arguments, and the quantities that it brings, with their sources.

    ``only``: it brings them only where its first argument has this value.
    """

    name: str
    types: str
    brings: Mapping[str, int | bool | str]
    only: float | None = None


@dataclass(frozen=True)
class Value:
    """One quantity of a class.

    ``getter`` tells it where nothing comes by itself. One that is not ``needed`` may be unknown without a fault; one
    with a ``setting`` is there only where that is made.
    """

    quantity: Quantity
    getter: str = ""
    needed: bool = True
    setting: str = ""


@dataclass(frozen=True)
class SensorClass:
    """One class: its ``values`` and the ``events`` that bring them, of which the first carries the readings.

    ``paced``: with a change trigger of 0 it sends a reading each data interval, so that its silence is a fault; the
    others speak when something changes, and what they last said holds as long as they are attached. ``resting`` is a
    quantity: while it is 0, a paced class has nothing to say. ``settings``: option -> (name in the library, its choices),
    applied at each attachment. ``holds`` names the quantity that says whether the others hold: the library may go on
    telling them.
    """

    name: str
    values: tuple[Value, ...]
    events: tuple[LibraryEvent, ...]
    paced: bool = True
    resting: str = ""
    trigger: str = ""
    settings: Mapping[str, tuple[str, Mapping[str, int]]] = field(default_factory=dict)
    port_mode: bool = False
    holds: str = ""


def value(
    name: str,
    unit: str,
    description: str,
    low: float | None = None,
    high: float | None = None,
    *,
    type: FieldType = "float",
    decimals: int | None = None,
    count: bool = False,
    getter: str = "",
    needed: bool = True,
    setting: str = "",
) -> Value:
    """Declare a quantity of a class."""
    quantity = Quantity(name, unit, description, low, high, type=type, decimals=decimals, count=count)
    return Value(quantity, getter, needed and not setting, setting)


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
) -> SensorClass:
    """Declare a class of one number, which its change event carries."""
    return SensorClass(
        name,
        (value(quantity, unit, description, low, high, decimals=decimals),),
        (LibraryEvent(event + "Change", "d", {quantity: 0}),),
        trigger=event + "ChangeTrigger",
        **more,
    )


def vector(
    quantity: str, unit: str, description: str, limit: float, decimals: int, *, needed: bool = True
) -> tuple[Value, ...]:
    """Declare the three components of a vector."""
    return tuple(
        value(
            f"{quantity}_{axis}", unit, f"{description}, {axis} axis", -limit, limit, decimals=decimals, needed=needed
        )
        for axis in "xyz"
    )


def numbered(values: tuple[Value, ...]) -> dict[str, int | bool | str]:
    """Say that an event brings these values in its arguments, in this order."""
    return {each.quantity.name: number for number, each in enumerate(values)}


POWER = {"power_supply": ("PowerSupply", {"none": 1, "12V": 2, "24V": 3, "5V": 4})}
INPUT = {"input_mode": ("InputMode", {"NPN": 1, "PNP": 2, "floating": 3, "pullup": 4})}
WIRES = {"rtd_wires": ("RTDWireSetup", {"2": 1, "3": 2, "4": 3})}
ATTITUDE = ("pitch", "roll", "yaw")
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
    setting="sensor_type",
)

# fmt: off
ACCELERATION = vector("acceleration", "g", "Acceleration", 100.0, 4)
ANGULAR_RATE = vector("angular_rate", "°/s", "Angular rate", 10000.0, 3)
MAGNETIC_FIELD = vector("magnetic_field", "G", "Magnetic field", 100.0, 5)
MAYBE_FIELD = vector("magnetic_field", "G", "Magnetic field", 100.0, 5, needed=False)  # it pauses while it resets itself
SOUND = (
    value("sound_level", "dB", "Sound pressure level, not weighted", 0.0, 200.0, decimals=2),
    value("sound_level_a", "dB", "Sound pressure level, A-weighted", 0.0, 200.0, decimals=2),
    value("sound_level_c", "dB", "Sound pressure level, C-weighted", 0.0, 200.0, decimals=2),
    *(value("octave_" + band.replace(".", "_").replace(" k", "000_").replace(" ", "_").lower(), "dB",
            f"Sound pressure level of the octave around {band}", 0.0, 200.0, decimals=2, needed=False)
      for band in OCTAVES))

SENSORS = {sensor.name: sensor for sensor in (
    SensorClass("Accelerometer", ACCELERATION, (LibraryEvent("AccelerationChange", "Dd", numbered(ACCELERATION)),),
                trigger="AccelerationChangeTrigger"),
    SensorClass("CapacitiveTouch", (
        value("touched", "", "Whether it is being touched", type="bool", getter="IsTouched:b"),
        value("touch_value", "", "Where it is touched, or how much", 0.0, 1.0, decimals=3, getter="TouchValue:d", needed=False)),
        (LibraryEvent("Touch", "d", {"touched": True, "touch_value": 0}), LibraryEvent("TouchEnd", "", {"touched": False})),
        paced=False, holds="touched"),
    single("CurrentInput", "Current", "current", "A", "Current", -1000.0, 1000.0, 6, settings=POWER),
    SensorClass("DigitalInput", (value("state", "", "State of the input", type="bool", getter="State:b"),),
                (LibraryEvent("StateChange", "b", {"state": 0}),), paced=False, settings={**POWER, **INPUT}, port_mode=True),
    SensorClass("DistanceSensor", (value("distance", "mm", "Distance", 0, 100000, type="int"),),
                (LibraryEvent("DistanceChange", "u", {"distance": 0}),), trigger="DistanceChangeTrigger"),
    SensorClass("Encoder", (
        value("position", "", "Position in counts since it was attached or set to 0", type="int", count=True, getter="Position:q"),
        value("index_position", "", "Position in counts at the last index pulse", type="int", count=True, getter="IndexPosition:q", needed=False)),
        (LibraryEvent("PositionChange", "idi", {"position": "Position:q", "index_position": "IndexPosition:q"}),), paced=False,
        settings={"io_mode": ("IOMode", {"push_pull": 1, "line_driver_2k2": 2, "line_driver_10k": 3,
                                         "open_collector_2k2": 4, "open_collector_10k": 5})}),
    SensorClass("FrequencyCounter", (
        value("frequency", "Hz", "Frequency", 0.0, 1e7, decimals=3, getter="Frequency:d"),
        value("count", "", "Pulses since it was attached", 0, type="int", count=True, getter="Count:Q")),
        (LibraryEvent("CountChange", "Qd", {"frequency": "Frequency:d", "count": "Count:Q"}),
         LibraryEvent("FrequencyChange", "d", {"frequency": 0, "count": "Count:Q"}, only=0.0)), resting="frequency",
        settings={**POWER, **INPUT, "filter_type": ("FilterType", {"zero_crossing": 1, "logic_level": 2})}),
    SensorClass("GPS", (
        value("latitude", "°", "Latitude, north positive", -90.0, 90.0, decimals=6, getter="Latitude:d", needed=False),
        value("longitude", "°", "Longitude, east positive", -180.0, 180.0, decimals=6, getter="Longitude:d", needed=False),
        value("altitude", "m", "Altitude above mean sea level", -1000.0, 100000.0, decimals=1, getter="Altitude:d", needed=False),
        value("heading", "°", "True course over ground", 0.0, 360.0, decimals=1, getter="Heading:d", needed=False),
        value("velocity", "km/h", "Speed over ground", 0.0, 2000.0, decimals=1, getter="Velocity:d", needed=False),
        value("fix", "", "Whether enough satellites are seen to know the position", type="bool", getter="PositionFixState:b")),
        (LibraryEvent("PositionChange", "ddd", {"latitude": 0, "longitude": 1, "altitude": 2}),
         LibraryEvent("HeadingChange", "dd", {"heading": 0, "velocity": 1}), LibraryEvent("PositionFixStateChange", "b", {"fix": 0})),
        paced=False, holds="fix"),
    SensorClass("Gyroscope", ANGULAR_RATE, (LibraryEvent("AngularRateUpdate", "Dd", numbered(ANGULAR_RATE)),)),
    single("HumiditySensor", "Humidity", "humidity", "%", "Relative humidity", 0.0, 100.0, 2),
    single("LightSensor", "Illuminance", "illuminance", "lx", "Illuminance", 0.0, 200000.0, 3),
    SensorClass("Magnetometer", MAGNETIC_FIELD, (LibraryEvent("MagneticFieldChange", "Dd", numbered(MAGNETIC_FIELD)),),
                trigger="MagneticFieldChangeTrigger"),
    single("PHSensor", "PH", "ph", "", "Acidity, pH", -2.0, 16.0, 3),
    single("PressureSensor", "Pressure", "pressure", "kPa", "Absolute pressure", 0.0, 1000.0, 3),
    single("ResistanceInput", "Resistance", "resistance", "Ω", "Resistance", 0.0, 1e6, 3, settings=WIRES),
    SensorClass("RFID", (
        value("tag", "", "The tag that is in the field, or has just left it", type="str", getter="LastTag:s", needed=False),
        value("tag_present", "", "Whether a tag is in the field", type="bool", getter="TagPresent:b")),
        (LibraryEvent("Tag", "si", {"tag": 0, "tag_present": True}), LibraryEvent("TagLost", "si", {"tag": 0, "tag_present": False})),
        paced=False, holds="tag_present"),
    SensorClass("SoundSensor", SOUND, (LibraryEvent("SPLChange", "dddO", numbered(SOUND)),),
                trigger="SPLChangeTrigger", settings={"spl_range": ("SPLRange", {"102dB": 1, "82dB": 2})}),
    SensorClass("Spatial", (
        *ACCELERATION, *ANGULAR_RATE, *MAYBE_FIELD,
        *(value(angle, "°", f"Attitude: {angle}, by the algorithm", -180.0, 360.0, decimals=2, setting="algorithm")
          for angle in ATTITUDE)),
        (LibraryEvent("SpatialData", "DDDd", numbered((*ACCELERATION, *ANGULAR_RATE, *MAYBE_FIELD))),
         LibraryEvent("AlgorithmData", "Dd", {angle: f"EulerAngles:D{i}" for i, angle in enumerate(ATTITUDE)})),
        settings={"algorithm": ("Algorithm", {"none": 0, "AHRS": 1, "IMU": 2})}),
    single("TemperatureSensor", "Temperature", "temperature", "°C", "Temperature", -273.15, 2000.0, 3, settings={
        "thermocouple_type": ("ThermocoupleType", {"J": 1, "K": 2, "E": 3, "T": 4}),
        "rtd_type": ("RTDType", {"PT100_3850": 1, "PT1000_3850": 2, "PT100_3920": 3, "PT1000_3920": 4}), **WIRES}),
    # Where a sensor's type is set, the library calls back with its value instead of the voltage, which on the network stands still.
    SensorClass("VoltageInput", (value("voltage", "V", "Voltage", -1000.0, 1000.0, decimals=6), SENSOR_VALUE),
        (LibraryEvent("VoltageChange", "d", {"voltage": 0}), LibraryEvent("SensorChange", "d*", {"sensor_value": 0, "voltage": LOCALLY + "Voltage:d"})),
        trigger="VoltageChangeTrigger", port_mode=True,
        settings={**POWER, "voltage_range": ("VoltageRange", {"10mV": 1, "40mV": 2, "200mV": 3, "312.5mV": 4, "400mV": 5, "1000mV": 6,
                                                              "2V": 7, "5V": 8, "15V": 9, "40V": 10, "auto": 11}),
                  "sensor_type": ("SensorType", VOLTAGE_TYPES)}),
    SensorClass("VoltageRatioInput", (value("voltage_ratio", "", "Voltage as part of the supply's", -10.0, 10.0, decimals=7), SENSOR_VALUE),
        (LibraryEvent("VoltageRatioChange", "d", {"voltage_ratio": 0}),
         LibraryEvent("SensorChange", "d*", {"sensor_value": 0, "voltage_ratio": LOCALLY + "VoltageRatio:d"})),
        trigger="VoltageRatioChangeTrigger", port_mode=True,
        settings={"bridge_gain": ("BridgeGain", {"1": 1, "2": 2, "4": 3, "8": 4, "16": 5, "32": 6, "64": 7, "128": 8}),
                  "sensor_type": ("SensorType", RATIO_TYPES)}),
)}
# fmt: on
