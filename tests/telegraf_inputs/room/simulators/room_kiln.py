"""The kiln."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..configured import Stanza
from .base import Signal, TextSimulator


class RoomKilnSimulator(TextSimulator):
    """Answers as the kiln does."""

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self.celsius = {"top": Signal(800.0, 20.0, 1.0, 60, seed), "bottom": Signal(600.0, 20.0, 1.0, 60, seed + 1)}

    def _mine(self) -> list[str]:
        return [channel.id for channel in self.stanza.channels]

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        return {(name, "temperature"): self.celsius[name].band() for name in self._mine() if name in self.celsius}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {("program", "step"): {1}} if "program" in self._mine() else {}

    def channel_of(self, request: str) -> str:
        return request.partition(" ")[2]

    def answer(self, request: str) -> str | None:
        command, _, channel = request.partition(" ")
        if command == "WHO":
            return f"KILN {7 + self.seed}"
        if command != "GET" or channel not in (*self.celsius, "program"):
            return None
        if self.current_fault() == "over_range":
            return "OVER"
        return "S1" if channel == "program" else f"{self.celsius[channel]():05.1f}"


SIMULATOR = RoomKilnSimulator
