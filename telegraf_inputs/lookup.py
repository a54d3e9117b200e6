"""Looks up names within a time: the system's own look-up asks its servers for half a minute, and can't be given up."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Any

from .errors import Stopped
from .stop import Stop

GLANCE_SECONDS = 0.05  # how long a request to stop waits at most
Addresses = list[tuple[Any, ...]]  # as socket.getaddrinfo gives them

_lock = threading.Lock()
_going_on: dict[tuple[str, int | None], _Lookup] = {}


class _Lookup:
    """One look-up, in a thread of its own."""

    def __init__(self, host: str, port: int | None):
        self._host, self._port = host, port
        self.done = threading.Event()
        self.found: Addresses = []
        self.error: OSError | None = None
        threading.Thread(target=self._run, daemon=True, name="lookup").start()

    def _run(self) -> None:
        try:
            self.found = _ask(self._host, self._port)
        except OSError as error:
            self.error = error
        finally:
            self.done.set()


def addresses(host: str, port: int | None, seconds: float, stop: Stop | None = None) -> Addresses:
    """Look up a name for connections by TCP, for at most ``seconds``; what then comes late serves whoever asks next.

    Raises OSError where there is no such name, or no answer; Stopped.
    """
    try:
        return _ask(host, port, socket.AI_NUMERICHOST)  # an address needs nobody's answer
    except OSError:
        pass
    with _lock:  # one that goes on is waited for again: a name server that is away must not cost a thread each time
        lookup = _going_on.get((host, port)) or _going_on.setdefault((host, port), _Lookup(host, port))
    deadline = time.monotonic() + seconds
    while not lookup.done.wait(min(GLANCE_SECONDS, max(0.0, deadline - time.monotonic()))):
        if stop is not None and stop.is_set:
            raise Stopped
        if time.monotonic() >= deadline:
            raise TimeoutError(
                errno.ETIMEDOUT,
                f"its name was not found within {seconds:g} s; does this machine reach its name server?",
            )
    with _lock:
        _going_on.pop((host, port), None)
    if lookup.error:
        raise lookup.error
    return lookup.found


def _ask(host: str, port: int | None, flags: int = 0) -> Addresses:
    # As bytes: a name that is none is the system's to refuse, not a codec's.
    return list(socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM, flags=flags))
