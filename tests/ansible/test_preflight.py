"""What is wrong with an inventory is told before anything is changed, with what to do about it."""

from __future__ import annotations

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
