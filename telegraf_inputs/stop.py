"""A request to stop that wakes every wait at once."""

from __future__ import annotations

import os
import select
import weakref
from collections.abc import Callable
from typing import Protocol


class Waited(Protocol):
    """What ``select`` can wait for."""

    def fileno(self) -> int: ...


class Stop:
    """A request to stop: a pipe, because a wait for an instrument is a ``select``."""

    def __init__(self) -> None:
        self._read, self.wakeup_fd = os.pipe()
        os.set_blocking(self.wakeup_fd, False)  # as signal.set_wakeup_fd asks for
        self._asked = False
        self._let_go = let_go_of(self, self._read, self.wakeup_fd)

    def fileno(self) -> int:
        return self._read

    @property
    def is_set(self) -> bool:
        """Tell whether it was asked. A signal is in the pipe, and wakes every wait, before its handler has run."""
        return self._asked or bool(select.select([self._read], [], [], 0)[0])

    def set(self) -> None:
        """Ask to stop. Safe in a signal handler and from any thread."""
        if not self._asked:
            self._asked = True
            os.write(self.wakeup_fd, b"!")

    def close(self) -> None:
        """Let go of the pipe, where nobody waits any more."""
        self._let_go()

    def wait(self, seconds: float) -> bool:
        """Rest for ``seconds``, less when asked to stop; tells whether it was."""
        if seconds > 0 and not self._asked:
            select.select([self._read], [], [], seconds)
        return self.is_set


def let_go_of(owner: object, *descriptors: int) -> Callable[[], object]:
    """Close descriptors once: when what is returned is called, or when their owner is forgotten.

    Whoever forgets one leaves nothing open: ``select`` can't wait for a descriptor beyond the first 1024.
    """
    closing = weakref.finalize(owner, _close, *descriptors)
    closing.atexit = False
    return closing


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
