"""InfluxDB's write-ahead log after a bad end: a start cuts off what is torn, but writes on as if it were still there.

InfluxDB 1.6 goes on at the old end of the file: what it takes then is shown, and gone at its next start. So a log that may
be torn is read by a start that nobody can reach, and then by another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from . import told

TORN = "File corrupt"  # in InfluxDB's own log, of a file that it cuts off
COMPLETED = b"Server shutdown completed"  # the last line of an end in order
HEAD = 5  # bytes before each entry: its kind, and the length of what follows, four bytes, the highest first
KINDS = (1, 2, 3)  # write, delete, delete a range
TAIL = 4096  # bytes of InfluxDB's own log that are looked at
# How often one start follows another; the first one mends, the second one finds nothing.
MOST_STARTS = 6


def doubtful(directory: Path) -> bool:
    """Tell whether the log of the InfluxDB in ``directory`` may be torn: it was killed, or could not write all."""
    return torn(directory, _ended_in_order(directory / "influxd.log"))


def torn(directory: Path, ended_in_order: bool) -> bool:
    """Tell the same, where it is known whether it ended in order."""
    files = sorted((directory / "wal").glob("*/*/*/*.wal"))
    return bool(files) and (not ended_in_order or any(map(_torn, files)))


def stays_torn(log: Path) -> str:
    """Say that no start finds it whole."""
    return (
        f"InfluxDB's write-ahead log stays torn, after {MOST_STARTS} starts; what would be written now would be "
        f"gone at the next one. Is the disk well? The log is in {told.path(log)}"
    )


def _ended_in_order(log: Path) -> bool:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            lines = file.read().splitlines()
    except OSError:
        return False
    return bool(lines) and COMPLETED in lines[-1]


def _torn(path: Path) -> bool:
    """Tell whether a file of the log ends amid an entry."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        end = 0
        for end in _ends(file):
            if end > size:
                return True
    return end != size


def _ends(file: IO[bytes]) -> Iterator[int]:
    """Give where each entry ends, as far as they are entries."""
    end = 0
    while len(head := file.read(HEAD)) == HEAD and head[0] in KINDS:
        end += HEAD + int.from_bytes(head[1:], "big")
        yield end
        file.seek(end)
