"""A request to stop that wakes every wait at once."""

from __future__ import annotations

import os
import select
from typing import Protocol


class Waited(Protocol):
    """What ``select`` can wait for."""

    def fileno(self) -> int: ...


class Stop:
    """A request to stop: a pipe, because a wait for an instrument is a ``select``."""

    def __init__(self) -> None:
        self._read, self.wakeup_fd = os.pipe()
        os.set_blocking(self.wakeup_fd, False)  # as signal.set_wakeup_fd asks for
        self.is_set = False

    def fileno(self) -> int:
        return self._read

    def set(self) -> None:
        """Ask to stop. Safe in a signal handler and from any thread."""
        if not self.is_set:
            self.is_set = True
            os.write(self.wakeup_fd, b"!")

    def close(self) -> None:
        """Let go of the pipe, where nobody waits any more."""
        for fd in (self._read, self.wakeup_fd):
            os.close(fd)

    def wait(self, seconds: float) -> bool:
        """Rest for ``seconds``, less when asked to stop; tells whether it was."""
        if seconds > 0 and not self.is_set:
            # A signal shows in the pipe before its handler has run.
            return bool(select.select([self._read], [], [], seconds)[0])
        return self.is_set
