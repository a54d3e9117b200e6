"""Log files that other programs write: a cryostat's, a gauge controller's, LabVIEW's, line by line as they grow.

Sources: the logs of Bluefors' control software (dates in folders; CH1 T, maxigauge, Flowmeter, Status, Channels); LabVIEW's
spreadsheet files; Python's strptime for the form of times.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from .. import declared
from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errand import Errand
from ..errors import BadAnswer, BadInput, Disconnected, NoAnswer, Stopped, noted, together
from ..inbox import Inbox
from ..memory import Memory
from ..pattern import Pattern, check_pattern
from ..reading import Reading
from ..source import Pushed
from ..stop import Stop
from ..url import Url
from ._log_form import WHERE, LogForm, LogQuantity, read
from ._log_group import FILE_TROUBLE, LogChannel, LogGroup
from ._log_memory import LogMemory
from ._log_paths import LogPaths
from ._log_progress import LogProgress
from ._log_settings import COMMON, check, settings
from ._log_times import LogTime

MOST_READINGS = 2000  # in one cycle; what is more waits for the next
PASSED_OVER = 0.1  # of a reading is the work of a line that says nothing


class Logfile(Pushed):
    """Reads the log files that another program writes, line by line as they grow, each reading at the time of its line.

    `files` is their path below the folder of the connection. A logger that begins a new folder or file each day is followed by its dates:
    `"%y-%m-%d/CH1 T %y-%m-%d.log"`. Lines have columns, whose names stand in `columns`, or in the file (`header`), or before each value (`pairs`).
    These keys may stand at the instrument, and otherwise at a channel; channels of one file have the same. `docs/examples/bluefors_logs.yml` is the site
    file of a cryostat.

    A line that is not ended waits for its end. Where the program starts anew it goes on behind the last line that it printed, and reads what was
    written meanwhile; what it printed and could not note any more comes once more, as the same points. It remembers that in the folder which
    `LABLINE_MEMORY` names (default: `~/.local/state/labline/memory`). At its first start it reads what is younger than `backlog`. Of a long backlog
    it reads 2000 readings in each `interval`, and never more than Telegraf takes: files can wait. Files that are renamed (rotated) are
    read to their end, those that are written anew from their beginning.

    What comes more than ten minutes after its time, as a backlog does, is among the readings at once, and on the downsampled levels after
    `labline apply my-lab.yml --fill 30d`.

    A line of other columns than declared is `columns_moved`, and no reading. Times of a zone are put right: in the hour that clocks have twice in
    autumn, lines before it tell which is meant; where there are none, the status is `ambiguous_time`. A time that the zone never had is refused.
    """

    name = "logfile"
    title = "Log files of other programs"
    manual = "the logger's own; Python's strptime for times"
    known_as = ("bluefors", "labview", "csv", "tsv", "cryoconcept", "oxford", "triton", "log")
    verified = (
        "against lines of Bluefors logs that others publish, and files that were rotated (by Python's own handler, too), cut, moved and left half-written; "
        "not yet beside a running cryostat"
    )
    family = "protocol"
    schemes = ("file",)
    reopen = False
    waits = True
    timeout = 300.0  # without a line a channel is silent
    interval = 5.0
    streams = (Stream("logfile"),)  # its quantities stand in the stanza
    channel_names = None
    options_known = (
        *COMMON,
        Option("zone", "str", "the time zone of times that say none, such as Europe/Helsinki or UTC"),
        Option("skip", "list", "patterns (regular expressions) of whole lines that say nothing", []),
        Option("backlog", "duration", "how old lines may be that are read at the first start", 86400.0),
    )  # fmt: skip
    channel_options = (
        *COMMON,
        declared.READ,
    )
    where = WHERE
    statuses = {
        "silent": "no line has come within the timeout",
        "columns_moved": "a line has other columns than declared",
        "unreadable_file": "a file, or its folder, can't be read; the program's log says why",
        "ambiguous_time": "clocks were put back in this hour, and no line before it tells which of the two it is of",
        "no_reading": "the column is empty, nan, or what is listed as missing",
        "over_range": "the value is inf, or what is listed as such",
        "not_valid": "other columns say that it is no reading (valid_when)",
    }
    example = """\
name: bench
driver: logfile
connection: file:///srv/bench
zone: Europe/Rome
files: "%Y-%m-%d/bench %Y-%m-%d.tsv"
separator: "\\t"
header: 1
time: [Time]
time_form: "%d/%m/%Y %H:%M:%S.%f"
channels:
  plate:
    label: Cooling plate
    read: {temperature: {from: T plate, unit: °C, low: -60, high: 120, description: Temperature of the plate}}
  air:
    label: Air in the box
    read:
      temperature: {from: T air, unit: °C, low: -60, high: 120, description: Temperature of the air}
      humidity: {from: RH, unit: "%", low: 0, high: 100, description: Relative humidity}
  flow:
    label: Cooling water
    files: "%Y-%m-%d/{channel}.csv"
    separator: ","
    columns: [date, clock, flow]
    time: [date, clock]
    read: {flow: {unit: L/min, low: 0, high: 100, description: Flow of the cooling water}}
"""

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        return tuple(each.quantity for each in read(channel).values())

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            for index, text in enumerate(stanza.options["skip"]):
                with noted(wrong):
                    check_pattern(text, ("skip", index))
            seen: dict[str, tuple[str, dict[str, Any]]] = {}
            for channel in stanza.channels:
                with noted(wrong) as found:
                    keys = settings(stanza, channel)
                    with noted(found):
                        check(stanza, channel, keys)
                    other, same = seen.setdefault(keys["files"], (channel.id, keys))
                    for key in (key for key in keys if keys[key] != same[key]):
                        found.append(
                            BadInput(
                                f"is otherwise for channel {other!r}, which is in the same files",
                                ("channels", channel.id, key),
                            )
                        )

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        self._folder = ""
        self._error: BadAnswer | None = None  # what was wrong with the last line
        self._errand: Errand[Reading] | None = None  # which is in the folder, or has brought what is not taken yet
        self._idle = False  # the last one did not read

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        self._folder, self._stop = url.rest, stop
        self._memory = LogMemory(Memory(self.stanza.name), self._folder, self.options["backlog"])
        self._progress = LogProgress(self._memory)
        self._groups = self._grouped()
        self._heard = dict.fromkeys((channel.id for channel in self.channels), time.monotonic())
        return ""

    def look(self) -> Iterator[Reading]:
        errand = self._errand = self._errand or Errand(self._all_news(), f"files of {self.stanza.name}")
        if not errand.back_within(self.stanza.timeout, self._stop):
            if self._stop.is_set:
                raise Stopped
            raise self._unreached(f"nothing for {self.stanza.timeout:g} s")
        self._errand = None
        for reading in errand.brought():
            if reading.status != FILE_TROUBLE:
                self._note(reading)
            yield reading
        if self._idle:
            return
        if self._memory.trouble:
            self.note("how far it has read can't be remembered", f"{self._memory.trouble}: ")
        yield from self._silent()

    def receipt(self) -> Callable[[bool], None] | None:
        # What is noted of files is ahead of what was taken, as long as that is under way.
        return None if self._errand else self._progress.receipt(self._groups)

    def close(self) -> None:
        """Do nothing: no file is held open, but by a read that hangs, and that can't be ended."""

    def _all_news(self) -> Iterator[Reading]:
        """Read what is new. Raises Disconnected. Of what is called here, all may hang that asks for a file."""
        try:
            there = stat.S_ISDIR(os.stat(self._folder).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            there = False
        except OSError as error:
            raise self._unreached(str(error.strerror)) from None
        if not there:
            raise Disconnected(f"there is no folder {self._folder}: is it mounted?")
        self._idle = self._progress.waiting
        if self._idle:  # nobody takes what is printed: the files can wait
            return
        for group in self._groups:
            yield from self._news(group, max(1, MOST_READINGS // len(self._groups)))
        self._progress.forget()

    def _unreached(self, why: str) -> Disconnected:
        # One fault, which comes in turns: in quotes stands what does not make another one of it.
        return Disconnected(f"{self._folder} is out of reach ({why!r}): does its file server answer?")

    def _grouped(self) -> list[LogGroup]:
        groups: dict[str, LogGroup] = {}
        for channel in self.channels:
            keys = settings(self.stanza, channel)
            path = keys["files"]
            if path not in groups:
                groups[path] = LogGroup(
                    self._folder,
                    LogPaths(path),
                    LogForm(keys),
                    LogTime(keys["time_form"], self.options["zone"]),
                    keys["time"],
                    keys["encoding"],
                    [Pattern(text) for text in self.options["skip"]],
                    [],
                    self.tap,
                    self._memory.since(path),
                )
            declared = read(channel).items()
            groups[path].channels.append(LogChannel(channel, [LogQuantity(name, each) for name, each in declared]))
        return list(groups.values())

    def _news(self, group: LogGroup, most: int) -> Iterator[Reading]:
        """Read what is new in the files of a group, ``most`` lines at most."""
        group.trouble = ""
        left = float(most)
        try:
            for path in self._progress.changed(group):
                for said in self._read(group, path):
                    left -= len(said) or PASSED_OVER
                    yield from said
                    if left <= 0:
                        return
        except OSError as error:
            group.trouble = f"{error.filename}: {error.strerror}"
        if group.trouble:
            for each in group.channels:
                yield Reading(each.channel.id, {}, time.time_ns(), FILE_TROUBLE, group.trouble)
        else:
            group.read_up()

    def _read(self, group: LogGroup, path: str) -> Iterator[list[Reading]]:
        """Read what is new in a file, line by line; where it can't be read, that is the group's trouble."""
        keeps, place = self._memory.keeps, self._progress.place(path)
        try:
            if place is None and not keeps:
                place = group.last(path)
            for readings, behind in group.lines(path, place, self._memory.first_ns if keeps else None):
                self._progress.reached(path, behind)
                yield readings
        except FileNotFoundError:  # just now
            pass
        except OSError as error:
            group.trouble = f"{path}: {error.strerror}"

    def _note(self, reading: Reading) -> None:
        if reading.channel:
            self._heard[reading.channel], self._error = time.monotonic(), None
        else:
            self._error = BadAnswer(reading.detail)

    def _silent(self) -> Iterator[Reading]:
        since = time.monotonic() - self.stanza.timeout
        told = {each.channel.id for group in self._groups if group.trouble for each in group.channels}
        silent = [name for name, heard in self._heard.items() if heard < since and name not in told]
        if len(silent) == len(self._heard):
            raise self._error or NoAnswer(f"no line has come for {self.stanza.timeout:g} s below {self._folder}")
        for name in silent:
            yield Reading(name, {}, time.time_ns(), "silent")


DRIVER = Logfile

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
