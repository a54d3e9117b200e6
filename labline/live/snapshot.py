"""One look at the lab: what each quantity is, where it goes, how old it is, and whether that is well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from telegraf_inputs.declare import Quantity
from telegraf_inputs.stanza import Channel

from ..words import counted
from .numbers import Scale, Value
from .trend import Trend

WELL = (
    *("ok", "waiting"),
    *("off", "paused"),
)  # of a channel; the last two: its instrument is not enabled, or let go for a while


@dataclass(frozen=True)
class Row:
    """One quantity of one channel. ``age``: seconds, that of an earlier run's where this one has no value yet (None: never seen).

    ``alarm``: "", warning, critical, stale; or pending, ending: an alarm that is to come, or about to be over.
    ``scale`` chooses the digits of a number. ``main`` is false for what stands beside a channel's first quantity; ``raw`` marks what a calibration starts from.
    """

    instrument: str
    channel: Channel
    quantity: Quantity
    value: Value
    age: float | None
    trend: Trend
    state: str
    alarm: str
    note: str
    main: bool
    raw: bool
    scale: Scale | None

    @property
    def faulty(self) -> bool:
        """Tell whether somebody should look at it."""
        return self.alarm not in ("", "pending") or self.state not in WELL


@dataclass(frozen=True)
class Snapshot:
    """All rows in the site file's order, what is to be told about instruments, by name, and which are simulated.

    ``troubles`` is what is wrong behind the instruments, on the readings' way into the database, by a key of its own;
    ``nodes``, by instrument, which one reads it: empty where there is but one; ``stored``: what is read arrives.
    """

    title: str
    time_ns: int
    rows: list[Row]
    states: dict[str, str]
    notes: dict[str, str]
    simulated: list[str]
    troubles: dict[str, str]
    nodes: dict[str, str]
    stored: bool = True

    @property
    def well(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.troubles and not any(row.faulty for row in self.rows)

    @property
    def summary(self) -> str:
        """Count the instruments by state: ``8 instruments: 7 ok, 1 silent``; tell where they do not matter."""
        states = Counter(state.replace("_", " ") for state in self.states.values())
        summed = ", ".join(f"{count} {state}" for state, count in states.most_common())
        return f"{counted('instrument', len(self.states))}: {summed}{'' if self.stored else ', but NOT all is stored'}"

    def called(self, instrument: str) -> str:
        """Name an instrument, with its node where there are several."""
        return called(instrument, self.nodes.get(instrument, ""))

    @property
    def made_up(self) -> str:
        """Tell which instruments are simulated: ``all simulated``, ``simulated: a, b``; empty if none."""
        if not self.simulated:
            return ""
        on = [name for name, state in self.states.items() if state != "off"]
        return "all simulated" if len(self.simulated) == len(on) else f"simulated: {', '.join(self.simulated)}"

    @property
    def alarms(self) -> Counter[str]:
        """Count alarms by what they are: ``stale`` once an instrument, the others once a quantity."""
        found = {
            (row.alarm, row.instrument, "" if row.alarm == "stale" else (row.channel.id, row.quantity.name))
            for row in self.rows
        }
        return Counter(alarm for alarm, *_ in found if alarm)


def called(instrument: str, node: str) -> str:
    """Name an instrument, and its node unless that is ""."""
    return f"{instrument} ({node})" if node else instrument
