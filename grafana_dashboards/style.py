"""House style: how units are shown, colours, sizes. What all panels share stands here and nowhere else."""

from __future__ import annotations

from provisioning.unit_names import known
from telegraf_inputs.declare import Quantity

# The newest schema that every supported Grafana (12.2 and later) reads as it is; grafanalib's own, 12, would lose the shared crosshair.
SCHEMA_VERSION = 39
TAG = "labline"  # on every dashboard: the links between them go by it
REFRESH = "10s"
SINCE = "now-6h"
SHARED_TOOLTIP = 2

WIDTH = 24  # columns of Grafana's grid
STAT_WIDTH, STAT_HEIGHT, PLOT_HEIGHT = 4, 6, 9  # a lower one has no room for its sparkline on every screen
COURSE_HEIGHT = 3  # of a stat's course that is a plot of its own
AREA = 20  # %, of the colour below a course
NAME_SIZE = 16  # px; Grafana would write a name as large as its value, where there is room
OPEN_STATS = 60  # a row with more above it starts collapsed: a closed row asks the database nothing
MANY_INSTRUMENTS = 6  # a page of more shows the chosen ones, and shares rows among all
ROW_STATS = 24  # then, a row has so many at most
MANY_SERIES = 24  # a plot of more shows one instrument at first
MANY_NAMES = 64  # and one of more names its series by their ids

GOOD, WARNING, CRITICAL, NEUTRAL, IDLE, CLEAR = "green", "orange", "red", "blue", "text", "transparent"
BAND = "rgba(87, 148, 242, 0.4)"  # the edges of a band around a blue line
SEVERITY = {"warning": WARNING, "critical": CRITICAL}
GRAVITY = {"ok": GOOD, **SEVERITY}
# Codes that say nothing about well or ill: as many as there are can be told from each other, and from those that do.
MEANINGLESS = ("blue", "purple", "super-light-blue", "dark-blue", "super-light-purple", "dark-purple")
UNDECLARED = WARNING  # a code that nobody declares
# What an instrument says of itself (telegraf_inputs/instrument.py, errors.py).
STATES = {
    "ok": GOOD,
    "degraded": WARNING,
    "starting": NEUTRAL,
    "paused": NEUTRAL,
    "disconnected": CRITICAL,
    "silent": "dark-red",
    "garbled": "purple",
    "wrong_device": "dark-purple",
    "failed": "dark-red",
    "hung": "dark-red",
    "clock": WARNING,
}
DISK_FULL = 90.0  # percent
DECADES = (
    1e6  # what spans more, from its smallest step to its end, has a logarithmic axis where several channels share it
)


def vacuum(quantity: Quantity) -> bool:
    """Tell whether a quantity is a pressure that only its exponent makes readable; a barometer's is not."""
    low, high = quantity.low, quantity.high
    return bool(known(quantity.unit).vacuum and (not low or not high or low < 0 or high / low > DECADES))


def spans_decades(quantity: Quantity) -> bool:
    """Tell whether channels of this quantity need a logarithmic axis to be seen side by side: 12 mK beside 50 K."""
    if vacuum(quantity):
        return True
    if not known(quantity.unit).decades or quantity.high is None or quantity.decimals is None:
        return False
    return bool(quantity.high * 10**quantity.decimals > DECADES)


def unit(quantity: Quantity) -> str:
    """Give Grafana's id of the unit; what it does not know becomes a suffix."""
    return "sci" if vacuum(quantity) else known(quantity.unit).grafana or f"suffix:{quantity.unit}"


def fine_unit(quantity: Quantity) -> str:
    """Give the unit of a plot of one channel: without prefixes, which would round away what little changes."""
    return f"suffix:{quantity.unit}" if known(quantity.unit).scaled and not vacuum(quantity) else unit(quantity)


def decimals(quantity: Quantity) -> int | None:
    """Give the digits after the point of a value that stands alone; None leaves them to Grafana."""
    return 2 if vacuum(quantity) else quantity.decimals


def axis_decimals(quantity: Quantity) -> int | None:
    """Give the digits on an axis: Grafana finds them by itself, but for numbers with exponents."""
    return 1 if vacuum(quantity) else None


def named_unit(quantity: Quantity) -> str:
    """Write the unit where the numbers can't carry it: `` (mbar)`` beside numbers with exponents, else nothing."""
    return f" ({quantity.unit})" if vacuum(quantity) else ""


def number(value: float, unit: str) -> str:
    """Write a value with its unit for people."""
    return f"{value:g} {unit}".rstrip()
