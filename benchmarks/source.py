"""A program that prints as fast as Telegraf takes it, by the very way that the programs of telegraf_inputs do.

python -m benchmarks.source make BATCHES     points, made as instrument.py makes them
python -m benchmarks.source pass FILE        lines that are made already, in batches of the same size
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator

from telegraf_inputs.point import Point
from telegraf_inputs.writer import Writer

CHANNELS = 16  # of an instrument; a batch has a line more, its own
BATCHES_WAITING = 500  # then it waits a little, so that none is dropped


class Made:
    """A line that is made already, in the place of a Point."""

    __slots__ = ("_line",)
    readings = 0

    def __init__(self, line: str):
        self._line = line

    def line(self) -> str:
        """Give it."""
        return self._line


def batch(number: int) -> list[Point]:
    """Make one cycle's points."""
    now = 1_700_000_000_000_000_000 + number * 1_000_000
    made = []
    for channel in range(CHANNELS):
        fields = {"temperature": 4.2 + channel + number * 1e-7, "resistance": 1234.5 + number * 1e-5, "status": "ok"}
        made.append(Point("lakeshore_372", {"instrument": "cryostat", "channel": str(channel)}, fields, now, 2))
    own = {
        "up": 1,
        "read_seconds": 0.0512,
        "errors": 0,
        "reconnects": 0,
        "overruns": 0,
        "dropped": 0,
        "readings": number,
        "state": "ok",
    }
    made.append(Point("instrument", {"instrument": "cryostat", "driver": "lakeshore_372"}, own, now))
    return made


def passed(file: str) -> list[list[Made]]:
    """Read a file's lines, in batches."""
    with open(file) as lines:
        made = [Made(line) for line in lines]
    return [made[start : start + CHANNELS + 1] for start in range(0, len(made), CHANNELS + 1)]


def main(what: str, which: str) -> int:
    """Print it all, and then rest until stdin ends."""
    batches: Iterator[list[Point]] | Iterator[list[Made]]
    batches = map(batch, range(int(which))) if what == "make" else iter(passed(which))
    writer = Writer(1, lambda: None)
    for each in batches:
        while writer.waiting > BATCHES_WAITING:
            time.sleep(0.0005)
        writer.put(each)  # type: ignore[arg-type]
    writer.finish(60)
    sys.stdin.read()
    return 1 if writer.dropped_lines else 0


if __name__ == "__main__":
    sys.exit(main(*itertools.islice(sys.argv, 1, 3)))
