"""Counts, for the ledger of a run, what Telegraf gathers of instruments that it reads itself: run by its outputs.execd.

Takes points as JSON, one a line, on stdin, and ends with it. A reading is a field of a quantity, as in every program.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .instrument import Made
from .ledger import VARIABLE

NOT_READINGS = {"status", "clock"}
NOTED_SECONDS = 1.0  # between two notes while points come fast


class NativeLedger:
    """Keeps a file for each instrument, as telegraf_inputs/ledger.py does; nothing of it is dropped, or late, that it knows."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._began = f"{os.getpid()}.{time.time_ns()}"
        self._made: dict[str, dict[tuple[str, str], Made]] = {}

    def count(self, point: dict[str, Any]) -> None:
        """Count the readings of one point."""
        tags = point["tags"]
        of_instrument = self._made.setdefault(tags["instrument"], {})
        made = of_instrument.setdefault((point["name"], tags["channel"]), Made(point["name"], tags["channel"]))
        made.add(len(point["fields"].keys() - NOT_READINGS), point["timestamp"])

    def note(self) -> None:
        """Write the files anew."""
        for instrument, channels in self._made.items():
            lines = "".join(
                f"{made.readings} {made.first_ns} {made.last_ns} {measurement} {channel}\n"
                for (measurement, channel), made in channels.items()
            )
            file = self._folder / f"{instrument}.{self._began}"
            new = file.with_name(f".{file.name}")  # whoever reads meanwhile reads a whole one
            new.write_text(f"0 0 0 0\n{lines}")
            new.replace(file)


def run(lines: Iterable[str], folder: Path) -> None:
    """Count points until there are no more."""
    ledger, noted = NativeLedger(folder), 0.0
    for line in lines:
        ledger.count(json.loads(line))
        if time.monotonic() - noted > NOTED_SECONDS:
            ledger.note()
            noted = time.monotonic()
    ledger.note()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its input, when all is counted
    run(sys.stdin, Path(os.environ[VARIABLE]))
