"""The door."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from ..configured import Channel, Stanza
from .base import Signal
from .feed import Event, LineFeedSimulator


class RoomDoorSimulator(LineFeedSimulator):
    """Says what a door does."""

    brisk = {"period": 0.02}
    channel_faults = ("garbage",)  # that nobody opens the door is no fault

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None):
        super().__init__(stanza, seed, plan, period)
        self.air = Signal(21.0, 0.5, 0.02, 60, seed)

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        low, high = self.air.band()
        return {("air", "temperature"): (low - 0.05, high + 0.05)}  # one digit

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {("passage", "open"): {True}}

    def happen(self, channel: Channel) -> Mapping[str, Any]:
        if self.current_fault() == "over_range":
            return {}
        return {"temperature": self.air()} if channel.id == "air" else {"open": True}

    def line(self, event: Event) -> str:
        said = (
            "FAIL" if not event.values else "open" if "open" in event.values else f"{event.values['temperature']:.1f}"
        )
        return f"{event.time_ns} {event.channel} {said}"


SIMULATOR = RoomDoorSimulator
