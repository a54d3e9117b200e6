"""Sees to it that what a node's Telegraf could not keep for the database gets there all the same, from the node's journal.

    python -m labline.local.catch_up TELEGRAF_CONF PASSWORDS STATE

Runs after each start of a Telegraf that is a service of the system, and then now and again, and looks once. It needs no right but to
write, and asks nothing: the journal itself tells what the database has. Between the readings Telegraf says there how many points wait for the
database, and how many were written: once as many are as it had taken in by a place, and none was dropped, all that stood before
what it said the time before that is delivered. What stands between such a place and a start of Telegraf, or a place by which points
were dropped, is written again: the same points, at the same times. PASSWORDS is the folder of passwords, STATE the file in
which it notes how far it has got.
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from msgspec import DecodeError, Struct, json, structs

from provisioning.host_metrics import OUTPUT
from provisioning.influxdb_server import DatabaseError, PointsRefused, Server, secret

from ..words import counted
from . import journal
from .journal import OutputSaid, Reader, Stretch

DATABASE = "database"  # the alias of Telegraf's output
BLOCK = 5000  # lines that are written at once


class JournalPlace(Struct, frozen=True):
    """A place in the journal: the file, by its number in the file system, and how far into it (bytes)."""

    inode: int = 0
    offset: int = 0


class Mark(Struct, frozen=True):
    """A place at which Telegraf spoke of the output, and the one ``before``: ``due`` points are to be written or dropped until all before it are.

    ``dropped`` of them were by then.
    """

    before: JournalPlace
    place: JournalPlace
    due: int
    dropped: int


class Noted(Struct, frozen=True):
    """How far it has got: the database has all before ``delivered``, and ``dropped`` points were dropped by then (-1: not known).

    ``read`` is how far the journal was looked at, ``said`` where the line before that stands that tells of the output.
    """

    delivered: JournalPlace | None = None
    dropped: int = -1
    read: JournalPlace = JournalPlace()
    said: JournalPlace | None = None
    mark: Mark | None = None


class CatchUp:
    """Follows a journal in ``folder``; ``look`` reads on, and writes what the database lacks with ``server``."""

    def __init__(self, folder: Path, server: Server, database: str, policy: str, measurements: list[str], state: Path):
        self._folder, self._server, self._target, self._state = folder, server, (database, policy), state
        self._measurements = measurements
        self._noted = _kept(state)

    def look(self) -> Iterator[str]:
        """Read what is new; gives what people should know. Raises DatabaseError: the next look begins there again."""
        before = self._noted
        try:
            for place, end, line in self._new():
                yield from self._take(place, end, line)
        finally:
            if self._noted != before:
                self._keep()

    def _take(self, place: JournalPlace, end: JournalPlace, line: bytes) -> Iterator[str]:
        """Take in a line that stands from ``place`` to ``end``."""
        now = self._noted
        if line == journal.START:
            yield from self._again(place, "Telegraf ended before it could write them")
            now = Noted(end, 0)
        elif (output := journal.output_said(line)) and output.alias == DATABASE:
            if now.said:
                now = yield from self._heard(now, now.said, place, output)
            now = structs.replace(now, said=place)
        self._noted = structs.replace(now, read=end)

    def _heard(
        self, now: Noted, before: JournalPlace, place: JournalPlace, output: OutputSaid
    ) -> Generator[str, None, Noted]:
        """Take in what Telegraf says of the output at ``place``, and said ``before`` of it; gives what is known then.

        Some points always wait, those of the last flush. They are first in, first out: once as many were written or dropped as
        were taken in by a place, those before it are.
        """
        mark, done = now.mark, output.written + output.dropped
        if not mark or not output.waiting or output.dropped != mark.dropped:
            mark = Mark(before, place, done + output.waiting, output.dropped)
        if done < mark.due:
            return structs.replace(now, mark=mark)
        if mark.dropped > now.dropped >= 0:
            yield from self._again(mark.place, "Telegraf had no room to keep them")
            return Noted(mark.place, mark.dropped)
        return Noted(mark.before, mark.dropped)

    def _new(self) -> Iterator[tuple[JournalPlace, JournalPlace, bytes]]:
        """Give the whole lines behind what was read, each with where it begins and ends."""
        for part in self._parts(self._noted.read):
            for offset, line in part.placed():
                yield JournalPlace(part.inode, offset), JournalPlace(part.inode, offset + len(line) + 1), line

    def _parts(self, begin: JournalPlace) -> list[Stretch]:
        """List the journal's files behind a place, the oldest first; all of them where its file is gone."""
        parts = journal.parts(self._folder, 0)[::-1]
        at = next((i for i, part in enumerate(parts) if part.inode == begin.inode), None)
        if at is None:
            return parts
        first = parts[at]
        return [Stretch(first.path, first.size, first.inode, min(begin.offset, first.size)), *parts[at + 1 :]]

    def _again(self, until: JournalPlace, why: str) -> Iterator[str]:
        """Write what stands between what is delivered and a place; what stands before anything is known is another version's."""
        if not self._noted.delivered:
            return
        reader, points, times, refused = Reader(self._measurements), 0, list[int](), ""
        block: list[bytes] = []
        for part in self._parts(self._noted.delivered):
            size = until.offset if part.inode == until.inode else part.size
            for entry in reader.entries(Stretch(part.path, size, part.inode, part.begin)):
                block.append(entry.line)
                times = [min([*times[:1], entry.time_ns]), max([*times[1:], entry.time_ns])]
                if len(block) == BLOCK:
                    refused = self._write(block) or refused
                    points, block = points + BLOCK, []
            if part.inode == until.inode:
                break
        if block:
            refused = self._write(block) or refused
            points += len(block)
        if points:
            first, last = (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at / 1e9)) for at in times)
            yield f"{counted('point', points)} of {first} to {last} written again from the journal: {why}."
        if reader.torn:
            yield f"{counted('line', reader.torn)} of the journal can't be read. First: {reader.first_torn}."
        if refused:
            yield f"The database did not take all of it: {refused}"

    def _write(self, lines: list[bytes]) -> str:
        """Write lines; gives why some were refused for ever."""
        try:
            self._server.write(b"\n".join(lines), *self._target)
        except PointsRefused as error:
            return str(error)
        return ""

    def _keep(self) -> None:
        """Note how far it has got, whole or not at all."""
        new = self._state.with_name(f".{self._state.name}")
        new.write_bytes(json.encode(self._noted))
        new.replace(self._state)


def _kept(state: Path) -> Noted:
    try:
        return json.decode(state.read_bytes(), type=Noted)
    except (FileNotFoundError, DecodeError):
        return Noted()


def follower(conf: Path, passwords: Path, state: Path) -> CatchUp:
    """Make one for a Telegraf, by its settings as `labline render` writes them. Raises DatabaseError, OSError."""
    outputs: dict[str, Any] = tomllib.loads(conf.read_text(encoding="utf-8"))["outputs"]
    (database,) = (output for output in outputs["influxdb"] if output["alias"] == DATABASE)
    (file,) = (output for output in outputs["file"] if output["alias"] == "journal")
    name = database["password"].partition(":")[2].rstrip("}")
    server = Server(
        database["urls"][0],
        database["username"],
        lambda: secret(passwords, name),
        ca=database.get("tls_ca", ""),
    )
    folder = Path(file["files"][0]).parent
    measurements = [measurement for measurement in file["namepass"] if measurement != OUTPUT]
    return CatchUp(folder, server, database["database"], database["retention_policy"], measurements, state)


def main() -> int:
    """Look once; returns the exit status, 0 also where the database is away."""
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        for line in follower(*map(Path, sys.argv[1:])).look():
            print(line, flush=True)
    except DatabaseError as error:
        print(f"What is missing is written later: {error}", flush=True)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
