"""Where a lab that runs on this machine keeps its things: all below one folder, `.labline/<site>` beside its site file.

A run that is simulated whole has a folder and a database of its own: what it makes up is not what the lab measured."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import structs

from provisioning.files import of_node
from provisioning.influxdb_schema import READER
from provisioning.influxdb_server import SECONDS_PER_LOOK, DatabaseError, Server, secret
from provisioning.site import SITES, Site, SiteInstrument
from telegraf_inputs import stanza
from telegraf_inputs.errors import BadInput, shown

from .stack import credentials, listener, xdg

PICTURES = "pictures"
SIMULATED = "+simulated"  # no site's name has a +
FOLDER = ".labline"
VARIABLE = "LABLINE_STATE"  # the folder, where --state does not name it


def state_of(file: str | os.PathLike[str], asked: Path | None = None) -> Path:
    """Find the folder for the things of a site file's lab: the one that was asked for, else `.labline` beside the file.

    For the site files that come with labline it is that of the clone, or, of a clone that is somebody else's, the user's
    (XDG_DATA_HOME).
    """
    if asked or (asked := Path(os.environ.get(VARIABLE, ""))).parts:
        return _plain(asked.resolve())
    beside = Path(file).resolve().parent
    if beside != SITES.resolve():
        return _plain(beside / FOLDER)
    clone = SITES.parents[1]
    state = clone / FOLDER
    if (clone / "pyproject.toml").is_file() and os.access(state if state.exists() else clone, os.W_OK):
        return state
    return xdg.directory("XDG_DATA_HOME", ".local/share")


def _plain(folder: Path) -> Path:
    """Refuse (BadInput) a folder whose path the parts would take for something else in their configurations."""
    path = str(folder)
    if not path.isprintable() or any(c in path for c in "$\"'`\\{}"):
        raise BadInput(
            f"found {shown(path)}, expected a folder for the lab's things without quotes, brackets, '$' and backslashes in "
            "its path; choose one with --state"
        )
    return folder


def simulated(site: Site, root: Path) -> Site:
    """Make a site of its own for a run that simulates all of it: its title says so, and what instruments write into folders lies in ``root``."""
    instruments = tuple(_apart(instrument, root / PICTURES / instrument.name) for instrument in site.instruments)
    return structs.replace(site, title=f"{site.title} (simulated)", instruments=instruments)


def _apart(instrument: SiteInstrument, folder: Path) -> SiteInstrument:
    data = instrument.stanza.driver.apart(instrument.data, str(folder))
    if data == instrument.data:
        return instrument
    return structs.replace(instrument, data=data, stanza=stanza.check(data))


@dataclass(frozen=True)
class NodePlaces:
    """Where one node's Telegraf has its configuration, its log and its journal."""

    telegraf: Path
    log: Path
    journal: Path


class Places:
    """Paths below ``state/<site>``, absolute: the parts run in folders of their own. ``state`` None: that of the site file."""

    def __init__(self, state: Path | None, site: Site, *, simulated: bool = False):
        self.root = root = state_of(site.file, state) / f"{site.name}{SIMULATED if simulated else ''}"
        self.secrets = root / "secrets"
        self.influxdb, self.grafana = root / "influxdb", root / "grafana"
        self.ledger, self.grafana_files = root / "ledger", root / "rendered" / "grafana"
        self.nodes: dict[str, NodePlaces] = {}
        for node in site.nodes:
            own = root / "nodes" / node.name if len(site.nodes) > 1 else root
            self.nodes[node.name] = NodePlaces(
                root / "rendered" / of_node(site, node) / "telegraf", own / "telegraf.log", own / "journal"
            )
        self.simulators = root / "simulators"
        self.memory = root / "memory"  # what programs remember
        self.control = self.simulators / "control"
        self.ports = root / "ports.json"
        self.changing = threading.Lock()  # held while a password is another in its file than in the server

    @property
    def journals(self) -> list[Path]:
        """List the folders of all journals, those of nodes that the site file has no more included."""
        return [self.root / "journal", *sorted((self.root / "nodes").glob("*/journal"))]

    def make(self) -> None:
        """Make the folder, for its owner alone, and keep it out of git. Raises StackError where it is somebody else's."""
        state = self.root.parent
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        credentials.check_own(state)
        ignored = credentials.private_directory(self.root) / ".gitignore"
        if not ignored.exists():
            ignored.write_text("# passwords and data: not for a repository\n*\n")

    def reader(self, url: str, seconds: float = SECONDS_PER_LOOK, check: Callable[[], None] | None = None) -> Server:
        """Reach the lab's database at ``url`` as the user who may only read.

        ``check`` refuses what is no database of this lab, before each request; by default ``check_listener``.
        """

        def before() -> None:
            (check or functools.partial(self.check_listener, url))()
            with self.changing:  # a password that is just changed is asked for when it counts
                pass

        secret(self.secrets, READER)  # one that is missing is told at once
        return Server(url, READER, lambda: secret(self.secrets, READER), seconds=seconds, before=before)

    def check_listener(self, url: str) -> None:
        """Refuse (DatabaseError) what is at the database's port where it is another user's, and would wait there for passwords."""
        refuse_strangers(url, {*listener.sockets(urlsplit(url).port or 0).values()} - {self.root.stat().st_uid})


def refuse_strangers(url: str, uids: set[int]) -> None:
    """Refuse (DatabaseError) the programs of some users that are at the database's port."""
    if uids:
        raise DatabaseError(
            f"at {url} is a program of {listener.users(uids)}, not this lab's InfluxDB; no password was sent there"
        )
