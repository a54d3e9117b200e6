"""Clones of other releases than this one, set up like any, with their packages at hand: one to come, and one that was."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools import wheels

from . import debian_host
from .site_machine import ROOT

VERSION = "99.1"
# What stands for the release before: other programs, other roles, and machines that don't mark which version has worked.
EARLIER = "7990879f62417ad642ee59d00c5544476ad55c03"


def newer_clone(folder: Path, archives: Path, version: str = VERSION) -> Path:
    """Make this one with another version in a folder; what machines may install of it is put into ``archives``. Gives where it is."""
    clone = folder / "clone"
    for name in (*wheels.OURS, "tools", "requirements", "debian"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    project = (ROOT / "pyproject.toml").read_text()
    (clone / "pyproject.toml").write_text(
        re.sub(r'^version = ".*"', f'version = "{version}"', project, count=1, flags=re.M)
    )
    _set_up(clone, archives)
    return clone


def earlier_is_there() -> bool:
    """Tell whether this clone's history reaches back to EARLIER; that of a shallow one, or of an archive, does not."""
    try:
        asked = subprocess.run(["git", "cat-file", "-e", f"{EARLIER}^{{commit}}"], cwd=ROOT, capture_output=True)
    except FileNotFoundError:
        return False
    return asked.returncode == 0


def earlier_clone(folder: Path, archives: Path) -> Path:
    """Make one of EARLIER, as ``newer_clone``, with its own playbooks."""
    clone = folder / "clone"
    clone.mkdir()
    packed = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "--extract", "--directory", clone], input=packed.stdout, check=True)
    _set_up(clone, archives)
    return clone


def _set_up(clone: Path, archives: Path) -> None:
    programs = clone / ".venv/bin"
    programs.mkdir(parents=True)
    for name, words in (("python", '"$@"'), ("labline", '-m labline.cli "$@"')):
        (programs / name).write_text(f"#!/bin/sh\nPYTHONPATH={clone} exec {sys.executable} {words}\n")
        (programs / name).chmod(0o755)
    machine = ["--python", debian_host.PYTHON, "--machine", platform.machine(), "--to", str(archives)]
    subprocess.run(
        [programs / "python", "-m", "tools.wheels", *machine], cwd=clone, check=True, stdout=subprocess.DEVNULL
    )
