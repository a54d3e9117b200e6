"""The thermometers that the kernel's w1_therm reads, by the family code that an id begins with.

Source: Linux drivers/w1/slaves/w1_therm.c (families, conversion); data sheets DS18S20, DS1822, DS18B20, DS1825,
MAX31850 (fault bits, range) and DS28EA00.
"""

from __future__ import annotations

from dataclasses import dataclass

THERMOCOUPLE = 0x80  # of the configuration byte of family 3b: it is a MAX31850
FAULTS = {1: "thermocouple_open", 2: "thermocouple_shorted_to_ground", 4: "thermocouple_shorted_to_supply"}


@dataclass(frozen=True)
class Family:
    """One family: what it can measure (°C), and how its scratchpad counts.

    ``sixteenths``: its first two bytes count 1/16 °C. ``bulk``: the kernel converts all of them at once.
    """

    low: float
    high: float
    sixteenths: bool = True
    bulk: bool = True


FAMILIES = {
    "10": Family(-55.0, 125.0, sixteenths=False),  # DS18S20, DS1820: finer bits stand elsewhere
    "22": Family(-55.0, 125.0),  # DS1822
    "28": Family(-55.0, 125.0),  # DS18B20, GX20MH01
    "3b": Family(-270.0, 1800.0),  # DS1825; MAX31850, a thermocouple
    "42": Family(-40.0, 85.0, bulk=False),  # DS28EA00
}
DS1825 = Family(-55.0, 125.0)


def of(sensor: str) -> Family:
    """Tell the family of a sensor by its id."""
    return FAMILIES[sensor[:2]]


def trouble(sensor: str, scratchpad: bytes, milli: int) -> str:
    """Tell what a scratchpad (nine bytes) says against the temperature (m°C) that was made of it; "" for nothing."""
    family = of(sensor)
    thermocouple = sensor.startswith("3b") and bool(scratchpad[4] & THERMOCOUPLE)
    if thermocouple and scratchpad[0] & 1:
        return next((word for bit, word in FAULTS.items() if scratchpad[2] & bit), "thermocouple_open")
    if sensor.startswith("3b") and not thermocouple:
        family = DS1825
    counts = int.from_bytes(scratchpad[:2], "little", signed=True) & (~3 if thermocouple else ~0)
    if family.sixteenths and abs(16 * milli - 1000 * counts) >= 1000:
        return "bad_answer"
    return "" if family.low <= milli / 1000.0 <= family.high else "out_of_range"
