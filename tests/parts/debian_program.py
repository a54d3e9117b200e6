"""Programs of Debian's that only tests need: this machine's own, else unpacked into the cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from labline.stack import cache, debian
from labline.stack.errors import Unavailable


def found(package: str, libraries: Iterable[str]) -> tuple[Path, dict[str, str]]:
    """Find a program that is called as its package; with what its environment must say.

    Returns the folder that has ``usr/bin`` in it. ``libraries``: packages that it needs, and a bare Debian has not.
    """
    if shutil.which(package, path=f"{os.environ['PATH']}:/usr/sbin"):
        return Path("/"), {}
    program = debian.unpack(package)
    folders = []
    for library in libraries:
        try:
            folders += [str(file.parent) for file in debian.unpack(library).rglob("*.so.*")]
        except Unavailable:
            continue  # another Debian calls it otherwise; the program itself tells what it lacks
    assert str(program).startswith(str(cache.directory()))
    return program, {"LD_LIBRARY_PATH": ":".join(dict.fromkeys(folders))}
