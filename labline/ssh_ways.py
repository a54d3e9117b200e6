"""The ways to a site's nodes as ssh takes them: a file for it, and its program."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from provisioning import ssh_config
from provisioning.site import Site

from .stack import cache
from .stack.errors import StackError


def program() -> str:
    """Find ssh. Raises StackError."""
    found = shutil.which("ssh")
    if not found:
        raise StackError("there is no ssh here: apt install openssh-client")
    return found


def config_file(site: Site, *, alone: bool = False) -> Path:
    """Write the site's ways where ssh, and that of a jump host later, can read them; its name is that of its content.

    ``alone``: nobody is asked anything on the way.
    """
    text = ssh_config.render(site, alone=alone)
    folder = cache.directory() / "ssh"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.conf"
    if not file.exists():
        part = folder / f"{file.name}.{os.getpid()}"
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    return file
