"""A laboratory to break: a server and a node, each with an instrument that keeps account, and the site put on them by the playbook."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import provisioning.site
from grafana_dashboards import emit
from labline.stack import telegraf
from provisioning.influxdb_server import DatabaseError, Server
from tests.grafana_dashboards.machine import START, Machine
from tests.grafana_dashboards.machine import Past as Database
from tests.parts import apt_repository, counting_instrument, debian_host
from tests.parts.counting_instrument import CountingInstrument
from tests.parts.debian_host import Host
from tests.parts.disk_image import DiskImage
from tests.parts.site_machine import PASSWORDS, PORT, ansible, sockets
from tests.parts.way_in import WayIn
from tools import wheels

from .case import Outcome, Unavailable

SERVER, NODE = "server", "node"
# The line from instrument to database, without what people look at.
TAGS = "base,labline,influxdb,telegraf"
FROM_DEBIAN = (
    "chrony",
    "influxdb",
    "python3-venv",
    "python3-debian",
    "unattended-upgrades",
    "nftables",
    "acl",
    "libusb-1.0-0",
)
SITE = """\
site: bench
title: Bench
nodes: [{{name: server, clock: unchecked}}, {{name: node, clock: unchecked}}]
influxdb: {{url: "http://{address}:8086", database: lab, retention: {{raw: 30d}}}}
alarms: {{stale_minimum: 10s}}
instruments:
"""
INTERVAL = "200ms"
CARD, DISK = 6000, 96  # megabytes; of the card only what is written is taken
PATIENCE = 240.0  # seconds until all is well again; never reached where it heals
# Seconds without another reading that comes: what is missing then is lost. A node that found no database when it booted tries again after 30.
STILL = 45.0
LOOK = 5.0  # seconds from one look of the alarms to the next
AWRY = 2.0  # seconds between an answer and the time of its reading, at most


@dataclass
class AlarmWatch:
    """What people are told meanwhile: alarms of Grafana's, by its rules and its state machine, over what the database has just then.

    Alarms that an earlier fault has left on are none of this one.
    """

    rules: list[dict[str, object]]
    database: Database
    machines: list[Machine] = field(init=False)

    def __post_init__(self) -> None:
        self.machines = [Machine(rule) for rule in self.rules]
        self._look()
        self._before = [len(machine.told) for machine in self.machines]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> list[str]:
        """Look no more; gives the titles of the alarms that began."""
        self._over.set()
        self._thread.join()
        new = ((one, one.told[before:]) for one, before in zip(self.machines, self._before, strict=True))
        return [str(one.rule["title"]) for one, told in new if any(how == "on" for _, how in told)]

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            self._look()

    def _look(self) -> None:
        now = int(time.time()) - START
        try:
            answers = self.database.results([(machine.rule, now) for machine in self.machines])
        except DatabaseError as error:
            answers = [error] * len(self.machines)
        for machine, answer in zip(self.machines, answers, strict=True):
            machine.look(now, answer)


class Laboratory:
    """``server`` and ``node`` are hosts, each with its instrument; ``card`` is what the node writes to, ``disk`` has the database."""

    def __init__(self, folder: Path, undo: ExitStack):
        """Boot both, and put the site on them. Raises NoHost, OSError."""
        self._folder, self._key = folder, ""
        base = debian_host.base(FROM_DEBIAN)
        self._gather(base)
        with debian_host.needed():
            self.card = DiskImage(folder / "card", CARD)
            undo.callback(self.card.close)
            self.disk = DiskImage(folder / "server-disk", DISK)
            undo.callback(self.disk.close)
            self.network = undo.enter_context(debian_host.network())
            disks = {"/var/lib/influxdb": self.disk.place}
            self.server = Host(self.network, 2, base / "root", folder / "server", disks)
            undo.callback(self.server.close)
            self.node = Host(self.network, 3, base / "root", self.card.place / "node")
            undo.callback(self.node.close)
        self.hosts = {SERVER: self.server, NODE: self.node}
        self.instruments = {
            name: CountingInstrument(folder / f"{name}.account", host.enter()) for name, host in self.hosts.items()
        }
        for instrument in self.instruments.values():
            undo.callback(instrument.close)
        way_in = WayIn(self.network.name, (self.server.address, 8086))
        undo.callback(way_in.close)
        self.passwords = {name: f"{name}-of-the-bench" for name in PASSWORDS}
        self.database = Server(f"http://127.0.0.1:{way_in.port}", "reader", self.passwords["reader"], seconds=8)
        self._write_site()
        self._write_inventory()
        undo.enter_context(self._repository())
        self._play()
        site = provisioning.site.load(folder / "site.yml")
        groups = json.loads(emit.render(site)[emit.RULES])["groups"]
        self.rules = [rule for group in groups for rule in group["rules"]]
        self.wait_for_new()

    def versions(self) -> str:
        """Tell what is tried here."""
        debian = self.server.path("/etc/debian_version").read_text().strip()
        packages = self.server.run(
            "dpkg-query", "--show", "--showformat", "${Package} ${Version}, ", "telegraf", "influxdb"
        )
        return f"Debian {debian}, {packages.rstrip(', ')}"

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Begin with all well; count when it is over."""
        self.wait_for_new()
        told = AlarmWatch(self.rules, Database(self.database, "lab", lambda _: None))
        try:
            yield Trial(self, told)
        finally:
            told.close()

    def stored(self, name: str, since_ns: int) -> dict[int, list[int]]:
        """Give the times (ns, UTC) of each number of an instrument that the database has. Raises DatabaseError."""
        rows = self.database.rows(
            f"SELECT count FROM raw.scpi WHERE instrument = '{name}' AND time >= {since_ns}", "lab"
        )
        found: dict[int, list[int]] = {}
        for row in rows:
            if row["count"] is not None:
                found.setdefault(round(row["count"]), []).append(row["time"])
        return found

    def wait(self, what: str, look: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until something is so; the database may be away meanwhile."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if look():
                    return
            except DatabaseError:
                pass
            if time.monotonic() > deadline:
                logs = "".join(
                    f"\n{name}:\n" + host.run("journalctl", "--no-pager", "-n", "30", check=False)
                    for name, host in self.hosts.items()
                )
                raise TimeoutError(f"no {what} within {patience:g} s{logs}")
            time.sleep(0.2)

    def wait_for_new(self) -> None:
        """Wait until readings of both, made from now on, are in the database."""
        now_ns = time.time_ns()
        self.wait("new readings of both", lambda: not self._behind(now_ns))

    def _behind(self, since_ns: int) -> bool:
        """Tell whether of some instrument no reading from after then is there."""
        return any(not self.stored(name, since_ns) for name in self.instruments)

    def _gather(self, base: Path) -> None:
        stub = apt_repository.package(self._folder, "telegraf", "1.39.3-1", {"usr/bin/telegraf": telegraf.get().path})
        repository = self._folder / "repository"
        apt_repository.make(repository, [*sorted((base / "archives").glob("*.deb")), stub])
        wheels.archive(debian_host.PYTHON, wheels.MACHINES[platform.machine()], self._folder / "wheels")
        self._key = (repository / apt_repository.KEY).read_text()

    @contextmanager
    def _repository(self) -> Iterator[None]:
        """Serve the packages to both hosts."""
        for host in self.hosts.values():
            sources = host.path("/etc/apt/sources.list.d")
            sources.mkdir(exist_ok=True)
            (sources / "debian.sources").write_text(
                f"Types: deb\nURIs: http://{self.network.address(1)}:{PORT}\nSuites: {apt_repository.SUITE}\n"
                f"Components: {apt_repository.COMPONENT}\nSigned-By:\n"
                + "".join(f" {line or '.'}\n" for line in self._key.splitlines())
            )
        words = ["-m", "http.server", str(PORT), "--bind", self.network.address(1), "--directory"]
        command = [*self.network.enter(), sys.executable, *words, self._folder / "repository"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            server.terminate()
            server.wait()

    def _write_site(self) -> None:
        text = SITE.format(address=self.server.address)
        for name, instrument in self.instruments.items():
            text += counting_instrument.STANZA.format(name=name, node=name, url=instrument.url, interval=INTERVAL)
        (self._folder / "site.yml").write_text(text)

    def _write_inventory(self) -> None:
        shared: dict[str, object] = {
            "labline_passwords": self.passwords,
            "labline_archives": str(self._folder / "wheels"),
            "labline_site_file": str(self._folder / "site.yml"),
            "labline_rendered": str(self._folder / "rendered"),
            "influxdb_address": "0.0.0.0:8086",
            "base_updates": False,
        }
        for part in ("influxdb", "telegraf"):
            shared |= {f"{part}_repository": f"http://{self.network.address(1)}:{PORT}", f"{part}_key": self._key}
        hosts = {
            name: {
                "ansible_host": host.address,
                "ansible_user": debian_host.USER,
                "ansible_ssh_private_key_file": str(host.key),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={host.known_hosts} -o GlobalKnownHostsFile=/dev/null",
            }
            for name, host in self.hosts.items()
        }
        children = {"server": {"hosts": {SERVER: {}}}, "nodes": {"hosts": dict.fromkeys(self.hosts, {})}}
        inventory = {"all": {"hosts": hosts, "vars": shared, "children": children}}
        (self._folder / "hosts.yml").write_text(yaml.safe_dump(inventory))

    def _play(self) -> None:
        inventory = str(self._folder / "hosts.yml")
        try:
            done = ansible(self.network, self._folder, "playbook", "-i", inventory, "site.yml", "--tags", TAGS)
        finally:
            shutil.rmtree(sockets(self.network), ignore_errors=True)
        if done.returncode:
            raise RuntimeError((done.stdout + done.stderr)[-6000:])


class Trial:
    """One fault, from its beginning: ``ended`` says when it is over, ``outcome`` what came of it."""

    def __init__(self, laboratory: Laboratory, told: AlarmWatch):
        self._laboratory, self._told = laboratory, told
        self.since_ns = self._end_ns = self._until_ns = time.time_ns()
        self.lasted: float | None = None
        self._healed: float | None = None

    def ended(self, *, lasted: bool = False) -> None:
        """Say that the fault is over, and whether how long it was matters; returns when what is still to come has come."""
        self._end_ns = time.time_ns()
        if lasted:
            self.lasted = (self._end_ns - self.since_ns) / 1e9
        laboratory = self._laboratory
        laboratory.wait_for_new()
        self._until_ns = time.time_ns()
        missing, last = -1, time.monotonic()
        while missing and time.monotonic() < last + STILL:
            try:
                now = len(self._missing(self._until_ns))
            except DatabaseError:
                now = missing
            if now != missing:
                missing, last, at_ns = now, time.monotonic(), time.time_ns()
                self._healed = (at_ns - self._end_ns) / 1e9
            time.sleep(0.2)

    def outcome(self, *said: str) -> Outcome:
        """Start the database anew, then count; ``said`` is what was told beside alarms."""
        laboratory = self._laboratory
        until_ns = max(self._until_ns, time.time_ns() - 5 * 10**9)  # what is newer may be on its way
        laboratory.server.run("systemctl", "restart", "influxdb.service")
        laboratory.wait_for_new()
        titles = self._told.close()
        made, wrong = 0, 0
        for name, instrument in laboratory.instruments.items():
            answers, stored = instrument.answers(), laboratory.stored(name, self.since_ns)
            made += sum(self.since_ns <= when < until_ns for when in answers.values())
            for number, times in stored.items():
                near = [abs(at - answers[number]) < AWRY * 1e9 for at in times if number in answers]
                wrong += near != [True]
        lost = len(self._missing(until_ns))
        told = (*(f"alarm “{title}”" for title in titles), *said)
        return Outcome(made, lost, wrong, told, self._healed, self.lasted)

    def log(self, host: Host, unit: str, words: str) -> str:
        """Tell whether a unit's log on a host has had such words (a regular expression) since the beginning; the newest line, or nothing."""
        since = f"@{self.since_ns // 10**9}"
        grep = ["--grep", words, "--since", since, "--output", "cat", "--no-pager", "--quiet"]
        lines = host.run("journalctl", "--unit", unit, *grep, check=False).splitlines()
        return lines[-1] if lines else ""

    def _missing(self, until_ns: int) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for name, instrument in self._laboratory.instruments.items():
            stored = self._laboratory.stored(name, self.since_ns - int(AWRY * 1e9))
            answers = instrument.answers().items()
            found |= {(name, n) for n, when in answers if self.since_ns <= when < until_ns and n not in stored}
        return found


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Have one. Raises Unavailable."""
    if why := debian_host.unavailable():
        raise Unavailable(why)
    folder = Path(tempfile.mkdtemp(prefix="labline-chaos-"))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            made = Laboratory(folder, undo)
        except debian_host.NoHost as error:
            raise Unavailable(str(error)) from None
        yield made
