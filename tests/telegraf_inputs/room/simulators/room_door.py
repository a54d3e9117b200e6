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
    found: Mapping[str, str] = {"desk": "room_lamp", "hall": "room_lamp", "anna": "room_card"}
    channel_faults = ("garbage",)  # that nobody opens the door is no fault

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None):
        super().__init__(stanza, seed, plan, period)
        self.air = Signal(21.0, 0.5, 0.02, 60, seed)
        self.lamps = {name: Signal(power, 1.0, 0.1, 60, seed) for name, power in (("desk", 20.0), ("hall", 60.0))}

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        known = {("air", "temperature"): self.air} | {(name, "power"): lamp for name, lamp in self.lamps.items()}
        bands = {key: signal.band() for key, signal in known.items()}
        return {key: (low - 0.05, high + 0.05) for key, (low, high) in bands.items()}  # one digit

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {("passage", "open"): {True}, ("anna", "answer"): {"granted"}}

    def happen(self, channel: Channel) -> Mapping[str, Any]:
        if self.current_fault() == "over_range":
            return {}
        if channel.id in self.lamps:
            return {"power": self.lamps[channel.id]()}
        if channel.id == "anna":
            return {"answer": "granted"}
        return {"temperature": self.air()} if channel.id == "air" else {"open": True}

    def line(self, event: Event) -> str:
        said = next(iter(event.values.values()), "FAIL")
        word = "open" if said is True else said if isinstance(said, str) else f"{said:.1f}"
        kind = {"room_lamp": "lamp ", "room_card": "card "}.get(self.found.get(event.channel, ""), "")
        return f"{event.time_ns} {kind}{event.channel} {word}"


SIMULATOR = RoomDoorSimulator
