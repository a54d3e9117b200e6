"""Counts, for the ledger of a run, what Telegraf gathers of instruments that it reads itself: run by its outputs.execd.

Takes points as JSON, one a line, on stdin, and ends with it. A reading is a field of a quantity, as in every program.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .declare import MARKS
from .ledger import COUNT, DISCARDED, VARIABLE
from .made import Made

NOTED_SECONDS = 1.0  # between two notes while points come fast
REMEMBERED = 100  # points of each channel, for whoever counts after Telegraf was started anew


ChannelKey = tuple[str, str]  # measurement and name


class NativeLedger:
    """Keeps a file for each instrument, as telegraf_inputs/ledger.py does; nothing of it is dropped, or late, that it knows.

    To a Telegraf that was started anew a broker says again what it retains, and what it was not told to be written: where
    that has a time of its own it is the same point again, and was counted by the program before this one.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._since_ns = time.time_ns()
        self._began = f"{os.getpid()}.{self._since_ns}"
        self._made: dict[str, dict[ChannelKey, Made]] = {}
        self._newest: dict[str, dict[ChannelKey, deque[str]]] = {}
        self._counted: dict[str, set[str]] = {}  # the points that were counted before, by instrument
        self._discarded: Counter[str] = Counter()

    def count(self, point: dict[str, Any]) -> None:
        """Count the readings of one point."""
        tags = point["tags"]
        if point["name"] == DISCARDED:
            self._discarded[tags["instrument"]] += point["fields"][COUNT]
            return
        name, channel = tags["instrument"], (point["name"], tags["channel"])
        readings = {key: value for key, value in point["fields"].items() if key not in MARKS}
        said = json.dumps([*channel, point["timestamp"], readings], sort_keys=True)
        if name not in self._newest:
            self._newest[name] = defaultdict(lambda: deque(maxlen=REMEMBERED), self._left(name))
            self._counted[name] = {line for lines in self._newest[name].values() for line in lines}
        if said in self._counted[name]:
            self._counted[name].remove(said)
            return
        self._newest[name][channel].append(said)
        made = self._made.setdefault(name, {}).setdefault(channel, Made(*channel, since_ns=self._since_ns))
        made.add(len(readings), point["timestamp"])

    def note(self) -> None:
        """Write the files anew."""
        for instrument in self._made.keys() | self._discarded.keys():
            lines = "".join(
                f"{readings} {first_ns} {last_ns} {measurement} {channel}\n"
                for (measurement, channel), made in self._made.get(instrument, {}).items()
                for readings, first_ns, last_ns in made.spans
            )
            self._write(f"{instrument}.{self._began}", f"0 0 0 {self._discarded[instrument]}\n{lines}")

    def leave(self) -> None:
        """Write down for the next one which points were counted last."""
        for instrument, channels in self._newest.items():
            self._write(_left_by(instrument), "".join(f"{line}\n" for lines in channels.values() for line in lines))

    def _left(self, instrument: str) -> dict[ChannelKey, deque[str]]:
        """Read which points the program before this one counted last."""
        found: dict[ChannelKey, deque[str]] = {}
        with contextlib.suppress(OSError, ValueError):
            for line in (self._folder / _left_by(instrument)).read_text(encoding="utf-8").splitlines():
                measurement, channel, *_ = json.loads(line)
                found.setdefault((measurement, channel), deque(maxlen=REMEMBERED)).append(line)
        return found

    def _write(self, name: str, text: str) -> None:
        new = self._folder / f".{name.lstrip('.')}.new"  # whoever reads meanwhile reads a whole one
        new.write_text(text, encoding="utf-8")
        new.replace(self._folder / name)


def _left_by(instrument: str) -> str:
    return f".{instrument}.newest"


def run(lines: Iterable[str], folder: Path) -> None:
    """Count points until there are no more."""
    ledger, noted = NativeLedger(folder), 0.0
    for line in lines:
        ledger.count(json.loads(line))
        if time.monotonic() - noted > NOTED_SECONDS:
            ledger.note()
            noted = time.monotonic()
    ledger.note()
    ledger.leave()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its input, when all is counted
    run(sys.stdin, Path(os.environ[VARIABLE]))
