"""Libraries of the system that ways to instruments need: the system's own, else Debian's package unpacked into the cache."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from pathlib import Path

from telegraf_inputs.transport import Library

from . import cache, debian
from .errors import Unavailable


def environment(libraries: Iterable[Library]) -> dict[str, str]:
    """Give what a program needs in its environment to find them. Raises Unavailable, with what to do."""
    found = {}
    for library in dict.fromkeys(libraries):
        try:
            folder = directory(library)
        except Unavailable as error:
            raise Unavailable(
                f"{library.file} can't be had: {error}. Install it: sudo apt-get install {library.package}"
            ) from None
        if folder:
            found[library.variable] = str(folder)
    return found


def directory(library: Library) -> Path | None:
    """Give the directory that a library lies in, or None where the system has it. Raises Unavailable."""
    try:
        ctypes.CDLL(library.file)
    except OSError:
        return cache.verified(next(debian.unpack(library.package).glob(f"**/{library.file}"))).parent
    return None
