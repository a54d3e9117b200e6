"""Where log files lie below a folder: a path with dates in it, as loggers make one a day."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator

from ..errors import BadInput, shown

# What may stand in a path, as strftime writes it -> its digits, and its place in a date.
CODES = {"Y": (4, 0), "y": (2, 0), "m": (2, 1), "d": (2, 2), "H": (2, 3), "M": (2, 4), "S": (2, 5)}
CENTURY = 2000  # of years with two digits
CODE_WORDS = "%Y %y %m %d %H %M %S"
WILD = "*?"
Date = tuple[int, ...]  # year, month, day …, as far as the path says it


class LogPaths:
    """Finds the files of one path below a folder, such as ``%y-%m-%d/CH1 T %y-%m-%d.log``; ``*`` and ``?`` stand for any letters."""

    def __init__(self, pattern: str):
        """Read a path. Raises BadInput where it is none."""
        if not pattern or pattern.startswith("/") or ".." in pattern.split("/") or not pattern.isprintable():
            raise BadInput(
                f"found {shown(pattern)}, expected a path below the folder, such as %y-%m-%d/CH1 T %y-%m-%d.log"
            )
        self.pattern = pattern
        self._parts = [_compiled(part) for part in pattern.split("/")]

    def find(self, folder: str, since: Date = ()) -> list[tuple[Date, str]]:
        """List the files that are there, each with its date, the oldest first; none of a date before ``since``.

        Raises OSError where a folder can't be listed.
        """
        return sorted(self._below(folder, "", 0, {}, since))

    def _below(
        self, folder: str, path: str, depth: int, known: dict[int, int], since: Date
    ) -> Iterator[tuple[Date, str]]:
        text, pattern, places = self._parts[depth]
        last = depth == len(self._parts) - 1
        here = os.path.join(folder, path)
        for name in [text] if pattern is None else os.listdir(here):
            said = dict(known)
            if pattern is not None:
                match = pattern.fullmatch(name)
                if not match or not _agree(said, places, match.groups()):
                    continue
            date = _date(said)
            if date < since[: len(date)]:
                continue
            below = os.path.join(path, name)
            if last and os.path.isfile(os.path.join(folder, below)):
                yield date, below
            elif not last and os.path.isdir(os.path.join(folder, below)):
                yield from self._below(folder, below, depth + 1, said, since)


def _agree(said: dict[int, int], places: list[int], found: tuple[str, ...]) -> bool:
    """Add the numbers of a name to those of the path before it; tells whether they say the same."""
    for place, digits in zip(places, found, strict=True):
        number = int(digits) + (CENTURY if place == 0 and len(digits) == 2 else 0)
        if said.setdefault(place, number) != number:
            return False
    return True


def _date(said: dict[int, int]) -> Date:
    found: list[int] = []
    while len(found) in said:
        found.append(said[len(found)])
    return tuple(found)


def _compiled(part: str) -> tuple[str, re.Pattern[str] | None, list[int]]:
    """Make the pattern of one name in a path, and the places in a date of its groups; None for a name that is plain."""
    made, places, plain = "", [], ""
    pieces = re.split(r"(%.?|[*?])", part)
    for piece in pieces:
        if piece == "%%":
            made, plain = made + "%", plain + "%"
        elif piece.startswith("%"):
            if piece[1:] not in CODES:
                raise BadInput(f"found {piece!r} in {shown(part)}, expected {CODE_WORDS}, or %% for a percent sign")
            digits, place = CODES[piece[1:]]
            made += rf"(\d{{{digits}}})"
            places.append(place)
        elif piece in WILD and piece:
            made += fnmatch.translate(piece)[4:-3]
        else:
            made, plain = made + re.escape(piece), plain + piece
    if not part:
        raise BadInput(f"found {shown(part)} between two '/', expected a name")
    wild = places or any(piece in WILD and piece for piece in pieces)
    return plain, re.compile(made, re.ASCII) if wild else None, places
