"""How far each file of Scipion's projects is read, in this run: noted once what was read is printed, and gone back to where it is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ._scipion_memory import ScipionMemory

File = tuple[str, str]  # project and file
Place = tuple[int, str]  # how many rows, or the last one's id, and what was in it


class ScipionPlaces:
    """Knows the place in each file; ``waiting`` while it is not known whether what was read is printed."""

    def __init__(self, memory: ScipionMemory):
        self._memory = memory
        self._places: dict[File, Place] = {}
        self._fresh: dict[File, Place] = {}  # what was read since the last receipt
        self._before: dict[File, Place] = {}  # where that began
        self.waiting = False

    @property
    def trouble(self) -> str:
        """Why nothing can be kept; "" where it can."""
        return self._memory.trouble

    def unknown(self, project: str, file: str) -> bool:
        """Tell whether nothing says how far a file was read before, for nothing is kept."""
        return not self._memory.keeps and (project, file) not in self._places

    def skip(self, project: str, file: str, place: Place) -> None:
        """Begin behind a place."""
        self._places[project, file] = place

    def place(self, project: str, file: str) -> Place:
        """Tell how far a file was read; (0, "") for not at all."""
        return self._places.get((project, file)) or self._memory.place(project, file)

    def read(self, project: str, file: str, place: Place) -> None:
        """Take note of how far a file was read."""
        self._before.setdefault((project, file), self.place(project, file))
        self._places[project, file] = self._fresh[project, file] = place

    def receipt(self) -> Callable[[bool], None] | None:
        """Give what is to be told whether all that was read is printed; None where nothing was."""
        if not self._fresh:
            return None
        fresh, before, self._fresh, self._before = self._fresh, self._before, {}, {}
        self.waiting = True
        return partial(self._printed, fresh, before)

    def _printed(self, fresh: dict[File, Place], before: dict[File, Place], done: bool) -> None:
        if done:
            self._memory.note(fresh)
        else:  # it is read again
            self._places |= before
        self.waiting = False
