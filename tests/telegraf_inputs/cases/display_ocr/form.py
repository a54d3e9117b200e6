"""Plays cases of displays: a transcript tells, picture by picture, what the displays show.

shows foreline=1.3E-5 | bath= 12.34    a character a place, a point behind that whose point shines
moved 30 0                             as before, all so many pixels to the right and down
same                                   the picture before once more, bit for bit
torn                                   the first half of the picture before
---, --- 30s, # …                      as in every transcript
"""

from __future__ import annotations

from pathlib import Path

from telegraf_inputs import stanza
from telegraf_inputs.simulators.display_ocr import DisplayOcrSimulator
from tests.parts import transcript


class Form:
    """A camera before displays that show what the transcript says."""

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self.pauses, self._cycles = transcript.cycles(folder, checked.interval)
        self._steps: list[str] = []
        self._complaints: list[str] = []
        self._last = b""
        self._simulator = DisplayOcrSimulator(checked)
        self._simulator.answer = self._answer
        self._simulator.start()
        self.url = self._simulator.url

    def begin(self, cycle: int, instrument) -> None:
        self._steps, self._complaints = list(self._cycles[cycle]), []

    def end(self, cycle: int) -> list[str]:
        if self._steps:
            self._complaints.append(f"{len(self._steps)} pictures are left over, the first: {self._steps[0]}")
        return self._complaints

    def close(self) -> None:
        self._simulator.stop()

    def _answer(self) -> bytes:
        if not self._steps:
            self._complaints.append("a picture was asked for that is not in the transcript")
            return self._last
        kind, _, rest = self._steps.pop(0).partition(" ")
        if kind == "torn":
            return self._last[: len(self._last) // 2]
        if kind == "shows":
            self._simulator.shows = dict(shown.split("=") for shown in rest.split(" | "))
        elif kind == "moved":
            self._simulator.displaced = tuple(map(int, rest.split()))
        if kind != "same":
            self._last = self._simulator.picture()
        return self._last
