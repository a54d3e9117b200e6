"""A machine with one of the examples of ansible/examples on it: its inventory as it stands, with a vault, on a bare host."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from provisioning import site as sites
from provisioning import telegraf_config
from provisioning.influxql import identifier, text
from provisioning.native_config import is_native

from . import debian_host, site_machine
from .vault import PasswordVault

EXAMPLES = site_machine.ROOT / "ansible" / "examples"
TLS = "/etc/labline/tls"


class Example:
    """``play`` runs the playbook with the example's inventory; with ``variables`` of the host beside;
    ``passwords`` are what its vault has, ``site`` is its site file."""

    def __init__(self, name: str, network: debian_host.Network, host: debian_host.Host, folder: Path, key: str):
        self.host, self.network, self._folder = host, network, folder
        self.inventory = folder / "inventory"
        shutil.copytree(EXAMPLES / name / "inventory", self.inventory)
        everything = self.inventory / "group_vars" / "all"
        names = yaml.safe_load((everything / "vault.yml.example").read_text())
        self.passwords = {each: f"canary-{each}-q'\\x" for each in names}
        ansible = functools.partial(site_machine.ansible, network, folder)
        self._vault = PasswordVault(ansible, folder, everything / "vault.yml", self.passwords)
        (self.node,) = yaml.safe_load((self.inventory / "hosts.yml").read_text())["all"]["hosts"]
        self.site_file = folder / f"{name}.yml"
        repository = f"http://{network.address(1)}:{site_machine.PORT}"
        self.variables: dict[str, object] = {
            "ansible_host": host.address,
            "ansible_user": debian_host.USER,
            "ansible_ssh_private_key_file": str(host.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={host.known_hosts} -o GlobalKnownHostsFile=/dev/null",
            "labline_archives": str(site_machine.archives(folder)),
            "labline_site_file": str(self.site_file),
            **{f"{part}_repository": repository for part in ("influxdb", "telegraf", "grafana")},
            **{f"{part}_key": key for part in ("influxdb", "telegraf", "grafana")},
        }

    def play(self, *arguments: str, book: str = "site.yml", **variables: object) -> subprocess.CompletedProcess[str]:
        """Run a playbook with other ``variables`` of the host; gives its exit status and what it prints."""
        own = self.inventory / "host_vars" / f"{self.node}.yml"
        own.parent.mkdir(exist_ok=True)
        own.write_text(yaml.safe_dump(self.variables | variables))
        return site_machine.ansible(
            self.network, self._folder, "playbook", "-i", str(self.inventory), book, self._vault.option, *arguments
        )

    def all_arrives(self, patience: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait, for so many seconds at most, until each of the site's instruments has a value in the database."""
        deadline = time.monotonic() + patience
        meanwhile()
        while missing := self.missing():
            if time.monotonic() > deadline:
                raise AssertionError(f"{missing}\n" + self.host.run("journalctl", "-n", "80", "--no-pager"))
            time.sleep(0.5)
            meanwhile()

    def nothing_shown(self, said: dict[str, str]) -> None:
        """Look for passwords in what a playbook said, and on the host where everybody may look."""
        shown = {
            **said,
            "journal": self.host.run("journalctl", "--no-pager", "--all"),
            "command lines": self.host.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"),
        }
        assert not [where for where, output in shown.items() if "canary" in output]

    def use(self, changes: dict[str, dict[str, Any]]) -> sites.Site:
        """Write the site file of the sites that come along, with other keys of some instruments; gives it as it is read."""
        written = yaml.safe_load((sites.SITES / self.site_file.name).read_text(encoding="utf-8"))
        for node in written["nodes"]:
            node["flush"] = "1s"
        for one in written["instruments"]:
            one.update(changes.get(one["name"], {}))
        self.site_file.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
        self.site = sites.load(self.site_file)
        return self.site

    def missing(self) -> list[str]:
        """List the quantities of which the database has no value yet."""
        wanted = [
            (one.name, channel.id, channel.measurement, quantity)
            for one in self.site.enabled
            for channel in one.stanza.channels
            for quantity in channel.quantities
        ]
        last = self.newest(*wanted)
        return [
            f"{name}.{channel}.{quantity}"
            for (name, channel, _, quantity), value in zip(wanted, last, strict=True)
            if value is None
        ]

    def newest(self, *wanted: tuple[str, str, str, str]) -> list[object]:
        """Give the newest value of each (instrument, channel, measurement, quantity); None where there is none."""
        statements = [
            f'SELECT last({identifier(quantity)}) AS "last" FROM "raw".{identifier(measurement)} '
            f'WHERE "instrument" = {text(instrument)} AND "channel" = {text(channel)}'
            for instrument, channel, measurement, quantity in wanted
        ]
        answer = self.query("; ".join(statements))
        return [result["series"][0]["values"][0][1] if "series" in result else None for result in answer]

    def query(self, statements: str) -> list[dict[str, Any]]:
        """Ask the database as its reader; gives the results of the statements."""
        answer = site_machine.query(self.host, self.site_database, self.passwords["vault_reader"], statements)
        results: list[dict[str, Any]] = json.loads(answer)["results"]
        return results

    @property
    def site_database(self) -> str:
        """Name the database of its site file."""
        name: str = yaml.safe_load(self.site_file.read_text())["influxdb"]["database"]
        return name

    def read_vault(self) -> dict[str, str]:
        """Take ``passwords`` from the vault, which a playbook wrote anew; gives them."""
        self.passwords = self._vault.read()
        return self.passwords


@contextmanager
def example(name: str, folder: Path, suite: str = debian_host.SUITE) -> Iterator[Example]:
    """Boot a bare host, with simulators of the example's instruments in its network. Raises NoHost."""
    with site_machine.bare(folder, suite) as (network, host, key):
        yield Example(name, network, host, folder, key)


@contextmanager
def simulators(folder: Path, host: debian_host.Host, name: str, but: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """Run simulators of a site's instruments in the host's network; gives the URLs at which they answer there.

    Those that Telegraf reads itself, which have none, and those of ``but`` are left out.
    """
    files = []
    for one in sites.load(sites.SITES / f"{name}.yml").enabled:
        if one.name not in but and not is_native(one.stanza):
            way = "?transport=tcp" if "tcp" in one.stanza.driver.schemes else ""
            files.append(folder / f"simulated-{one.name}.yml")
            files[-1].write_text(telegraf_config.program(one, f"sim:{way}"), encoding="utf-8")
    command = [*host.enter(), sys.executable, "-m", "telegraf_inputs.simulators", *files]
    with subprocess.Popen(
        command, cwd=site_machine.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdin
        urls = {}
        while (line := process.stdout.readline().strip()) != "ready":
            assert line, f"the simulators of {name} do not start"
            instrument, url = line.split()
            urls[instrument] = url
        try:
            yield urls
        finally:
            process.stdin.close()


def mqtt(network: debian_host.Network, **wanted: object) -> dict[str, Any]:
    """Be a client of a broker in a network; see mqtt_client."""
    command = [*network.enter(), sys.executable, "-m", "tests.parts.mqtt_client"]
    done = subprocess.run(command, cwd=site_machine.ROOT, input=json.dumps(wanted), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said
