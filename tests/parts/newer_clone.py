"""A clone of a release to come: this one with another version, set up like any, with its packages at hand."""

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


def newer_clone(folder: Path, archives: Path) -> Path:
    """Make it in a folder; what machines may install of it is put into ``archives``. Gives where it is."""
    clone = folder / "clone"
    for name in (*wheels.OURS, "tools", "requirements"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    project = (ROOT / "pyproject.toml").read_text()
    (clone / "pyproject.toml").write_text(
        re.sub(r'^version = ".*"', f'version = "{VERSION}"', project, count=1, flags=re.M)
    )
    programs = clone / ".venv/bin"
    programs.mkdir(parents=True)
    for name, words in (("python", '"$@"'), ("labline", '-m labline.cli "$@"')):
        (programs / name).write_text(f"#!/bin/sh\nPYTHONPATH={clone} exec {sys.executable} {words}\n")
        (programs / name).chmod(0o755)
    machine = ["--python", debian_host.PYTHON, "--machine", platform.machine(), "--to", str(archives)]
    subprocess.run(
        [programs / "python", "-m", "tools.wheels", *machine], cwd=clone, check=True, stdout=subprocess.DEVNULL
    )
    return clone
