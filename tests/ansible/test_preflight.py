"""What is wrong with an inventory is told before anything is changed, with what to do about it; run as users run it, for its words."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parts import debian_host
from tests.parts.site_machine import Machine

ANOTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIANOTHERANOTHERANOTHERANOTHERANOTHERANOTHER9 anna"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a variable that no role knows": (
        {"telegraf_device": []},
        "no role knows telegraf_device; did you mean telegraf_devices?",
    ),
    "a password that is too short": ({"labline_passwords": {"labadmin": "short"}}, "ansible-vault create"),
    "a node without a token": ({"labline_tokens": {"daq": "short", "hall": "x" * 30}}, "no token for daq, or one"),
    "a site file that is not there": ({"labline_site_file": "/nowhere/site.yml"}, "/nowhere/site.yml: can't be read"),
    "an Ansible that is too old": ({"preflight_oldest_ansible": "99"}, "make ansible"),
    "a disk by a name that another one may have": (
        {"data_drive_device": "/dev/sda1"},
        "/dev/sda1, expected LABEL=… or UUID=…",
    ),
    "a group that the machine has not": (
        {"telegraf_groups": ["dialout", "phidget"]},
        "daq has no group phidget, which",
    ),
    "a disk that is absent": ({"data_drive_device": "LABEL=none"}, "daq has no disk LABEL=none. Is it plugged in"),
    "a firewall that would shut out who comes": (
        {"base_subnets": ["192.168.1.0/24"]},
        "you come from 10.77.77.1, which none of them has: it would shut you out",
    ),
    "a subnet that is none": (
        {"base_subnets": ["10.77.77.1/24"]},
        "10.77.77.1/24 has host bits set; expected IPv4 subnets",
    ),
    "people's keys that would shut out who comes": (
        {"base_users": {debian_host.USER: [ANOTHER]}},
        "base_users of daq has pi, as whom you come, but not the key by which that one is let in now: it would shut you out",
    ),
    "a private network that nobody finds": (
        {"wireguard_address": "10.90.0.1/24"},
        "lacks wireguard_address or wireguard_endpoint",
    ),
    "two with one address": (
        {
            "wireguard_address": "10.90.0.1/24",
            "wireguard_endpoint": "10.77.77.2",
            "wireguard_people": [{"name": "anna", "address": "10.90.0.1", "public_key": "k"}],
        },
        "Two hosts, or people, have one wireguard_address: 10.90.0.1, 10.90.0.1",
    ),
    "a host that takes none of the keys": (
        {"ansible_ssh_private_key_file": "/dev/null", "ansible_control_path": "none"},
        "It takes none of your keys",
    ),
    "a host that is not there": (
        {"ansible_host": "10.77.77.99", "ansible_timeout": 2},
        "Is it switched on, and is ansible_host in the inventory right?",
    ),
    "a host whose key is not known": (
        {"ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o ControlPath=none"},
        "Its host key is not known here. Log in once",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_it_stops_before_anything_is_changed(machine: Machine, wrong: str) -> None:
    variables, expected = WRONG[wrong]
    _stops(machine.play(plainly=True, **variables), expected)


def _stops(done: subprocess.CompletedProcess[str], expected: str) -> None:
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and expected in said, done.stdout + done.stderr
    assert "changed=0" in said and "PLAY [Put the site" not in said


def test_two_nodes_on_one_tunnel_port_are_told(machine: Machine, tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    nodes = "{name: daq, address: hub.lab}, {name: a, ssh: {tunnel_port: 20001}}, {name: b, ssh: {tunnel_port: 20001}}"
    site.write_text(
        f"site: two\nnodes: [{nodes}]\ninfluxdb: {{url: 'http://hub.lab:8086'}}\n"
        "instruments: [{name: chiller, driver: julabo, connection: 'tcp://192.168.1.5:4001', channels: {bath: }}]\n"
    )
    done = machine.play(plainly=True, labline_site_file=str(site))
    _stops(done, f"{site}:2: nodes[2].ssh.tunnel_port: 20001 is that of 'a' already")


def test_a_host_with_another_key_than_the_known_one_is_told_how_to_forget_that(
    machine: Machine, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"{machine.host.address} {ANOTHER.rpartition(' ')[0]}\n")
    options = f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null -o ControlPath=none"
    done = machine.play(plainly=True, ansible_ssh_common_args=options)
    _stops(done, f"forget that one by `ssh-keygen -f {known} -R {machine.host.address}`")
    _stops(done, f"log in once by `ssh {options} -i {machine.host.key} {debian_host.USER}@{machine.host.address}`")


FACTS = {
    "another system than Debian": (
        {"/etc/os-release": 'ID=fedora\nNAME="Fedora Linux"\nVERSION_ID=41\n', "/etc/debian_version": None},
        "daq is Fedora Linux 41, expected Debian or Raspberry Pi OS 12 or newer",
    ),
    "an old Debian": (
        {"/etc/os-release": 'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="11"\n', "/etc/debian_version": "11.9\n"},
        "daq is Debian 11.9, expected Debian or Raspberry Pi OS 12 or newer",
    ),
    # What Python asks, to know what it itself is.
    "a 32-bit system": (
        {"/usr/local/bin/file": "#!/bin/sh\necho 'ELF 32-bit LSB executable, ARM, EABI5'\n"},
        f"daq has a 32-bit system on {platform.machine()}, and what a machine needs is to be had for 64-bit aarch64 and x86_64 alone",
    ),
}


@pytest.fixture
def disguised(machine: Machine) -> Iterator[Callable[[str, str | None], None]]:
    """Give files of the machine another content, or None; they are as before afterwards."""
    kept: dict[Path, bytes | None] = {}

    def change(name: str, content: str | None) -> None:
        path = machine.host.path(name)
        kept[path] = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
            path.chmod(0o755)

    yield change
    for path, content in kept.items():
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)


def test_sudo_that_asks_for_a_password_is_given_one(
    machine: Machine, disguised: Callable[[str, str | None], None]
) -> None:
    disguised(f"/etc/sudoers.d/{debian_host.USER}", f"{debian_host.USER} ALL=(ALL) ALL\n")
    machine.host.run("sh", "-c", f"echo {debian_host.USER}:canary-of-pi | chpasswd")
    _stops(machine.play(plainly=True), "You come to daq as pi, who does not become root there")
    _stops(machine.play(plainly=True, ansible_become_password="canary"), "give it by --ask-become-pass (-K)")
    absent = {"data_drive_device": "LABEL=none"}  # is looked for when all before it is well
    _stops(machine.play(plainly=True, ansible_become_password="canary-of-pi", **absent), "daq has no disk LABEL=none")


@pytest.mark.parametrize("wrong", FACTS)
def test_it_stops_at_a_machine_that_will_not_do(
    machine: Machine, disguised: Callable[[str, str | None], None], wrong: str
) -> None:
    files, expected = FACTS[wrong]
    for name, content in files.items():
        disguised(name, content)
    _stops(machine.play(plainly=True), expected)
