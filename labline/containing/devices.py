"""Groups that may open devices: by their numbers on this machine, which a container's image need not know."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterable

FOR_ALL = stat.S_IROTH | stat.S_IWOTH
SERIAL = "dialout"
USUAL = {"/dev/i2c-": "i2c", "/dev/video": "video"}  # of what is not there, by the name's beginning; else SERIAL


def groups(devices: Iterable[str]) -> tuple[int, ...]:
    """List the groups that devices belong to; of one that is not there now, the one that it usually has."""
    return tuple(sorted({group for device in devices if (group := _group(device))}))


def without_group(devices: Iterable[str]) -> list[str]:
    """Tell which devices no group may open, as far as it can be known here."""
    told = []
    for device in devices:
        if not _group(device) and not _for_all(device):
            why = (
                "belongs to root's group"
                if os.path.exists(device)
                else f"is not here, nor is the group {_usual(device)}"
            )
            told.append(f"{device}: {why}; expected one whose group is not root. Run this again then")
    return told


def _group(device: str) -> int:
    try:
        return os.stat(device).st_gid
    except OSError:
        pass
    try:
        return grp.getgrnam(_usual(device)).gr_gid
    except KeyError:
        return 0


def _for_all(device: str) -> bool:
    return os.path.exists(device) and os.stat(device).st_mode & FOR_ALL == FOR_ALL


def _usual(device: str) -> str:
    return next((group for beginning, group in USUAL.items() if device.startswith(beginning)), SERIAL)
