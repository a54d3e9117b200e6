"""A server and nodes behind a network that lets nothing in: bare Debian hosts, and the playbook with ansible/examples/nodes for them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from labline.stack import telegraf
from provisioning import site as sites
from provisioning import ssh_config
from tools import wheels

from . import apt_repository, debian_host, packages
from .site_machine import FROM_DEBIAN, PORT, ROOT

EXAMPLE = ROOT / "ansible" / "examples" / "nodes"
SERVER = "hub"


class SiteNetwork:
    """``hosts`` by the names that the site file has for them; ``play`` runs the playbook; ``passwords`` are in its inventory.

    From one host nothing but ssh gets to the server, and nothing to a node: their own firewalls see to that.
    """

    def __init__(self, folder: Path, network: debian_host.Network, hosts: dict[str, debian_host.Host], key: str):
        self.hosts, self.network, self.folder = hosts, network, folder
        self.passwords = {name: f"canary-{name}-q'\\x" for name in ("labadmin", "writer", "reader")}
        self.site_file = folder / "example" / "site.yml"
        self._known = folder / "known_hosts"
        self._known.write_text(
            "".join(
                f"{name},{host.address} {host.known_hosts.read_text().partition(' ')[2]}"
                for name, host in hosts.items()
            )
        )
        self.variables: dict[str, Any] = {
            "ansible_user": debian_host.USER,
            **{f"vault_{name}": password for name, password in self.passwords.items()},
            "labline_archives": str(folder / "wheels"),
            "labline_site_file": str(self.site_file),
            "base_time_servers": [network.address(1)],
        }
        for part in ("influxdb", "telegraf"):
            self.variables |= {f"{part}_repository": f"http://{network.address(1)}:{PORT}", f"{part}_key": key}

    @property
    def site(self) -> sites.Site:
        return sites.load(self.site_file)

    def ssh_config(self) -> Path:
        """Write the ways to the nodes, as of labline nodes --ssh-config, and the keys of these hosts beside."""
        keys = "".join(
            f"Host {name} {host.address}\n    IdentityFile {host.key}\n" for name, host in self.hosts.items()
        )
        common = f"Host *\n    UserKnownHostsFile {self._known}\n    GlobalKnownHostsFile /dev/null\n    IdentitiesOnly yes\n"
        file = self.folder / "lab.conf"
        file.write_text(keys + common + ssh_config.render(self.site))
        return file

    def play(self, *arguments: str, tunnels: bool = False, **variables: object) -> subprocess.CompletedProcess[str]:
        """Run site.yml with more ``variables`` of all hosts, straight or by the ``tunnels``; gives its exit status and what it prints."""
        file = self.ssh_config()
        hosts: dict[str, dict[str, Any]] = {}
        for name, host in self.hosts.items():
            server = name == SERVER
            subnets = f"{self.network.address(0)}/24" if server else f"{self.network.address(1)}/32"
            hosts[name] = {"ansible_ssh_common_args": f"-F {file}", "base_subnets": [subnets]}
            if server or not tunnels:
                hosts[name]["ansible_host"] = host.address
        more = self.folder / "more.yml"
        everything = {"vars": self.variables | variables, "hosts": hosts}
        more.write_text(yaml.safe_dump({"all": everything}))
        environment = packages.environment(
            "ansible-test",
            ANSIBLE_CONFIG=str(ROOT / "ansible" / "ansible.cfg"),
            ANSIBLE_HOME=str(self.folder / "home"),
            ANSIBLE_LOCAL_TEMP=str(self.folder / "home" / "tmp"),
            ANSIBLE_SSH_CONTROL_PATH_DIR=f"/tmp/labline-{os.getpid()}-several",
            ANSIBLE_NOCOLOR="1",
            LC_ALL="C.UTF-8",
        )
        inventories = ["-i", str(EXAMPLE / "inventory"), "-i", str(more)]
        command = [sys.executable, "-m", "ansible", "playbook", *inventories, "site.yml", *arguments]
        return subprocess.run(
            [*self.network.enter(), *command],
            cwd=ROOT / "ansible",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

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
        options = [f"IdentityFile={host.key}", "IdentitiesOnly=yes", f"UserKnownHostsFile={self._known}", jump]
        return [word for option in options for word in ("-o", option)]

    def query(self, statement: str) -> str:
        """Ask the database as its reader, on the server; gives the answer as JSON, times in ns."""
        ask = (
            "import base64, sys, urllib.parse, urllib.request as r; user, password, query = sys.stdin.read().split('\\0'); "
            "form = urllib.parse.urlencode({'db': 'sheds', 'epoch': 'ns', 'q': query}); "
            "q = r.Request('http://127.0.0.1:8086/query?' + form); "
            "q.add_header('Authorization', 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()); "
            "print(r.urlopen(q).read().decode())"
        )
        done = subprocess.run(
            [*self.hosts[SERVER].enter(), sys.executable, "-c", ask],
            input="\0".join(("reader", self.passwords["reader"], statement)),
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    def on_server(self, *words: str) -> str:
        """Run a verb on the server, as root, with its own site file and passwords."""
        return self.hosts[SERVER].run("/opt/labline/bin/labline", *words, check=False)


@contextmanager
def network_of_hosts(folder: Path) -> Iterator[SiteNetwork]:
    """Boot the example's machines, bare, with all they may install at hand; nothing is left of them. Raises NoHost."""
    with debian_host.needed():
        base = debian_host.base(FROM_DEBIAN)
    stub = apt_repository.package(folder, "telegraf", "1.39.3-1", {"usr/bin/telegraf": telegraf.get().path})
    repository = folder / "repository"
    apt_repository.make(repository, [*sorted((base / "archives").glob("*.deb")), stub])
    wheels.archive(debian_host.PYTHON, wheels.MACHINES[platform.machine()], folder / "wheels")
    written = yaml.safe_load((EXAMPLE / "site.yml").read_text())
    names = [node["name"] for node in written["nodes"]]
    key = (repository / apt_repository.KEY).read_text()
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, f"/tmp/labline-{os.getpid()}-several", ignore_errors=True)
        hosts = {}
        with debian_host.needed():
            network = undo.enter_context(debian_host.network())
            for number, name in enumerate(names, 2):
                hosts[name] = debian_host.Host(network, number, base / "root", folder / name)
                undo.callback(hosts[name].close)
        serve = ["http.server", str(PORT), "--bind", network.address(1), "--directory", str(repository)]
        process = subprocess.Popen(
            [*network.enter(), sys.executable, "-m", *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        undo.callback(process.wait)
        undo.callback(process.terminate)
        for host in hosts.values():
            sources = host.path("/etc/apt/sources.list.d")
            sources.mkdir(exist_ok=True)
            (sources / "debian.sources").write_text(
                f"Types: deb\nURIs: http://{network.address(1)}:{PORT}\nSuites: {apt_repository.SUITE}\n"
                f"Components: {apt_repository.COMPONENT}\nSigned-By:\n"
                + "".join(f" {line or '.'}\n" for line in key.splitlines())
            )
        for node in written["nodes"]:
            node["clock"] = "unchecked"
            if "address" in node:
                node["address"] = hosts[node["name"]].address
        for instrument in written["instruments"]:
            simulated = _simulated(folder, hosts[instrument["node"]], instrument)
            instrument["connection"] = undo.enter_context(simulated)
        site = folder / "example" / "site.yml"
        site.parent.mkdir()
        site.write_text(yaml.safe_dump(written, sort_keys=False))
        yield SiteNetwork(folder, network, hosts, key)


@contextmanager
def _simulated(folder: Path, host: debian_host.Host, instrument: dict[str, Any]) -> Iterator[str]:
    """Run an instrument's simulator in a host's network; gives the URL at which it answers there."""
    transport = urlsplit(instrument["connection"]).scheme
    stanza = folder / f"{instrument['name']}.yml"
    own = {key: value for key, value in instrument.items() if key != "node"}
    stanza.write_text(yaml.safe_dump(own | {"connection": f"sim:?transport={transport}"}))
    command = [*host.enter(), sys.executable, "-m", "telegraf_inputs.simulators", str(stanza)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        _, url = process.stdout.readline().split()
        try:
            yield url
        finally:
            process.stdin.close()
