"""What the simulated Lake Shore thermometers have in common: inputs on the stages of a cryostat, each with its sensor."""

from __future__ import annotations

from ..configured import Stanza
from ..drivers._lakeshore_models import SENSORS, Thermometer
from .base import Signal, TextSimulator

WARMEST, COLDER = 290.0, 0.85  # K; each further input is colder by this factor: no two have a value in common
STALE = 123.45  # K: what an input answers that was switched off while it read so


def own_reading(kelvin: float, sensor: str) -> float:
    """Tell what a kind of sensor reads itself at a temperature, roughly."""
    if sensor == "diode":
        return 1.7 - 0.004 * kelvin  # V
    return {"resistor": 0.37, "thermocouple": 0.02, "capacitor": 0.1}[sensor] * kelvin  # Ω, mV, nF


class LakeShoreSimulator(TextSimulator):
    """Answers as Lake Shore's thermometers do.

    ``deaf``: how many questions it does not answer after it was plugged in; ``disabled``: inputs that are switched off, which
    go on answering their last reading; ``no_curve``: inputs that have none. All may be set at any time.
    """

    send_terminator = b"\r\n"
    model: Thermometer
    over = "160"  # RDGST? of one beyond its curve and its range

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", deaf: int = 0):
        super().__init__(stanza, seed, plan)
        self.deaf = self._still_deaf = deaf
        self.disabled: set[str] = set()
        self.no_curve: set[str] = set()
        models = stanza.driver.models
        self.model = models[stanza.options.get("model") or next(iter(models))]
        self.inputs = {c.id: c.options["sensor"] for c in stanza.channels if c.id in self.model.inputs}
        self.kelvin: dict[str, Signal] = {}
        for index, name in enumerate(self.inputs):
            center = WARMEST * COLDER**index
            self.kelvin[name] = Signal(center, 0.01 * center, 0.001 * center, 240 + 30 * index, seed + index)

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        bands = {}
        for name, signal in self.kelvin.items():
            bands[name, "temperature"] = signal.band()
            if sensor := self.inputs[name]:
                low, high = sorted(own_reading(kelvin, sensor) for kelvin in signal.band())
                bands[name, SENSORS[sensor].name] = low, high
        return bands

    def split(self, data: bytes) -> tuple[list[bytes], bytes]:
        if self.stanza.wire.send != self.stanza.driver.wire.send:
            return super().split(data)
        *requests, rest = data.split(b"\n")  # a carriage return may stand before it
        return [request.strip() for request in requests if request.strip()], rest

    def answer(self, request: str) -> str | None:
        if self.current_fault() == "disconnect":
            self._still_deaf = self.deaf
        if self._still_deaf:
            self._still_deaf -= 1
            return None
        answers = [self.answer_one(question.strip()) for question in request.split(";")]
        told = [answer for answer in answers if answer is not None]
        return ";".join(told) if told else None

    def answer_one(self, request: str) -> str | None:
        """Answer one question."""
        command, _, name = request.partition(" ")
        if command == "*IDN?":
            return f"LSCI,{self.model.example},SIM{self.seed:04d},1.9"
        if command == "*ESR?":
            return "0"  # no error since it was asked last
        if name not in self.inputs:
            return None
        over = self.current_fault() == "over_range"
        kelvin = STALE if name in self.disabled else self.kelvin[name]()
        if command == "KRDG?":
            return self.written(0.0 if over or name in self.no_curve else kelvin)
        if command == "SRDG?":
            return self.written(own_reading(kelvin, self.inputs[name] or "diode"))
        return (self.over if over else "000") if command == "RDGST?" else None

    def written(self, value: float) -> str:
        """Write a reading: a sign, five digits and the point."""
        decimals = max(0, 5 - max(1, len(str(int(abs(value))))))
        return f"{value:+.{decimals}f}"

    def channel_of(self, request: str) -> str:
        return request.partition(" ")[2]
