"""How far log files were read, from one start of the program to the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Container
from typing import Any

from ..memory import Memory
from ._log_file import LogPlace
from ._log_paths import Date

FORGOTTEN_DAYS = 30  # a file that is gone for so long does not come back
DAY = 86400


class LogMemory:
    """Keeps the places in files of one ``folder``, by path; ``first_ns``: lines from before were never to be read (UTC).

    Safe from any thread. What is noted has been printed; what was printed and not noted is printed once more, with the same times.
    """

    def __init__(self, memory: Memory, folder: str, backlog: float):
        self._memory, self._folder = memory, folder
        self._lock = threading.Lock()
        kept = memory.read()
        same = kept.get("folder") == folder
        self.first_ns = int(kept["first_ns"]) if same and isinstance(kept.get("first_ns"), int) else 0
        self.first_ns = self.first_ns or time.time_ns() - round(backlog * 1e9)
        files = kept.get("files") if same else None
        self._files: dict[str, list[Any]] = dict(files) if isinstance(files, dict) else {}
        since = kept.get("since") if same else None
        self._since: dict[str, list[int]] = dict(since) if isinstance(since, dict) else {}

    @property
    def trouble(self) -> str:
        """Why nothing can be kept; "" where it can."""
        return self._memory.trouble

    @property
    def keeps(self) -> bool:
        """Tell whether anything is kept at all."""
        return self._memory.keeps

    def places(self) -> dict[str, LogPlace]:
        """Tell how far each file was read."""
        found = {path: LogPlace.known(kept[:-1]) for path, kept in self._files.items()}
        return {path: place for path, place in found.items() if place is not None}

    def since(self, pattern: str) -> Date:
        """Tell before which date all files of a path were read."""
        return tuple(self._since.get(pattern, ()))

    def keeps_place(self, path: str) -> bool:
        """Tell whether it is known how far a file was read."""
        return path in self._files

    def note(self, places: dict[str, LogPlace], since: dict[str, Date], there: Container[str]) -> None:
        """Keep how far files were read. One that is still ``there`` is not forgotten, however long nobody has written to it."""
        with self._lock:
            today = int(time.time() // DAY)
            self._files |= {path: [*place.kept(), today] for path, place in places.items()}
            self._files = {
                path: kept for path, kept in self._files.items() if kept[-1] > today - FORGOTTEN_DAYS or path in there
            }
            self._since |= {pattern: list(date) for pattern, date in since.items()}
            kept = {"folder": self._folder, "first_ns": self.first_ns, "since": self._since, "files": self._files}
            self._memory.write(kept)
