"""A Lake Shore 218 that exists only on a pty, or a socket."""

from __future__ import annotations

from ._lakeshore import LakeShoreSimulator

CODES = {"diode": "0", "resistor": "2"}
GROUPS = {"A": "1234", "B": "5678"}


class LakeShore218Simulator(LakeShoreSimulator):
    """Answers as a 218 does; the sensors of a group of inputs are of the kind that the first of them in the stanza has."""

    # A stray status word, three digits, is no answer to what has one digit: that question's channel alone tells.
    states = {"stray": {"garbled", "degraded"}}

    def answer_one(self, request: str) -> str | None:
        command, _, name = request.partition(" ")
        if command == "INPUT?" and name in self.inputs:
            return str(int(name not in self.disabled))
        if command == "INTYPE?" and name in GROUPS:
            kinds = [kind for channel, kind in self.inputs.items() if channel in GROUPS[name] and kind]
            return CODES[kinds[0] if kinds else "diode"]
        return super().answer_one(request)

    def channel_of(self, request: str) -> str:
        command, _, name = request.partition(" ")
        inputs = [channel for channel in self.inputs if channel in GROUPS.get(name, "")]
        return (inputs[0] if len(inputs) == 1 else "") if command == "INTYPE?" else name


SIMULATOR = LakeShore218Simulator
