"""Whose a listening port of loopback is, as the kernel tells it: a part's own, or that of whoever came first.

Any user of this machine may bind a port that is free for a moment, and would be sent the passwords. So before a secret
goes out, the socket that listens must be among the files that the part's process holds open (proc(5): /proc/net/tcp,
/proc/PID/fd)."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from provisioning.ownership import user

from .errors import StartFailed

_LISTENS = "0A"  # TCP_LISTEN
_LOCAL, _STATE, _UID, _INODE = 1, 3, 7, 9  # columns of /proc/net/tcp
_HERE = int.from_bytes(bytes([127, 0, 0, 1]), sys.byteorder)  # written there as this machine reads the four bytes


def sockets(port: int) -> dict[int, int]:
    """List what listens on a port of 127.0.0.1: the sockets' inodes, and the users (uid) whose they are."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    wanted = f"{_HERE:08X}:{port:04X}", _LISTENS
    return {int(row[_INODE]): int(row[_UID]) for row in rows if (row[_LOCAL], row[_STATE]) == wanted}


def ours(name: str, port: int, pid: int) -> bool:
    """Tell whether a part's process listens on its port; False where nobody does. Raises StartFailed where another does."""
    listening = sockets(port)
    if others := _others(listening, pid):
        raise StartFailed(
            f"{name} can't start: port {port} was taken by a program of {users(others)} at the same moment. "
            "No password was sent there. Start it again: it will be another port"
        )
    return bool(listening)


def strangers(port: int, pid: int) -> set[int]:
    """List the users (uid) of what listens on a port and is not a part's process."""
    return _others(sockets(port), pid)


def users(uids: set[int]) -> str:
    """Name users by their numbers."""
    return " and ".join(user(uid) for uid in sorted(uids))


def _others(listening: dict[int, int], pid: int) -> set[int]:
    held = _held(pid) if listening else set()
    return {uid for inode, uid in listening.items() if inode not in held}


def _held(pid: int) -> set[int]:
    """List the inodes of the sockets that a process holds open; none of one that ended."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                kind, _, inode = os.readlink(entry.path).partition(":")
                if kind == "socket":
                    found.add(int(inode.strip("[]")))
    return found
