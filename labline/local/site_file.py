"""The site file that runs: kept as it was when the run began, and held against what the file says by and by."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

COPY = "running.yml"  # in the lab's folder


class RunningSiteFile:
    """Keeps the text that a run began with, for `labline status`, and tells where the file says something else by now."""

    def __init__(self, file: Path, root: Path, say: Callable[[str], None]):
        self._file, self._root, self._say = file, root, say
        self.take_up()

    def take_up(self) -> None:
        """Take what the file says now for what runs."""
        self._seen = self._stamp()
        self._began = self._file.read_bytes()
        self.notice = ""
        (self._root / COPY).write_bytes(self._began)

    def look(self) -> None:
        """Look whether the file was changed since the last look."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen, before = stamp, self.notice
        try:
            same = self._file.read_bytes() == self._began
        except OSError:
            self.notice = f"{self._file.name} is gone or can't be read: what runs is as it was."
        else:
            at = time.strftime("%H:%M", time.localtime(stamp[0] / 1e9 if stamp else None))
            changed = f"{self._file.name} changed at {at}: what runs is as it was; labline reload takes it up."
            self.notice = "" if same else changed
        if self.notice != before:
            self._say(self.notice or f"{self._file.name} is again what runs")

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
