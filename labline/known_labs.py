"""Which labs were run on this machine: a lab is its site file, and its folder says which that is."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .stack import runlock, told, xdg
from .stack.errors import StackError

OWNER = "site-file"  # in a lab's folder: whose it is


@dataclass(frozen=True)
class KnownLab:
    """A lab's folder, and the site file that it belongs to."""

    root: Path
    file: Path


def claim(root: Path, file: Path) -> None:
    """Note that a lab's folder belongs to a site file, and that there is such a lab. Raises StackError.

    Refused where the folder is that of another site file that still exists; one that was moved takes its lab along.
    """
    file, owner = file.resolve(), root / OWNER
    before = _owner(root)
    if before and before != file and before.exists():
        raise StackError(
            f"{root} has the data of {before}, and {file} has the same name `site: {root.name.partition('+')[0]}`.\n"
            "Give one of them another name (`site:`), or a folder of its own: --state DIR"
        )
    if before != file:
        owner.write_text(f"{file}\n")
    with contextlib.suppress(OSError):  # a list for people: without it, all else works
        links = _directory()
        links.mkdir(parents=True, exist_ok=True)
        link = links / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        if not link.is_symlink():
            link.symlink_to(root)


def all_of() -> list[KnownLab]:
    """List the labs whose folders are still there, by their names."""
    found = []
    with contextlib.suppress(OSError):
        for link in _directory().iterdir():
            root = link.readlink()
            if (file := _owner(root)) is not None:
                found.append(KnownLab(root, file))
    return sorted(found, key=lambda lab: (lab.root.name, lab.root))


def running(state: Path, file: Path) -> list[tuple[Path, dict[str, Any]]]:
    """List the folders below ``state`` in which a site file is run now, with who runs it; a real run before a simulated one."""
    found = []
    for root in sorted(state.iterdir()) if state.is_dir() else ():
        if _owner(root) == file.resolve() and (holder := runlock.holder(root)):
            found.append((root, holder))
    return found


def elsewhere(root: Path, file: Path) -> list[Path]:
    """List other folders in which the same site file was run."""
    return [
        lab.root for lab in all_of() if lab.file == file.resolve() and lab.root != root and lab.root.name == root.name
    ]


def told_of_old(root: Path, name: str) -> str:
    """Say where a lab of this name left its data beside the user, where this run would not look; "" for nothing."""
    here = Path(".labline").resolve() / name
    if root.exists() or here == root or not os.path.isdir(here / "influxdb"):  # which may be somebody else's
        return ""
    return (
        f"{here} has data of a lab of this name; this run keeps its own in {root}.\n"
        f"To go on with those: --state {told.path(here.parent)}, or mv {here} {root}"
    )


def _owner(root: Path) -> Path | None:
    try:
        return Path((root / OWNER).read_text().rstrip("\n"))
    except OSError:
        return None


def _directory() -> Path:
    return xdg.directory("XDG_STATE_HOME", ".local/state") / "labs"
