"""The count of what a program made and lost of one instrument, for whoever started it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from .instrument import Instrument
from .writer import Writer

VARIABLE = "LABLINE_LEDGER"
# The point, and its field, by which a script of Telegraf tells how many readings it threw away.
DISCARDED, COUNT = "labline_discarded", "readings"


class Ledger:
    """Keeps count in a file of its own in the folder that LABLINE_LEDGER names.

    Its first line is ``dropped overruns errors discarded``; each further one is ``made first_ns last_ns measurement
    channel``: how many readings, those that came too fast to be taken included, and the span of the others' times (ns,
    UTC); what is of before the program began has a line of its own. It is up to date after every cycle, so that even a process that is killed has its readings counted. When readings
    begin or cease to be dropped it is logged, once.
    """

    def __init__(self, instrument: Instrument, writer: Writer, log: Callable[[str, str], None]):
        self._instrument, self._writer, self._log = instrument, writer, log
        self._fd = self._open(os.environ.get(VARIABLE))
        self._failing = False
        self._dropped, self._losing, self._ended = 0, False, False
        self._too_fast = 0
        self.note()

    def note(self, *, last: bool = False) -> None:
        """Bring it up to date; ``last``: nothing is written any more."""
        self._instrument.dropped = self._writer.dropped[self._instrument.stanza.name]
        self._tell(last)
        if self._fd is None:
            return
        i = self._instrument
        numbers = (i.lost, i.overruns, i.errors, i.discarded)
        dropped = dict(i.inbox.dropped_of)
        lines, earlier = [], []
        for made in list(i.made.values()):
            (readings, first_ns, last_ns), *before = made.spans
            readings += dropped.pop(made.channel, 0)
            lines.append(_line(readings, first_ns, last_ns, made.measurement, made.channel))
            earlier += [_line(*span, made.measurement, made.channel) for span in before]
        # Of a channel that is found in the data all may be dropped before one was taken up.
        lines += [_line(count, 0, 0, "-", channel) for channel, count in dropped.items() if channel]
        noted = "".join([*lines, *earlier])
        try:
            os.pwrite(self._fd, f"{' '.join(f'{n:<20}' for n in numbers)}\n{noted}".encode(), 0)
        except OSError as error:  # a full disk; the count is cumulative, and written anew each cycle
            if not self._failing:
                self._log("W", f"{VARIABLE}: can't keep count: {error.strerror}")
            self._failing = True
        if last:
            os.close(self._fd)
            self._fd = None

    def _tell(self, last: bool) -> None:
        dropped, too_fast = self._instrument.dropped, self._instrument.inbox.dropped
        if too_fast and not self._too_fast:
            self._log("W", "it says more than can be taken; readings are dropped, and counted")
        self._too_fast = too_fast
        if self._writer.trouble:
            if not self._ended:
                self._log(
                    "E", f"can't write to stdout: {self._writer.trouble}; what is not written is counted as dropped"
                )
            self._ended = True
        elif dropped > self._dropped and not self._losing:
            self._losing = True
            self._log(
                "W",
                "nobody takes what is printed (Telegraf is stopped or busy); the oldest readings are dropped, and counted",
            )
        elif self._losing and self._writer.waiting <= 1 and not last:
            self._losing = False
            self._log("W", f"what is printed is taken again; {dropped} readings were dropped until now")
        self._dropped = dropped

    def _open(self, folder: str | None) -> int | None:
        if not folder:
            return None
        file = os.path.join(folder, f"{self._instrument.stanza.name}.{os.getpid()}.{time.time_ns()}")
        try:
            return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            self._log("W", f"{VARIABLE}: can't keep count in {folder}: {error.strerror}")
            return None


def _line(readings: int, first_ns: int, last_ns: int, measurement: str, channel: str) -> str:
    return f"{readings:<20} {first_ns:<20} {last_ns:<20} {measurement} {channel}\n"
