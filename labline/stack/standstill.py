"""Processes that are there and do not get on: stopped (SIGSTOP, a frozen container), or held by the kernel."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

STOPPED_SECONDS = 3.0  # one that is stopped for as long stands still
UNSCHEDULED_SECONDS = 15.0  # one that is never idle, and for as long was given no processor
STOPPED, ENDED = "Tt", "ZX"


class Standstill:
    """Looks at one process now and then; ``idles``: it may have nothing to do for as long as it likes."""

    def __init__(self, *, idles: bool):
        self._idles = idles
        self._pid = 0
        self._switches = -1
        self._since = self._stopped_since = 0.0

    def look(self, pid: int) -> str:
        """Tell in what way it stands still; "" where it does not."""
        now = time.monotonic()
        if pid != self._pid:
            self._pid, self._switches, self._since, self._stopped_since = pid, -1, now, 0.0
        letter = state(pid)
        if letter in STOPPED:
            self._stopped_since = self._stopped_since or now
            return "it was stopped (SIGSTOP)" if now - self._stopped_since >= STOPPED_SECONDS else ""
        self._stopped_since = 0.0
        if self._idles or letter in ENDED:
            return ""
        if (switches := _switches(pid)) != self._switches:
            self._switches, self._since = switches, now
        seconds = now - self._since
        return f"it does nothing for {seconds:.0f} s" if seconds >= UNSCHEDULED_SECONDS else ""


def state(pid: int) -> str:
    """Read the kernel's letter for a process: R, S, D, T, Z …; X where there is none."""
    return _stat(pid)[0]


def children(pid: int) -> Iterator[tuple[int, str]]:
    """List the processes that a process started, each with its command line."""
    for name in os.listdir("/proc"):
        if name.isdecimal() and _stat(int(name))[1] == pid:
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    yield int(name), file.read().decode(errors="replace").replace("\0", " ")
            except OSError:
                continue


def is_child(pid: int | None, parent: int) -> bool:
    """Tell whether a process runs that another one started."""
    letter, found = _stat(pid or 0)
    return letter not in ENDED and found == parent


def signalled(pid: int, *numbers: signal.Signals) -> None:
    """Send signals, as long as there is such a process."""
    try:
        for number in numbers:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def _stat(pid: int) -> tuple[str, int]:
    """Read a process's state and its parent."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            letter, parent = file.read().rpartition(b")")[2].split()[:2]
    except (OSError, ValueError):
        return "X", 0
    return letter.decode(), int(parent)


def _switches(pid: int) -> int:
    """Count how often the threads of a process gave up the processor, or lost it."""
    count = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/status", "rb") as file:
                count += sum(int(line.split()[1]) for line in file if b"ctxt_switches:" in line)
    except (OSError, ValueError):
        pass  # a thread that ended meanwhile: then the process gets on
    return count
