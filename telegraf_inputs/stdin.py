"""What comes from Telegraf: newlines that set off a cycle, and the end of stdin, which ends the program."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable

from .stop import Stop, Waited

STUCK_SECONDS = 2.0  # how long a library that can't be interrupted may hold up the end


class Trigger:
    """The newlines that came for one instrument and were not taken yet."""

    def __init__(self, stop: Stop):
        self._stop = stop
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def take(self, also: Waited | None = None, act: Callable[[], None] = lambda: None) -> int:
        """Wait for a newline, or the request to stop; tells how many more had come, which are taken with it.

        Whenever ``also`` has something meanwhile, ``act`` is called.
        """
        while not self._stop.is_set:
            waited: list[int | Waited] = [self._read, self._stop, *([also] if also is not None else [])]
            ready = select.select(waited, [], [])[0]
            if also in ready:
                act()
            if self._read in ready:
                return len(os.read(self._read, 65536)) - 1
        return 0

    def put(self, newlines: int) -> None:
        """Add newlines."""
        with contextlib.suppress(BlockingIOError):  # 64 KiB of them wait already
            os.write(self._write, b"\n" * newlines)


class Stdin:
    """Watches stdin from a thread of its own; by hand (``fd`` None) there is none to watch.

    Where the program is still there ``STUCK_SECONDS`` after its end, or any request to stop, ``on_stuck`` is called.
    """

    def __init__(self, stop: Stop, on_stuck: Callable[[], None], fd: int | None = 0):
        self._stop, self._on_stuck, self._fd = stop, on_stuck, fd
        self._triggers: list[Trigger] = []

    def start(self) -> None:
        """Begin to watch: what comes before is lost to nobody."""
        threading.Thread(target=self._run, daemon=True, name="stdin").start()

    def trigger(self, stop: Stop) -> Trigger:
        """Give an instrument, which ``stop`` ends, its own view of the newlines that come from here on."""
        made = Trigger(stop)
        self._triggers.append(made)
        return made

    def _run(self) -> None:
        stop, fd = self._stop.fileno(), self._fd
        while stop not in select.select([stop] if fd is None else [stop, fd], [], [])[0]:
            data = b""
            with contextlib.suppress(OSError):
                data = os.read(fd, 65536) if fd is not None else b""
            if not data:
                self._stop.set()
            elif newlines := data.count(b"\n"):
                for trigger in self._triggers:
                    trigger.put(newlines)
        time.sleep(STUCK_SECONDS)
        self._on_stuck()
