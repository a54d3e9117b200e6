"""A server and nodes behind a network that lets nothing in: bare Debian hosts, and the playbook with ansible/examples/nodes for them."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from provisioning import site as sites
from provisioning import ssh_config

from . import debian_host, site_machine
from .site_machine import PASSWORDS, PORT, ROOT
from .vault import PasswordVault

EXAMPLE = ROOT / "ansible" / "examples" / "nodes"
SERVER, DATABASE = "hub", "sheds"


class SiteNetwork:
    """``hosts`` by the names that the site file has for them; ``play`` runs the playbook; ``passwords`` are in its inventory.

    From one host nothing but ssh gets to the server, and nothing to a node: their own firewalls see to that.
    """

    def __init__(self, folder: Path, network: debian_host.Network, hosts: dict[str, debian_host.Host], key: str):
        self.hosts, self.network, self.folder = hosts, network, folder
        self.passwords = {name: f"canary-{name}-q'\\x" for name in PASSWORDS}
        self.example = folder / "example"
        self.site_file = self.example / "site.yml"
        self.known_hosts = folder / "known_hosts"
        keys = {name: host.known_hosts.read_text().partition(" ")[2] for name, host in hosts.items()}
        self.known_hosts.write_text("".join(f"{name},{host.address} {keys[name]}" for name, host in hosts.items()))
        ansible = functools.partial(site_machine.ansible, network, folder)
        vault = self.example / "inventory" / "group_vars" / "all" / "vault.yml"
        named = {f"vault_{name}": password for name, password in self.passwords.items()}
        self.vault = PasswordVault(ansible, folder, vault, named)
        self.archives = site_machine.archives(folder)
        self._common: dict[str, Any] = {
            "labline_archives": str(self.archives),
            "base_time_servers": [network.address(1)],
        }
        for part in ("influxdb", "telegraf", "grafana"):
            self._common |= {f"{part}_repository": f"http://{network.address(1)}:{PORT}", f"{part}_key": key}

    @property
    def site(self) -> sites.Site:
        return sites.load(self.site_file)

    def ssh_config(self) -> Path:
        """Write the ways to the nodes, as labline nodes --ssh-config does, with the keys of these hosts beside."""
        keys = "".join(
            f"Host {name} {host.address}\n    IdentityFile {host.key}\n" for name, host in self.hosts.items()
        )
        known = f"Host *\n    UserKnownHostsFile {self.known_hosts}\n    GlobalKnownHostsFile /dev/null\n    IdentitiesOnly yes\n"
        file = self.folder / "lab.conf"
        file.write_text(keys + known + ssh_config.render(self.site))
        return file

    def play(self, *arguments: str, tunnels: bool = False, book: str = "site.yml") -> subprocess.CompletedProcess[str]:
        """Run a playbook, straight or by the ``tunnels``; gives its exit status and what it prints."""
        own = self.example / "inventory" / "host_vars"
        own.mkdir(exist_ok=True)
        for name, host in self.hosts.items():
            server = name == SERVER
            subnets = f"{self.network.address(0)}/24" if server else f"{self.network.address(1)}/32"
            variables = self._common | {
                "ansible_user": debian_host.USER,
                "ansible_ssh_common_args": f"-F {self.ssh_config()}",
                "base_subnets": [subnets],
            }
            if server or not tunnels:
                variables["ansible_host"] = host.address
            (own / f"{name}.yml").write_text(yaml.safe_dump(variables))
        inventory = str(self.example / "inventory")
        words = ["playbook", "-i", inventory, book, self.vault.option, *arguments]
        return site_machine.ansible(self.network, self.folder, *words)

    def labline(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a verb on the machine from which the hosts are reached."""
        cache = {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache"), "HOME": str(self.folder / "user")}
        return subprocess.run(
            [*self.network.enter(), sys.executable, "-m", "labline.cli", *words],
            cwd=ROOT,
            env=cache,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def ssh_options(self, name: str) -> list[str]:
        """List what ssh is told beside the site file's ways, so that it has the keys of these hosts."""
        jump = f"ProxyCommand=ssh -F {self.ssh_config()} -W %h:%p {SERVER}"
        host = self.hosts[name]
        options = [f"IdentityFile={host.key}", "IdentitiesOnly=yes", f"UserKnownHostsFile={self.known_hosts}", jump]
        return [word for option in options for word in ("-o", option)]

    def query(self, statement: str) -> str:
        """Ask the database as its reader, on the server; gives the answer as JSON, times in ns."""
        return site_machine.query(self.hosts[SERVER], DATABASE, self.passwords["reader"], statement)

    def let_server_log_in(self) -> None:
        """Give who logs in to the server the keys by which people log in to the hosts."""
        home = f"/home/{debian_host.USER}/.ssh"
        folder = self.hosts[SERVER].path(home)
        names = ""
        for name, host in self.hosts.items():
            shutil.copy(host.key, folder / name)
            names += f"Host {name}\n    IdentityFile {home}/{name}\n"
        (folder / "config").write_text(f"{names}Host *\n    IdentitiesOnly yes\n")
        shutil.copy(self.known_hosts, folder / "known_hosts")
        self.hosts[SERVER].run("chown", "--recursive", debian_host.USER, home)

    def on_server(self, command: str) -> str:
        """Run a command of the shell on the server, as who logs in there types it."""
        return self.hosts[SERVER].run("runuser", "--login", debian_host.USER, "--command", command, check=False)


@contextmanager
def network_of_hosts(folder: Path) -> Iterator[SiteNetwork]:
    """Boot the example's machines, bare, with all they may install at hand; nothing is left of them. Raises NoHost."""
    shutil.copytree(EXAMPLE, folder / "example")
    file = folder / "example" / "site.yml"
    written = yaml.safe_load(file.read_text())
    with ExitStack() as undo:
        names = [node["name"] for node in written["nodes"]]
        network, hosts, key = undo.enter_context(site_machine.several(folder, *names))
        for node in written["nodes"]:
            node["clock"] = "unchecked"
            if "address" in node:
                node["address"] = hosts[node["name"]].address
        for instrument in written["instruments"]:
            own = {key: value for key, value in instrument.items() if key != "node"}
            own["connection"] = f"sim:?transport={urlsplit(instrument['connection']).scheme}"
            simulated = site_machine.simulated(folder, hosts[instrument["node"]], own)
            instrument["connection"] = undo.enter_context(simulated)
        file.write_text(yaml.safe_dump(written, sort_keys=False))
        yield SiteNetwork(folder, network, hosts, key)
