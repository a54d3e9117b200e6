"""A way into a network of its own: what listens there is reached on a port of this machine's loopback."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import threading
from pathlib import Path

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class WayIn:
    """Listens on 127.0.0.1:``port``, and goes on to ``address``, which is one of the network called ``network``."""

    def __init__(self, network: str, address: tuple[str, int]):
        self._address, self._namespace = address, Path("/run/netns") / network
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        # Of this thread alone: its sockets are those of that network from now on, and those that it accepts are still of this one.
        namespace = os.open(self._namespace, os.O_RDONLY)
        if _libc.setns(namespace, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"no way into {self._namespace}")
        os.close(namespace)
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self._address, timeout=5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
