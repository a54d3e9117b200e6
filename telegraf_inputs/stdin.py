"""What comes from Telegraf: newlines that set off a cycle, and the end of stdin, which ends the program."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Stop

STUCK_SECONDS = 2.0  # how long a library that can't be interrupted may hold up the end


class Stdin:
    """Watches stdin from a thread of its own; by hand (``fd`` None) there is none to watch.

    Where the program is still there ``STUCK_SECONDS`` after its end, or any request to stop, ``on_stuck`` is called.
    """

    def __init__(self, stop: Stop, on_stuck: Callable[[], None], fd: int | None = 0):
        self._stop, self._on_stuck, self._fd = stop, on_stuck, fd
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        threading.Thread(target=self._run, daemon=True, name="stdin").start()

    def take(self) -> int:
        """Wait for a newline, or the request to stop; tells how many more had come, which are taken with it."""
        select.select([self._read, self._stop.fileno()], [], [])
        return 0 if self._stop.is_set else len(os.read(self._read, 65536)) - 1

    def _run(self) -> None:
        stop, fd = self._stop.fileno(), self._fd
        while stop not in select.select([stop] if fd is None else [stop, fd], [], [])[0]:
            data = b""
            with contextlib.suppress(OSError):
                data = os.read(fd, 65536) if fd is not None else b""
            if not data:
                self._stop.set()
            elif newlines := data.count(b"\n"):
                with contextlib.suppress(BlockingIOError):  # 64 KiB of them wait already
                    os.write(self._write, b"\n" * newlines)
        time.sleep(STUCK_SECONDS)
        self._on_stuck()
