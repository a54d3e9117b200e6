"""The inventories of ansible/examples agree with themselves."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.parts import packages
from tests.parts.example_machine import EXAMPLES


def test_a_folder_with_a_blank_in_its_name_may_have_the_inventory(tmp_path: Path) -> None:
    folder = tmp_path / "my lab"
    shutil.copytree(EXAMPLES / "nodes", folder)
    words = ["mast", "-i", folder / "inventory", "-m", "ansible.builtin.debug", "-a", "var=ansible_ssh_common_args"]
    said = subprocess.run(
        [sys.executable, packages.folder("ansible-test") / "bin" / "ansible", *words],
        env=packages.environment("ansible-test", ANSIBLE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    given = json.loads(said.partition("=>")[2])["ansible_ssh_common_args"]
    assert shlex.split(given) == ["-F", str(folder / "lab.conf")]


@pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.iterdir())])
def test_vault_has_what_the_variables_ask_for(name: str) -> None:
    everything = EXAMPLES / name / "inventory" / "group_vars" / "all"
    asked = set(re.findall(r"\bvault_\w+", (everything / "vars.yml").read_text()))
    assert asked == set(yaml.safe_load((everything / "vault.yml.example").read_text()))
