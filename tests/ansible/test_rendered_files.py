"""What machines get of the site file is made before it is brought to them, and none of it is taken for gone where it was not made."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.parts import local_inventory
from tests.parts.local_inventory import SITE

MAKES = "labline : Make Telegraf's, InfluxDB's and Grafana's files from the site file"


@pytest.mark.parametrize("words", ["--tags telegraf", "--tags grafana", "--skip-tags telegraf", "--skip-tags grafana"])
def test_whoever_brings_files_has_them_made_before(tmp_path: Path, words: str) -> None:
    inventory = local_inventory.write(tmp_path, local_inventory.NOWHERE)
    done = local_inventory.playbook(tmp_path, inventory, "site.yml", "--list-tasks", *words.split())
    assert done.returncode == 0 and MAKES in done.stdout, done.stdout + done.stderr


def _play(folder: Path, *tasks: dict[str, Any], site: str = SITE, **variables: object) -> str:
    """Run tasks with --check on this machine, as the role of the first one has them in a play; gives what is said."""
    roles = [{"role": role, "when": False} for role in ("labline", "influxdb", "tls", "grafana", "proxy", "telegraf")]
    inventory = local_inventory.write(folder, {"tls_names": ["hub.lab"], **variables}, site=site)
    play = json.dumps([{"hosts": "all", "gather_facts": False, "roles": roles, "tasks": list(tasks)}])
    done = local_inventory.look(folder, inventory, play=play)
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(("role", "tasks", "what"), [
    ("telegraf", "settings", "telegraf/telegraf.conf"),
    ("grafana", "files", "grafana/dashboards"),
])  # fmt: skip
def test_what_was_not_made_takes_nothing_away(tmp_path: Path, role: str, tasks: str, what: str) -> None:
    task = {"name": "Bring", "ansible.builtin.import_role": {"name": role, "tasks_from": tasks}, "check_mode": True}
    said = _play(tmp_path, task)
    assert f"There is no {tmp_path}/rendered/daq/{what}, so" in said and "failed=1" in said, said
    assert "changed=0" in said


def test_the_proxy_takes_the_tokens_of_nodes_alone(tmp_path: Path) -> None:
    made = tmp_path / "Caddyfile"
    template = Path(__file__).parents[2] / "ansible/roles/proxy/templates/Caddyfile.j2"
    write = {"name": "Write", "ansible.builtin.template": {"src": str(template), "dest": str(made), "mode": "0600"}}
    site = SITE.replace(":8086'", ":8086', write: {url: 'https://hub.lab:8443', ca: /etc/labline/tls/ca.crt}")
    tokens = {"daq": "now", "hall": "gone"}
    for named, taken in ((tokens, ["daq:now", "daq:before"]), ({"hall": "gone"}, [])):
        before = {"daq": "before", "hall": "gone-before"} if taken else {}
        said = _play(tmp_path, write, site=site, labline_tokens=named, labline_tokens_before=before)
        assert "failed=0" in said, said
        headers = [line.split()[-1].strip('"') for line in made.read_text().splitlines() if "header Author" in line]
        assert [base64.b64decode(header).decode() for header in headers] == taken
        assert ("handle @node" in made.read_text()) == bool(taken), "without a token, all would be let in"
