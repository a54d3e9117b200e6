"""The script (Starlark) with which Telegraf gives what one of its inputs delivers the shape of labline's data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from . import clock, ledger, native_clock, native_simulation
from .configured import Channel, Stanza
from .declared import Declared
from .native_source import COMMA, Native
from .point_maker import FAULTS
from .spikes import ROUNDING, Filter, gap_ns

CLOCK = {
    "metric": native_clock.METRIC,
    "field": native_clock.FIELD,
    "ahead_ns": clock.AHEAD_NS,
    "earliest_ns": clock.EARLIEST_NS,
}
DISCARDED = {"metric": ledger.DISCARDED, "field": ledger.COUNT}
PROGRAM = Path(__file__).parent / "native" / "shape.star"


def script(stanza: Stanza, *, simulated: bool = False) -> str:
    """Write the script of one instrument: what it reads, then the program that all share."""
    known = {"INSTRUMENT": _instrument(stanza, simulated), "CLOCK": CLOCK, "DISCARDED": DISCARDED}
    written = "".join(f"{name} = {literal(value)}\n" for name, value in known.items())
    return f"{written}\n{PROGRAM.read_text(encoding='utf-8')}"


def _instrument(stanza: Stanza, simulated: bool) -> dict[str, Any]:
    driver = cast(type[Native], stanza.driver)
    sources: list[list[Any]] = []
    channels: dict[str, dict[str, Any]] = {}
    for channel in native_simulation.channels(stanza) if simulated else stanza.declared:
        declared = driver.declared(channel)
        for name, each in declared.items():
            if simulated:
                source = native_simulation.source(channel, name)
            else:
                source = driver.source(stanza, channel, name, each.where)
            sources.append([*source, channel.id, name])
        quantities = {name: _quantity(channel, each) for name, each in declared.items()}
        channels[channel.id] = {"measurement": channel.measurement, "quantities": quantities}
        if channel.filter:
            channels[channel.id]["filter"] = _filter(channel.filter, stanza)
        if (time := driver.own_time(stanza, channel)) and not simulated:
            channels[channel.id]["time"] = time
    return {
        "name": stanza.name,
        "by": "field" if simulated else driver.by,
        "keep": ["host", "site", "instrument", *stanza.tags],
        "sources": sources,
        "channels": channels,
    }


def _filter(by: Filter, stanza: Stanza) -> dict[str, Any]:
    return {
        "of": by.of,
        "spike": by.spike.name,
        "median": by.median,
        "mad": by.mad,
        "floor": by.floor,
        "rounding": ROUNDING,
        "patience": by.patience,
        "distances": by.distances,
        "gap_ns": gap_ns(stanza.interval),
    }


def _quantity(channel: Channel, declared: Declared) -> dict[str, Any]:
    quantity, made = declared.quantity, channel.calibration
    calibrated = made is not None and made.of == quantity.name
    found: dict[str, Any] = {
        "type": quantity.type,
        "field": f"{quantity.name}_raw" if made and calibrated and made.to == quantity.name else quantity.name,
        "scale": declared.scale,
        "low": quantity.least,
        "high": quantity.high,
    }
    if declared.where.get(COMMA.name):
        found["comma"] = True
    if quantity.choices:
        found["choices"] = {c.code: c.word if c.severity in FAULTS else "" for c in quantity.choices}
    if made and calibrated:
        low, high = (None if abs(bound) == float("inf") else bound for bound in (made.low, made.high))
        a, b = (made.parameters.get(key, 0.0) for key in ("a", "b"))
        found["calibration"] = [low, high, float(a), float(b), made.to, channel.quantities[made.to].least, made.version]
    return found


def literal(value: Any, indent: str = "") -> str:
    """Write a value as Starlark does; a long one on several lines."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        inner = [f"{literal(key)}: {literal(item, indent + '    ')}" for key, item in value.items()]
        return _enclosed("{", inner, "}", indent)
    if isinstance(value, (list, tuple)):
        return _enclosed("[", [literal(item, indent + "    ") for item in value], "]", indent)
    return repr(value)


def _enclosed(start: str, inner: list[str], end: str, indent: str) -> str:
    flat = f"{start}{', '.join(inner)}{end}"
    if len(flat) + len(indent) <= 100 and "\n" not in flat:
        return flat
    lines = "".join(f"{indent}    {item},\n" for item in inner)
    return f"{start}\n{lines}{indent}{end}"
