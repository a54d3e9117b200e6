"""Inventories whose one machine is this one: what is wrong with them is told before anything is done, so nothing is done to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from .packages import environment
from .site_machine import ROOT, ansible_environment

LOOK = """\
- name: Look before anything is changed
  hosts: all
  gather_facts: false
  any_errors_fatal: true
  roles: [preflight]
"""
PASSWORDS = {name: f"canary-{name}" for name in ("labadmin", "writer", "reader", "grafana_admin", "grafana_secret_key")}
# For playbooks that do more than look: whatever goes wrong, they reach no machine.
NOWHERE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
SITE = """\
site: bench
nodes: [{name: daq, address: hub.lab}]
influxdb: {url: 'http://hub.lab:8086'}
instruments: [{name: chiller, driver: julabo, connection: 'tcp://192.168.1.5:4001', channels: {bath: }}]
"""
# Whoever runs the tests becomes root by it, as far as preflight looks; what a machine's own sudo says is looked at on hosts.
SUDO = """\
#!/bin/sh
while [ "${1#-}" != "$1" ]; do [ "$1" = -u ] && shift; shift; done
"$@" | sed "s/^$(id -u)$/0/"
"""


def write(folder: Path, variables: dict[str, Any], site: str = SITE, **groups: list[str]) -> Path:
    """Write an inventory, by default of the machine daq, with variables for all, and its site file; gives the inventory's folder."""
    inventory = folder / "inventory"
    inventory.mkdir(exist_ok=True)
    (folder / "site.yml").write_text(site)
    of_all = {"ansible_connection": "local", "labline_clone": str(ROOT), "labline_passwords": PASSWORDS}
    of_all |= {"influxdb_address": "0.0.0.0:8086"} | variables
    members = {"server": ["daq"], "nodes": ["daq"]} | groups
    children = {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in members.items()}
    (inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": of_all, "children": children}}))
    return inventory


def look(
    folder: Path, inventory: Path, *arguments: str, play: str = LOOK, sudo: str = SUDO, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run preflight alone, or another ``play``, with an inventory and this ``sudo``; ``more`` is of the environment."""
    book = folder / "look.yml"
    book.write_text(play)
    program = folder / "bin" / "sudo"
    program.parent.mkdir(exist_ok=True)
    program.write_text(sudo)
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    return playbook(folder, inventory, str(book), *arguments, **(path | more))


def playbook(
    folder: Path, inventory: Path, book: str, *arguments: str, packages: str = "ansible-test", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a playbook by the Ansible of ``packages``."""
    found = {"PYTHONPATH": environment(packages)["PYTHONPATH"]}
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), book, *arguments],
        cwd=ROOT / "ansible",
        env=ansible_environment(folder, **found, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
