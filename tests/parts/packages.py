"""Packages that tests alone need, in a folder of their own: they never meet those of labline. Kept in the cache, made once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from labline.stack import cache

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
BASE = Path(getattr(sys, "_base_executable", sys.executable))  # it has none of labline's packages


def folder(name: str) -> Path:
    """Give the folder of what requirements/NAME.txt locks, each file by its digest."""
    locked = REQUIREMENTS / f"{name}.txt"
    version = hashlib.sha256(locked.read_bytes() + f"{sys.version} {BASE}".encode()).hexdigest()[:8]
    kept = f"tests-{name}-{version}"
    with cache.new(kept) as scratch:
        if scratch:
            # Their programs name the Python that they were made with: the clone's own is gone with the clone.
            pip = [sys.executable, "-m", "pip", "--python", BASE, "install"]
            pip += ["--quiet", "--disable-pip-version-check", "--no-compile"]
            # A few are to be had as source alone.
            locks = ["--require-hashes", "--prefer-binary", "--no-deps", "-r", locked]
            subprocess.run([*pip, *locks, "--target", scratch], check=True)
    return cache.directory() / kept


def environment(name: str, **more: str) -> dict[str, str]:
    """Give the environment in which BASE finds those packages, and none else."""
    return {**os.environ, "PYTHONPATH": str(folder(name)), "PYTHONNOUSERSITE": "1", **more}


def asked(name: str, program: str, *arguments: str | Path, given: Any) -> Any:
    """Run a Python program with those packages, which reads what is ``given`` as JSON and prints its answer as JSON; gives that."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, input=json.dumps(given), env=environment(name), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
