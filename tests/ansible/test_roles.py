"""Each role says which variables it takes, and with which defaults, twice: in its specification and in its defaults."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ansible.left_by import LEFT
from tests.parts import packages

ANSIBLE = Path(__file__).parents[2] / "ansible"
ROLES = sorted(path.name for path in (ANSIBLE / "roles").iterdir())


@pytest.mark.parametrize("role", ROLES)
def test_specification_and_defaults_agree(role: str) -> None:
    folder = ANSIBLE / "roles" / role
    options = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((folder / "defaults" / "main.yml").read_text())
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults
    for name, option in options.items():
        assert name.startswith(f"{role}_")
        assert option.get("required", False) == ("default" not in option), name
        assert option["description"].endswith("."), name


def test_of_each_role_it_is_looked_at_what_it_leaves() -> None:
    roles = {name.partition(" ")[0] for name in LEFT}  # of some, two ends
    assert roles | {"preflight"} == set(ROLES)  # preflight changes nothing


@pytest.mark.parametrize("role", [role for role in LEFT if LEFT[role].runs])
def test_a_service_that_runs_with_what_was_there_before_is_found(role: str) -> None:
    tasks = "".join(path.read_text() for path in (ANSIBLE / "roles" / role / "tasks").glob("*.yml"))
    for unit in LEFT[role].runs:
        assert f"__labline_unit: {unit}" in tasks and "tasks_from: stale" in tasks


def _tasks(found: object) -> Iterator[dict[str, Any]]:
    """Give each task in what a file has, those in blocks too."""
    for task in found if isinstance(found, list) else []:
        yield task
        for part in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks"):
            yield from _tasks(task.get(part))


@pytest.mark.parametrize(
    "file",
    sorted([*ANSIBLE.glob("*.yml"), *ANSIBLE.glob("roles/*/tasks/*.yml")]),
    ids=lambda file: str(file.relative_to(ANSIBLE)),
)
def test_what_is_done_here_is_done_by_you(file: Path) -> None:
    for task in _tasks(yaml.safe_load(file.read_text())):
        # The plugin reads and writes as you anyway.
        if task.get("delegate_to") == "localhost" and "renew_vault" not in task:
            # With ansible_become in an inventory, which outranks `become`, it would be root's, or ask for sudo.
            assert task.get("vars", {}).get("ansible_become") is False, task["name"]


@pytest.mark.parametrize("file", sorted(ANSIBLE.glob("*.yml")), ids=lambda file: file.name)
def test_handlers_of_a_role_have_no_condition_of_a_second_import(file: Path) -> None:
    for play in yaml.safe_load(file.read_text()):
        played = {role["role"] if isinstance(role, dict) else role for role in play.get("roles", [])}
        for task in _tasks([play]):
            if "when" in task and (imported := task.get("ansible.builtin.import_role")):
                handlers = ANSIBLE / "roles" / imported["name"] / "handlers"
                assert imported["name"] not in played or not handlers.exists(), task["name"]


def test_ansible_lint_finds_nothing(tmp_path: Path) -> None:
    environment = packages.environment("ansible-test", ANSIBLE_HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    programs = packages.folder("ansible-test") / "bin"
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    command = [sys.executable, "-m", "ansiblelint", "--offline", "--profile", "production", "--nocolor"]
    done = subprocess.run(
        [*command, *sorted(path.name for path in ANSIBLE.glob("*.yml")), "roles"],
        cwd=ANSIBLE,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
