"""Where ssh refuses, what helps is told for the way by which Ansible comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.parts import local_inventory

CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Add correct host key in /home/anna/.ssh/known_hosts to get rid of this message.
Offending ED25519 key in /home/anna/.ssh/known_hosts:7
  remove with:
  ssh-keygen -f "/home/anna/.ssh/known_hosts" -R "{name}"
Host key for {name} has changed and you have requested strict checking.
Host key verification failed.
"""
AT_A_PORT = {"ansible_host": "hub.lab", "ansible_port": 2222, "ansible_user": "pi"}
BY_A_FILE = {"ansible_ssh_common_args": "-F /home/anna/lab.conf"}
BY_A_KEY = {"ansible_host": "hub.lab", "ansible_ssh_private_key_file": "~/.ssh/lab"}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a key that is not known, at a port": (
        AT_A_PORT,
        "Host key verification failed.",
        "Its host key is not known here. Log in once by `ssh -p 2222 pi@hub.lab` and",
    ),
    "a key that is not known, by lab.conf": (
        BY_A_FILE,
        "Host key verification failed.",
        "`ssh -F /home/anna/lab.conf daq` and",
    ),
    "none of the keys, at a port": (AT_A_PORT, "Permission denied (publickey).", "`ssh-copy-id -p 2222 pi@hub.lab`."),
    "none of the keys, by lab.conf": (
        BY_A_FILE,
        "Permission denied (publickey).",
        "`ssh-copy-id -F /home/anna/lab.conf daq`.",
    ),
    "not the key that is named": (BY_A_KEY, "Permission denied (publickey).", "`ssh-copy-id -i ~/.ssh/lab hub.lab`."),
    "another key, at a port": (
        AT_A_PORT,
        CHANGED.format(name="[hub.lab]:2222"),
        "forget that one by `ssh-keygen -f /home/anna/.ssh/known_hosts -R '[hub.lab]:2222'`; else find out which machine answers there. "
        "Then log in once by `ssh -p 2222 pi@hub.lab`, and",
    ),
    "another key, by lab.conf": (
        BY_A_FILE,
        CHANGED.format(name="daq"),
        "`ssh-keygen -f /home/anna/.ssh/known_hosts -R daq`;",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_helps_where_ssh_refuses_is_told_for_the_way_that_ansible_comes(tmp_path: Path, case: str) -> None:
    variables, said_by_ssh, expected = REFUSED[case]
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{said_by_ssh}\nEND\nexit 255\n")
    ssh.chmod(0o755)
    by = {"ansible_connection": "ssh", "ansible_ssh_executable": str(ssh), "ansible_control_path": "none"}
    done = local_inventory.look(tmp_path, local_inventory.write(tmp_path, by | variables))
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode and expected in said, said
    assert ("is not known here" in said) == (case.startswith("a key"))
