"""How far Scipion's projects were read, from one start of the program to the next."""

from __future__ import annotations

import threading
import time
from typing import Any

from ..memory import Memory

FORGOTTEN_DAYS = 100  # a project that was not looked at for so long
DAY = 86400


class ScipionMemory:
    """Keeps the place in each file of a project, by its name and the time when it was begun: it may be moved.

    Safe from any thread. What is noted has been printed; what was printed and not noted is printed once more, as the same points.
    """

    def __init__(self, memory: Memory):
        self._memory = memory
        self._lock = threading.Lock()
        kept = memory.read().get("projects")
        self._projects: dict[str, dict[str, Any]] = dict(kept) if isinstance(kept, dict) else {}

    @property
    def keeps(self) -> bool:
        """Tell whether anything is kept at all."""
        return self._memory.keeps

    @property
    def trouble(self) -> str:
        """Why nothing can be kept; "" where it can."""
        return self._memory.trouble

    def place(self, project: str, file: str) -> tuple[int, str]:
        """Tell how far a file was read: how many rows, or the last one's id, and what was in it; (0, "") for not at all."""
        kept = self._projects.get(project)
        found = kept.get("places", {}).get(file) if isinstance(kept, dict) else None
        if isinstance(found, list) and len(found) == 2 and isinstance(found[0], int) and isinstance(found[1], str):
            return found[0], found[1]
        return 0, ""

    def note(self, places: dict[tuple[str, str], tuple[int, str]]) -> None:
        """Keep how far files were read, by project and file."""
        with self._lock:
            today = int(time.time() // DAY)
            for (project, file), place in places.items():
                kept = self._projects.setdefault(project, {"places": {}})
                kept["places"][file] = list(place)
                kept["day"] = today
            self._projects = {
                name: kept for name, kept in self._projects.items() if kept.get("day", today) > today - FORGOTTEN_DAYS
            }
            self._memory.write({"projects": self._projects})
