"""One log file that grows: its new lines, whole, from where it was read before, also after a restart or a rotation."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

CHUNK = 262_144  # bytes that are read at once
LONGEST_LINE = 65_536  # bytes
MARK = 256  # bytes before a place in a file, by which the file is known again
MOST_OF_ONE_TIME = 1000  # lines that are told from each other
ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16-le", "utf-16-be")
BOM = "\ufeff"


@dataclass(frozen=True)
class LogPlace:
    """How far a file was read: ``offset`` (bytes), ``mark`` (of what stands before it), ``inode``.

    ``time_ns`` is that of the last line; ``same``: the lines of that time.
    """

    inode: int = 0
    offset: int = 0
    mark: str = ""
    time_ns: int = 0
    same: tuple[str, ...] = ()

    def at(self, line: str, time_ns: int) -> tuple[LogPlace, int]:
        """Note a line of a time; returns its own one: of several lines of a time, each is a nanosecond after the one before.

        So a line that is read again after a restart has the same time again. One that says the same again has the same time, too.
        """
        digest = hashlib.sha1(line.encode(), usedforsecurity=False).hexdigest()[:12]
        same = self.same if time_ns == self.time_ns else ()
        if digest not in same and len(same) < MOST_OF_ONE_TIME:
            same += (digest,)
        later = same.index(digest) if digest in same else len(same)
        return replace(self, time_ns=time_ns, same=same), time_ns + later

    def kept(self) -> list[Any]:
        """Make of it what JSON can keep."""
        return [self.inode, self.offset, self.mark, self.time_ns, list(self.same)]

    @classmethod
    def known(cls, kept: Any) -> LogPlace | None:
        """Make it of what was kept; None where that is none."""
        try:
            inode, offset, mark, time_ns, same = kept
            return cls(int(inode), int(offset), str(mark), int(time_ns), tuple(map(str, same)))
        except (TypeError, ValueError):
            return None


class LogFile:
    """An open log file. A context; opening it raises OSError."""

    def __init__(self, path: str, encoding: str):
        self._encoding = encoding
        self._end = "\n".encode(encoding)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        found = os.fstat(self._fd)
        self.inode, self.size = found.st_ino, found.st_size

    def __enter__(self) -> LogFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def same(self, place: LogPlace) -> bool:
        """Tell whether this is the file that was read as far as a place: what stood before it does still."""
        return self.size >= place.offset and self._mark(place.offset) == place.mark

    def lines(self, offset: int) -> Iterator[tuple[str | None, int]]:
        """Yield the whole lines from an offset (bytes) on, each with that behind it; None for one that is no text of this encoding.

        What is not ended yet waits. A line that is too long is None, too.
        """
        while data := os.pread(self._fd, CHUNK, offset):
            end = self._last_end(data)
            if end == 0:
                if len(data) < LONGEST_LINE:
                    return
                end = len(data)
                yield None, offset + end
            for raw, behind in self._cut(data[:end]):
                first = offset == 0 and behind == len(raw) + len(self._end)
                yield self._text(raw, first), offset + behind
            offset += end

    def last_line(self) -> int:
        """Tell where the last whole line begins (bytes)."""
        begin = max(0, self.size - CHUNK) // 4 * 4  # where a character begins, however wide it is
        data = os.pread(self._fd, self.size - begin, begin)
        end = self._last_end(data)
        ends = [behind for _, behind in self._cut(data[: max(0, end - len(self._end))] + self._end)] if end else []
        return begin + (ends[-2] if len(ends) > 1 else 0)

    def head(self, number: int) -> str:
        """Read a line by its number, from 1; "" where it is not there yet, or no text."""
        for count, (line, _) in enumerate(self.lines(0), 1):
            if count == number:
                return line or ""
        return ""

    def place(self, offset: int = 0) -> LogPlace:
        """Make the place at an offset."""
        return LogPlace(self.inode, offset, self._mark(offset))

    def reached(self, place: LogPlace, offset: int) -> LogPlace:
        """Make the place at an offset that was reached by reading on from another."""
        return replace(place, inode=self.inode, offset=offset, mark=self._mark(offset))

    def _last_end(self, data: bytes) -> int:
        """Tell where the last whole line of some data ends; 0 for none."""
        width, at = len(self._end), len(data)
        while (at := data.rfind(self._end, 0, at)) >= 0:
            if at % width == 0:
                return at + width
            at += width - 1
        return 0

    def _cut(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Cut whole lines, each with where it ends."""
        width, begin, look = len(self._end), 0, 0
        while (at := data.find(self._end, look)) >= 0:
            if at % width:
                look = at + 1
                continue
            yield data[begin:at], at + width
            begin = look = at + width

    def _text(self, raw: bytes, first: bool) -> str | None:
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError:
            return None
        return (text.removeprefix(BOM) if first else text).rstrip("\r")

    def _mark(self, offset: int) -> str:
        begin = max(0, offset - MARK)
        return hashlib.sha1(os.pread(self._fd, offset - begin, begin), usedforsecurity=False).hexdigest()[:16]
