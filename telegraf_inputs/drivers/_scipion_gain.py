"""The summary of gains that Scipion's protocols write: a line a movie, without a time."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from ..errors import BadAnswer
from ..source import number

SUMMARY = "summaryForMonitor.txt"
NUMBERS = 4  # stddev, p2.5, p97.5, maximum


@dataclass
class Gain:
    """One line; ``count`` is its number, from 1. ``why`` says why it can't be read ("" where it can)."""

    movie: str
    count: int
    time_ns: int
    values: dict[str, Any]
    why: str = ""


def read_gains(path: str, place: tuple[int, str], most: int) -> list[Gain]:
    """Read the lines behind a place (how many, and the last one's movie), ``most`` at most. Raises OSError.

    The file says no times: the newest line has the time at which the file was written, and each before it a nanosecond less. A line
    that is not ended waits for its end.
    """
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
        written_ns = os.fstat(file.fileno()).st_mtime_ns
    names = [line.partition(b":")[0].strip().decode("utf-8", "replace") for line in lines]
    first = _behind(names, place)
    return [
        _gain(names[index], lines[index].decode("utf-8", "replace"), index + 1, written_ns - (len(lines) - 1 - index))
        for index in range(first, min(first + most, len(lines)))
    ]


def last_place(path: str) -> tuple[int, str]:
    """Tell the place behind the last line. Raises OSError."""
    found = read_gains(path, (0, ""), 10**9)
    return (found[-1].count, found[-1].movie) if found else (0, "")


def _behind(names: list[str], place: tuple[int, str]) -> int:
    """Find where to go on: behind the line that was the last, wherever it is now; at the beginning of another file."""
    count, movie = place
    if not count or names[count - 1 : count] == [movie]:
        return count
    return names.index(movie) + 1 if movie in names else 0


def _gain(movie: str, line: str, count: int, time_ns: int) -> Gain:
    texts = line.rpartition(":")[2].split()
    if not movie or len(texts) != NUMBERS:
        return Gain(movie, count, time_ns, {}, f"found {line[:60]!r}, expected `movie: stddev p2.5 p97.5 maximum`")
    try:
        stddev, low, high, most = (math.nan if text in ("nan", "inf", "-inf") else number(text) for text in texts)
    except BadAnswer as error:
        return Gain(movie, count, time_ns, {}, str(error))
    values = {
        "stddev": stddev,
        "p025": low,
        "p975": high,
        "maximum": most,
        "p975_to_p025": high / low if low else math.nan,
        "max_to_p975": most / high if high else math.nan,
    }
    known = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return Gain(movie, count, time_ns, {**known, "movie": movie})
