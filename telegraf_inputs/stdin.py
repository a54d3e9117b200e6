"""What comes from Telegraf: newlines that set off a cycle, and the end of stdin, which ends the program.

A cycle that a newline asked for before the end is not interrupted at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable

from .stop import Stop, Waited, let_go_of

LAST_CYCLE_SECONDS = 1.0  # how long such a cycle may take, at the end of stdin
GLANCE_SECONDS = 0.02
STUCK_SECONDS = 2.0  # how long a library that can't be interrupted may hold up the end


END = b"!"


class Trigger:
    """The newlines that came for one instrument and were not taken yet."""

    def __init__(self, stop: Stop):
        self._stop = stop
        self._lock = threading.Lock()
        self.closed = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._let_go = let_go_of(self, self._read, self._write)

    def take(self, also: Waited | None = None, act: Callable[[], None] = lambda: None) -> int | None:
        """Wait for a newline; tells how many more had come, which are taken with it. None: there will be none any more.

        Whenever ``also`` has something meanwhile, ``act`` is called.
        """
        while not self._stop.is_set:
            waited: list[int | Waited] = [self._read, self._stop, *([also] if also is not None else [])]
            ready = select.select(waited, [], [])[0]
            if also in ready:
                act()
            if self._read in ready:
                came = os.read(self._read, 65536)
                newlines = came.count(b"\n")
                if END in came:
                    self.end()  # it stays the end for whoever asks again
                return newlines - 1 if newlines else None
        return None

    def put(self, newlines: int) -> None:
        """Add newlines."""
        self._say(b"\n" * newlines)

    def end(self) -> None:
        """Say that no more will come."""
        self._say(END)

    def close(self) -> None:
        """Let go of the pipe: nobody waits any more."""
        with self._lock:
            self.closed = True
            self._let_go()

    def _say(self, what: bytes) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):  # 64 KiB wait already
            if not self.closed:
                os.write(self._write, what)


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
                self._end()
            elif newlines := data.count(b"\n"):
                for trigger in self._triggers:
                    trigger.put(newlines)
        time.sleep(STUCK_SECONDS)
        self._on_stuck()

    def _end(self) -> None:
        """Ask to stop; what is read because of a newline that came before has a moment to end."""
        deadline = time.monotonic() + LAST_CYCLE_SECONDS
        for trigger in self._triggers:
            trigger.end()
        while time.monotonic() < deadline and not all(trigger.closed for trigger in self._triggers):
            if select.select([self._stop], [], [], GLANCE_SECONDS)[0]:
                break
        self._stop.set()
