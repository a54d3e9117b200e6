"""How much room is left on the disk that a lab writes to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..stack import told

LOW = 20e6  # bytes: InfluxDB, Telegraf and their logs go on for some time with these


def doubtful(folder: Path) -> bool:
    """Tell whether a folder's disk might take nothing, as far as that can be seen without writing to it."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return True
    return bool(found.f_flag & os.ST_RDONLY) or found.f_bavail * found.f_frsize < LOW


class DiskWatch:
    """Tells where a folder's disk gets nearly full, or can't be written to, or is well again.

    ``low``: it is not well now, ``was_low``: it was not once.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self._folder, self._say = folder, say
        self.low = self.was_low = False
        self._bad, self._what = False, ""

    @property
    def notice(self) -> str:
        """Tell, in a line, what a person has to do; "" where there is room."""
        return f"{self._what}, or readings are lost." if self.low else ""

    def look(self, *, doubted: bool = False) -> bool:
        """Look how much room there is, and where it is ``doubted`` whether it can be written to; True where it became well."""
        free = shutil.disk_usage(self._folder).free
        bad = self._bad = (doubted or self._bad) and free >= LOW and not self._takes()
        if self.low == (bad or free < LOW):
            return False
        self.low = not self.low
        self.was_low = True
        left = f"{free / 1e6:.1f} MB left where {told.path(self._folder)} is"
        if not self.low:
            self._say(f"the disk has room again, {left}")
        elif bad:
            self._what = "The disk can't be written to: look at dmesg, mend it"
            self._say(
                f"the disk of {told.path(self._folder)} can't be written to: look at dmesg, mend it, or readings are lost"
            )
        else:
            self._what = "The disk is nearly full: free some space"
            self._say(f"the disk is nearly full, {left}: free some space, or readings are lost")
        return not self.low

    def _takes(self) -> bool:
        """Try to write."""
        file = self._folder / ".trial"
        try:
            with open(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as trial:
                trial.write(b"?")
                trial.flush()
                os.fsync(trial.fileno())
            file.unlink()
        except OSError:
            return False
        return True
