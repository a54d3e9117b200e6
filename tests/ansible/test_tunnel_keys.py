"""The file by which the server knows the keys of tunnels, as the role's own tasks write it, in a folder of the test's."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from tests.parts import local_inventory

TASKS = Path(__file__).parents[2] / "ansible" / "roles" / "tunnel" / "tasks"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAHALLHALLHALLHALLHALLHALLHALLHALLHALLHALLHA"
OTHER = 'restrict,command="/usr/sbin/nologin" ssh-ed25519 AAAAOTHER tunnel of mast'


def _taken(file: str, name: str, keys: Path) -> dict[str, Any]:
    """Take a task of the role, for another file of keys."""
    (task,) = [task for task in yaml.safe_load((TASKS / file).read_text()) if task["name"] == name]
    task["ansible.builtin.lineinfile"]["path"] = str(keys)
    return task  # type: ignore[no-any-return]


def _play(folder: Path, keys: Path, node: str, *tasks: dict[str, Any]) -> str:
    inventory = local_inventory.write(folder, {}, server=[node], nodes=[node])
    has = {
        "__tunnel_host": node,
        "__tunnel_holders": [node, "mast"],
        "__tunnel_keys": {"stat": {"exists": keys.exists()}},
        "__tunnel_key": {"stat": {"exists": True}},
        "__tunnel_public": {"content": base64.b64encode(f"{KEY} tunnel of hall\n".encode()).decode()},
        "__tunnel_node": {"ssh": {"tunnel_port": 20001}},
        "__tunnel_carried": 0,
    }
    play = [{"name": "Take", "hosts": "all", "gather_facts": False, "vars": has, "tasks": list(tasks)}]
    done = local_inventory.look(folder, inventory, play=json.dumps(play))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_node_that_got_another_name_keeps_its_right(tmp_path: Path) -> None:
    keys = tmp_path / "labline-tunnels"
    keys.write_text(f"{OTHER}\n")
    forget = _taken("server.yml", "Forget the keys of nodes that hold none", keys)
    let = _taken("node.yml", "Let that key hold this one tunnel", keys)
    _play(tmp_path, keys, "hall", forget, let)
    held = f'restrict,port-forwarding,permitlisten="127.0.0.1:20001",command="/usr/sbin/nologin" {KEY} tunnel of '
    assert keys.read_text().splitlines() == [OTHER, f"{held}hall"]
    _play(tmp_path, keys, "hall1", forget, let)
    assert keys.read_text().splitlines() == [OTHER, f"{held}hall1"]
    assert "changed=0" in _play(tmp_path, keys, "hall1", forget, let)
    _play(tmp_path, keys, "hall1", forget)  # the server alone
    assert f"{held}hall1" in keys.read_text()
