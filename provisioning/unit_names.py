"""The units that labline knows by the way they are written: what Grafana calls them, how their values are shown.

A unit that is not here works all the same: it stands behind the number as it is written. How values are read and
converted is told by units.py.
"""

from __future__ import annotations

from functools import partial

from msgspec import Struct


class Unit(Struct, frozen=True):
    """What is known of one unit.

    ``grafana`` is Grafana's id of it; "" where it has none. ``scaled``: Grafana changes its prefix by itself.
    ``prefixes``: those that a table may put before it, a letter each; the first that suits is taken.
    ``decades``: its values reach over decades, and never below 0. ``vacuum``: a pressure that vacuum gauges show.
    """

    grafana: str = ""
    scaled: bool = False
    prefixes: str = ""
    decades: bool = False
    vacuum: bool = False


POWERS = {"n": -9, "µ": -6, "m": -3, "k": 3, "M": 6, "G": 9}  # of prefixes
# Grafana's ids, and what it scales, are those of its packages/grafana-data/src/valueFormats/categories.ts.
si = partial(Unit, scaled=True)
UNITS = {
    "": Unit("none"),
    "%": Unit("percent"),
    "%RH": Unit("humidity"),
    "ppm": Unit("ppm"),
    "dB": Unit("dB"),
    # Bytes and times are scaled too, to what people read: that is meant.
    "B": Unit("bytes"),
    "B/s": Unit("Bps"),
    "s": Unit("s"),
    "ms": Unit("ms"),
    "µs": Unit("µs"),
    "ns": Unit("ns"),
    "min": Unit("m"),
    "h": Unit("h"),
    "d": Unit("d"),
    "1/s": si("hertz"),
    "Hz": si("hertz", prefixes="kMGm"),
    "rpm": Unit("rotrpm"),
    "K": Unit("kelvin", prefixes="mµ", decades=True),
    "°C": Unit("celsius"),
    "°F": Unit("fahrenheit"),
    "bar": si("pressurebar"),
    "mbar": si("pressurembar", vacuum=True),
    "hPa": Unit("pressurehpa", vacuum=True),
    "kPa": Unit("pressurekpa"),
    "Pa": si("pressurepa", vacuum=True),
    "Torr": Unit(vacuum=True),
    "torr": Unit(vacuum=True),
    "mTorr": Unit(vacuum=True),
    "psi": si("pressurepsi"),
    "V": si("volt", prefixes="kmµ"),
    "mV": si("mvolt"),
    "kV": si("kvolt"),
    "A": si("amp", prefixes="mµn"),
    "mA": si("mamp"),
    "W": si("watt", prefixes="kmµn"),
    "mW": si("mwatt"),
    "kW": si("kwatt"),
    "VA": si("voltamp"),
    "Wh": si("watth"),
    "kWh": si("kwatth"),
    "Ah": si("amph"),
    "J": si("joule"),
    "eV": si("ev"),
    "dBm": si("dBm"),
    "T": Unit(prefixes="mµ"),
    "Ω": si("ohm", prefixes="kMGm", decades=True),
    "mΩ": si("mohm", decades=True),
    "kΩ": si("kohm", decades=True),
    "MΩ": si("Mohm", decades=True),
    "F": si("farad"),
    "µF": si("µfarad"),
    "nF": si("nfarad"),
    "pF": si("pfarad"),
    "H": si("henry"),
    "mH": si("mhenry"),
    "µH": si("µhenry"),
    "m": si("lengthm"),
    "mm": si("lengthmm"),
    "km": si("lengthkm"),
    "g": si("massg"),
    "kg": si("masskg"),
    "mg": si("massmg"),
    "N": si("forceN"),
    "kN": si("forcekN"),
    "N·m": si("forceNm"),
    "l": si("litre"),
    "L": si("litre"),
    "ml": si("mlitre"),
    "mL": si("mlitre"),
    "m³": Unit("m3"),
    "l/h": Unit("litreh"),
    "l/min": Unit("flowlpm"),
    "L/min": Unit("flowlpm"),
    "lx": Unit("lux"),
    "°": Unit("degree"),
    "rad": Unit("radian"),
    "m/s": Unit("velocityms"),
    "m/s²": Unit("accMS2"),
    "g₀": Unit("accG"),
    "W/m²": Unit("Wm2"),
}
UNKNOWN = Unit()


def known(unit: str) -> Unit:
    """Get what is known of a unit."""
    return UNITS.get(unit, UNKNOWN)
