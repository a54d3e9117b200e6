"""Whose a folder or file is: what holds passwords, readings or programs must be one's own, and nobody else's to change."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import stat
from pathlib import Path


def fault(path: Path, *, root: bool = False) -> str:
    """Tell whose a folder or file is that is not one's own, or that others may write, and what to do; "" where all is well.

    With ``root``, root's will do. A folder like /tmp, where each may change only what is his, will do. Raises OSError.
    """
    info, quoted = path.stat(), shlex.quote(str(path))
    me = os.geteuid()
    if info.st_uid != me and not (root and info.st_uid == 0):
        return (
            f"{path} belongs to {user(info.st_uid)}, and this is {user(me)}: what is in it may be changed by another. "
            f"Look at it, then take it (sudo chown -R {me} {quoted}) or choose another place"
        )
    shared = stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not shared:
        return (
            f"{path} may be written by others (mode {stat.S_IMODE(info.st_mode):04o}): what is in it may be theirs. "
            f"Look at it, then: chmod go-w {quoted}"
        )
    return ""


def whose(path: Path) -> int | None:
    """Tell which other user has the folder that keeps one from a path; None where none has."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            uid = folder.stat().st_uid
            return None if uid == os.geteuid() or os.access(folder, os.R_OK | os.X_OK) else uid
    return None


def user(uid: int) -> str:
    """Name a user by the number."""
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
