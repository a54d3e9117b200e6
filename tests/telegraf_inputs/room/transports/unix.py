"""Sockets of this machine: ``unix:///run/instrument.sock``. No transport of labline's: it shows that one is one file."""

from __future__ import annotations

import contextlib
import glob
import os
import select
import shutil
import socket
import tempfile
from collections.abc import Iterator

from telegraf_inputs.errors import BadInput
from telegraf_inputs.line import LONGEST_ANSWER, Line, Wire
from telegraf_inputs.stop import Stop
from telegraf_inputs.transport import Place, Transport
from telegraf_inputs.url import Url

PREFIX = "labline-room-"


class UnixLine(Line):
    """A line over a socket of this machine."""

    _socket: socket.socket

    def _open(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(self.url.rest)
        self._socket.setblocking(False)

    def _close(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close()

    def _fileno(self) -> int:
        return self._socket.fileno()

    def _receive(self) -> bytes:
        return self._socket.recv(LONGEST_ANSWER)

    def _send(self, data: bytes) -> None:
        self._push(data, self._socket.send)


class Unix(Transport):
    """Reaches what listens on a socket of this machine."""

    scheme = "unix"
    example = "unix:///run/instrument.sock"
    carries_text = True
    found = "local socket"

    def find(self) -> Iterator[Place]:
        for path in sorted(glob.glob(os.path.join(tempfile.gettempdir(), f"{PREFIX}*", "socket"))):
            yield Place(f"unix://{path}", "made for a test")

    def check(self, url: Url, wire: Wire) -> None:
        if url.options or not url.rest.startswith("/"):
            raise BadInput(f"{url.text!r} names no socket; expected such as {self.example}")

    def line(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> UnixLine:
        return UnixLine(url, wire, timeout, stop)

    def page(self, wire: Wire) -> str:
        return "`unix://PATH`: a socket of this machine"

    def end(self) -> UnixEnd:
        return UnixEnd()


class UnixEnd:
    """A listening socket with one client at a time; unplugged, it is gone."""

    tells_clients = True

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix=PREFIX)
        self._path = os.path.join(self._folder, "socket")
        self.url = f"unix://{self._path}"
        self._listener: socket.socket | None = None
        self._client: socket.socket | None = None
        self.plug(True)

    def plug(self, plugged: bool) -> None:
        if plugged and self._listener is None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self._path)
            self._listener.listen()
        elif not plugged and self._listener is not None:
            self._drop()
            self._listener.close()
            self._listener = None
            os.unlink(self._path)

    def receive(self, timeout: float) -> bytes | None:
        ready = select.select([s for s in (self._listener, self._client) if s is not None], [], [], timeout)[0]
        if self._listener is not None and self._listener in ready:
            self._drop()
            self._client, _ = self._listener.accept()
            return None
        if self._client is not None and self._client in ready:
            with contextlib.suppress(OSError):
                if data := self._client.recv(65536):
                    return data
            self._drop()
        return b""

    def send(self, data: bytes) -> bool:
        if self._client is None:
            return False
        try:
            self._client.sendall(data)
        except OSError:
            self._drop()
            return False
        return True

    def close(self) -> None:
        self.plug(False)
        shutil.rmtree(self._folder)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


TRANSPORT = Unix()
