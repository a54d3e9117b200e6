"""The channels of one kind of log file: where its files are, how far each was read, what its new lines say."""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..configured import Channel
from ..errors import BadAnswer
from ..line import Tap
from ..pattern import Pattern
from ..reading import Gathered, Reading, unreadable
from ._log_file import LogFile, LogPlace
from ._log_form import LogForm, LogQuantity
from ._log_paths import Date, LogPaths
from ._log_times import LogTime

MOVED, FILE_TROUBLE = "columns_moved", "unreadable_file"
SHOWN = 80  # characters of a line in a message


@dataclass
class LogChannel:
    """A channel, and what it reads of a line."""

    channel: Channel
    quantities: list[LogQuantity]


@dataclass
class LogGroup:
    """What is read of the files of one path. ``since``: the date before which nothing is to be looked for any more."""

    folder: str
    paths: LogPaths
    form: LogForm
    times: LogTime
    time_columns: list[str]
    encoding: str
    skip: list[Pattern]
    channels: list[LogChannel]
    tap: Tap | None = None  # is told each line
    since: Date = ()
    trouble: str = ""  # why a file, or the folder, can't be read
    _headers: dict[str, list[str]] = field(default_factory=dict)
    _next: Date = ()  # of ``since``, once all there is was read

    def files(self) -> list[str]:
        """List the files that may have new lines, those of the oldest date first. Raises OSError."""
        found = self.paths.find(self.folder, self.since)
        if found and len(found[-1][0]) >= 3:
            # Whoever writes about midnight may write to the old file once more.
            year, month, day = found[-1][0][:3]
            with contextlib.suppress(ValueError):  # digits that are no date
                before = datetime.date(year, month, day) - datetime.timedelta(days=1)
                self._next = (before.year, before.month, before.day)
        files = [os.path.join(self.folder, path) for _, path in found]
        self._headers = {path: self._headers[path] for path in files if path in self._headers}
        return files

    def read_up(self) -> None:
        """Note that all files were read to their ends."""
        self.since = max(self.since, self._next)

    def lines(
        self, path: str, place: LogPlace | None, first_ns: int | None
    ) -> Iterator[tuple[list[Reading], LogPlace]]:
        """Yield what each new line of a file says, and the place behind it. Raises OSError.

        ``place``: how far it was read; None: not at all. ``first_ns``: older lines are passed over (UTC); None: none are.
        """
        with LogFile(path, self.encoding) as file:
            if place is None or not file.same(place):
                place = file.place()
                self._headers.pop(path, None)
            if file.size == place.offset:
                return
            header = self._header(path, file)
            if self.form.header and not header:
                return  # it is not written yet
            number = 0 if place.offset == 0 else self.form.header
            for line, offset in file.lines(place.offset):
                number += 1
                if self.tap:
                    self.tap("<", f"{line}\n".encode() if line is not None else b"?\n")
                behind = file.reached(place, offset)
                head = number <= self.form.header
                said, place = ([], behind) if head else self._said(line, place, behind, header, first_ns)
                yield said, place

    def last(self, path: str) -> LogPlace:
        """Make the place before the last line of a file. Raises OSError."""
        with LogFile(path, self.encoding) as file:
            return file.place(file.last_line())

    def _header(self, path: str, file: LogFile) -> list[str]:
        if self.form.header and path not in self._headers:
            line = file.head(self.form.header)
            if not line:
                return []
            self._headers[path] = self.form.split(line)
        return self._headers.get(path, [])

    def _said(
        self, line: str | None, before: LogPlace, behind: LogPlace, header: list[str], first_ns: int | None
    ) -> tuple[list[Reading], LogPlace]:
        if line is None:
            return [unreadable(f"a line is no text in {self.encoding}, or has no end; say its encoding")], behind
        text = line.strip()
        if not text or any(pattern.match(text) for pattern in self.skip):
            return [], behind
        try:
            parts = self.form.parts(line, header)
            columns = [parts[name] for name in self.time_columns]
        except BadAnswer as error:
            return self._all(MOVED, str(error), self._any_time(line, before)), behind
        except KeyError as error:
            return self._all(MOVED, f"there is no column {error} in {line[:SHOWN]!r}", before.time_ns), behind
        try:
            time_ns, unsure = self.times.read(" ".join(columns), before.time_ns)
        except BadAnswer as error:
            return [unreadable(str(error))], behind
        if first_ns is not None and time_ns < first_ns:
            return [], behind
        behind, time_ns = behind.at(line, time_ns)
        readings = [_reading(each, parts, time_ns) for each in self.channels]
        for reading in readings if unsure else ():
            reading.status = "ambiguous_time" if reading.status == "ok" else reading.status
        return readings, behind

    def _any_time(self, line: str, before: LogPlace) -> int:
        """Find the time of a line of another form: its first columns may be what they were."""
        names = [*self.form.columns][: len(self.time_columns)]
        try:
            if names != self.time_columns:
                return before.time_ns
            return self.times.read(" ".join(self.form.split(line)[: len(names)]), before.time_ns)[0]
        except BadAnswer:
            return before.time_ns

    def _all(self, status: str, detail: str, time_ns: int) -> list[Reading]:
        when = time_ns or time.time_ns()
        return [Reading(each.channel.id, {}, when, status, detail) for each in self.channels]


def _reading(channel: LogChannel, parts: dict[str, str], time_ns: int) -> Reading:
    """Read a channel's columns of a line."""
    gathered = Gathered()
    for quantity in channel.quantities:
        try:
            gathered.add(quantity.name, *quantity.of(parts))
        except BadAnswer as error:
            gathered.note("bad_answer", str(error))
        except KeyError as error:
            gathered.note(MOVED, f"there is no column {error}")
    return gathered.reading(channel.channel.id, time_ns)
