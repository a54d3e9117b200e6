"""The instrument's end of a line: a listening socket, or a pseudo-terminal, whose cable can be pulled and plugged."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import termios
import time
import tty
from typing import Protocol

from .scratch import Scratch

CONTROL = 2  # the index of the control flags among a terminal's settings


class End(Protocol):
    """The instrument's end of a way: ``url`` is where the other end is."""

    url: str
    tells_clients: bool  # it notices that another client has come

    def plug(self, plugged: bool) -> None:
        """Plug the cable, or pull it."""

    def receive(self, timeout: float) -> bytes | None:
        """Take what came; b"" for nothing, None where another client has come."""

    def send(self, data: bytes) -> bool:
        """Say something, if somebody is there; tells whether it is out."""

    def hang_up(self) -> None:
        """Close the connection; where there is none such, nothing."""

    def close(self) -> None:
        """Be gone for good."""


class TcpEnd:
    """A listening socket with one client at a time; unplugged, it refuses."""

    tells_clients = True

    def __init__(self) -> None:
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._address = self._listener.getsockname()
        host, port = self._address
        self.url = f"tcp://{host}:{port}"

    def plug(self, plugged: bool) -> None:
        """Plug the cable, or pull it."""
        if not plugged and self._listener is not None:
            self.hang_up()
            self._listener.close()
            self._listener = None
        elif plugged and self._listener is None:
            with contextlib.suppress(OSError):  # the port may still be in its time of rest; next time
                self._listener = socket.create_server(self._address)

    def receive(self, timeout: float) -> bytes | None:
        """Take what came; b"" for nothing, None where another client has come."""
        ready = select.select([s for s in (self._listener, self._client) if s is not None], [], [], timeout)[0]
        if self._listener is not None and self._listener in ready:
            self.hang_up()
            self._client, _ = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return None
        if self._client is not None and self._client in ready:
            with contextlib.suppress(OSError):
                if data := self._client.recv(65536):
                    return data
            self.hang_up()
        return b""

    def send(self, data: bytes) -> bool:
        """Say something, if somebody is there; tells whether it is out."""
        if self._client is None:
            return False
        try:
            self._client.sendall(data)
        except OSError:
            self.hang_up()
            return False
        return True

    def close(self) -> None:
        """Be gone for good."""
        self.plug(False)

    def hang_up(self) -> None:
        """Close the connection, in good order."""
        if self._client is not None:
            self._client.close()
            self._client = None


class VisaEnd(TcpEnd):
    """A socket that is reached as a VISA resource."""

    def __init__(self) -> None:
        super().__init__()
        host, port = self._address
        self.url = f"visa://TCPIP0::{host}::{port}::SOCKET"


class PtyEnd:
    """A pseudo-terminal behind a link that stays; unplugged, the device vanishes, and comes back as another one."""

    tells_clients = False

    def __init__(self) -> None:
        self._folder = Scratch()
        self._path = os.path.join(self._folder.path, "tty")
        self.url = f"serial://{self._path}"
        self._pair: tuple[int, int] | None = None  # our side, and the one that programs open
        self.plug(True)

    def plug(self, plugged: bool) -> None:
        """Plug the cable, or pull it."""
        if plugged and self._pair is None:
            self._pair = pty.openpty()
            tty.setraw(self._pair[1])
            os.symlink(os.ttyname(self._pair[1]), self._path)
        elif not plugged and self._pair is not None:
            os.unlink(self._path)
            for fd in reversed(self._pair):
                os.close(fd)
            self._pair = None

    def receive(self, timeout: float) -> bytes | None:
        """Take what came; b"" for nothing."""
        if self._pair is None:
            time.sleep(timeout)
            return b""
        ours, theirs = self._pair
        # A pty has no parity and no seven bits, and glibc refuses settings of which nothing takes effect: leave it
        # something to set.
        settings = termios.tcgetattr(theirs)
        if settings[CONTROL] & termios.CLOCAL:
            settings[CONTROL] &= ~termios.CLOCAL
            termios.tcsetattr(theirs, termios.TCSANOW, settings)
        return os.read(ours, 65536) if select.select([ours], [], [], timeout)[0] else b""

    def hang_up(self) -> None:
        """Do nothing: a serial line has no connection."""

    def send(self, data: bytes) -> bool:
        """Say something; what does not fit is lost, as on a real line: a port that nobody reads must not hold us."""
        if self._pair is None or not select.select([], [self._pair[0]], [], 0)[1]:
            return False
        return os.write(self._pair[0], data) == len(data)

    def close(self) -> None:
        """Be gone for good."""
        self.plug(False)
        self._folder.remove()
