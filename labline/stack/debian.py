"""Debian packages, unpacked into the user's cache: no root needed, and no system service starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import cache
from .errors import Unavailable
from .progress import Progress


def unpack(package: str) -> Path:
    """Give the directory under which a Debian package lies unpacked (``usr/bin/…``). Raises Unavailable.

    apt verifies what it downloads by the archive's signed lists.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unavailable("there is no apt-get here: not a Debian")
    name = f"{package}-{_run(['dpkg', '--print-architecture']).strip()}"
    with cache.new(name) as scratch:
        if scratch:
            with Progress(f"getting Debian's package {package}"):
                _download(package, scratch)
            deb = next(scratch.glob("*.deb"))
            _run(["dpkg-deb", "-x", str(deb), str(scratch)])
            deb.unlink()
    return cache.directory() / name


def _download(package: str, scratch: Path) -> None:
    """Download a package into ``scratch``, by the system's lists where they have it, else by fresh private ones."""
    # The directory belongs to us alone: apt's unprivileged download user could not write to it.
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root"]
    try:
        _run([*download, "download", package], cwd=scratch)
    except Unavailable:  # there are no lists (a fresh container), or they are old
        state = scratch / "apt"
        (state / "lists" / "partial").mkdir(parents=True)
        (state / "archives" / "partial").mkdir(parents=True)
        download += ["-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::State={state}", "-o", f"Dir::Cache={state}"]
        download += ["-o", "Dir::State::status=/var/lib/dpkg/status"]
        _run([*download, "update"])
        _run([*download, "download", package], cwd=scratch)
        cache.remove(state)


def _run(command: list[str], cwd: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()
        raise Unavailable(f"{command[0]}: {'; '.join(errors) or f'exit status {done.returncode}'}")
    return done.stdout
