"""Plays cases of an I²C bus: a transcript shows its transfers, cycle by cycle, as ``labline read --record`` writes them.

> 0x68 8c           one byte is sent to a chip
> 0x68 0c 4         a byte is sent, and four are read
< 00 fe 1c 0c       these come
< !                 no chip takes it (of either)
! closed            the bus is gone; it is back when the next cycle begins
---, --- 30s, # …   as in every transcript
"""

from __future__ import annotations

import errno
import threading
from pathlib import Path

from telegraf_inputs import stanza
from telegraf_inputs.simulators.i2c_bus import BusOnSocket
from tests.parts import transcript

PATIENCE = 10.0


class Form:
    """A bus on which the transcript's chips are."""

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self.pauses, self._cycles = transcript.cycles(folder, checked.interval)
        self._steps: list[str] = []
        self._complaints: list[str] = []
        self._closed = threading.Event()
        path = tmp_path / "i2c-1"
        self.url = f"i2c://{path}"
        self._path = path
        self._server = BusOnSocket(str(path), self._answer, lambda: not self._closed.is_set())

    def begin(self, cycle: int, instrument) -> None:
        self._steps, self._complaints = list(self._cycles[cycle]), []
        if self._steps[:1] == ["! closed"]:
            self._steps.pop(0)
            self._closed.set()
        else:
            self._closed.clear()
        wanted, waiting = not self._closed.is_set(), threading.Event()
        for _ in range(int(PATIENCE / 0.01)):
            if self._path.exists() == wanted:
                break
            waiting.wait(0.01)

    def end(self, cycle: int) -> list[str]:
        if self._steps:
            self._complaints.append(
                f"{len(self._steps)} lines of the transcript are left over, the first: {self._steps[0]}"
            )
        return self._complaints

    def close(self) -> None:
        self._server.stop()

    def _answer(self, address: int, byte: int, length: int) -> bytes:
        asked = f"> 0x{address:02x} {byte:02x}" + (f" {length}" if length else "")
        if not self._steps or self._steps[0] != asked:
            self._complaints.append(f"asked {asked!r}, but the transcript says {self._steps[:1]}")
            raise OSError(errno.EIO, "not in the transcript")
        self._steps.pop(0)
        said = self._steps.pop(0) if self._steps and self._steps[0].startswith("<") else ""
        if said == "< !":
            raise OSError(errno.EREMOTEIO, "nobody takes it")
        return bytes.fromhex(said.removeprefix("< "))
