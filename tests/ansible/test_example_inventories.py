"""The inventories of ansible/examples agree with themselves."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.parts.example_machine import EXAMPLES


@pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.iterdir())])
def test_vault_has_what_the_variables_ask_for(name: str) -> None:
    everything = EXAMPLES / name / "inventory" / "group_vars" / "all"
    asked = set(re.findall(r"\bvault_\w+", (everything / "vars.yml").read_text()))
    assert asked == set(yaml.safe_load((everything / "vault.yml.example").read_text()))
