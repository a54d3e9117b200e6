"""The journal of a node: all that Telegraf took, once more, as line protocol in files; read back whole line by whole line."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from provisioning.host_metrics import OUTPUT
from provisioning.telegraf_config import JOURNAL_FILE

from ..stack import told

FILES = "readings*.lp"  # the one that is written, and those that are full
SLACK = 60.0  # seconds: a file's time and a reading's may differ a little
CHUNK = 1 << 20  # bytes
LONGEST_LINE = 1 << 20  # bytes: nothing that Telegraf writes is longer
# Line protocol as Telegraf writes it, with all 19 digits of a time after 2001, so that a torn line is never taken for a whole one.
_NAME = rb"(?:\\.|[^,= \\\x00-\x1f])+"
_VALUE = rb'(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?\d+[iu]|true|false|"(?:[^"\\\x00-\x1f]|\\.)*")'
LINE = re.compile(
    rb"(?P<series>(?P<measurement>%(name)s)(?:,%(name)s=%(name)s)*) "
    rb"(?P<fields>%(name)s=%(value)s(?:,%(name)s=%(value)s)*) (?P<time>\d{19})" % {b"name": _NAME, b"value": _VALUE}
)
FIELD = re.compile(rb"(%(name)s)=%(value)s(?:,|\Z)" % {b"name": _NAME, b"value": _VALUE})
COUNT = re.compile(rb"(%(name)s)=(\d+)i(?:,|\Z)" % {b"name": _NAME})
START = b"# start"  # the line with which a Telegraf that is a service begins
TAG = re.compile(rb",(%(name)s)=(%(name)s)" % {b"name": _NAME})


OWN, OWN_FIELD = "instrument", "up"  # the measurement in which each instrument reports itself, and what it always says
TAGS = {"host", "instrument", "site"}  # of every point; those of readings have a channel
OUTPUT_TAGS = {"alias", "host", "output", "site"}  # of what Telegraf says of itself in between


@dataclass(frozen=True)
class SeriesKey:
    """Where a point belongs: its measurement and its tags."""

    measurement: str
    tags: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class JournalPoint:
    """A line of the journal: the point that it is."""

    line: bytes
    series: SeriesKey
    fields: tuple[str, ...]
    time_ns: int


@dataclass(frozen=True)
class _Head:
    """The beginning of a line: its series, None where it is not one of ours; what a second line in it would be of."""

    series: SeriesKey | None
    within: frozenset[str]


class Reader:
    """Reads lines of some measurements; counts in ``torn`` those that are not whole, and tells where the first one is.

    A line that was torn may have another one behind it, as one. That is found by the second one, which is whole.
    """

    def __init__(self, measurements: Iterable[str]):
        self._names = frozenset(measurements) | {OWN}
        self._begins = re.compile(rb"(?:%s)," % b"|".join(re.escape(_escaped(name)) for name in sorted(self._names)))
        self._heads: dict[bytes, _Head] = {}
        self.torn = 0
        self.first_torn = ""

    def entries(self, part: Stretch) -> Iterator[JournalPoint]:
        """Read what is in a part of the journal."""
        for number, line in enumerate(part.lines(), 1):
            if entry := self._entry(line):
                yield entry
            elif line != START and not output_said(line):
                self.torn += 1
                self.first_torn = self.first_torn or f"{told.path(part.path)}, line {number}"

    def _entry(self, line: bytes) -> JournalPoint | None:
        found = LINE.fullmatch(line)
        if not found:
            return None
        key = found["series"]
        head = self._heads.get(key) or self._heads.setdefault(key, self._head(key))
        fields = tuple(_text(name) for name in FIELD.findall(found["fields"]))
        if head.series is None or any(OWN_FIELD in fields if name == OWN else True for name in head.within):
            return None
        return JournalPoint(line, head.series, fields, int(found["time"]))

    def _head(self, key: bytes) -> _Head:
        whole = [match.start() for match in self._begins.finditer(key)]
        within = (series for start in whole if start and (series := self._series(key[start:])))
        return _Head(self._series(key), frozenset(series.measurement for series in within))

    def _series(self, key: bytes) -> SeriesKey | None:
        """Read a measurement with its tags; None where it is none of ours, or has not all that each of ours has."""
        name, _, rest = key.partition(b",")
        pairs = [(_text(tag), _text(value)) for tag, value in TAG.findall(b"," + rest)]
        tags, measurement = dict(pairs), _text(name)
        needed = TAGS if measurement == OWN else TAGS | {"channel"}
        if measurement not in self._names or len(tags) != len(pairs) or not needed <= tags.keys():
            return None
        return SeriesKey(measurement, frozenset(pairs))


@dataclass(frozen=True)
class OutputSaid:
    """What Telegraf says of one of its outputs: points that wait for it, and points that it dropped since it started."""

    alias: str
    waiting: int
    dropped: int
    written: int


def output_said(line: bytes) -> OutputSaid | None:
    """Read a line of the journal as what Telegraf says of an output; None where it is another, or torn."""
    if not line.startswith(OUTPUT.encode()) or not (found := LINE.fullmatch(line)):
        return None
    pairs = [(_text(tag), _text(value)) for tag, value in TAG.findall(found["series"])]
    tags = dict(pairs)
    said = {_text(name): value for name, value in COUNT.findall(found["fields"])}
    if found["measurement"] != OUTPUT.encode() or len(pairs) != len(tags) or tags.keys() != OUTPUT_TAGS:
        return None
    if not {"buffer_size", "metrics_dropped", "metrics_written"} <= said.keys():
        return None
    counts = (int(said[name]) for name in ("buffer_size", "metrics_dropped", "metrics_written"))
    return OutputSaid(tags["alias"], *counts)


@dataclass(frozen=True)
class Stretch:
    """A file of the journal, as far as it goes at one moment; Telegraf may go on writing, and rename it.

    It is read from ``begin`` on (bytes).
    """

    path: Path
    size: int
    inode: int
    begin: int = 0

    def lines(self) -> Iterator[bytes]:
        """Read its lines, without their ends; one that goes on for ever is cut, and so is no line."""
        return (line for _, line in self.placed() if line)

    def placed(self) -> Iterator[tuple[int, bytes]]:
        """Read the same, empty ones too, each with where it begins (bytes)."""
        rest, left, begin = b"", self.size - self.begin, self.begin
        with contextlib.ExitStack() as stack:
            if not (file := self._opened()):
                return
            stack.enter_context(file)
            file.seek(begin)
            cut = 0
            while data := file.read(min(CHUNK, left)):
                left -= len(data)
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    yield begin, line
                    begin += len(line) + cut + 1
                    cut = 0
                cut += max(0, len(rest) - LONGEST_LINE - 1)
                rest = rest[: LONGEST_LINE + 1]
        # What Telegraf is writing just now has no end yet.
        if rest and self.path.name != JOURNAL_FILE:
            yield begin, rest

    def _opened(self) -> BinaryIO | None:
        """Open it under whatever name it has; None where it is there no more."""
        for path in (self.path, *self.path.parent.glob(FILES)):
            with contextlib.suppress(FileNotFoundError):
                file = open(path, "rb")  # noqa: SIM115
                if os.fstat(file.fileno()).st_ino == self.inode:
                    return file
                file.close()
        return None


def parts(folder: Path, since: float) -> list[Stretch]:
    """List the files that were written to since then (s since 1970), the newest first."""
    found = []
    for path in folder.glob(FILES):
        there = path.stat()
        if there.st_size and there.st_mtime >= since - SLACK:
            found.append((there.st_mtime_ns, Stretch(path, there.st_size, there.st_ino)))
    return [part for _, part in sorted(found, key=lambda one: one[0], reverse=True)]


def seal(folder: Path) -> None:
    """Set a file apart whose last line has no end, before a Telegraf goes on in the midst of it."""
    file = folder / JOURNAL_FILE
    try:
        with open(file, "rb") as journal:
            if not journal.seek(0, os.SEEK_END):
                return
            journal.seek(-1, os.SEEK_END)
            if journal.read(1) == b"\n":
                return
    except FileNotFoundError:
        return
    now = int(time.time())
    # As Telegraf names what is full, so that it counts among its archives.
    while (
        apart := folder / f"{file.stem}.{time.strftime('%Y-%m-%d', time.localtime(now))}-{now}{file.suffix}"
    ).exists():
        now += 1
    file.rename(apart)


def _text(escaped: bytes) -> str:
    return re.sub(rb"\\([,= ])", rb"\1", escaped).decode(errors="replace")


def _escaped(name: str) -> bytes:
    return re.sub(r"([, ])", r"\\\1", name).encode()
