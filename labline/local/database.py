"""The database of a lab that runs on this machine: its own InfluxDB, brought to the site file."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from provisioning import influxdb_apply, influxdb_schema, telegraf_config
from provisioning.influxdb_server import SECONDS_PER_LOOK, DatabaseError, Server
from provisioning.influxql import identifier
from provisioning.site import Site

from ..places import Places, refuse_strangers
from ..stack import credentials, influxdb, listener, loopback, ports, told
from ..stack.asking import agreed
from ..stack.errors import StartFailed
from ..stack.partslock import PartsLock
from ..stack.process import POLL, Process

DATABASE_PORT = "http"  # its name among the ports that are remembered
MENDED = (
    "  the database's log of what it took last was torn, as by a power cut or a full disk: what was torn is cut off, "
    "what comes now is safe"
)
PATIENCE = 15.0  # seconds of a start, before it is told that it goes on
PINGS = 4  # of two seconds each, before a database is held to hang


class Unfit(DatabaseError):
    """The data that are there have other types or units than the site file says."""


class Database:
    """An InfluxDB with the data of one lab at ``url``; ``process`` is there from ``start`` to ``stop``."""

    def __init__(self, program: Path, places: Places, port: int, say: Callable[[str], None], lock: PartsLock):
        self._program, self._places, self._port, self._say = program, places, port, say
        self._lock = lock
        self._server: influxdb.InfluxDB | None = None
        self.alone = threading.Lock()  # held by whoever changes users, or looks whether they are as they should be
        self.url = f"http://{ports.LOOPBACK}:{port}"

    @property
    def process(self) -> Process | None:
        server = self._server  # another thread may stop it
        return server.process if server else None

    @property
    def up(self) -> bool:
        """Tell whether it was started whole, and runs."""
        return bool(self._server and self._server.up and self._server.process.running)

    @property
    def has_data(self) -> bool:
        """Tell whether it was there before."""
        return (self._places.influxdb / "meta").exists()

    def begin(self) -> None:
        """Begin to start it. Raises StartFailed."""
        places = self._places
        with self._forgetting_its_port():
            self._server = influxdb.InfluxDB(
                self._program, places.influxdb, places.secrets, self._port, wait=False, lock=self._lock
            )

    def is_up(self) -> bool:
        """Go on with its start; True once it is done. Raises StartFailed; then nothing of it runs."""
        with self._forgetting_its_port():
            if not self._server or not self._server.is_up():
                return False
        ports.remember(self._places.ports, DATABASE_PORT, self._port)
        if self._server.mended:
            self._say(MENDED)
        return True

    def start(self) -> None:
        """Start it, and wait until it is up: what many months left is read for minutes. Raises StartFailed."""
        self.begin()
        patience = time.monotonic() + PATIENCE
        while not self.is_up():
            time.sleep(POLL)
            if time.monotonic() > patience:
                self._say("  InfluxDB is still starting: it reads what it has (Ctrl-C ends this)")
                patience = float("inf")

    @contextlib.contextmanager
    def _forgetting_its_port(self) -> Iterator[None]:
        """Let the next run take another port where a start fails: somebody else may be at this one."""
        try:
            yield
        except StartFailed:
            ports.forget(self._places.ports, DATABASE_PORT)
            raise

    def stop(self) -> None:
        """Stop it, and what an ended one left behind; what was written is on disk."""
        if self._server:
            self._server.stop()
            self._server = None

    def restart(self) -> None:
        """Start it anew, and wait until it is up. Raises StartFailed."""
        self.stop()
        self.start()

    def answers(self) -> bool:
        """Tell whether it answers; one that hangs is asked several times."""
        return any(loopback.answers(f"{self.url}/ping", 204) for _ in range(PINGS))

    def reader(self, seconds: float = SECONDS_PER_LOOK) -> Server:
        """Reach it as the user who may only read; ``seconds`` is how long an answer may take."""
        return self._places.reader(self.url, seconds, self._check_listener)

    def administrator(self) -> Server:
        """Reach it as the user who may do everything."""
        password = credentials.secret(self._places.secrets, influxdb_schema.ADMIN)
        return Server(self.url, influxdb_schema.ADMIN, password, before=self._check_listener)

    def _plan(self, site: Site) -> influxdb_apply.Plan:
        schema = influxdb_schema.schema(site)
        return influxdb_apply.plan(self.url, schema, self._places.secrets, before=self._check_listener)

    def _check_listener(self) -> None:
        """Refuse (DatabaseError) what took the port while this InfluxDB was away, were it this very user's."""
        if process := self.process:
            refuse_strangers(self.url, listener.strangers(self._port, process.pid))
        else:
            self._places.check_listener(self.url)

    def apply(self, site: Site, say: Callable[[str], None]) -> None:
        """Bring it to the site file. What would drop readings is asked for where there is somebody to ask.

        Raises DatabaseError where a field would get another type or unit than its data have: then nothing was changed.
        The server is this lab's alone, and nothing else runs yet: there is nobody to disturb.
        """
        for user in (telegraf_config.WRITER, influxdb_schema.READER):
            credentials.secret(self._places.secrets, user)
        plan = self._plan(site)
        try:
            influxdb_apply.check(plan)
        except DatabaseError as error:
            root = told.path(self._places.root)
            raise DatabaseError(f"{error}\nTo begin anew, and keep what is there: mv {root} {root}-before") from None
        for note in plan.gone:
            say(f"  {note}")
        for difference in plan.differences:
            if difference.loss:
                say(f"  {difference.loss}")
                if not agreed("  Drop them for good?"):
                    say("  left as it was; nothing is dropped")
                    continue
            difference.act()

    def has_policies(self, site: Site) -> bool:
        """Look whether the database is there with its retention policies, which is little work; False where it can't tell."""
        wanted = influxdb_schema.schema(site)
        try:
            found = self.reader().rows(f"SHOW RETENTION POLICIES ON {identifier(wanted.database)}")
        except DatabaseError:
            return False
        return {policy.name for policy in wanted.policies} <= {row["name"] for row in found}

    def make_whole(self, site: Site) -> list[str]:
        """Make anew what was dropped since ``apply``; tells what. May be called from any thread.

        Raises Unfit where the data have other types or units than the site file says, DatabaseError.
        """
        with self.alone:
            plan = self._plan(site)
            if plan.refused:
                raise Unfit("\n".join(plan.refused))
            missing = [difference for difference in plan.differences if not difference.loss]
            for difference in missing:
                difference.act()
        return [difference.text for difference in missing]
