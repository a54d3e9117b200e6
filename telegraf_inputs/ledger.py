"""The count of what a program made and lost, for whoever started it."""

from __future__ import annotations

import os
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .instrument import Instrument
    from .writer import Writer


class Ledger:
    """Keeps count in a file of its own in the folder that LABLINE_LEDGER names.

    Its first line is ``dropped overruns errors``; each further one is ``made channel``. It is up to date after every
    cycle, so that even a process that is killed has its readings counted. When readings begin or cease to be dropped it
    is logged, once.
    """

    def __init__(self, instrument: Instrument, writer: Writer, log: Callable[[str, str], None]):
        self._instrument, self._writer, self._log = instrument, writer, log
        self._fd = self._open(os.environ.get("LABLINE_LEDGER"))
        self._failing = False
        self._lock = threading.Lock()
        self._closed = False
        self._dropped, self._losing, self._ended = 0, False, False
        self.note()

    def note(self) -> None:
        """Bring it up to date."""
        dropped = self._writer.dropped_readings
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
        elif self._losing and self._writer.waiting <= 1 and not self._closed:
            self._losing = False
            self._log("W", f"what is printed is taken again; {dropped} readings were dropped until now")
        self._dropped = dropped
        if self._fd is not None:
            i = self._instrument
            made = "".join(f"{count:<20} {channel}\n" for channel, count in i.made.items())
            try:
                os.pwrite(self._fd, f"{dropped:<20} {i.overruns:<20} {i.errors:<20}\n{made}".encode(), 0)
            except OSError as error:  # a full disk; the count is cumulative, and written anew each cycle
                if not self._failing:
                    self._log("W", f"LABLINE_LEDGER: can't keep count: {error.strerror}")
                self._failing = True

    def close(self, seconds: float) -> bool | None:
        """Wait for the last lines to be written, at most ``seconds``; tells whether all were. None: closed before."""
        with self._lock:
            if self._closed:
                return None
            self._closed = True
            written = self._writer.finish(seconds)
            self.note()
            return written

    def _open(self, folder: str | None) -> int | None:
        if not folder:
            return None
        file = os.path.join(folder, f"{self._instrument.stanza.name}.{os.getpid()}.{time.time_ns()}")
        try:
            return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            self._log("W", f"LABLINE_LEDGER: can't keep count in {folder}: {error.strerror}")
            return None
