"""Derived channels: what is computed of other instruments' readings, by Telegraf, as they pass through it.

Source: of the dew point, WMO-No. 8, Guide to Instruments and Methods of Observation (2018), volume I, annex 4.B.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import expression
from ..configured import Channel, Stanza
from ..declare import Option
from ..declared import COMPUTED_KEYS
from ..errors import BadInput, noted
from ..native_source import READ, Native

MAX_AGE = Option(
    "max_age",
    "duration",
    "how much older than the newest of them a reading may be that is computed with; default: three intervals of its instrument",
)


class Derived(Native):
    """Reads what other instruments of the site deliver, and computes channels of it: a dew point, a load in percent, a difference, a rate.

    An expression names channels as `instrument.channel.quantity`; what is clear without it may be left out: `instrument.channel` of a
    channel with one number, `instrument.quantity` where one channel alone has it. Numbers have units (`100 %`, `5 min`), units are
    checked and converted by `labline check`, and a result that has another unit than it declares is refused. There is `+ - * /`, there
    are brackets, and the functions below; a minus sign has a space before it, since names may have one in them.

    `rate(x, 10 min)` and `moving_median(x, 5)` begin anew after a gap of three intervals, and give nothing until half of the time, or
    so many values, are there; that is no fault, and no status tells it.

    A value is computed once each channel that it needs has brought a reading since the value before, and has the time of the newest of
    them. What is read less often than this instrument's `interval` (default: that of the slowest) is not waited for: its last reading
    holds for `max_age`. With an `interval` that is longer than theirs there is one value an interval. Where a reading is missing, or too old, there is no value, and the status names the channel. What reaches
    Telegraf late, with a time before one that came already, is not computed with.

    All channels of an expression are read by one node, and are numbers that come again and again.
    """

    name = "derived"
    title = "Derived channels"
    manual = "WMO-No. 8 (2018), volume I, annex 4.B, for the dew point; all else is arithmetic"
    known_as = (
        "computed",
        "virtual",
        "formula",
        "expression",
        "dew",
    )
    verified = (
        "by the real Telegraf against Python's own arithmetic; the dew point against the vapour pressures of its source"
    )
    family = "computed"
    schemes = ()
    computes = True
    where = (
        Option(
            "expression",
            "str",
            f"what is computed: names of channels, numbers with units, + - * /, brackets, and "
            f"{', '.join(expression.FUNCTIONS)}",
            required=True,
        ),
    )
    channel_options = (READ, MAX_AGE)
    quantity_keys = COMPUTED_KEYS
    statuses = {
        "no NAME": "the channel of that name said that it has no value, or said nothing yet",
        "stale NAME": "the last reading of the channel of that name is too old",
        "undefined": "what was to be computed has no result: a division by 0, the root of a negative number, a formula beyond its range",
        "fault": "a fault in labline; Telegraf's log says which",
    }
    beside = """\
name: air
driver: mqtt
connection: mqtt://192.168.1.20
topic: sensors/{channel}/{quantity}
channels:
  hall:
    read:
      temperature: {unit: °C, low: -40, high: 85}
      humidity: {unit: "%", low: 0, high: 100}
  window:
    read:
      glass: {unit: °C, low: -40, high: 85}
"""
    example = """\
name: climate
driver: derived
channels:
  hall:
    label: Air of the hall
    read:
      dew_point: {expression: "dew_point(air.temperature, air.humidity)", unit: °C, decimals: 1}
      warming: {expression: "rate(air.temperature, 10 min)", unit: K/h}
    limits: {dew_point: {warning: {above: 16 °C}, help: What is colder than this gets wet.}}
  window:
    label: Window of the camera
    read:
      margin: {expression: "air.window - climate.hall.dew_point", unit: K, description: How far it is from getting wet}
    limits: {margin: {critical: {below: 2 K}}}
"""

    @classmethod
    def _channel_mistakes(cls, stanza: Stanza, channel: Channel, seen: dict[str, str]) -> Iterator[BadInput]:
        if channel.calibration is not None:
            yield BadInput("leave this out: write it into the expression", ("calibration",))
        found: list[BadInput] = []
        if channel.filter is not None:
            yield BadInput("leave this out: write moving_median(…) into the expression", ("filter",))
        for name, each in cls.declared(channel).items():
            with noted(found, "read", name, "expression"):
                expression.parse(each.where["expression"])
        yield from found

    @classmethod
    def table(cls, stanza: Stanza, client: str) -> dict[str, Any]:
        raise NotImplementedError  # it reads nothing

    @classmethod
    def source(cls, stanza: Stanza, channel: Channel, quantity: str, where: Mapping[str, Any]) -> list[Any]:
        raise NotImplementedError


DRIVER = Derived
