"""A lab on this machine: simulators, InfluxDB, Telegraf and Grafana, started and stopped so that nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import structs

from grafana_dashboards.uids import uid
from provisioning import influxdb_apply, influxdb_schema, telegraf_config
from provisioning.influxdb_server import Server
from provisioning.site import Site

from . import ledger, simulation
from .live.telegraf_log import TelegrafLog
from .places import Places, simulated
from .stack import credentials, grafana, influxdb, libusb, loopback, ports, telegraf, told
from .stack.asking import agreed
from .stack.errors import NotFound, StackError, StartFailed, Unavailable
from .stack.part import Part
from .stack.process import Process, kill_all
from .stack.runlock import RunLock
from .words import counted

Say = Callable[[str], None]
GIVE_UP_AFTER = 3  # ends of a part within RECENT seconds
RECENT = 120.0
SECONDS_PER_COUNT = 120  # what a run of months brought is counted slowly on a small machine
PINGS = 4  # of two seconds each, before a database is held to hang
LOW_DISK = 20e6  # bytes: InfluxDB, Telegraf and their logs go on for some time with these
FULL = (b"no space left on device", b"disk quota exceeded")  # in Telegraf's log
MAIL = ("GF_SMTP_ENABLED", "GF_SMTP_HOST")  # without them Grafana sends none
SECRET_FILES = ("url_file", "password_file", "token_file")  # of a contact point


class Lab:
    """The parts of one site. ``start`` them, ``look_after`` them now and then, ``stop`` them; ``close`` in any case."""

    def __init__(self, site: Site, state: Path, say: Say, *, simulate: bool = False):
        self.places = Places(state, site, simulated=simulate)
        self.lock = RunLock(self.places.root)
        self.site, self._say, self._simulate = simulated(site) if simulate else site, say, simulate
        self.since_ns = time.time_ns()
        self.ledger: list[ledger.Entry] = []
        self.grafana: grafana.Grafana | None = None
        self._influxdb: influxdb.InfluxDB | None = None
        self._telegraf: telegraf.Telegraf | None = None
        self._simulators: Process | None = None
        self._ends: dict[str, list[float]] = {}
        self._grafana_ended = False
        self._disk_low = self._disk_was_low = False
        self._event = ""  # the last part that ended, and when
        self._killed = False

    def start(self) -> None:
        """Get and start every part. Raises StackError; what was started by then is stopped by ``close``."""
        self._programs = {"InfluxDB": self._got(influxdb.get()), "Telegraf": self._got(telegraf.get())}
        home = self._grafana_home()
        self._ports = ports.remembered(self.places.ports, ["http", "rpc", "grafana"])
        for folder in (self.places.ledger, self.places.simulators):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.places.journal.mkdir(exist_ok=True)
        connections = self._start_simulators()
        self._start_influxdb()
        self._apply_schema()
        self.lock.tell(influxdb=self.site.influxdb.url)
        self._render(connections)
        log = self.places.telegraf_log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._telegraf_log = TelegrafLog(log, self._log_start)
        self.since_ns = time.time_ns()
        self._start_telegraf()
        if home:
            self._start_grafana(home)

    @property
    def reader(self) -> Server:
        """The running database, as the user who may only read."""
        return self.places.reader(self.site.influxdb.url)

    @property
    def overview(self) -> str:
        """The URL of the overview dashboard."""
        return f"{self.grafana.url}/d/{uid(self.site.name, 'overview')}" if self.grafana else ""

    @property
    def dashboards(self) -> str:
        """Tell, in a line, where the dashboards are; "" without Grafana."""
        if not self.grafana:
            return ""
        if self._grafana_ended:
            return f"Grafana ended: no dashboards. Its log: {told.path(self.grafana.process.log)}"
        return f"Dashboards: {self.overview}"

    @property
    def notice(self) -> str:
        """Tell, in a line, what stands or happened last that a person has to know; "" where all is well."""
        return "The disk is nearly full: free some space, or readings are lost." if self._disk_low else self._event

    def details(self) -> Mapping[str, str]:
        """Tell, by instrument, the reason of its state, as its program gave it."""
        return self._telegraf_log.details()

    def look_after(self) -> None:
        """Start anew what ended, but Grafana, and tell it; mind the disk. Raises StackError where that goes on."""
        if self._mind_the_disk() and self._influxdb and self._disk_was_full():
            # Where it could not write once, InfluxDB 1.6 refuses all until it is started anew.
            self._say("InfluxDB is started anew; Telegraf keeps what was read meanwhile, as far as its buffer goes")
            self._influxdb.stop()
            self._start_influxdb()
        if self._influxdb and not self._influxdb.process.running:
            self._mourn(self._influxdb.process, "started anew; Telegraf keeps what was read meanwhile")
            self._influxdb.stop()
            self._start_influxdb()
        if self._telegraf and not self._telegraf.process.running:
            self._mourn(
                self._telegraf.process, "started anew; what it had not written yet is lost, and will be counted"
            )
            self._telegraf.stop()
            self._start_telegraf()
        if self._simulators and not self._simulators.running:
            self._mourn(self._simulators, "started anew, and Telegraf, because they have other addresses now")
            self._simulators.stop()
            if self._telegraf:
                self._telegraf.stop()
            self._render(self._start_simulators())
            self._start_telegraf()
        if self.grafana and not self.grafana.process.running and not self._grafana_ended:
            self._grafana_ended = True
            self.lock.tell(grafana="")
            part = self.grafana.process
            self._say(
                part.explain(f"{part.name} ended (exit status {part.status}); all else runs on without dashboards")
            )

    def stop(self) -> None:
        """Stop all parts, the readings' way down, and count. Raises StackError, DatabaseError where that can't be done."""
        if self._telegraf:
            if self._influxdb and not self._killed and not self._influxdb.process.running:
                # Telegraf may still hold readings for it.
                self._influxdb.stop()
                self._start_influxdb()
            self._telegraf.stop()
            self._telegraf = None
            self._mind_the_disk()
            if self._influxdb and not self._killed and (self._disk_was_low or self._disk_was_full()):
                # What could not go to the disk it still shows, from its memory; only what it finds again is written.
                if self._disk_low and self._disk_was_full():
                    raise StackError("the disk is full; what the database shows now may be in its memory alone")
                self._influxdb.stop()
                self._start_influxdb()
            url = self.site.influxdb.url
            if not any(loopback.answers(f"{url}/ping", 204) for _ in range(PINGS)):
                raise StackError(f"no answer from the database ({url})")
            counting = self.places.reader(url, SECONDS_PER_COUNT)
            self.ledger = ledger.take(self.site, self.places.ledger, counting, self.since_ns)
        self.close()

    def kill(self) -> None:
        """End all parts at once, from a signal's handler: ``stop``, wherever it waits, fails then."""
        self._killed = True
        kill_all()

    def close(self) -> None:
        """Stop whatever runs."""
        with contextlib.ExitStack() as stack:
            # In reverse: Telegraf first, so that nothing is read that can't be stored.
            stack.callback(self.lock.close)
            if self._simulators:
                # Whoever writes into it later would wait for ever.
                stack.callback(self.places.control.unlink, missing_ok=True)
                # They clean up behind themselves on SIGINT.
                stack.callback(self._simulators.stop, 5, signal.SIGINT)
            for part in (self._influxdb, self.grafana, self._telegraf):
                if part:
                    stack.callback(part.stop)
        self._simulators = self._influxdb = self.grafana = self._telegraf = None

    def _got(self, part: Part) -> Path:
        self._say(f"  {part}")
        if why := part.why():
            self._say(told.wrapped(f"tried before it: {why}", "    "))
        return part.path

    def _grafana_home(self) -> Path | None:
        try:
            return self._got(grafana.get())
        except NotFound as error:
            self._say(f"  {str(error).replace(chr(10), chr(10) + '  ')}")
            return None

    def _start_simulators(self) -> dict[str, str]:
        """Start simulators where the site file, or --simulate, asks for them; gives their URLs by instrument."""
        asked = [i for i in self.site.instruments if self._simulate or i.stanza.connection.scheme == "sim"]
        if not asked:
            return {}
        self._simulators, urls = simulation.start(self.site, asked, self.places, self._libusb())
        self._say(f"  simulators of {counted('instrument', len(urls))}")
        return urls

    def _start_influxdb(self) -> None:
        chosen = {name: self._ports[name] for name in ("http", "rpc")}
        self._influxdb = influxdb.InfluxDB(
            self._programs["InfluxDB"], self.places.influxdb, self.places.secrets, chosen
        )
        self.site = structs.replace(
            self.site, influxdb=structs.replace(self.site.influxdb, url=self._influxdb.url, ca="")
        )

    def _apply_schema(self) -> None:
        """Bring the database to the site file. What would drop readings is asked for where there is somebody to ask.

        The server is this lab's alone, and nothing else runs yet: there is nobody to disturb.
        """
        for user in (telegraf_config.WRITER, influxdb_schema.READER):
            credentials.secret(self.places.secrets, user)
        made = influxdb_apply.plan(self.site.influxdb.url, influxdb_schema.schema(self.site), self.places.secrets)
        for difference in made.differences:
            if difference.loss:
                self._say(f"  {difference.loss}")
                if not agreed("  Drop them for good?"):
                    self._say("  left as it was; nothing is dropped")
                    continue
            difference.act()

    def _render(self, connections: dict[str, str]) -> None:
        paths = telegraf_config.Paths(
            python=sys.executable,
            config=str(self.places.telegraf),
            secrets=str(self.places.secrets),
            journal=str(self.places.journal),
        )
        environment = {ledger.VARIABLE: str(self.places.ledger), **self._libusb()}
        shutil.rmtree(self.places.telegraf, ignore_errors=True)
        for name, text in telegraf_config.render(
            self.site, paths, environment=environment, connections=connections
        ).items():
            file = self.places.telegraf / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def _libusb(self) -> dict[str, str]:
        """Tell the programs where libusb is, if the site has Phidgets and the system has no libusb."""
        if not any(i.stanza.driver.extra == "phidget" for i in self.site.instruments):
            return {}
        try:
            return libusb.environment()
        except Unavailable as error:
            self._say(
                f"  libusb, which Phidgets need, can't be had: {error}. Install it: sudo apt-get install libusb-1.0-0"
            )
            return {}

    def _start_telegraf(self) -> None:
        self._telegraf = telegraf.Telegraf(
            self._programs["Telegraf"],
            self.places.telegraf / telegraf_config.CONF,
            self.places.telegraf_log,
            cwd=self.places.root,
        )

    def _start_grafana(self, home: Path) -> None:
        from grafana_dashboards import emit

        paths = emit.Paths(reader_password=f"$__file{{{self.places.secrets / influxdb_schema.READER}}}")
        site = self._telling_nobody_else()
        mailed = [p.name for p in site.notifications.contact_points if p.type == "email"]
        missing = [name for name in MAIL if not os.environ.get(name)]
        if mailed and missing:
            self._say(f"  no mail server ({', '.join(missing)}): no mail to {', '.join(mailed)}; see docs/site-file.md")
        try:
            emit.write(site, self.places.grafana_files, paths)
            self.grafana = grafana.Grafana(
                home, self.places.grafana, self.places.secrets, self.places.grafana_files, self._ports["grafana"]
            )
        except (emit.Unfit, StartFailed) as error:
            self._say(f"{error}\nEverything else runs on, without dashboards.")
        else:
            self.lock.tell(grafana=self.overview)

    def _telling_nobody_else(self) -> Site:
        """Leave out contact points: all where anything is simulated, else those whose secrets Grafana would miss."""
        points, known = [], self.site.notifications.contact_points
        if self._simulators and known:
            self._say("  alarms go to nobody from here: instruments are simulated")
            known = ()
        for point in known:
            files = {key: self.places.secrets / getattr(point, key) for key in SECRET_FILES if getattr(point, key)}
            missing = [str(file) for file in files.values() if not file.exists()]
            if missing:
                self._say(f"  alarms do not go to {point.name!r} from here: {', '.join(missing)} is not there")
            else:
                points.append(structs.replace(point, **{key: str(file) for key, file in files.items()}))
        return structs.replace(
            self.site, notifications=structs.replace(self.site.notifications, contact_points=tuple(points))
        )

    def _mind_the_disk(self) -> bool:
        """Look how much room the disk has, and tell where that became too little or enough; True where it became enough."""
        free = shutil.disk_usage(self.places.root).free
        if self._disk_low != (free < LOW_DISK):
            self._disk_low = not self._disk_low
            self._disk_was_low = True
            left = f"{free / 1e6:.1f} MB left where {told.path(self.places.root)} is"
            self._say(
                f"the disk is nearly full, {left}: free some space, or readings are lost"
                if self._disk_low
                else f"the disk has room again, {left}"
            )
            return not self._disk_low
        return False

    def _disk_was_full(self) -> bool:
        """Look whether Telegraf, or the database by its mouth, told of that."""
        with open(self.places.telegraf_log, "rb") as log:
            log.seek(self._log_start)
            return any(words in line for line in log for words in FULL)

    def _mourn(self, part: Process, consequence: str) -> None:
        """Tell that a part ended. Raises StackError where it does so again and again."""
        now = time.monotonic()
        ends = [t for t in self._ends.get(part.name, []) if now - t < RECENT] + [now]
        self._ends[part.name] = ends
        if len(ends) > GIVE_UP_AFTER:
            raise StackError(part.explain(f"{part.name} ended {len(ends)} times within {RECENT:.0f} s; the run ends"))
        self._event = f"{time.strftime('%H:%M:%S')} {part.name} ended (exit status {part.status}) and was started anew."
        self._say(part.explain(f"{part.name} ended (exit status {part.status}); {consequence}"))
