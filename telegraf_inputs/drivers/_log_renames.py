"""Log files that were given other names: a rotation, or several at once (log to log.1, log.1 to log.2)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ._log_file import LogFile, LogPlace


def moves(files: Iterable[str], places: Mapping[str, LogPlace], encoding: str) -> dict[str, str]:
    """Find the files that were read by another name: what each is called -> what it was called."""
    by_inode = defaultdict(list)
    for path, place in places.items():
        by_inode[place.inode].append(path)
    found = {}
    for path in files:
        inode = inode_of(path)
        if inode and not (path in places and places[path].inode == inode):
            for before in by_inode.get(inode, ()):
                if inode_of(before) != inode and _same(path, places[before], encoding):
                    found[path] = before
    return found


def beside(path: str, place: LogPlace, encoding: str) -> str:
    """Find the file that was read at a path, where that has another one: by another name in its folder; "" for nowhere."""
    if _same(path, place, encoding):
        return ""
    try:
        with os.scandir(os.path.dirname(path)) as entries:
            others = [entry.path for entry in entries if entry.inode() == place.inode and entry.path != path]
    except OSError:
        return ""
    return next((other for other in others if _same(other, place, encoding)), "")


def inode_of(path: str) -> int:
    """Tell a file's inode; 0 where there is none."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _same(path: str, place: LogPlace, encoding: str) -> bool:
    try:
        with LogFile(path, encoding) as file:
            return file.same(place)
    except OSError:
        return False
