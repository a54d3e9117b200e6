"""How much room is left on the disk that a lab writes to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ..stack import told

LOW = 20e6  # bytes: InfluxDB, Telegraf and their logs go on for some time with these


class DiskWatch:
    """Tells where the disk of a folder gets nearly full, or has room again; ``low``: it is so, ``was_low``: it was once."""

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self._folder, self._say = folder, say
        self.low = self.was_low = False

    @property
    def notice(self) -> str:
        """Tell, in a line, what a person has to do; "" where there is room."""
        return "The disk is nearly full: free some space, or readings are lost." if self.low else ""

    def look(self) -> bool:
        """Look how much room there is; True where it became enough again."""
        free = shutil.disk_usage(self._folder).free
        if self.low == (free < LOW):
            return False
        self.low = not self.low
        self.was_low = True
        left = f"{free / 1e6:.1f} MB left where {told.path(self._folder)} is"
        if self.low:
            self._say(f"the disk is nearly full, {left}: free some space, or readings are lost")
        else:
            self._say(f"the disk has room again, {left}")
        return not self.low
