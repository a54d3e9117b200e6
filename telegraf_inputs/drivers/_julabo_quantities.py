"""What a Julabo tells: its quantities, and the codes of its status.

Source: Julabo operating manual CF41, chapter Remote control: status messages, error messages.
"""

from __future__ import annotations

import re

from ..declare import Choice, Quantity

MEASURED = Quantity("temperature", "°C", "Temperature at the sensor", -100.0, 400.0, decimals=2)
SETPOINT = Quantity("setpoint", "°C", "Set point in use", -100.0, 400.0, decimals=2)
NUMBER = Quantity(
    "setpoint_number",
    "",
    "Which of the stored set points is in use",
    1,
    3,
    type="int",
    choices=tuple(Choice(number, f"set point {number}") for number in (1, 2, 3)),
)
CONTROL = Quantity(
    "external_control",
    "",
    "Which sensor's temperature it controls",
    type="bool",
    choices=(Choice(False, "internal"), Choice(True, "external")),
)
STORED = Quantity("stored_setpoint", "°C", "Stored set point, in use or not", -100.0, 400.0, decimals=2)
POWER = Quantity("heating_power", "%", "Heating power; below 0 it cools", -100.0, 100.0, decimals=0)
# Chapter Status messages, and Error messages.
STATES = (
    Choice(0, "manual stop"),
    Choice(1, "manual start", "ok"),
    Choice(2, "remote stop"),
    Choice(3, "remote start", "ok"),
    Choice(-1, "low level alarm", "critical"),
    Choice(-3, "excess temperature warning", "warning"),
    Choice(-4, "low temperature warning", "warning"),
    Choice(-5, "working sensor alarm", "critical"),
    Choice(-6, "sensor difference alarm", "critical"),
    Choice(-7, "I2C-bus error", "critical"),
    Choice(-8, "invalid command", "warning"),
    Choice(-9, "command not allowed in current operating mode", "warning"),
    Choice(-10, "value too small", "warning"),
    Choice(-11, "value too large", "warning"),
    Choice(-12, "temperature measurement alarm", "critical"),
    Choice(-13, "value exceeds temperature limits", "warning"),
    Choice(-14, "excess temperature protector alarm", "critical"),
    Choice(-15, "external sensor alarm", "critical"),
    Choice(-20, "clean condensor or check cooling water circuit of refrigerator", "warning"),
    Choice(-21, "compressor stage 1 does not work", "warning"),
    Choice(-26, "stand-by plug is missing", "warning"),
    Choice(-33, "safety sensor alarm", "critical"),
    Choice(-38, "external sensor setpoint programming alarm", "critical"),
    Choice(-40, "niveau level warning", "warning"),
)
CODE = Quantity("status_code", "", "What it does, or what is wrong with it", -99, 99, type="int", choices=STATES)

QUANTITIES = {
    "bath": (MEASURED,),
    "external": (MEASURED,),
    "setpoint": (SETPOINT, NUMBER, CONTROL),
    "heater": (POWER,),
    "circulator": (CODE,),
    "setpoint_1": (STORED,),
    "setpoint_2": (STORED,),
    "setpoint_3": (STORED,),
}
WORDS = {choice.word.upper(): int(choice.code) for choice in STATES}


def code_of(words: str) -> int | None:
    """Find the code of a message by its words, as one model or another writes them; None where it is not listed."""
    plain = re.sub(r"\AWARNING ?: *", "", words.strip().upper().replace("WARNUNG", "WARNING"))
    return WORDS.get(plain)
