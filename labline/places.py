"""Where a lab that runs on this machine keeps its things: all below one folder, `.labline/<site>`.

A run that is simulated whole has a folder and a database of its own: what it makes up is not what the lab measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from provisioning.files import of_node
from provisioning.influxdb_schema import READER
from provisioning.influxdb_server import SECONDS_PER_LOOK, Server
from provisioning.site import Site

from .stack import credentials

SIMULATED = "+simulated"  # no site's name has a +


def simulated(site: Site) -> Site:
    """Mark a site's title, for a run that simulates all of it."""
    return structs.replace(site, title=f"{site.title} (simulated)")


@dataclass(frozen=True)
class NodePlaces:
    """Where one node's Telegraf has its configuration, its log and its journal."""

    telegraf: Path
    log: Path
    journal: Path


class Places:
    """Paths below ``state/<site>``, absolute: the parts run in folders of their own."""

    def __init__(self, state: Path, site: Site, *, simulated: bool = False):
        self.root = root = state.resolve() / f"{site.name}{SIMULATED if simulated else ''}"
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
        self.control = self.simulators / "control"
        self.ports = root / "ports.json"

    def reader(self, url: str, seconds: float = SECONDS_PER_LOOK) -> Server:
        """Reach the lab's database at ``url`` as the user who may only read."""
        return Server(url, READER, credentials.secret(self.secrets, READER), seconds=seconds)
