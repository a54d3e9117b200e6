"""What an agent of OCS publishes: blocks of samples, each with its time, and a heartbeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BadAnswer

HEARTBEAT = "heartbeat"
LATEST = 1e10  # seconds since 1970: the year 2286
MICROSECONDS = 1e6  # a time in seconds, as a float, is no finer


@dataclass(frozen=True)
class Sample:
    """What a block says of one moment: the values by field, and when (ns, UTC, by the agent's clock)."""

    values: Mapping[str, Any]
    time_ns: int


def feed_of(arguments: list[Any]) -> tuple[str, dict[str, Any], bool]:
    """Take the feed's name, its message, and whether it is one of samples (``record``), out of an event. Raises BadAnswer."""
    content = arguments[0] if arguments else None
    if isinstance(content, list) and len(content) == 2 and all(isinstance(each, dict) for each in content):
        message, about = content
        if isinstance(name := about.get("feed_name"), str):
            return name, message, bool(about.get("record", True))
    raise BadAnswer(f"found {str(content)[:60]!r}, expected what an agent of OCS publishes: a message and its feed")


def samples(message: Mapping[str, Any]) -> Iterator[Sample | BadAnswer]:
    """Read the blocks of a message: their samples; in the place of one that is none, why."""
    for name, block in message.items():
        data = block.get("data") if isinstance(block, dict) else None
        if not isinstance(data, dict):
            yield BadAnswer(f"block {name!r}: found {str(block)[:60]!r}, expected its data and timestamps")
            continue
        times, columns = block.get("timestamps"), data
        if times is None and "timestamp" in block:  # one sample alone
            times, columns = [block["timestamp"]], {field: [value] for field, value in data.items()}
        if not isinstance(times, list):
            yield BadAnswer(f"block {name!r}: found {str(times)[:60]!r}, expected timestamps")
            continue
        fitting = {f: c for f, c in columns.items() if isinstance(c, list) and len(c) == len(times)}
        for field in set(columns) - set(fitting):
            yield BadAnswer(f"block {name!r}: {field!r} has not a value for each of {len(times)} times")
        for row, moment in enumerate(times):
            if isinstance(moment, bool) or not isinstance(moment, (int, float)) or not 0 <= moment < LATEST:
                yield BadAnswer(f"block {name!r}: found the time {str(moment)[:40]!r}, expected seconds since 1970")
            else:
                time_ns = round(moment * MICROSECONDS) * 1000
                yield Sample({field: column[row] for field, column in fitting.items()}, time_ns)
