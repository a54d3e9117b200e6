"""An I²C bus that exists only as a Unix socket: a message is a transfer, and its answer what the chip says, or why it does not.

A request is four bytes: the address, the byte that is sent, how many are to be read (0 for none), 0. The answer is the
number of an error (0 for none), and the bytes that were read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator

Answer = Callable[[int, int, int], bytes]  # address, byte, how many -> what is read; raises OSError
LOOK_SECONDS = 0.02


@contextlib.contextmanager
def _address(path: str) -> Iterator[str]:
    """Give a name of the socket that is short enough for the kernel (107 bytes), however deep its folder is."""
    folder = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{os.path.basename(path)}"
    finally:
        os.close(folder)


class SocketBus:
    """Speaks to the bus with the functions of smbus2.SMBus."""

    def __init__(self, path: str):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with _address(path) as address:
                self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise

    def write_byte(self, address: int, value: int) -> None:
        self._transfer(address, value, 0)

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        return list(self._transfer(address, register, length))

    def close(self) -> None:
        self._socket.close()

    def _transfer(self, address: int, byte: int, length: int) -> bytes:
        self._socket.sendall(bytes((address, byte, length, 0)))
        said = self._socket.recv(256)
        if not said:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        if said[0]:
            raise OSError(said[0], os.strerror(said[0]))
        return said[1:]


class BusOnSocket:
    """Shows the bus with its chips, as ``answer`` says; unplugged, it is not there."""

    def __init__(self, path: str, answer: Answer, plugged: Callable[[], bool] = lambda: True):
        self._path, self._answer, self._plugged = path, answer, plugged
        self._listener: socket.socket | None = None
        self._clients: list[socket.socket] = []
        self._stopping = threading.Event()
        self._plug(True)
        self._thread = threading.Thread(target=self._serve, daemon=True, name=f"bus {path}")
        self._thread.start()

    def stop(self) -> None:
        """Be gone for good."""
        self._stopping.set()
        self._thread.join(5)
        self._plug(False)

    def _plug(self, plugged: bool) -> None:
        if plugged and self._listener is None:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with _address(self._path) as address:
                self._listener.bind(address)
            self._listener.listen()
        elif not plugged and self._listener is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            for opened in (self._listener, *self._clients):
                opened.close()
            self._listener, self._clients = None, []

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._plug(self._plugged())
            if self._listener is None:
                self._stopping.wait(LOOK_SECONDS)
                continue
            for ready in select.select([self._listener, *self._clients], [], [], LOOK_SECONDS)[0]:
                if ready is self._listener:
                    self._clients.append(self._listener.accept()[0])
                elif not self._served(ready):
                    ready.close()
                    self._clients.remove(ready)

    def _served(self, client: socket.socket) -> bool:
        """Answer one message of a client; tells whether it is still there."""
        try:
            said = client.recv(256)
            if not said:
                return False
            try:
                answer = b"\0" + self._answer(said[0], said[1], said[2])
            except OSError as error:
                answer = bytes((error.errno or errno.EIO,))
            client.sendall(answer)
        except OSError:
            return False
        return True
