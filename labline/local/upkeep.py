"""Looks after what is in the database of a lab that runs, beside everything else: its schema, and runs that were not counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from provisioning.influxdb_server import DatabaseError
from provisioning.site import Site

from . import settling
from .counting import Counting
from .database import Database, Unfit
from .settling import Unsettled

EVERY = 5.0  # seconds between two looks at what is there
WHOLE_EVERY = 60.0  # … at all of it, users and rights and queries included, which is some work for a small machine
SHOWN = 4  # of what was made anew
ENDING = 10.0  # seconds to end a request; what is left of it fails when the database is stopped


class Upkeep:
    """Makes anew what was dropped of the database under the run that owns it, and settles ``runs``, the oldest first.

    Then the present run's readings are written again from the journal, by ``counting``. What came of ``runs`` stays in ``told``.
    """

    def __init__(
        self,
        database: Database,
        site: Site,
        runs: Sequence[Unsettled],
        counting: Counting,
        say: Callable[[str], None],
    ):
        self._database, self._site, self._runs, self._counting, self._say = database, site, list(runs), counting, say
        self._next_whole = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="upkeep")
        self.told: list[str] = []

    def take_up(self, site: Site) -> None:
        """Hold the database against another version of the site from now on."""
        self._site = site

    @property
    def unsettled(self) -> int:
        """Tell how many runs are not settled yet."""
        return len(self._runs)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End it; what was not settled is settled by the next run."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(ENDING)

    def _run(self) -> None:
        said = ""
        while not self._stop.is_set():
            why = self._hindered() if self._database.up else ""
            if why and why != said:
                self._say(why)
            said = why
            self._stop.wait(EVERY)

    def _hindered(self) -> str:
        """Do what is to be done; tells why it can't be."""
        try:
            self._look()
        except Unfit as error:
            return f"{error}\nUntil that is mended, what does not fit is refused; the journal has it"
        except OSError as error:
            where = error.filename or "the journal"
            return f"{where}: {error.strerror}; until that is mended, earlier runs can't be counted"
        except DatabaseError:
            pass  # that it takes nothing is told where readings are shown; it is tried again
        return ""

    def _look(self) -> None:
        if time.monotonic() < self._next_whole and self._database.has_policies(self._site):
            made = []
        else:
            made = self._database.make_whole(self._site)
            self._next_whole = time.monotonic() + WHOLE_EVERY
        if made:
            more = [f"… and {len(made) - SHOWN} more"] if len(made) > SHOWN else []
            self._say("\n  ".join(["something was dropped from the database; made anew:", *made[:SHOWN], *more]))
            for line in self._counting.write_again(self._database).lines():
                self._say(f"  {line}")
        while self._runs and not self._stop.is_set():
            told = settling.settle(self._runs[0], self._database.administrator(), lambda: not self._stop.is_set())
            if told:
                self._runs.pop(0)
                self.told += told
                self._say("\n".join(told))
