"""Free TCP ports on loopback, the same ones from run to run where they are still free."""

from __future__ import annotations

import contextlib
import errno
import json
import random
import socket
from pathlib import Path
from typing import Any

from . import listener
from .errors import StartFailed

LOOPBACK = "127.0.0.1"
LOWEST = 10240  # above those of most services
FEWEST = 1000  # to choose from


def free(count: int) -> list[int]:
    """Find free ports: all are held until the last one is found, so they differ.

    None is one that the system gives to whoever asks for any (ip(7), ip_local_port_range): a connection or a simulator
    could have it before the part is started that it is for.
    """
    last = _first_given() - 1
    with contextlib.ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            port = random.randint(LOWEST, last) if last > LOWEST + FEWEST else 0
            try:
                one = held.enter_context(socket.create_server((LOOPBACK, port)))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                found.append(one.getsockname()[1])
        return found


def _first_given() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768  # Linux's own


def is_free(port: int) -> bool:
    """Tell whether nothing listens on a port of loopback."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except (OSError, OverflowError):
        return False
    return True


def claim(name: str, *wanted: int) -> None:
    """Make sure that it is not another program that answers on a part's ports. Raises StartFailed."""
    for port in wanted:
        if not is_free(port):
            whose = f" of {listener.users(set(users))}" if (users := listener.sockets(port).values()) else ""
            raise StartFailed(
                f"{name} can't start: port {port} is in use by another program{whose}; stop it, or choose another port"
            )


def remembered(file: Path, names: list[str]) -> dict[str, int]:
    """Choose a port for each name: the one that ``file`` (JSON) remembers where it is free, else a new one."""
    known = _known(file)
    ports = {name: known[name] for name in names if isinstance(known.get(name), int) and is_free(known[name])}
    missing = [name for name in names if name not in ports]
    ports.update(zip(missing, free(len(missing)), strict=True))
    return ports


def remember(file: Path, name: str, port: int) -> None:
    """Note a port on which a part was seen to listen, for the next run."""
    _write(file, {**_known(file), name: port})


def forget(file: Path, name: str) -> None:
    """Strike a port out on which another program may wait: the next run takes a new one."""
    _write(file, {known: port for known, port in _known(file).items() if known != name})


def _known(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _write(file: Path, ports: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # a full or broken disk: the next run takes other ports
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(ports, indent=2, sort_keys=True) + "\n")
