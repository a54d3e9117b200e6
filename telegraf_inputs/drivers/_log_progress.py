"""How far each log file was read, whatever became of its name, and what of that is printed and may be remembered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from ._log_file import LogPlace
from ._log_group import LogGroup
from ._log_memory import LogMemory
from ._log_paths import Date
from ._log_renames import beside, moves

ROTATED_SECONDS = 60.0  # how long a file that was given another name is looked after


class LogProgress:
    """Keeps the places in files, by path. While it is ``waiting`` for something to be printed nothing is to be read."""

    def __init__(self, memory: LogMemory):
        self._memory = memory
        self.waiting = False
        self._places = memory.places()
        self._fresh: dict[str, LogPlace] = {}  # what was read and is not known to be printed
        self._there: dict[str, Sequence[str]] = {}  # pattern -> the files that were there when it was last looked at
        self._lost: set[str] = set()  # files of which something was dropped
        self._rotated: dict[str, tuple[LogGroup, float]] = {}  # path -> since when, in monotonic seconds

    def place(self, path: str) -> LogPlace | None:
        """Tell how far a file was read; None: not at all."""
        return self._places.get(path)

    def reached(self, path: str, place: LogPlace) -> None:
        """Note that a file was read so far."""
        self._places[path] = self._fresh[path] = place

    def changed(self, group: LogGroup) -> Iterator[str]:
        """Yield the files of a group that may have something new; before one that was written anew, what it was before, by its other name.

        Raises OSError where they can't be listed, once those are through that were given another name.
        """
        yield from self._turned(group)
        files = self._there[group.paths.pattern] = group.files()
        if not self._memory.keeps:
            yield from files[-1:]
            return
        moved = moves(files, self._places, group.encoding)
        before = {old: self._places.pop(old) for old in moved.values()}
        for path, old in moved.items():
            self._move(path, old, before[old])
        for path in files:
            place = self._places.get(path)
            if place is not None:
                try:
                    found = os.stat(path)
                except OSError:
                    continue
                if (found.st_ino, found.st_size) == (place.inode, place.offset):
                    continue
                if found.st_ino != place.inode and (other := beside(path, place, group.encoding)):
                    self._move(other, path, self._places.pop(path))
                    self._rotated[other] = group, time.monotonic()
                    yield other
            yield path

    def receipt(self, groups: Iterable[LogGroup]) -> Callable[[bool], None] | None:
        """Give what is to be called once all that was read is printed, or dropped; None where nothing was read."""
        if not self._fresh:
            return None
        places, self._fresh = self._fresh, {}
        self.waiting = True
        return partial(self._printed, places, {group.paths.pattern: group.since for group in groups}, self._listed)

    def forget(self) -> None:
        """Let go of the places in files that are there no more, or whose days are over, once they are no longer remembered."""
        wanted = {*self._fresh, *self._rotated, *self._lost, *self._listed}
        self._places = {
            path: place for path, place in self._places.items() if path in wanted or self._memory.keeps_place(path)
        }

    @property
    def _listed(self) -> set[str]:
        return {path for files in self._there.values() for path in files}

    def _printed(self, places: dict[str, LogPlace], since: dict[str, Date], there: set[str], done: bool) -> None:
        if not done:  # what was dropped is read again by the next program
            self._lost |= set(places)
        elif noted := {path: place for path, place in places.items() if path not in self._lost}:
            self._memory.note(noted, {} if self._lost else since, there)
        self.waiting = False

    def _move(self, path: str, old: str, place: LogPlace) -> None:
        """Note that a file was given another name."""
        self.reached(path, place)
        if old in self._lost:
            self._lost.add(path)

    def _turned(self, group: LogGroup) -> list[str]:
        """List the files of a group that were given another name a while ago."""
        now = time.monotonic()
        self._rotated = {path: each for path, each in self._rotated.items() if now - each[1] < ROTATED_SECONDS}
        return [path for path, (of, _) in self._rotated.items() if of is group]
