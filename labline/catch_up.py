"""Sends a node's journal to the database again, of the times in which that may have missed it; a timer starts it.

Telegraf holds in memory what the database does not take. That is lost with its process, and has an end; the journal on the disk goes on."""

from __future__ import annotations

import argparse
import os
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import DecodeError, Struct, json

from provisioning.database_error import DatabaseError
from provisioning.influxdb_server import PointsRefused, Server, secret

from .local import journal
from .words import counted

PERIOD = 300.0  # seconds between two of the timer's calls
MISSED = 1.5 * PERIOD  # so long not to have been well is an outage; Telegraf's memory spans a shorter one
BEFORE = 60.0  # seconds: what was written to the journal so long before all was last well may have been on its way
BLOCK = 5000  # lines that are sent at once
ANSWERS = 60.0  # seconds for an answer: the line may be thin


@dataclass(frozen=True)
class Line:
    """What a node's telegraf.conf says: whereto and as whom it writes, which ``measurements`` it has, where the journal is."""

    url: str
    ca: str
    database: str
    policy: str
    user: str
    secret_name: str
    journal: Path
    measurements: tuple[str, ...]


class Mark(Struct, frozen=True):
    """Until when (s since 1970) all that was read is in the database, or was sent again."""

    well: float = 0.0


def read(config: Path) -> Line:
    """Read what ``labline render`` wrote. Raises OSError; KeyError where it is another's."""
    outputs: dict[str, list[dict[str, Any]]] = tomllib.loads(config.read_text(encoding="utf-8"))["outputs"]
    database = next(output for output in outputs["influxdb"] if output["alias"] == "database")
    kept = next(output for output in outputs["file"] if output["alias"] == "journal")
    return Line(
        database["urls"][0],
        database.get("tls_ca", ""),
        database["database"],
        database["retention_policy"],
        database["username"],
        database["password"].strip("@{}").rpartition(":")[2],
        Path(kept["files"][0]).parent,
        tuple(kept["namepass"]),
    )


class CatchUp:
    """Looks, as the one who writes, whether the database takes points; where it may have missed some it sends them again.

    ``started``: the file that is touched whenever Telegraf starts; ``state``: where the mark is kept.
    """

    def __init__(self, line: Line, server: Server, state: Path, started: Path):
        self._line, self._server, self._state, self._started = line, server, state, started

    def look(self) -> str:
        """Do what is to be done; tells what was done, in words, "" for nothing. Raises DatabaseError: it takes nothing now."""
        mark, now = self._mark(), time.time()
        self._server.write("", self._line.database, self._line.policy)  # the right is looked at before the points
        try:
            began = self._started.stat().st_mtime
        except FileNotFoundError:
            began = 0.0
        told = ""
        if now - mark.well > MISSED or began > mark.well:
            told = self._send(mark.well - BEFORE, now)
        self._keep(Mark(now))
        return told

    def _send(self, since: float, until: float) -> str:
        reader, count, refused = journal.Reader(self._line.measurements), 0, ""
        for part in reversed(journal.parts(self._line.journal, since)):
            block: list[bytes] = []
            passed = False  # whether what is written there is of that time by now
            for entry in reader.entries(part):
                passed = passed or entry.time_ns >= since * 1e9
                if passed:
                    block.append(entry.line)
                if len(block) == BLOCK:
                    refused, count, block = self._write(block) or refused, count + len(block), []
            if block:
                refused, count = self._write(block) or refused, count + len(block)
        if not count:
            return ""
        span = f"{_clock(since)} to {_clock(until)}" if since else "all that is there"
        told = f"{counted('point', count)} of the journal, {span}, sent again: the database may have missed them."
        return f"{told} It did not take all: {refused}" if refused else told

    def _write(self, block: list[bytes]) -> str:
        """Write lines; tells why some of them were refused for what they are."""
        try:
            self._server.write(b"\n".join(block), self._line.database, self._line.policy)
        except PointsRefused as error:
            return str(error)
        return ""

    def _mark(self) -> Mark:
        try:
            return json.decode(self._state.read_bytes(), type=Mark)
        except (FileNotFoundError, DecodeError):
            # Without one all that is there may be missing: of a node that has just begun that is little.
            return Mark(BEFORE)

    def _keep(self, mark: Mark) -> None:
        part = self._state.with_suffix(".part")
        part.write_bytes(json.encode(mark))
        os.replace(part, self._state)


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def main(argv: list[str] | None = None) -> int:
    """Do it once; status 0 also where the database is away, which is no fault of this node."""
    parser = argparse.ArgumentParser("python -m labline.catch_up", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, default=Path("/etc/labline/telegraf/telegraf.conf"))
    parser.add_argument("--secrets", type=Path, default=Path("/etc/labline/secrets"))
    parser.add_argument("--state", type=Path, default=Path("/var/lib/labline/catch-up.json"))
    parser.add_argument("--started", type=Path, default=Path("/var/lib/labline/started"))
    arguments = parser.parse_args(argv)
    try:
        line = read(arguments.config)
        password = secret(arguments.secrets, line.secret_name)
    except (OSError, KeyError, DatabaseError) as error:
        print(f"{arguments.config}: nothing can be sent again: {error}", file=sys.stderr)
        return 1
    try:
        server = Server(line.url, line.user, password, ca=line.ca, seconds=ANSWERS)
        told = CatchUp(line, server, arguments.state, arguments.started).look()
    except DatabaseError as error:
        told = f"The database takes nothing now: {error}. What is read goes to the journal, and is sent when it does."
    if told:
        print(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
