"""Whether readings arrive: tried and noted again and again, whoever looks, so that dashboards and alarms know it too."""

from __future__ import annotations

import contextlib
import threading
import time

from provisioning.influxdb_schema import ADMIN
from provisioning.influxdb_server import DatabaseError, secret
from provisioning.levels import RAW
from provisioning.site import Site
from telegraf_inputs.point import Point

from ..live.canary import EVERY, LONGEST, Canary, delivered, merged
from ..live.outputs import BAD_DISKS, CANARY, SLOW, Trouble
from ..live.telegraf_log import TelegrafLogs
from ..places import Places
from . import disk
from .database import Database

MINUTE = 60.0
OUTPUTS = ("database", "journal")


def prepared(site: Site, time_ns: int) -> list[Point]:
    """Make points that say of each reason of a bad disk that it is not so."""
    troubles = [Trouble(CANARY, why, False, 0, 0) for why in BAD_DISKS]
    return [delivered(site, site.server.name, CANARY, trouble, time_ns, failing=False) for trouble in troubles]


class Health:
    """Sends a canary from a thread of its own, and stores how each node's outputs are, until ``stop``.

    It writes as the administrator, who can where the user of Telegraf has lost the right to.
    """

    def __init__(self, site: Site, places: Places, logs: TelegrafLogs, database: Database):
        self._site, self._places, self._logs = site, places, logs
        self._server = database.reader(LONGEST)
        self._canary = Canary(site, self._server, places.secrets)
        self._found: Trouble | None = None
        self._before: dict[tuple[str, float], Trouble] = {}
        self._said: list[tuple[dict[str, object], object]] = []
        self._said_at = 0.0
        self._next = 0.0  # when a point is due
        self._starts = 0  # of the database, since this began
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="health")
        self._thread.start()

    def troubles(self) -> list[Trouble]:
        """Tell what is, or was, wrong on the readings' way into the database."""
        return merged(self._logs.troubles(), lambda: self._found)

    @property
    def bad_disk(self) -> str:
        """Tell, in a few words, what is wrong with the database's disk, by what it says; "" where nothing is."""
        found = self._found
        return found.kind if found and any(words in found.why for words in BAD_DISKS) else ""

    @property
    def had_bad_disk(self) -> bool:
        """Tell whether, in this run, it said so once."""
        return any(words in trouble.why for trouble in self._before.values() for words in BAD_DISKS)

    def forget(self) -> None:
        """Begin anew, because the database does."""
        self._starts += 1
        self._found = None

    def past(self) -> list[str]:
        """Tell when, in this run, a point did not arrive, and why, where Telegraf's log does not say so."""
        told = {trouble.kind for trouble in self._logs.troubles() if trouble.lost}
        return [f"{t.span()}: {t.why}." for t in self._before.values() if t.kind not in told]

    def stop(self) -> None:
        """Try it no more."""
        self._ending.set()

    def _prepare(self) -> None:
        """Make the series beforehand in which a bad disk is noted: on one there are no new ones."""
        self._write(prepared(self._site, time.time_ns()))

    def _run(self) -> None:
        with contextlib.suppress(DatabaseError, OSError):
            self._prepare()
        while not self._ending.is_set():
            if self._due():
                self._send()
            with contextlib.suppress(DatabaseError, OSError):  # who reads it there sees that nothing comes
                self._store()
            self._ending.wait(EVERY)

    def _due(self) -> bool:
        """Tell whether a point has to be written: each wears a memory card, so there they are fewer while nothing is doubtful."""
        return bool(
            time.monotonic() >= self._next or self._found or disk.doubtful(self._places.root) or self._canary.doubtful()
        )

    def _send(self) -> None:
        self._next = time.monotonic() + self._site.server.flush_seconds
        starts, found = self._starts, self._canary.send()
        if starts == self._starts:  # else it speaks of the database before
            self._found = found
        if found:
            self._before[found.kind, found.first] = found

    def _store(self) -> None:
        found, now = self._found, time.time()
        troubles = [t for t in self._logs.troubles() if t.is_new(now)]
        points = []
        # A server that was slow once is no alarm; one that refuses is, at once.
        if found and (found.kind != SLOW or found.last - found.first > EVERY):
            points = [delivered(self._site, self._site.server.name, CANARY, found, int(now * 1e9))]
        for node in self._site.nodes:
            for output in OUTPUTS:
                # What Telegraf tries again is lost to nobody yet: that the database is away, the canary tells.
                trouble = next(
                    (
                        t
                        for t in troubles
                        if t.output == output and t.node in ("", node.name) and (t.lost or output != "database")
                    ),
                    None,
                )
                points.append(delivered(self._site, node.name, output, trouble, int(now * 1e9)))
        said = [(point.tags, point.values["failing"]) for point in points]
        # That all is well is written once a minute: each writing wears a memory card.
        if said != self._said or any(failing for _, failing in said) or now - self._said_at >= MINUTE:
            self._write(points)
            self._said, self._said_at = said, now

    def _write(self, points: list[Point]) -> None:
        admin = self._server.as_user(ADMIN, lambda: secret(self._places.secrets, ADMIN))
        admin.write("".join(point.line() for point in points), self._site.influxdb.database, RAW)
