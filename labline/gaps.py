"""Cycles that were missed because a program did not run: between the last count of one, and the start of the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path


def missed(folder: Path, intervals: Mapping[str, float], ended_ns: int = 0) -> dict[str, int]:
    """Count the cycles that instruments missed, by name, from the files in which their programs kept count.

    A file is named ``instrument.pid.start`` (ns, UTC) and is written at each cycle: between its last time and the start
    of the next one lie the cycles that nobody ran. ``intervals`` are in s; ``ended_ns``: until when one should have run.
    """
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for file in folder.iterdir():
        name, *numbers = file.name.rsplit(".", 2)
        if name in intervals and len(numbers) == 2 and numbers[1].isdecimal():
            spans[name].append((int(numbers[1]), file.stat().st_mtime_ns))
    found = {}
    for name, runs in spans.items():
        runs.sort()
        starts = [start for start, _ in runs[1:]] + [ended_ns] * bool(ended_ns)
        cycles = sum(_between(ended, start, intervals[name]) for (_, ended), start in zip(runs, starts, strict=False))
        if cycles:
            found[name] = cycles
    return found


def _between(last_ns: int, next_ns: int, interval: float) -> int:
    """Count the cycles between two that were run; cycles lie at whole multiples of the interval."""
    length = max(1, round(interval * 1e9))
    return max(0, next_ns // length - last_ns // length - 1)
