"""What a killed run left running holds a file: the next run waits for its end, and does not share its data with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from .errors import StackError

POLL = 0.05  # seconds between two looks
PATIENCE = 1.0  # seconds before it is told that something is waited for
LONGEST = 90.0  # seconds: Telegraf waits for each of its programs, and then writes what it holds


class PartsLock:
    """Holds ``directory/parts`` with every part that inherits ``descriptor``, until the last one of them has ended."""

    def __init__(self, directory: Path, say: Callable[[str], None], longest: float = LONGEST):
        """Wait until no part of an earlier run holds it. Raises StackError where that takes too long."""
        self._path = directory / "parts"
        self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        began, told = time.monotonic(), False
        try:
            while not self._taken():
                waited = time.monotonic() - began
                if waited > PATIENCE and not told:
                    say(f"a run that was killed is still ending: {', '.join(self._holders())}; waiting for it")
                    told = True
                if waited > longest:
                    holders = self._holders()
                    raise StackError(
                        f"what a run that was killed left does not end: {', '.join(holders) or 'unknown'}; "
                        f"end it (kill -CONT and kill -9), then start again"
                    )
                time.sleep(POLL)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give it back; parts that still run keep it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holders(self) -> list[str]:
        """Name the processes that have the file open: ``process 4711 (influxd)``."""
        here = os.fstat(self.descriptor)
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int(process.name) != os.getpid() and any(
                    (there := descriptor.stat()).st_ino == here.st_ino and there.st_dev == here.st_dev
                    for descriptor in (process / "fd").iterdir()
                ):
                    found.append(f"process {process.name} ({(process / 'comm').read_text().strip()})")
        return found
