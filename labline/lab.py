"""A lab on this machine: simulators, InfluxDB, Telegraf and Grafana, started and stopped so that nothing is lost."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import structs

from provisioning import native_config
from provisioning.influxdb_server import DatabaseError, Server
from provisioning.site import Site, load
from telegraf_inputs.errors import BadInput

from . import known_labs, ledger
from .alone import Alone
from .live.outputs import Trouble
from .live.telegraf_log import TelegrafLogs
from .local import change, rotation
from .local.acquisition import Acquisition
from .local.counting import Counting
from .local.dashboards import DASHBOARDS_PORT, Dashboards
from .local.database import DATABASE_PORT, Database
from .local.disk import DiskWatch
from .local.health import Health
from .local.memory_card import gentle
from .local.programs import Programs
from .local.request import Requests
from .local.simulators import Simulators
from .local.site_file import RunningSiteFile
from .local.supervision import Keeper, Supervision
from .local.upkeep import Upkeep
from .places import Places, simulated
from .stack import grafana, influxdb, libraries, ports, telegraf, told
from .stack.errors import NotFound, StackError, StartFailed, Unavailable, WrongPassword
from .stack.part import Part
from .stack.partslock import PartsLock
from .stack.process import continue_all, kill_all
from .stack.runlock import RunLock
from .words import counted

Say = Callable[[str], None]


class Lab:
    """The parts of one site. ``start`` them, ``look_after`` them now and then, ``stop`` them; ``close`` in any case."""

    def __init__(self, site: Site, state: Path | None, say: Say, *, simulate: bool = False):
        self.places = Places(state, site, simulated=simulate)
        with contextlib.ExitStack() as held:
            self._alone = None if simulate else held.enter_context(contextlib.closing(Alone(site)))
            if note := known_labs.told_of_old(self.places.root, self.places.root.name):
                say(note)
            self.places.make()
            self.lock = held.enter_context(RunLock(self.places.root))
            known_labs.claim(self.places.root, Path(site.file))
            if self._alone:
                self._alone.check(self.places.root, site)
            self._held = held.pop_all()
        self._say, self.simulate = say, simulate
        self.site = gentle(simulated(site, self.places.root) if simulate else site, self.places.root)
        self.counting = Counting(self.places, say)
        self._parts: PartsLock | None = None
        self._upkeep: Upkeep | None = None
        self.told: list[str] = []  # what came of earlier runs
        self.lost: list[Trouble] = []  # what the ledger has to tell of Telegraf's outputs
        self.happened: list[str] = []  # what else may have lost readings
        self.dashboards = Dashboards(self.places, say)
        self._dashboards_at = ""
        self._database: Database | None = None
        self._kept_database: Keeper | None = None
        self._kept_telegrafs: list[Keeper] = []
        self._programs: list[Programs] = []
        self._acquisitions: list[Acquisition] = []  # one a node
        self._logs = TelegrafLogs([])
        self._health: Health | None = None
        self._simulators: Simulators | None = None
        self._environment: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}  # instruments that Telegraf is not told of -> why
        self._on_their_own: set[str] = set()  # instruments that changed: what simulates them is in their programs
        self.version = 0  # of the site: how often it changed while it ran
        self._requests = Requests(self.places.root, {"reload": self.take_up, "rotate": self.rotate})
        self._supervision = Supervision(say)
        self._disk = DiskWatch(self.places.root, say)
        self._site_file = RunningSiteFile(Path(site.file), self.places.root, say)
        self._killed = False
        self._disk_trouble = ""

    def start(self) -> None:
        """Get and start every part. Raises StackError; what was started by then is stopped by ``close``."""
        server, agent = self._found(influxdb.get()), self._found(telegraf.get())
        home = self._grafana_home()
        self._parts = PartsLock(self.places.root, self._say)
        chosen = ports.remembered(self.places.ports, [DATABASE_PORT, DASHBOARDS_PORT])
        earlier = self.counting.earlier()
        shutil.rmtree(self.places.simulators, ignore_errors=True)
        for folder in (self.counting.folder, self.places.simulators):
            folder.mkdir(parents=True)
        self._environment = {ledger.VARIABLE: str(self.counting.folder), **self._libraries()}
        self._start_simulators()
        self._database = Database(server, self.places, chosen[DATABASE_PORT], self._say, self._parts)
        url = self._database.url
        self.site = structs.replace(self.site, influxdb=structs.replace(self.site.influxdb, url=url, ca="", write=None))
        away = self._start_database(self._database)
        self.lock.tell(influxdb=url)
        # Before all that may fail: where each start does, as of a service, runs that are not counted would pile up.
        self._upkeep = Upkeep(self._database, self.site, earlier, self.counting, self._say)
        self._upkeep.start()
        self._acquisitions = [Acquisition(agent, self.places, self.site, node, self._parts) for node in self.site.nodes]
        self._logs = TelegrafLogs([acquisition.log for acquisition in self._acquisitions])
        self._unreadable = {} if self.simulate else self._not_readable()
        self._render()
        self.counting.begin(self.site)
        for acquisition in self._acquisitions:
            acquisition.start()
        self._keep()
        if away and self._kept_database:
            self._kept_database.not_started(away)
        self._tell_telegraf()
        self._health = Health(self.site, self.places, self._logs, self._database)
        if home:
            simulated = self.simulate or any(i.stanza.simulated for i in self.site.enabled)
            self.dashboards.start(home, chosen[DASHBOARDS_PORT], self.site, simulated=simulated)
            if self.dashboards.process:
                meanwhile = "all else runs on without dashboards"
                self._supervision.keep("Grafana", self.dashboards, meanwhile, hung=self.dashboards.hung)
            self._tell_dashboards()

    def _start_database(self, database: Database) -> str:
        """Start it, and bring it to the site file; tells why it can't be, where measuring goes on without it.

        Raises StackError, DatabaseError where the lab has no data yet: then somebody is there to mend it.
        """
        try:
            database.start()
        except WrongPassword:
            raise
        except StartFailed as error:
            if not database.has_data:
                raise
            return str(error)
        database.apply(self.site, self._say)
        return ""

    def _keep(self) -> None:
        """Keep running from now on what was started."""
        keep = self._supervision.keep
        if self._database:
            meanwhile = "what is read meanwhile is in Telegraf's buffer and in the journal"
            self._kept_database = keep("InfluxDB", self._database, meanwhile)
        lost = "what it had not written yet is lost, and will be counted"
        telegrafs = self._kept_telegrafs = [keep(one.name, one, lost) for one in self._acquisitions]

        def at_other_addresses() -> None:
            self._stop_acquisition()
            self._render()
            for kept in telegrafs:
                kept.restart()

        self._programs = [Programs(acquisition, self._say) for acquisition in self._acquisitions]
        if self._simulators:
            keep(
                "simulators",
                self._simulators,
                "and Telegraf with them, for they have other addresses then",
                at_other_addresses,
                idles=True,
            )

    @property
    def since_ns(self) -> int:
        """When it began to read (ns, UTC)."""
        return self.counting.since_ns

    @property
    def reader(self) -> Server:
        """The running database, as the user who may only read."""
        return self._database.reader() if self._database else self.places.reader(self.site.influxdb.url)

    @property
    def notice(self) -> str:
        """Tell, in a line, what stands or happened last that a person has to know; "" where all is well."""
        return self._disk_trouble or self._disk.notice or self._site_file.notice or self._supervision.notice

    def details(self) -> Mapping[str, str]:
        """Tell, by instrument, the reason of its state, as its program gave it."""
        return {**self._unreadable, **self._logs.details()}

    def troubles(self) -> list[Trouble]:
        """Tell what is, or was, wrong on the readings' way behind the instruments."""
        return self._health.troubles() if self._health else self._logs.troubles()

    def telegraf_runs(self, node: str) -> bool:
        """Tell whether the Telegraf of a node runs."""
        return any(a.node == node and a.process is not None and a.process.running for a in self._acquisitions)

    def look_after(self) -> None:
        """Start anew what ended, or hangs, and tell it; mind the disk. It waits for nothing.

        A disk that is full, broken or gone ends nothing here: what can still be measured is.
        """
        try:
            self._supervision.look()
            self._look_at_the_rest()
        except OSError as error:
            trouble = f"{error.filename or told.path(self.places.root)}: {error.strerror or error}"
            if trouble != self._disk_trouble:
                self._say(f"{trouble}; measuring goes on as far as it can")
            self._disk_trouble = trouble
        else:
            self._disk_trouble = ""

    def _look_at_the_rest(self) -> None:
        for programs in self._programs:
            programs.look()
        self._requests.look((BadInput, DatabaseError, StackError, OSError))
        self._site_file.look()
        bad_disk = self._health.bad_disk if self._health else ""
        well_again = self._disk.look(doubted=bool(bad_disk))
        stuck = bad_disk or (well_again and self._told_of_a_full_disk())
        if self._kept_database and stuck and not self._disk.low:
            # Where it could not write once, InfluxDB 1.6 refuses all until it is started anew.
            self._say("InfluxDB is started anew; Telegraf keeps what was read meanwhile, as far as its buffer goes")
            self._kept_database.restart()
            if self._health:
                self._health.forget()
        self._tell_telegraf()
        self._tell_dashboards()

    def _tell_dashboards(self) -> None:
        """Write down where the dashboards are, or that there are none."""
        if self._dashboards_at != (at := self.dashboards.overview):
            self._dashboards_at = at
            self.lock.tell(grafana=at)

    def take_up(self) -> list[str]:
        """Go over to what the site file says by now; tells what came of it.

        Raises BadInput, AlreadyRunning, DatabaseError where it can't be; then all goes on as before.
        """
        written = load(self.site.file)
        told_of = change.between(self.site, written)
        if self._alone:
            self._alone.check(self.places.root, written)
        after = gentle(simulated(written, self.places.root) if self.simulate else written, self.places.root)
        own = structs.replace(after.influxdb, url=self.site.influxdb.url, ca="", write=None)
        after = structs.replace(after, influxdb=own)
        if self._database and self._database.up:
            self._database.make_whole(after)
        self._on_their_own |= {*told_of.came, *told_of.changed}
        self.site, self.version = after, self.version + 1
        self._environment |= self._libraries()
        self._unreadable = {} if self.simulate else self._not_readable()
        self.counting.also(after)
        if self._upkeep:
            self._upkeep.take_up(after)
        anew = self._render()
        for kept in self._kept_telegrafs:
            if kept.name in anew:
                kept.restart()
        simulates = self.simulate or any(i.stanza.simulated for i in after.enabled)
        refused = self.dashboards.take_up(after, simulated=simulates)
        self._site_file.take_up()
        again = [f"{name} is started anew for that: readings of about two seconds are missed" for name in sorted(anew)]
        return [*told_of.lines(), *again, *filter(None, [refused])]

    def rotate(self) -> list[str]:
        """Change the passwords of the database's users; tells what came of it. Raises StackError, DatabaseError."""
        if not self._database or not self._database.up:
            raise StackError("the database does not run just now; nothing was changed")
        return rotation.rotate(self._database, self._kept_telegrafs, self.dashboards, self.places)

    def stop(self) -> None:
        """Stop all parts, the readings' way down, and count. Raises StackError, DatabaseError where that can't be done."""
        continue_all()
        ended_ns = time.time_ns()
        database = self._database
        if database and self._acquisitions:
            if not self._killed and not database.up:
                database.restart()  # Telegraf may still hold readings for it
            self._stop_acquisition()
            if self._upkeep:
                self._upkeep.stop()
                self.told += self._upkeep.told
                if left := self._upkeep.unsettled:
                    self.told.append(f"{counted('earlier run', left)} not counted yet: the next run does it.")
            self.lost = [trouble for trouble in self.troubles() if trouble.lost]
            if self._health:
                self.happened += self._health.past()
            for kept in self._kept_telegrafs:
                self.happened += (f"{event} What it held was lost with it." for event in kept.events)
            bad_disk = self._health.bad_disk if self._health else ""
            self._disk.look(doubted=bool(bad_disk))
            full = self._told_of_a_full_disk() or bool(self._health and self._health.had_bad_disk)
            if not self._killed and (self._disk.was_low or full):
                # What could not go to the disk it still shows, from its memory; only what it finds again is written.
                if self._disk.low and full:
                    raise StackError(
                        f"{bad_disk or 'the disk is full'}; what the database shows now may be in its memory alone"
                    )
                database.restart()
            if not database.answers():
                raise StackError(f"no answer from the database ({database.url})")
            self.counting.take(database, ended_ns)
        self.close()

    def kill(self) -> None:
        """End all parts at once, from a signal's handler: ``stop``, wherever it waits, fails then."""
        self._killed = True
        kill_all()

    def close(self) -> None:
        """Stop whatever runs."""
        with contextlib.ExitStack() as stack:
            # In reverse: Telegraf first, so that nothing is read that can't be stored.
            stack.callback(self._held.close)
            if self._parts:
                stack.callback(self._parts.close)
            if self._health:
                stack.callback(self._health.stop)
            for part in (self._simulators, self._database):
                if part:
                    stack.callback(part.stop)
            stack.callback(self.dashboards.close)
            stack.callback(self._stop_acquisition)
            if self._upkeep:
                stack.callback(self._upkeep.stop)
        self._simulators = self._database = None
        self._acquisitions = []

    def _tell_telegraf(self) -> None:
        self.lock.tell_telegraf({a.node: a.process.pid for a in self._acquisitions if a.process})

    def _stop_acquisition(self) -> None:
        """Stop every node's Telegraf, all of them where one can't be stopped."""
        with contextlib.ExitStack() as stack:
            for acquisition in self._acquisitions:
                stack.callback(acquisition.stop)

    def _told_of_a_full_disk(self) -> bool:
        return any(acquisition.told_of_a_full_disk() for acquisition in self._acquisitions)

    def _found(self, part: Part) -> Path:
        """Tell which part was found, and why not a better one."""
        self._say(f"  {part}")
        if why := part.why():
            self._say(told.wrapped(f"tried before it: {why}", "    "))
        return part.path

    def _grafana_home(self) -> Path | None:
        try:
            return self._found(grafana.get())
        except NotFound as error:
            self._say(f"  {str(error).replace(chr(10), chr(10) + '  ')}")
            return None

    def _start_simulators(self) -> None:
        """Start simulators where the site file, or --simulate, asks for them."""
        simulated = [i for i in self.site.enabled if self.simulate or i.stanza.simulated]
        asked = [i for i in simulated if not native_config.is_native(i.stanza)]
        if asked:
            self._simulators = Simulators(asked, self.places, self._environment)
            self._simulators.start()
        if simulated:
            self._say(f"  simulators of {counted('instrument', len(simulated))}")
            for note in self._simulators.notes if self._simulators else ():
                self._say(f"  {note}")

    def _render(self) -> set[str]:
        """Write what each Telegraf reads; names those that have to be started anew for it."""
        urls = dict(self._simulators.urls) if self._simulators else {}
        for name in self._on_their_own:
            urls.pop(name, None)
        if self.simulate:
            urls |= {i.name: "sim" for i in self.site.enabled if i.name not in urls}
        readable = tuple(i for i in self.site.enabled if i.name not in self._unreadable)
        read = structs.replace(self.site, instruments=readable)
        return {one.name for one in self._acquisitions if one.render(read, self._environment, urls)}

    def _not_readable(self) -> dict[str, str]:
        """List the instruments whose passwords, or what else they need, are not there, and tell: with one Telegraf would not start."""
        found = {}
        for instrument in self.site.enabled:
            if instrument.stanza.simulated:
                continue
            names = native_config.secrets(instrument.stanza)
            missing = [self.places.secrets / name for name in names if not (self.places.secrets / name).exists()]
            if missing:
                files = ", ".join(map(told.path, missing))
                found[instrument.name] = f"its password is missing: {files}"
                self._say(f"  {instrument.name} is not read: {found[instrument.name]} (printf %s PASSWORD > {files})")
            elif absent := native_config.absent(instrument.stanza):
                found[instrument.name] = f"this machine has no {', '.join(absent)}"
                self._say(f"  {instrument.name} is not read: {found[instrument.name]}")
        return found

    def _libraries(self) -> dict[str, str]:
        """Tell the programs where the libraries are that the system does not have."""
        try:
            return libraries.environment(library for i in self.site.enabled for library in i.stanza.libraries)
        except Unavailable as error:
            self._say(f"  {error}")
            return {}
