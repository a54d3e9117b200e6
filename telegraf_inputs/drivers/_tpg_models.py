"""What Pfeiffer's controllers and those made alike have in common, and where they differ: a table for each model.

Sources: Pfeiffer Vacuum: Operating Instructions TPG 261 (BG 5195 BEN) and TPG 262 (BG 805 196), MaxiGauge TPG 256 A (BG 5186
BEN); Communication Protocol TPG 361, TPG 362 (BG 5510 BEN), TPG 366 (BG 5511 BEN). INFICON: Operating Manual VGC501,
VGC502, VGC503 (tina96e1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Values always in exponential format, with a sign where there is one; the MaxiGauge tells a decimal less.
PRESSURE = re.compile(r"[+-]?\d\.\d{4}E[+-]\d\d\Z")
SHORT_PRESSURE = re.compile(r"[+-]?\d\.\d{3,4}E[+-]\d\d\Z")
PROGRAM = re.compile(r"\d{3}-\d{3}(-\S*)?\Z")  # the number of its firmware, which all of an age say alike
STATUS = {
    "0": "ok",
    "1": "underrange",
    "2": "overrange",
    "3": "sensor_error",
    "4": "sensor_off",
    "5": "no_sensor",
    "6": "identification_error",
}
INFICON_STATUS = {**STATUS, "7": "error_bpg_hpg_bcg"}
# What UNI answers: the unit's name, and how many mbar it is.
UNITS = {
    "0": ("mbar", 1.0),
    "1": ("Torr", 1013.25 / 760),
    "2": ("Pa", 0.01),
    "3": ("micron", 1.01325 / 760),
    "4": ("hPa", 1.0),
}


@dataclass(frozen=True)
class Controller:
    """One model: how many gauges it has, how it says who it is, and how it is asked.

    ``identity``: the mnemonic; a gauge that is unplugged changes what TID answers, but none of these. ``form``: what it
    answers. ``each``: it has a mnemonic for each gauge alone, PR1 …; else PRX asks for all at once. ``speaks``: switched
    on, it tells its readings by itself until it is asked.
    """

    title: str
    gauges: int
    identity: str
    form: re.Pattern[str]
    each: bool = field(default=False, kw_only=True)
    speaks: bool = field(default=False, kw_only=True)
    pressure: re.Pattern[str] = field(default=PRESSURE, kw_only=True)
    status: dict[str, str] = field(default_factory=lambda: STATUS, kw_only=True)


def _named(name: str) -> re.Pattern[str]:
    """Make the form of what AYT answers: the name, and what part, serial number and versions it has."""
    return re.compile(rf"{name}(,[^,]*){{4}}\Z")


CONTROLLERS = {
    "tpg261": Controller("TPG 261", 1, "PNR", PROGRAM, speaks=True),
    "tpg262": Controller("TPG 262", 2, "PNR", PROGRAM, speaks=True),
    "tpg256a": Controller("TPG 256 A", 6, "PNR", PROGRAM, each=True, pressure=SHORT_PRESSURE),
    "tpg361": Controller("TPG 361", 1, "AYT", _named("TPG ?361"), each=True),
    "tpg362": Controller("TPG 362", 2, "AYT", _named("TPG ?362")),
    "tpg366": Controller("TPG 366", 6, "AYT", _named("TPG ?366")),
    "vgc501": Controller("VGC501", 1, "AYT", _named("VGC501"), each=True, status=INFICON_STATUS),
    "vgc502": Controller("VGC502", 2, "AYT", _named("VGC502"), each=True, status=INFICON_STATUS),
    "vgc503": Controller("VGC503", 3, "AYT", _named("VGC503"), status=INFICON_STATUS),
}
NEWER = re.compile(r"\d{6}\Z")  # what a TPG 36x says of its program


def of_identity(answer: str) -> str:
    """Find the model that an identification is of; "" where it is of none, or of several."""
    found = [name for name, controller in CONTROLLERS.items() if controller.form.match(answer)]
    return found[0] if len(found) == 1 else ""
