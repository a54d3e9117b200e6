"""Where a lab that runs on this machine keeps its things: all below one folder, `.labline/<site>`."""

from __future__ import annotations

from pathlib import Path

from provisioning.influxdb_schema import READER
from provisioning.influxdb_server import Server
from provisioning.site import Site

from .stack import credentials


class Places:
    """Paths below ``state/<site>``, as they are told to people (relative where ``state`` is)."""

    def __init__(self, state: Path, site: Site):
        self.root = root = state / site.name
        self.secrets = root / "secrets"
        self.influxdb, self.grafana = root / "influxdb", root / "grafana"
        self.telegraf, self.grafana_files = root / "rendered" / "telegraf", root / "rendered" / "grafana"
        self.telegraf_log = root / "telegraf.log"
        self.journal, self.ledger = root / "journal", root / "ledger"
        self.simulators = root / "simulators"
        self.control = self.simulators / "control"
        self.ports = root / "ports.json"

    def reader(self, url: str) -> Server:
        """Reach the lab's database at ``url`` as the user who may only read."""
        return Server(url, READER, credentials.secret(self.secrets, READER))
