"""A Lake Shore 336, 350, 335 or 224 that exists only on a socket, or a pty: inputs, and outputs that are controlled by them."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..configured import Stanza
from ._lakeshore import LakeShoreSimulator
from .base import Signal

CODES = {"diode": 1, "resistor": 3, "thermocouple": 4, "capacitor": 5}
UNITS = {"kelvin": 1, "celsius": 2, "sensor": 3}
RANGES = {"1": 3, "2": 2, "3": 1, "4": 1}  # output -> range of its heater
NAMES = "ABCD"  # output 1 is controlled by the first, and so on
COLDEST_FIRST = 4.2  # K: set point of the first output; that of the next is higher by as much


class LakeShore336Simulator(LakeShoreSimulator):
    """Answers as a 336 does, or as the stanza's ``model``.

    ``units`` of all inputs: kelvin, celsius or sensor; ``mode`` of all outputs: 1 PID, 3 open loop. Both may be set at any time.
    """

    spared = {"over_range": (*(f"output{n}" for n in RANGES), *(f"setpoint{n}" for n in RANGES))}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", units: str = "kelvin", mode: int = 1):
        super().__init__(stanza, seed, plan)
        self.units, self.mode = units, mode
        names = [channel.id for channel in stanza.channels]
        # The units of a set point are those of the input that it is of.
        pairs = {name: f"setpoint{n}" for n, name in enumerate(NAMES, 1)}
        self.sharing = {name: (loop,) for name, loop in pairs.items() if name in names and loop in names}
        self.outputs = {n: Signal(60.0 * 0.7**i, 2.0, 0.1, 120, seed + 90 + i) for i, n in enumerate(RANGES)}

    def setpoint(self, output: str) -> float:
        """Tell the set point of an output's loop, in kelvin."""
        return COLDEST_FIRST * int(output)

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        bands = super().bands()
        for channel in self.stanza.channels:
            number = channel.id[-1]
            if channel.id.startswith("output"):
                low, high = self.outputs[number].band()
                bands[channel.id, "heater_output"] = low - 0.05, high + 0.05  # it is rounded
            elif channel.id.startswith("setpoint"):
                bands[channel.id, "setpoint"] = self.setpoint(number), self.setpoint(number)
        return bands

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        outputs = [channel.id for channel in self.stanza.channels if channel.id.startswith("output")]
        return {(name, "heater_range"): {RANGES[name[-1]]} for name in outputs}

    def answer_one(self, request: str) -> str | None:
        command, _, name = request.partition(" ")
        if command == "INTYPE?" and name in self.model.inputs:
            sensor = self.inputs.get(name) or "diode"
            return f"{0 if name in self.disabled else CODES[sensor]},0,0,0,{UNITS[self.units]}"
        if request in self.model.outputs.values():
            return f"{self.outputs[name]():+06.1f}"
        if name in self.model.outputs:
            kelvin = self.setpoint(name)
            return {
                "RANGE?": str(RANGES[name]),
                "OUTMODE?": f"{self.mode},{name if self.mode == 1 else 0},0",
                "SETP?": self.written(kelvin - 273.15 if self.units == "celsius" else kelvin),
            }.get(command)
        return super().answer_one(request)

    def channel_of(self, request: str) -> str:
        command, _, name = request.partition(" ")
        if command in ("HTR?", "AOUT?", "RANGE?"):
            return f"output{name}"
        return f"setpoint{name}" if command in ("SETP?", "OUTMODE?") else name


SIMULATOR = LakeShore336Simulator
