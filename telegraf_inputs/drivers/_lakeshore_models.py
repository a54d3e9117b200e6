"""What Lake Shore's thermometers have, and how their status words and sensors are coded: a table for each.

Sources: Lake Shore User's Manuals: Model 218, chapter 6.3, p. 6-29 (RDGST?), INPUT?, INTYPE?; Model 335, chapter 6.4.1,
p. 123 (RDGST?, RANGE?); Models 224, 336, 350 and 240, Interface Commands. Where no page could be seen, the maker's own
Python package (lakeshore 1.10.0: model_224, model_240, model_335, model_336) says the same in code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..declare import Option, Quantity


@dataclass(frozen=True)
class Thermometer:
    """One model: ``named`` is what *IDN? says of it (a regular expression), ``example`` one such answer.

    ``outputs``: output -> the question that tells how far it is driven.
    """

    title: str
    named: str
    inputs: tuple[str, ...]
    outputs: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    example: str = field(default="", kw_only=True)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that it has: inputs, outputs, and the set points of their loops."""
        return (*self.inputs, *(f"output{n}" for n in self.outputs), *(f"setpoint{n}" for n in self.outputs))


SCANNED = Thermometer("372", "MODEL372", ("A", *(str(n) for n in range(1, 17))), example="MODEL372")
EIGHT = tuple("12345678")
# 218S has relays and analog outputs, 218E has none.
M218 = {"218": Thermometer("218", "MODEL218[SE]?", EIGHT, example="MODEL218S")}
# The digit before the last letter is how many inputs it has; some firmware leaves that out.
M240 = {
    "240-8p": Thermometer("240-8P", "MODEL240(-8P)?", EIGHT, example="MODEL240-8P"),
    "240-2p": Thermometer("240-2P", "MODEL240-2P", ("1", "2"), example="MODEL240-2P"),
}
POWERED = {"1": "HTR? 1", "2": "HTR? 2"}
ANALOG = {"3": "AOUT? 3", "4": "AOUT? 4"}
ABCD = ("A", "B", "C", "D")
BANKS = (*(f"C{n}" for n in range(1, 6)), *(f"D{n}" for n in range(1, 6)))
M336 = {
    "336": Thermometer("336", "MODEL336", ABCD, outputs={**POWERED, **ANALOG}, example="MODEL336"),
    "350": Thermometer("350", "MODEL350", ABCD, outputs={**POWERED, **ANALOG}, example="MODEL350"),
    "335": Thermometer("335", "MODEL335", ABCD[:2], outputs=POWERED, example="MODEL335"),
    "224": Thermometer("224", "MODEL224", ("A", "B", *BANKS), example="MODEL224"),
}

# RDGST?, by bit weighting.
TEMPERATURE_ONLY = 16 | 32
ALIKE = {16: "temperature_under", 32: "temperature_over"}
BITS_218 = {**ALIKE, 64: "sensor_under", 128: "sensor_over"}
BITS_240 = {1: "invalid_reading", **ALIKE, 64: "sensor_over", 128: "sensor_under"}
BITS_336 = {1: "invalid_reading", **ALIKE, 64: "sensor_zero", 128: "sensor_over"}

# The kinds of sensors, and what their own reading (SRDG?) is.
SENSORS = {
    "diode": Quantity("voltage", "V", "Voltage at the sensor", -15.0, 15.0, decimals=4),
    # Noise about 0 has either sign.
    "resistor": Quantity("resistance", "Ω", "Resistance of the sensor", -1e3, 2e5, decimals=2),
    "thermocouple": Quantity("thermovoltage", "mV", "Voltage of the thermocouple", -150.0, 150.0, decimals=4),
    "capacitor": Quantity("capacitance", "nF", "Capacitance of the sensor", 0.0, 1e3, decimals=3),
}
TYPES_218 = {"0": "diode", "1": "diode", **dict.fromkeys("2345", "resistor")}
TYPES_240 = {"1": "diode", "2": "resistor", "3": "resistor"}
TYPES_336 = {"0": "", "1": "diode", "2": "resistor", "3": "resistor", "4": "thermocouple", "5": "capacitor"}


def sensor_option(types: Mapping[str, str]) -> Option:
    """Declare the key of an input that says which kind of sensor it has."""
    kinds = tuple(dict.fromkeys(kind for kind in types.values() if kind))
    fields = "; ".join(f"{kind}: {SENSORS[kind].name}, {SENSORS[kind].unit}" for kind in kinds)
    return Option(
        "sensor",
        "str",
        f"the kind of sensor, with which its own reading is stored beside the temperature: {fields}",
        choices=kinds,
    )


def model_option(models: Mapping[str, Thermometer]) -> Option:
    """Declare the key that says which model it is."""
    return Option(
        "model",
        "str",
        "which model it is, with which its channels are known before it is asked; another one is then wrong_device",
        choices=tuple(models),
    )
