"""The script (Starlark) with which Telegraf computes channels of others' readings, and what a site gives it to compute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import clock
from .configured import Stanza
from .declare import Quantity
from .native_script import literal

PROGRAM = Path(__file__).parent / "native" / "derived.star"
NS = 1_000_000_000
EARLY = 0.9  # of an interval: readings do not come exactly on time

# One step of a computation, on a stack: a word and what belongs to it. ("number", value), ("input", name of an input),
# ("linear", (a, b)), ("rate", ns or 0), ("moving_median", values), or a function and how many numbers it takes.
Step = tuple[str, Any]


@dataclass(frozen=True)
class Input:
    """A reading that is computed with: where it is found; seconds from one to the next, and until it is too old."""

    name: str
    instrument: str
    channel: str
    measurement: str
    field: str
    interval: float
    max_age: float


@dataclass(frozen=True)
class Computed:
    """How one quantity is computed."""

    quantity: Quantity
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Computation:
    """How the channels of an instrument are computed, each behind those that it needs: channel -> its quantities."""

    channels: dict[str, tuple[Computed, ...]]

    @property
    def inputs(self) -> dict[str, Input]:
        """List all that is computed with, by name."""
        return {each.name: each for computed in self.channels.values() for one in computed for each in one.inputs}


def script(stanza: Stanza) -> str:
    """Write the script of one instrument: what it computes, then the program that all share."""
    computation: Computation = stanza.computation
    known = {
        "name": stanza.name,
        "tags": stanza.tags,
        "interval_ns": round(stanza.interval * NS),
        "least_ns": _least_ns(stanza, computation),
        "ahead_ns": clock.AHEAD_NS,
        "inputs": {
            name: [each.instrument, each.channel, each.measurement, each.field]
            for name, each in computation.inputs.items()
        },
        "channels": [_channel(stanza, name, computed) for name, computed in computation.channels.items()],
    }
    return f"DERIVED = {literal(known)}\n\n{PROGRAM.read_text(encoding='utf-8')}"


def _least_ns(stanza: Stanza, computation: Computation) -> int:
    """Tell how far values are from each other, at least: where all that is computed with comes oftener than asked for."""
    slowest = max(each.interval for each in computation.inputs.values() if each.instrument != stanza.name)
    return round(EARLY * stanza.interval * NS) if stanza.interval > slowest else 0


def _channel(stanza: Stanza, name: str, computed: tuple[Computed, ...]) -> dict[str, Any]:
    inputs = {each.name: each for one in computed for each in one.inputs}
    return {
        "id": name,
        "measurement": next(c.measurement for c in stanza.channels if c.id == name),
        "inputs": {each.name: round(each.max_age * NS) for each in inputs.values()},
        "awaited": [each.name for each in inputs.values() if each.interval <= awaited_below(stanza.interval)],
        "gap_ns": round(max(3 * stanza.interval, *(each.max_age for each in inputs.values())) * NS),
        "quantities": {
            one.quantity.name: {
                "inputs": [each.name for each in one.inputs],
                "steps": one.steps,
                "low": one.quantity.least,
                "high": one.quantity.high,
            }
            for one in computed
        },
    }


def awaited_below(interval: float) -> float:
    """Tell how seldom (s) a reading may come that a value is not made without."""
    return 1.5 * interval
