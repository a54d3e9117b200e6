"""In the place of what Telegraf reads by an input of its own: its input mock, with values that the stanza allows."""

from __future__ import annotations

import math
from typing import Any, cast

from .configured import Channel, Stanza
from .declared import Declared
from .native_source import Native, field_name

INPUT = "mock"
FOUND = "simulated"  # the name of a channel that would be found in the data
PERIOD = 60.0  # points of a wave
MIDDLE, SWING = 20.0, 1.0  # of a wave, where nothing limits it


def table(stanza: Stanza) -> dict[str, Any]:
    """Make the keys of Telegraf's table: a wave for each number, one allowed value for all else."""
    driver = cast(type[Native], stanza.driver)
    keys: dict[str, Any] = {"metric_name": INPUT, "sine_wave": [], "constant": []}
    for channel in channels(stanza):
        for name, each in driver.declared(channel).items():
            _add(keys, channel, name, each)
    return {key: found for key, found in keys.items() if found}


def channels(stanza: Stanza) -> list[Channel]:
    """List the channels that are simulated: one of those that would be found in the data, too."""
    return [*stanza.channels, *(channel.found_as(FOUND) for channel in stanza.others)]


def source(channel: Channel, quantity: str) -> list[Any]:
    """Tell by what native/shape.star knows a simulated quantity's value."""
    return [INPUT, {}, field_name(channel, quantity)]


def _add(keys: dict[str, Any], channel: Channel, name: str, declared: Declared) -> None:
    quantity, field = declared.quantity, field_name(channel, name)
    if quantity.type != "float":
        keys["constant"].append({"name": field, "value": _constant(declared)})
        return
    low, high = _allowed(declared)
    wave = {"base_line": (low + high) / 2, "amplitude": (high - low) / 4, "period": 1 / PERIOD, "phase": 0.0}
    keys["sine_wave"].append(
        {"name": field, **{key: found / (declared.scale if key != "period" else 1) for key, found in wave.items()}}
    )


def _allowed(declared: Declared) -> tuple[float, float]:
    """Choose between what values go up and down: within the range, where that has an end."""
    low, high = declared.quantity.low, declared.quantity.high
    if low is None and high is None:
        return MIDDLE - SWING, MIDDLE + SWING
    if low is None and high is not None:
        least = declared.quantity.least
        low = high - MIDDLE if least is None else max(high - MIDDLE, 0.9 * least + 0.1 * high)
    low = low or 0.0
    return low, high if high is not None else low + MIDDLE


def _constant(declared: Declared) -> Any:
    quantity = declared.quantity
    if quantity.choices:
        return quantity.harmless[0]
    if quantity.type == "int":
        return math.ceil(quantity.low) if quantity.low is not None else min(1, math.floor(quantity.high or 1))
    return False if quantity.type == "bool" else "simulated"
