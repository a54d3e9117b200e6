"""TCP: a socket of the instrument, or of a serial server before it: ``tcp://host:port``."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import TYPE_CHECKING

from .. import lookup
from ..errors import BadInput
from ..line import LONGEST_ANSWER, Line, Wire
from ..stop import Stop
from ..transport import Transport
from ..url import HERE, Url

if TYPE_CHECKING:
    from ..simulators.ends import TcpEnd


class TcpLine(Line):
    """A line over a TCP socket."""

    _socket: socket.socket

    def _place(self) -> tuple[str, int]:
        return self.url.host_port()

    def _open(self) -> None:
        host, port = self._place()
        deadline = time.monotonic() + self.timeout
        trouble: OSError | None = None
        found = lookup.addresses(host, port, self.timeout, self.stop)
        for left, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=True):
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            code = self._socket.connect_ex(address)
            if code == errno.EINPROGRESS:
                in_time = self._ready((deadline - time.monotonic()) / left, to_send=True)
                code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if in_time else errno.ETIMEDOUT
            if code == 0:
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # A host that loses power sends no farewell; without this a listener would wait for ever.
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return
            self._socket.close()
            trouble = OSError(code, os.strerror(code))
        raise trouble or OSError("has no address")

    def _close(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close()

    def _fileno(self) -> int:
        return self._socket.fileno()

    def _receive(self) -> bytes:
        return self._socket.recv(LONGEST_ANSWER)

    def _send(self, data: bytes) -> None:
        self._push(data, self._socket.send)


class Tcp(Transport):
    """Reaches what listens on a socket."""

    scheme = "tcp"
    network = True
    example = "tcp://192.168.1.5:7777"
    carries_text = True

    def check(self, url: Url, wire: Wire) -> None:
        url.host_port()
        if url.options:
            raise BadInput(f"{url.text!r} has options; a socket has none")

    def place(self, url: Url) -> str:
        return url.place()

    def shared(self, url: Url) -> bool:
        return url.host_port()[0].lower() not in HERE

    def line(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> TcpLine:
        return TcpLine(url, wire, timeout, stop)

    def page(self, wire: Wire) -> str:
        return "`tcp://HOST:PORT`: a socket, or a serial server behind one"

    def end(self) -> TcpEnd:
        from ..simulators.ends import TcpEnd

        return TcpEnd()


TRANSPORT = Tcp()
