"""A Julabo circulator on a pty or a socket: a bath with its heater, an external sensor, three stored set points."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..configured import Stanza
from ..drivers.julabo import QUESTIONS
from .base import Signal, TextSimulator

STORED = (15.0, 20.0, -10.0)  # °C
ABSENT = "---.--"
CHANNELS = {question: channel for channel, question in QUESTIONS.items()} | {
    "STATUS": "circulator",
    "IN_PV_01": "heater",
    "IN_MODE_01": "setpoint",
    "IN_MODE_04": "setpoint",
}


class JulaboSimulator(TextSimulator):
    """Answers as a Julabo does. ``external=False``: no external sensor is there; ``running=False``: it is stopped."""

    send_terminator = b"\r\n"
    spared = {"over_range": ("heater", "circulator", "setpoint", "setpoint_1", "setpoint_2", "setpoint_3")}

    sharing = {"setpoint_1": ("setpoint",)}  # the first is in use

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", external: bool = True, running: bool = True):
        super().__init__(stanza, seed, plan)
        self.external, self.running = external, running
        self.bath = Signal(STORED[0], 0.05, 0.01, 300, seed)
        self.plate = Signal(STORED[0] + 2.5, 0.3, 0.01, 600, seed + 1)
        self.power = Signal(35.0, 5.0, 1.0, 120, seed + 2)

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        low, high = self.power.band()
        told = {
            ("bath", "temperature"): self.bath.band(),
            ("external", "temperature"): self.plate.band(),
            ("setpoint", "setpoint"): (STORED[0], STORED[0]),
            ("heater", "heating_power"): (low - 0.5, high + 0.5),  # rounded to whole numbers
            **{(f"setpoint_{n}", "stored_setpoint"): (celsius, celsius) for n, celsius in enumerate(STORED, 1)},
        }
        return {(c.id, q): told[c.id, q] for c in self.stanza.channels for q in c.quantities if (c.id, q) in told}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        told: dict[tuple[str, str], Container[Any]] = {
            ("setpoint", "setpoint_number"): {1},
            ("setpoint", "external_control"): {False},
            ("circulator", "status_code"): {2, 3, -5},
        }
        return {(c.id, q): told[c.id, q] for c in self.stanza.channels for q in c.quantities if (c.id, q) in told}

    def answer(self, request: str) -> str | None:
        over = self.current_fault() == "over_range"
        running = "03 REMOTE START" if self.running else "02 REMOTE STOP"
        answers = {
            "VERSION": "JULABO TOPTECH-SERIES MC-2 VERSION 3.0",
            "STATUS": "-05 WORKING SENSOR ALARM" if over else running,
            "IN_PV_00": ABSENT if over else f"{self.bath():.2f}",
            "IN_PV_01": f"{self.power():.0f}" if self.running else "0",
            "IN_PV_02": ABSENT if over or not self.external else f"{self.plate():.2f}",
            "IN_SP_06": "0",
            "IN_MODE_01": "0",
            "IN_MODE_04": "0",
            **{f"IN_SP_0{index}": f"{celsius:.2f}" for index, celsius in enumerate(STORED)},
        }
        return answers.get(request)  # what it does not know it does not answer

    def channel_of(self, request: str) -> str:
        return CHANNELS.get(request, "")


SIMULATOR = JulaboSimulator
