"""An Arduino that exists only on a socket: each of its inputs in a swing of its own."""

from __future__ import annotations

from ..configured import Stanza
from ..drivers.arduino_adc import COUNTS, INPUTS
from .base import Signal, TextSimulator

OWN_CONNECTION = "each answer has a connection of its own, and can't come to another question"
ONE_QUESTION = "it has one question: another one's answer is as good as its own"
SATURATED = "an input beyond its end shows the highest number, and does not say so"


class ArduinoAdcSimulator(TextSimulator):
    """Answers `a` as the sketch does, and closes the connection."""

    closes = True
    channel_faults = ("garbage",)  # one answer is for all inputs: none can be silent alone
    not_faults = {"late": OWN_CONNECTION, "swapped": OWN_CONNECTION, "stray": ONE_QUESTION, "over_range": SATURATED}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self._scale = stanza.options["full_scale"] / COUNTS
        whole = COUNTS * self._scale
        self.signals = {
            f"A{n}": Signal((0.45 + 0.045 * n) * whole, 0.01 * whole, 0.0005 * whole, 200.0 + 20 * n, seed + n)
            for n in range(INPUTS)
        }

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        found = {}
        for channel in self.channels:
            low, high = self.signals[channel.id].band()
            low, high = low - self._scale, high + self._scale  # a count is the least that can be told
            found[channel.id, "voltage"] = low, high
            if (made := channel.calibration) is not None:
                ends = sorted(value for value in (made(low), made(high)) if value is not None)
                found[channel.id, made.to] = (ends[0], ends[-1]) if ends else (0.0, 0.0)
        return found

    def split(self, data: bytes) -> tuple[list[bytes], bytes]:
        return [data[n : n + 1] for n in range(len(data))], b""

    def answer(self, request: str) -> bytes | None:
        if request != "a":
            return None
        counts = [round(signal() / self._scale) for signal in self.signals.values()]
        for n, name in enumerate(self.signals):
            if self.faulty.get(name) == "garbage":
                counts[n] = 0xFEFE
        return b"".join(count.to_bytes(2, "big") for count in counts)


SIMULATOR = ArduinoAdcSimulator
