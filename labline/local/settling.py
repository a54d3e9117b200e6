"""Settles runs that did not end well: counts what came of them, and writes again what the database lacks of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec import DecodeError, structs

from provisioning.influxdb_server import Server

from .. import ledger
from ..words import counted
from . import journal
from .replay import Replayed, replay


@dataclass(frozen=True)
class Unsettled:
    """A run of which nobody knows yet what came: the folder of its programs' counts, and the journal as the run left it."""

    folder: Path
    run: ledger.Run
    parts: list[journal.Stretch]

    @property
    def began(self) -> str:
        """Write when it began, in local time."""
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.run.since_ns / 1e9))

    def lines(self, before: list[ledger.Entry], after: list[ledger.Entry], replayed: Replayed) -> list[str]:
        """Tell what came of it, for people."""
        made, had, has, lost = (
            sum(counts)
            for counts in (
                [entry.made for entry in after],
                [entry.written for entry in before],
                [entry.written for entry in after],
                [entry.lost for entry in after],
            )
        )
        again = f", and {has - had} more are now" if has > had else ""
        told = [
            f"The run that began {self.began} was not counted at its end. {counted('reading', made)} made, "
            f"{had} in the database{again}; {f'{lost} LOST' if lost else 'nothing was lost'}."
        ]
        told += (f"  {entry.instrument}: {entry.lost} lost" for entry in after if entry.lost)
        told += (f"  {line}" for line in replayed.lines())
        for entry in after:
            if entry.unread or entry.uncounted:
                told.append(
                    f"  {entry.instrument}: its programs' counts do not tell all; {entry.written} readings are there"
                )
        return told


def unsettled(folder: Path, journals: Iterable[Path], until_ns: int) -> tuple[list[Unsettled], list[Path]]:
    """List the runs before ``until_ns`` whose counts are in folders of ``folder``, the oldest first, and what can't be read."""
    for place in folder.glob("*/"):
        if {file.name for file in place.iterdir()} <= {ledger.RUN_FILE, f".{ledger.RUN_FILE}"}:
            shutil.rmtree(place, ignore_errors=True)  # it ended before a program began to count
    runs, bad = [], []
    for file in folder.glob(f"*/{ledger.RUN_FILE}"):
        try:
            runs.append((ledger.Run.kept(file.parent), file.parent))
        except DecodeError:
            bad.append(file)
    runs.sort(key=lambda one: one[0].since_ns)
    ends = [run.since_ns for run, _ in runs[1:]] + [until_ns]
    journals = list(journals)
    found = [
        Unsettled(place, structs.replace(run, until_ns=end), journal_of(run, journals))
        for (run, place), end in zip(runs, ends, strict=False)
    ]
    return found, bad


def journal_of(run: ledger.Run, journals: Iterable[Path]) -> list[journal.Stretch]:
    """List the files in which a run's readings may be, the newest first."""
    return [part for folder in journals for part in journal.parts(folder, run.since_ns / 1e9)]


def settle(one: Unsettled, server: Server, go_on: Callable[[], bool] = lambda: True) -> list[str]:
    """Settle a run, as a user who may read and write; tells what came of it. Raises DatabaseError; then nothing is settled."""
    before = ledger.take(one.run, one.folder, server)
    replayed = written_again(one.run, one.parts, before, server, go_on)
    if not go_on():
        return []
    after = ledger.take(one.run, one.folder, server)
    told = one.lines(before, after, replayed)
    shutil.rmtree(one.folder)
    return told


def written_again(
    run: ledger.Run,
    parts: Iterable[journal.Stretch],
    entries: Iterable[ledger.Entry],
    server: Server,
    go_on: Callable[[], bool] = lambda: True,
) -> Replayed:
    """Write what the database lacks of a run; ``entries`` tell from when its readings are. Raises DatabaseError."""
    since_ns = min([run.since_ns, *(span.first_ns for entry in entries for span in entry.earlier.values())])
    return replay(parts, run.measurements, server, database=run.database, site=run.site, since_ns=since_ns, go_on=go_on)
