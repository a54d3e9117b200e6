"""A Lake Shore 372 that exists only on a socket: sixteen inputs of a dilution refrigerator, scanned in turn."""

from __future__ import annotations

import math
import time

from ..configured import Stanza
from .base import Signal, TextSimulator

STAGES = (45.0, 3.6, 0.9, 0.12, 0.012)  # K: the plates of a dilution refrigerator, from the top
SECOND_SENSOR = 0.85  # a further sensor on a plate reads lower by this factor: no two channels have a value in common


class LakeShore372Simulator(TextSimulator):
    """Answers as a 372 does. ``scanning`` moves through the enabled inputs, ``pause`` and ``dwell`` seconds each.

    ``old``: its firmware does not know RDGSTL?, and its filters are off.
    """

    send_terminator = b"\r\n"
    brisk = {"dwell": 0.3, "pause": 0}
    optional = ("RDGSTL?", "FILTER?")

    def __init__(
        self,
        stanza: Stanza,
        seed: int = 0,
        plan: str = "",
        scanning: bool = True,
        dwell: float = 4,
        pause: float = 3,
        old: bool = False,
    ):
        super().__init__(stanza, seed, plan)
        self.scanning, self.dwell, self.pause, self.old = scanning, dwell, pause, old
        self.inputs = [c.id for c in stanza.channels if c.id != "A"] or ["1"]
        names = [*self.inputs, *(c.id for c in stanza.channels if c.id == "A")]
        self.kelvin: dict[str, Signal] = {}
        for index, name in enumerate(names):
            center = STAGES[index % len(STAGES)] * SECOND_SENSOR ** (index // len(STAGES))
            self.kelvin[name] = Signal(center, 0.02 * center, 0.001 * center, 240 + 30 * index, seed + index)
        self._began = time.monotonic()

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        temperature = {(name, "temperature"): signal.band() for name, signal in self.kelvin.items()}
        resistance = {(name, "resistance"): (ohms(high), ohms(low)) for (name, _), (low, high) in temperature.items()}
        return temperature | resistance

    def scanned(self) -> str:
        if not self.scanning:
            return self.inputs[0]
        turn = int((time.monotonic() - self._began) / (self.dwell + self.pause))
        return self.inputs[turn % len(self.inputs)]

    def settled(self) -> bool:
        """Tell whether the pause after the change to this input is over."""
        return not self.scanning or (time.monotonic() - self._began) % (self.dwell + self.pause) >= self.pause

    def answer(self, request: str) -> str | None:
        command, _, channel = request.partition(" ")
        over = self.current_fault() == "over_range"
        if command == "*IDN?":
            return f"LSCI,MODEL372,SIM{self.seed:04d}/0000000,1.3"
        if command == "SCAN?":
            return f"{int(self.scanned()):02d},{int(self.scanning)}"
        if command == "RDGSTL?":
            return None if self.old else f"{0 if 'A' in self.kelvin else 2},{0 if self.settled() else 2}"
        if channel != "A" and not (channel.isdigit() and 1 <= int(channel) <= 16):
            return None
        known = channel in self.kelvin
        if command == "INSET?":
            return f"{int(known)},{round(self.dwell):03d},{round(self.pause):03d},21,1"
        if command == "FILTER?":
            return "0,005,10"  # off
        kelvin = self.kelvin[channel]() if known and not over else 0.0
        if command == "KRDG?":
            return f"{kelvin:+.5E}"
        if command == "SRDG?":
            return f"{ohms(kelvin) if kelvin else 0.0:+.5E}"
        if command == "RDGST?":
            return "016" if over else "000" if known else "001"
        return None

    def channel_of(self, request: str) -> str:
        return request.partition(" ")[2]


def ohms(kelvin: float) -> float:
    """Tell the resistance of a ruthenium-oxide sensor, roughly: the colder, the more ohms."""
    return 1000.0 * math.exp(1.2 / kelvin**0.25)


SIMULATOR = LakeShore372Simulator
