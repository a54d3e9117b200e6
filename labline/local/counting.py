"""The count of the run that goes on, and of those before it that were never counted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

from provisioning.site import Site

from .. import ledger
from ..places import Places
from ..stack import told
from ..words import counted
from . import journal, settling
from .database import Database
from .replay import Replayed
from .settling import Unsettled

SECONDS_PER_COUNT = 120  # what a run of months brought is counted slowly on a small machine


class Counting:
    """Counts a run: ``folder`` is where its programs keep count, ``since_ns`` when it began (ns, UTC).

    ``entries`` is the ledger in the end, ``again`` what the database lacked and the journal had.
    """

    def __init__(self, places: Places, say: Callable[[str], None]):
        self._places, self._say = places, say
        self.since_ns = time.time_ns()
        self.folder = places.ledger / str(self.since_ns)
        self._run: ledger.Run | None = None
        self.entries: list[ledger.Entry] = []
        self.again: list[str] = []

    def earlier(self) -> list[Unsettled]:
        """List the runs that were not counted at their end, with the journal as they left it."""
        for folder in self._places.journals:
            journal.seal(folder)
        runs, bad = settling.unsettled(self._places.ledger, self._places.journals, time.time_ns())
        for file in bad:
            self._say(f"  {told.path(file)} can't be read: what came of that run is not known; it stays there")
        if runs:
            self._say(f"  {counted('earlier run', len(runs))} not counted yet: that is done while this one runs")
        return runs

    def begin(self, site: Site) -> None:
        """Count from now on what is read of a site's instruments."""
        self.since_ns = time.time_ns()
        self._run = ledger.Run.of(site, self.since_ns)
        self._run.keep(self.folder)

    def also(self, site: Site) -> None:
        """Count what a site that changed reads, too; what was read before stays counted."""
        if self._run:
            self._run = self._run.joined(ledger.Run.of(site, self.since_ns))
            self._run.keep(self.folder)

    def take(self, database: Database, ended_ns: int) -> None:
        """Count, and write again from the journal what the database lacks. Raises DatabaseError.

        ``ended_ns`` is until when programs should have run.
        """
        if not self._run:
            return
        reader = database.reader(SECONDS_PER_COUNT)
        self.entries = ledger.take(self._run, self.folder, reader, ended_ns)
        if any(entry.lost for entry in self.entries):
            self._say("some of it is missing in the database: the journal is looked through")
            self.again += self.write_again(database).lines()
            self.entries = ledger.take(self._run, self.folder, reader, ended_ns)

    def write_again(self, database: Database) -> Replayed:
        """Write again from the journal what the database lacks of this run. Raises DatabaseError."""
        if not self._run:
            return Replayed()
        parts = settling.journal_of(self._run, self._places.journals)
        return settling.written_again(self._run, parts, self.entries, database.administrator())

    def settled(self) -> None:
        """Take note that what came of this run was told: nobody has to count it later."""
        shutil.rmtree(self.folder, ignore_errors=True)
