"""A Julabo circulator on a pty or a socket: a bath with its heater, an external sensor, stored set points."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..configured import Stanza
from ..drivers._julabo_models import MODELS
from .base import Signal, TextSimulator

STORED = (15.0, 20.0, -10.0)  # °C
ABSENT = "---.--"
VERSIONS = {
    "cf41": "JULABO CRYOCOMPACT CF41 VERSION 5.0",
    "hightech": "JULABO HIGHTECH FL HL/SL VERSION 4.0",
    "toptech": "JULABO TOPTECH-SERIES MC-2 VERSION 3.0",
    "presto": "JULABO PRESTO A40 VERSION 1.0",
    "magio": "JULABO MAGIO MS-1000F VERSION 1.1.2",
    "corio": "JULABO CORIO CD-200F VERSION 1.0",
    "fl": "JULABO FL VERSION 1.2",
    "fc": "JULABO FP50_MH VERSION 1.0",
}
NAMELESS = "V 2.10"  # what the others say


class JulaboSimulator(TextSimulator):
    """Answers as a Julabo does: the stanza's ``model``, or a CF41; what that does not know it does not answer, and says so in STATUS.

    ``external=False``: no external sensor is there; ``running=False``: it is stopped.
    """

    send_terminator = b"\r\n"
    spared = {"over_range": ("heater", "circulator", "setpoint", "setpoint_1", "setpoint_2", "setpoint_3")}
    sharing = {"setpoint_1": ("setpoint",)}  # the first is in use
    variants = {
        "fc": {"model": "fc", "channels": dict.fromkeys(("bath", "external", "setpoint", "heater", "circulator"))}
    }
    optional = ("IN_SP_06", "IN_MODE_01", "IN_MODE_04")

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", external: bool = True, running: bool = True):
        super().__init__(stanza, seed, plan)
        self.external, self.running = external, running
        name = stanza.options["model"] or "cf41"
        self.model, self.version = MODELS[name], VERSIONS.get(name, NAMELESS)
        self.bath = Signal(STORED[0], 0.05, 0.01, 300, seed)
        self.plate = Signal(STORED[0] + 2.5, 0.3, 0.01, 600, seed + 1)
        self.power = Signal(35.0, 5.0, 1.0, 120, seed + 2)
        self._invalid = False  # it was asked what it does not know

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
        told: dict[tuple[str, str], Container[Any]] = {("circulator", "status_code"): {2, 3, -5}}
        if self.model.selects:
            told["setpoint", "setpoint_number"] = {1}
        if self.model.controls:
            told["setpoint", "external_control"] = {False}
        return {(c.id, q): told[c.id, q] for c in self.stanza.channels for q in c.quantities if (c.id, q) in told}

    def answer(self, request: str) -> str | None:
        answer = self._answers().get(request)
        if answer is None:
            self._invalid = True
        elif request == "STATUS" and self._invalid:
            self._invalid = False
            return "-14 INVALID COMMAND" if self.model.by_words else "-08 INVALID COMMAND"
        return answer

    def _answers(self) -> dict[str, str]:
        over = self.current_fault() == "over_range"
        start, stop = (
            ("04 REMOTE START", "02 REMOTE STOP") if self.model.by_words else ("03 REMOTE START", "02 REMOTE STOP")
        )
        told = {
            "bath": ABSENT if over else f"{self.bath():.2f}",
            "heater": f"{self.power():.0f}" if self.running else "0",
            "external": ABSENT if over or not self.external else f"{self.plate():.2f}",
            "circulator": "-05 WORKING SENSOR ALARM" if over else start if self.running else stop,
            "setpoint": f"{STORED[0]:.2f}",
            **{f"setpoint_{n}": f"{celsius:.2f}" for n, celsius in enumerate(STORED, 1)},
        }
        answers = {question: told[channel] for channel, question in self.model.questions.items()}
        if self.model.selects:
            answers["IN_MODE_01"] = "0"
        if self.model.controls:
            answers["IN_MODE_04"] = "0"
        if self.model.unit:
            answers[self.model.unit] = "0"
        return {**answers, "VERSION": self.version}

    def channel_of(self, request: str) -> str:
        channels = {question: channel for channel, question in self.model.questions.items()}
        channels |= dict.fromkeys(("IN_MODE_01", "IN_MODE_04"), "setpoint")
        stored = any(channel.id == "setpoint_1" for channel in self.stanza.channels)
        return channels.get(request, "") if request != "IN_SP_00" else "setpoint_1" if stored else "setpoint"


SIMULATOR = JulaboSimulator
