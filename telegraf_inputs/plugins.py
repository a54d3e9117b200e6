"""Finds drivers, transports and simulators by listing folders: those that come with labline, and those of the user's own.

LABLINE_PATH names folders (with ``:`` between them) that hold ``drivers``, ``transports``, ``native``, ``simulators``
and ``cases`` like those of labline: what lies there needs no change here.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable

VARIABLE = "LABLINE_PATH"


def folders() -> list[str]:
    """List the user's own folders."""
    return [os.path.abspath(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]


def extended(path: Iterable[str], name: str) -> list[str]:
    """Add the user's folders of this ``name`` to a package's path."""
    own = (os.path.join(folder, name) for folder in folders())
    return [*path, *(folder for folder in own if os.path.isdir(folder))]


def modules(path: Iterable[str]) -> tuple[str, ...]:
    """List the modules of a package, in alphabetical order, without those whose name begins with ``_``."""
    files = {file for folder in path if os.path.isdir(folder) for file in os.listdir(folder)}
    return tuple(sorted(file[:-3] for file in files if file.endswith(".py") and not file.startswith("_")))


def outside(thing: type) -> bool:
    """Tell whether a class comes from one of the user's folders: a program that is to find it needs LABLINE_PATH."""
    file = os.path.abspath(inspect.getfile(thing))
    return any(file.startswith(os.path.join(folder, "")) for folder in folders())


if folders():
    os.environ[VARIABLE] = os.pathsep.join(folders())  # what is started from here may be started in another folder
