"""A Lake Shore 240 that exists only on a pty, or a socket."""

from __future__ import annotations

from ..configured import Stanza
from ._lakeshore import LakeShoreSimulator

CODES = {"diode": 1, "resistor": 3}


class LakeShore240Simulator(LakeShoreSimulator):
    """Answers as a 240 does: the first question after it was plugged in gets no answer."""

    over = "096"

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", deaf: int = 1):
        super().__init__(stanza, seed, plan, deaf)

    def answer_one(self, request: str) -> str | None:
        command, _, name = request.partition(" ")
        if command == "INTYPE?" and name in self.inputs:
            return f"{CODES[self.inputs[name] or 'diode']},0,0,0,1,{int(name not in self.disabled)}"
        return super().answer_one(request)

    def written(self, value: float) -> str:
        return f"{value:+08.2f}" if abs(value) >= 10 else f"{value:+08.4f}"


SIMULATOR = LakeShore240Simulator
