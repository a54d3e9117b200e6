"""Finds drivers, transports and simulators by listing folders: those that come with labline, and those of the user's own.

LABLINE_PATH names folders (with ``:`` between them) that hold ``drivers``, ``transports``, ``native``, ``simulators``
and ``cases`` like those of labline: what lies there needs no change here. A package that was installed may offer such a
folder by an entry point of the group ``labline``; whoever starts programs adds it to LABLINE_PATH (``installed``).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable

from .errors import BadInput

VARIABLE = "LABLINE_PATH"
GROUP = "labline"
KINDS = ("drivers", "native", "transports", "simulators")


def folders() -> list[str]:
    """List the user's own folders."""
    return [os.path.abspath(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]


def installed() -> None:
    """Add the folders of installed packages to LABLINE_PATH, before drivers are listed.

    An entry point of the group ``labline`` names a package; its folder is one like those of LABLINE_PATH. Raises BadInput.
    """
    # Here alone: it reads the metadata of all packages, which a program that reads an instrument need not do.
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    found = []
    for entry in entry_points(group=GROUP):
        try:
            spec = find_spec(entry.value)
        except ImportError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise BadInput(
                f"the entry point {entry.name!r} of group {GROUP!r} names {entry.value!r}, which is no package"
            )
        found += [os.path.abspath(folder) for folder in spec.submodule_search_locations]
    if more := [folder for folder in found if folder not in folders()]:
        os.environ[VARIABLE] = os.pathsep.join([*folders(), *more])


def check() -> None:
    """Refuse (BadInput) a folder of LABLINE_PATH that is not there, and a file in it that is called like another one."""
    known: dict[tuple[str, str], str] = {}
    for folder in (os.path.dirname(os.path.abspath(__file__)), *folders()):
        if not os.path.isdir(folder):
            raise BadInput(f"{VARIABLE} names {folder}, which is no folder")
        for kind in KINDS:
            for name in modules([os.path.join(folder, kind)]):
                file = os.path.join(folder, kind, f"{name}.py")
                same = "drivers" if kind == "native" else kind  # `driver` in a stanza names both
                if (same, name) in known:
                    raise BadInput(
                        f"{file} would never be used: {known[same, name]} is called so, too; give it another name"
                    )
                known[same, name] = file


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
