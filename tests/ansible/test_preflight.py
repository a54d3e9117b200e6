"""What is wrong with an inventory is told before anything is changed, with what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.parts.site_machine import Machine

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a variable that no role knows": ({"telegraf_device": []}, "telegraf_device. Known are:"),
    "a password that is too short": ({"labline_passwords": {"labadmin": "short"}}, "ansible-vault create"),
    "an Ansible that is too old": ({"preflight_oldest_ansible": "99"}, "make ansible"),
    "a disk by a name that another one may have": (
        {"data_drive_device": "/dev/sda1"},
        "/dev/sda1, expected LABEL=… or UUID=…",
    ),
    "a disk that is absent": ({"data_drive_device": "LABEL=none"}, "daq has no disk LABEL=none. Is it plugged in"),
    "a host whose key is not known": (
        {"ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o ControlPath=none"},
        "Its host key is not known here. Log in once",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_it_stops_before_anything_is_changed(machine: Machine, wrong: str) -> None:
    variables, expected = WRONG[wrong]
    done = machine.play(**variables)
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
    done = machine.play(labline_site_file=str(site))
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and f"{site}:2: nodes[2].ssh.tunnel_port: 20001 is that of 'a' already" in said, said
    assert "changed=0" in said and "PLAY [Put the site" not in said
