"""A machine to put a site on: a bare Debian host, the packages that it may install, and the playbook with an inventory for it."""

from __future__ import annotations

import functools
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from labline.stack import telegraf
from tools import wheels

from . import apt_repository, debian_host, grafana_package, packages
from .vault import PasswordVault

ROOT = Path(__file__).parents[2]
# What the roles install from Debian.
FROM_DEBIAN = tuple(
    "chrony influxdb python3-venv python3-debian unattended-upgrades nftables acl caddy mosquitto restic libusb-1.0-0"
    " wireguard-tools wireguard-go".split()
)
SITE = """\
site: bench
title: Bench
nodes: [{{name: daq, clock: unchecked}}]
influxdb:
  url: http://127.0.0.1:8086
  database: lab
  write: {{url: "https://{address}:8443", ca: /etc/labline/tls/ca.crt}}
  retention: {{raw: 30d}}
instruments:
  - name: chiller
    driver: julabo
    connection: {connection}
    interval: 1s
    channels: {{bath: {{label: Bath}}}}
"""
PASSWORDS = ("labadmin", "writer", "reader", "grafana_admin", "grafana_secret_key")
# What `Machine.ask` runs in the hosts' network; what it is to ask stands in no command line.
ASK = """\
import base64, json, ssl, sys, urllib.error, urllib.request
given = json.load(sys.stdin)
request = urllib.request.Request(given["url"], method=given["method"], data=given["data"].encode() or None)
if given["user"]:
    request.add_header("Authorization", "Basic " + base64.b64encode(given["user"].encode()).decode())
trusted = ssl.create_default_context(cadata=given["authority"] or None)
try:
    with urllib.request.urlopen(request, context=trusted, timeout=60) as answer:
        status, text = answer.status, answer.read().decode()
except urllib.error.HTTPError as error:
    status, text = error.code, error.read().decode()
except urllib.error.URLError as error:
    status, text = 0, str(error.reason)
json.dump([status, text], sys.stdout)
"""
PORT = 8000  # of the repository, in the hosts' network


class Machine:
    """``play`` runs the playbook against ``host``; ``passwords`` are in its inventory."""

    def __init__(self, network: debian_host.Network, host: debian_host.Host, folder: Path, key: str):
        self.host, self._network, self._folder = host, network, folder
        self.passwords = {name: f"canary-{name}-q'\\x" for name in PASSWORDS}
        self.token = "canary-of-daq-in-the-proxy"
        self.inventory = folder / "inventory"
        self.others: dict[str, dict[str, object]] = {}  # more nodes, by their names, with the variables of each
        self.variables = {
            "ansible_host": host.address,
            "ansible_user": debian_host.USER,
            "ansible_ssh_private_key_file": str(host.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={host.known_hosts} -o GlobalKnownHostsFile=/dev/null",
            "labline_passwords": self.passwords,
            "labline_tokens": {"daq": self.token},
            "labline_archives": str(archives(folder)),
            "labline_site_file": str(folder / "site.yml"),
        }
        for part in ("influxdb", "telegraf", "grafana"):
            self.variables |= {f"{part}_repository": f"http://{network.address(1)}:{PORT}", f"{part}_key": key}
        self.variables["grafana_key_fingerprints"] = [apt_repository.fingerprint(key)]

    def play(
        self,
        *arguments: str,
        book: str = "site.yml",
        of: Path = ROOT,
        plainly: bool = False,
        nodes: list[str] | None = None,
        **variables: object,
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook ``of`` a clone with more ``variables`` of the host; gives its exit status and what it prints.

        ``plainly`` it is run as users run it; ``nodes`` are the hosts in that group, by default all.
        """
        self.inventory.mkdir(exist_ok=True)
        hosts = {"daq": self.variables | variables, **self.others}
        members = {"server": ["daq"], "nodes": nodes or list(hosts)}
        groups = {name: {"hosts": {host: {} for host in members[name]}} for name in members}
        (self.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "children": groups}}))
        return self.ansible("playbook", "-i", str(self.inventory), book, *arguments, of=of, plainly=plainly)

    def ansible(self, *words: str, of: Path = ROOT, plainly: bool = False) -> subprocess.CompletedProcess[str]:
        """Run one of Ansible's programs: playbook, vault."""
        return ansible(self._network, self._folder, *words, of=of, plainly=plainly)

    def vault(self, passwords: dict[str, Any]) -> PasswordVault:
        """Make a vault in the inventory."""
        file = self.inventory / "group_vars/all/vault.yml"
        return PasswordVault(functools.partial(ansible, self._network, self._folder), self._folder, file, passwords)

    def ask(
        self, url: str, user: str = "", *, method: str = "GET", data: str = "", authority: str | None = None
    ) -> tuple[int, str]:
        """Ask from another place in the hosts' network; ``user`` is name:password. Gives status (0: no answer) and text.

        Who may sign for a server is by default the site's own ``authority``.
        """
        if authority is None:
            authority = self.host.path("/etc/labline/tls/ca.crt").read_text()
        given = {"url": url, "user": user, "method": method, "data": data, "authority": authority}
        command = [*self._network.enter(), sys.executable, "-c", ASK]
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        status, text = json.loads(done.stdout)
        return status, text

    def inside(self, program: str) -> str:
        """Run a Python program in the hosts' network; gives what it prints, nothing where it fails."""
        command = [*self._network.enter(), sys.executable, "-c", program]
        return subprocess.run(command, capture_output=True, text=True).stdout

    def query(self, statement: str, user: str = "reader") -> str:
        """Ask the database, from inside the host; gives the answer as JSON."""
        return query(self.host, "lab", self.passwords[user], statement, user)


def ansible(
    network: debian_host.Network, folder: Path, *words: str, of: Path = ROOT, plainly: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs in a network, with the roles ``of`` a clone; what it keeps is in ``folder``.

    Unless ``plainly``, a host has one Python for all tasks. Gives its exit status and what it prints.
    """
    quick = {} if plainly else quickly()
    return subprocess.run(
        [*network.enter(), sys.executable, "-m", "ansible", *words],
        cwd=of / "ansible",
        env=ansible_environment(folder, of, ANSIBLE_SSH_CONTROL_PATH_DIR=sockets(network), **quick),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def went_well(done: subprocess.CompletedProcess[str]) -> str:
    """Give what a playbook said that came to its end."""
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def changed(output: str) -> dict[str, int]:
    """Tell how much a playbook changed, by host."""
    found = re.findall(r"^([\w.-]+) +: ok=\d+ +changed=(\d+)", output, re.MULTILINE)
    assert found, output
    return {name: int(count) for name, count in found}


def ansible_environment(folder: Path, of: Path = ROOT, **more: str) -> dict[str, str]:
    """Give the environment of Ansible's programs, which keep what they need in ``folder``."""
    return packages.environment(
        "ansible-test",
        ANSIBLE_CONFIG=str(of / "ansible" / "ansible.cfg"),
        ANSIBLE_HOME=str(folder / "home"),
        ANSIBLE_LOCAL_TEMP=str(folder / "home" / "tmp"),
        ANSIBLE_NOCOLOR="1",
        LC_ALL="C.UTF-8",
        **more,
    )


def quickly() -> dict[str, str]:
    """Give what makes Ansible keep one Python on a host, to which it hands all tasks, in place of one for each."""
    plugins = packages.folder("ansible-test") / "ansible_mitogen" / "plugins" / "strategy"
    return {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(plugins)}


def sockets(network: debian_host.Network) -> str:
    """Name the folder of the connections that are kept, whose path has to be short; hosts of two networks share addresses."""
    return f"/tmp/{network.name}"


def archives(folder: Path) -> Path:
    """Name the folder of the packages for machines, one for all machines whose folders lie beside this one."""
    return folder.parent / "wheels"


def query(host: debian_host.Host, database: str, password: str, statement: str, user: str = "reader") -> str:
    """Ask a host's database, from inside; gives the answer as JSON."""
    ask = (
        "import base64, sys, urllib.parse, urllib.request as r; "
        "db, user, password, query = sys.stdin.read().split('\\0'); "
        "q = r.Request('http://127.0.0.1:8086/query?' + urllib.parse.urlencode({'db': db, 'q': query, 'epoch': 'ns'})); "
        "q.add_header('Authorization', 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()); "
        "print(r.urlopen(q, b'').read().decode())"
    )
    done = subprocess.run(
        [*host.enter(), sys.executable, "-c", ask],
        input="\0".join((database, user, password, statement)),
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Boot a bare host with a simulated chiller in its network; nothing of it is left afterwards. Raises NoHost."""
    with bare(folder) as (network, host, key):
        site = folder / "site.yml"
        with _chiller(folder, host) as url:
            site.write_text(SITE.format(connection=url, address=host.address))
            yield Machine(network, host, folder, key)


@contextmanager
def bare(folder: Path, suite: str = debian_host.SUITE) -> Iterator[tuple[debian_host.Network, debian_host.Host, str]]:
    """Boot a bare host, with all it may install at hand, signed by the key that is given with it. Raises NoHost."""
    with several(folder, "host", suite=suite) as (network, hosts, key):
        yield network, hosts["host"], key


@contextmanager
def several(
    folder: Path, *names: str, suite: str = debian_host.SUITE
) -> Iterator[tuple[debian_host.Network, dict[str, debian_host.Host], str]]:
    """Boot bare hosts in one network, each with a folder of its name in ``folder``; else as ``bare``. Raises NoHost."""
    with debian_host.needed():
        base = debian_host.base(FROM_DEBIAN, suite)
    stub = apt_repository.package(folder, "telegraf", "1.39.3-1", {"usr/bin/telegraf": telegraf.get().path})
    repository = folder / "repository"
    apt_repository.make(repository, [*sorted((base / "archives").glob("*.deb")), stub, grafana_package.build(folder)])
    # With a network, as a user has.
    wheels.archive(debian_host.PYTHONS[suite], wheels.MACHINES[platform.machine()], archives(folder))
    with ExitStack() as undo:
        hosts = {}
        with debian_host.needed():
            network = undo.enter_context(debian_host.network())
            undo.callback(shutil.rmtree, sockets(network), ignore_errors=True)
            for number, name in enumerate(names, 2):
                hosts[name] = debian_host.Host(network, number, base / "root", folder / name)
                undo.callback(hosts[name].close)
        serve = [
            sys.executable,
            "-m",
            "http.server",
            str(PORT),
            "--bind",
            network.address(1),
            "--directory",
            repository,
        ]
        server = subprocess.Popen([*network.enter(), *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        undo.callback(server.wait)
        undo.callback(server.terminate)
        key = (repository / apt_repository.KEY).read_text()
        for host in hosts.values():
            sources = host.path("/etc/apt/sources.list.d")
            sources.mkdir(exist_ok=True)
            (sources / "debian.sources").write_text(
                f"Types: deb\nURIs: http://{network.address(1)}:{PORT}\nSuites: {apt_repository.SUITE}\n"
                f"Components: {apt_repository.COMPONENT}\nSigned-By:\n"
                + "".join(f" {line or '.'}\n" for line in key.splitlines())
            )
        yield network, hosts, key


@contextmanager
def _chiller(folder: Path, host: debian_host.Host) -> Iterator[str]:
    """Run a simulated chiller in the host's network; gives the URL at which it answers there."""
    stanza = {"name": "chiller", "driver": "julabo", "connection": "sim:?transport=tcp", "channels": {"bath": None}}
    with simulated(folder, host, stanza) as url:
        yield url


@contextmanager
def simulated(folder: Path, host: debian_host.Host, stanza: dict[str, Any]) -> Iterator[str]:
    """Run an instrument's simulator in a host's network, as its stanza says; gives the URL at which it answers there."""
    file = folder / f"{stanza['name']}.yml"
    file.write_text(yaml.safe_dump(stanza))
    command = [*host.enter(), sys.executable, "-m", "telegraf_inputs.simulators", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        _, url = process.stdout.readline().split()
        try:
            yield url
        finally:
            process.stdin.close()
