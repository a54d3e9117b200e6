"""back.yml, before it does anything: where each machine goes is decided for all of them, as a way back may have been broken off anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.parts import local_inventory

# As folders of versions are called: of the same release on machines of two kinds, and of others.
NEW, NEW_ON_A_PI = "/opt/labline-bbbbbbbbbbbb-3.11-x86_64", "/opt/labline-bbbbbbbbbbbb-3.13-aarch64"
OLD, OLD_ON_A_PI = "/opt/labline-aaaaaaaaaaaa-3.11-x86_64", "/opt/labline-aaaaaaaaaaaa-3.13-aarch64"
OTHER = "/opt/labline-cccccccccccc-3.11-x86_64"
DECIDE = """\
- name: Look before anything is changed
  hosts: all
  gather_facts: false
  tasks:
    - name: See the links of this case
      ansible.builtin.set_fact:
        __labline_versions:
          results: "{{ links_of[inventory_hostname] }}"
    - name: Decide
      ansible.builtin.import_role:
        name: labline
        tasks_from: back_decide
    - name: Tell
      ansible.builtin.debug:
        msg: "{{ inventory_hostname }} -> {{ __labline_back if __labline_goes_back else 'stays' }}, all: {{ __labline_wanted or 'as it is' }}."
"""
NONE = ""
# What the links of each machine lead to (the one that runs, the one before, under way, there until all deliver) -> where it goes.
CASES: dict[str, tuple[dict[str, list[str]], dict[str, str]]] = {
    "after an upgrade": (
        {"daq": [NEW, OLD], "hall": [NEW, OLD], "barn": [NEW_ON_A_PI, OLD_ON_A_PI]},
        {"daq": OLD, "hall": OLD, "barn": OLD_ON_A_PI},
    ),
    "after an upgrade that did not reach each node": (
        {"daq": [NEW, OLD], "hall": [NEW, OLD], "barn": [OLD_ON_A_PI]},
        {"daq": OLD, "hall": OLD, "barn": "stays"},
    ),
    "once more, when all are there": (
        {"daq": [OLD, NEW], "hall": [OLD, NEW], "barn": [OLD_ON_A_PI, NEW_ON_A_PI]},
        {"daq": NEW, "hall": NEW, "barn": NEW_ON_A_PI},
    ),
    "broken off at the server": (
        {"daq": [NEW, OLD, OLD], "hall": [NEW, OLD], "barn": [NEW_ON_A_PI, OLD_ON_A_PI]},
        {"daq": OLD, "hall": OLD, "barn": OLD_ON_A_PI},
    ),
    "broken off behind the server": (
        {"daq": [OLD, NEW, NONE, OLD], "hall": [NEW, OLD], "barn": [NEW_ON_A_PI, OLD_ON_A_PI]},
        {"daq": "stays", "hall": OLD, "barn": OLD_ON_A_PI},
    ),
    "broken off on the last node": (
        {
            "daq": [OLD, NEW, NONE, OLD],
            "hall": [OLD, NEW, NONE, OLD],
            "barn": [OLD_ON_A_PI, NEW_ON_A_PI, OLD_ON_A_PI],
        },
        {"daq": "stays", "hall": "stays", "barn": OLD_ON_A_PI},
    ),
    "broken off by a release without the mark of the server": (
        {"daq": [OLD, NEW], "hall": [OLD, NEW], "barn": [NEW_ON_A_PI, OLD_ON_A_PI, OLD_ON_A_PI]},
        {"daq": "stays", "hall": "stays", "barn": OLD_ON_A_PI},
    ),
    "all there, and one did not deliver": (
        {
            "daq": [OLD, NEW, NONE, OLD],
            "hall": [OLD, NEW, NONE, OLD],
            "barn": [OLD_ON_A_PI, NEW_ON_A_PI, NONE, OLD_ON_A_PI],
        },
        {"daq": "stays", "hall": "stays", "barn": "stays"},
    ),
    "a mark was left on a node": (
        {"daq": [OLD, NEW], "hall": [OLD, NEW, NONE, OLD], "barn": [OLD_ON_A_PI, NEW_ON_A_PI]},
        {"daq": NEW, "hall": NEW, "barn": NEW_ON_A_PI},
    ),
    "one that never worked came and went": (
        {"daq": [OLD, OLD], "hall": [OLD, OLD], "barn": [OLD_ON_A_PI, OLD_ON_A_PI]},
        {"daq": "", "hall": "", "barn": ""},
    ),
    "a node that had another one before": (
        {"daq": [NEW, OLD], "hall": [NEW, OTHER], "barn": [NEW_ON_A_PI, OLD_ON_A_PI]},
        {"daq": OLD, "hall": OTHER, "barn": OLD_ON_A_PI},  # refused, before anything is changed
    ),
    "nodes alone": (
        {"hall": [NEW, OLD], "barn": [NEW_ON_A_PI, OLD_ON_A_PI]},
        {"hall": OLD, "barn": OLD_ON_A_PI},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_where_each_goes_is_decided_for_all_of_them(tmp_path: Path, case: str) -> None:
    links, expected = CASES[case]
    stats = {
        host: [{"stat": {"lnk_target": link} if link else {}} for link in [*there, *[NONE] * (4 - len(there))]]
        for host, there in links.items()
    }
    nodes = ["daq", "hall", "barn"]
    inventory = local_inventory.write(tmp_path, {"links_of": stats}, nodes=nodes)
    done = local_inventory.look(tmp_path, inventory, "--limit", ",".join(links), play=DECIDE)
    assert done.returncode == 0, done.stdout + done.stderr
    found = dict(re.findall(r"(\w+) -> ([^,\n]*), all", done.stdout))
    assert found == expected, json.dumps(found)
