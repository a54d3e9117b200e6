"""Holds a file that several users can read, for one process at a time: the kernel says who has it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import BinaryIO

LOCKS = Path("/proc/locks")


class FileHold:
    """Holds a file until it is closed, or the process ends in any way; nothing is written into it."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None

    def take(self, path: Path) -> bool:
        """Hold ``path`` as it is there now; tells whether it is had. Where files can't be held (some network's), it is.

        Raises OSError where it can't be read.
        """
        file = open(path, "rb")  # noqa: SIM115
        if self._file and os.path.sameopenfile(self._file.fileno(), file.fileno()):
            file.close()
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError:
            pass
        self.close()
        self._file = file
        return True

    def close(self) -> None:
        """Give it back."""
        if self._file:
            self._file.close()
            self._file = None


def holder(path: Path) -> tuple[int, int] | None:
    """Tell which process holds a file, and which user's it is (pid, uid); None where that can't be seen."""
    here = os.stat(path)
    place = f"{os.major(here.st_dev):02x}:{os.minor(here.st_dev):02x}:{here.st_ino}"
    with contextlib.suppress(OSError, ValueError):
        for line in LOCKS.read_text().splitlines():
            _, kind, _, how, pid, where, *_ = line.split()
            if (kind, how, where) == ("FLOCK", "WRITE", place):
                return int(pid), os.stat(f"/proc/{pid}").st_uid
    return None
