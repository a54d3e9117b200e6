"""Pauses: an instrument is let go of for a while, because a file beside its stanza says until when.

``NAME.pause`` holds the end, in seconds since 1970; ``NAME.paused`` has the same once the program has let go of the
instrument. One that is over means nothing, and so does one that can't be read.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from .configured import Stanza
from .point import Point

LONGEST_SECONDS = 7 * 86400.0  # a pause that is forgotten must end
MOMENT = re.compile(r"\d{1,12}(?:\.\d{1,9})?\Z", re.ASCII)


def asked(folder: str) -> Callable[[str], str]:
    """Tell where the pause of an instrument stands, whose stanza is in ``folder``."""
    return lambda name: os.path.join(folder, f"{name}.pause")


def taken(folder: str) -> Callable[[str], str]:
    """Tell where a program says that it has let go of an instrument."""
    return lambda name: os.path.join(folder, f"{name}.paused")


def until(file: str) -> float:
    """Tell until when (s since 1970) a file says that there is a pause; 0 for none, and for one that is over."""
    try:
        with open(file, encoding="ascii", errors="replace") as opened:
            text = opened.read(40).strip()
    except OSError:
        return 0.0
    now = time.time()
    end = float(text) if MOMENT.match(text) else 0.0
    return min(end, now + LONGEST_SECONDS) if end > now else 0.0


def write(file: str, end: float) -> None:
    """Say until when; the file is whole whenever it is read. Raises OSError."""
    new = f"{file}.{os.getpid()}"
    with open(new, "w", encoding="ascii") as opened:
        opened.write(f"{end:.3f}\n")
    os.replace(new, file)


def clear(*files: str) -> None:
    """Remove files that may be there. Raises OSError."""
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)


@dataclass
class Pause:
    """An instrument that a program has let go of; ``next_report`` is in monotonic seconds."""

    stanza: Stanza
    told: bool = False
    next_report: float = 0.0

    @property
    def end(self) -> float:
        """Tell when it ends (s since 1970); 0 where it is over."""
        return until(asked(self.stanza.folder)(self.stanza.name))

    def report(self) -> list[Point]:
        """Make the instrument's own point, when it is time for one."""
        now, end = time.monotonic(), self.end
        if now < self.next_report or not end:
            return []
        self.next_report = now + max(1.0, self.stanza.interval)
        tags = {"instrument": self.stanza.name, "driver": self.stanza.driver.name, **self.stanza.tags}
        left = max(1, round(end - time.time()))
        return [Point("instrument", tags, {"up": 0, "paused": left, "state": "paused"}, time.time_ns())]

    def acknowledge(self) -> None:
        """Say, once, that the instrument is let go of."""
        with contextlib.suppress(OSError):  # the folder may be another user's
            if not self.told:
                write(taken(self.stanza.folder)(self.stanza.name), self.end)
        self.told = True

    def over(self) -> None:
        """Take back what was said."""
        with contextlib.suppress(OSError):
            clear(taken(self.stanza.folder)(self.stanza.name))
