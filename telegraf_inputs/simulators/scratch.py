"""Folders of simulators: taken away at their end, and where that was kill -9, by the next simulator that starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "labline-sim-"
LOCK = ".lock"  # held as long as the process lives, however it ends
YOUNG_SECONDS = 60.0  # a folder without a lock is being made, or somebody else's


class Scratch:
    """A folder of this process's own, at ``path``."""

    def __init__(self) -> None:
        sweep(Path(tempfile.gettempdir()))
        self.path = tempfile.mkdtemp(prefix=PREFIX)
        lock, new = (os.path.join(self.path, name) for name in (LOCK, f"{LOCK}.new"))
        self._lock = os.open(new, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.rename(new, lock)  # whoever sees it finds it held

    def remove(self) -> None:
        """Take it away, with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep(among: Path) -> None:
    """Take away the folders of processes that are gone; those of other users, and what is not sure, are left alone."""
    for folder in among.glob(f"{PREFIX}*"):
        try:
            if folder.stat().st_uid == os.getuid() and _forsaken(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # somebody else took it away just now
            continue


def _forsaken(folder: Path) -> bool:
    if not (folder / LOCK).exists():
        return time.time() - folder.stat().st_mtime > YOUNG_SECONDS
    lock = os.open(folder / LOCK, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
