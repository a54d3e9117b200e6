"""upgrade.yml and back.yml: to another version and back, with a backup first; data, users and passwords stay, no reading is lost."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ansible.conftest import all_is_stored
from tests.parts import debian_host
from tests.parts.site_machine import ROOT, Machine
from tools import wheels

NEWER = "99.1"


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Path:
    """A clone of a release to come: this one with another version, set up like any; its packages are at hand."""
    clone = tmp_path_factory.mktemp("newer")
    for name in (*wheels.OURS, "tools", "requirements"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    project = (ROOT / "pyproject.toml").read_text()
    (clone / "pyproject.toml").write_text(
        re.sub(r'^version = ".*"', f'version = "{NEWER}"', project, count=1, flags=re.M)
    )
    programs = clone / ".venv/bin"
    programs.mkdir(parents=True)
    for name, words in (("python", '"$@"'), ("labline", '-m labline.cli "$@"')):
        (programs / name).write_text(f"#!/bin/sh\nPYTHONPATH={clone} exec {sys.executable} {words}\n")
        (programs / name).chmod(0o755)
    words = [
        "--python",
        debian_host.PYTHON,
        "--machine",
        platform.machine(),
        "--to",
        machine.variables["labline_archives"],
    ]
    subprocess.run(
        [programs / "python", "-m", "tools.wheels", *map(str, words)], cwd=clone, check=True, stdout=subprocess.DEVNULL
    )
    return clone


def _users(machine: Machine) -> str:
    return machine.query("SHOW USERS", user="labadmin") + machine.host.run("cat", "/var/lib/grafana/admin")


def test_it_goes_over_and_back_and_nothing_is_lost(machine: Machine, told: dict[str, str], newer: Path) -> None:
    def went(book: str, **variables: object) -> str:
        done = machine.play(book=book, **wanted, **variables)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def version() -> str:
        return machine.host.run("/opt/labline/bin/labline", "--version").split()[-1]

    def settings() -> str:
        made = "etc/labline/telegraf etc/labline/site.yml etc/systemd/system/labline-* usr/local/sbin/labline-restore"
        return machine.host.run("sh", "-c", f"cd / && find {made} -type f | sort | xargs sha256sum")

    wanted: dict[str, object] = {"backup_repository": "/srv/backup", "backup_password": "canary-of-restic"}
    refused = machine.play(book="upgrade.yml", labline_clone=str(newer))
    assert refused.returncode != 0 and "upgrade_without_backup=true" in refused.stdout
    went("site.yml")
    before, users, known, first = version(), _users(machine), all_is_stored(machine), settings()
    made = json.loads(machine.host.run("cat", "/var/lib/labline-backup/last.json"))["made"]
    went("upgrade.yml", labline_clone=str(newer))
    assert version() == NEWER and _users(machine) == users
    assert json.loads(machine.host.run("cat", "/var/lib/labline-backup/last.json"))["made"] > made
    running = machine.host.run("sh", "-c", "cat /proc/[0-9]*/maps | grep -o '/opt/labline-[^/]*' | sort -u").split()
    assert running == [machine.host.run("readlink", "/opt/labline").strip()]  # no program of the former one runs on
    known |= all_is_stored(machine)
    went("back.yml")
    assert version() == before and settings() == first and _users(machine) == users
    assert known <= all_is_stored(machine)
    went("back.yml")
    assert version() == NEWER and known <= all_is_stored(machine)
