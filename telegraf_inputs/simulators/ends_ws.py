"""The other end of a WebSocket: a server of its own, for which each message is a line."""

from __future__ import annotations

import base64
import hashlib
import re
import struct

from .ends import TcpEnd

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
KEY = re.compile(rb"sec-websocket-key:\s*(\S+)", re.IGNORECASE)
PROTOCOL = re.compile(rb"sec-websocket-protocol:\s*([\w.-]+)", re.IGNORECASE)
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
END = b"\n"


class WsEnd(TcpEnd):
    """A listening WebSocket with one client at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.url = f"ws://{self.url.removeprefix('tcp://')}/ws"
        self._open, self._data = False, b""

    def receive(self, timeout: float) -> bytes | None:
        """Take what messages came, each with END; b"" for nothing, None where another client has come."""
        arrived = super().receive(timeout)
        if arrived is None:
            self._open, self._data = False, b""
            return None
        self._data += arrived
        if not self._open:
            self._shake_hands()
        return self._messages() if self._open else b""

    def send(self, data: bytes) -> bool:
        """Say lines, each as a message."""
        return self._open and super().send(b"".join(_frame(TEXT, line) for line in data.split(END) if line))

    def _shake_hands(self) -> None:
        head, end, rest = self._data.partition(b"\r\n\r\n")
        key, protocol = KEY.search(head), PROTOCOL.search(head)
        if not end or key is None:
            return
        accept = base64.b64encode(hashlib.sha1(key[1] + MAGIC).digest())
        chosen = b"\r\nSec-WebSocket-Protocol: " + protocol[1] if protocol else b""
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self._open, self._data = super().send(answer + b"Sec-WebSocket-Accept: " + accept + chosen + b"\r\n\r\n"), rest

    def _messages(self) -> bytes:
        found = b""
        while (frame := self._frame()) is not None:
            kind, data = frame
            if kind == TEXT:
                found += data + END
            elif kind == PING:
                super().send(_frame(PONG, data))
            elif kind == CLOSE:
                self.hang_up()
        return found

    def _frame(self) -> tuple[int, bytes] | None:
        """Take a frame, which a client masks, off what has arrived; None where it is not whole."""
        if len(self._data) < 6:
            return None
        size, at = self._data[1] & 0x7F, 2
        if size >= 126:
            form = ">H" if size == 126 else ">Q"
            at += struct.calcsize(form)
            if len(self._data) < at:
                return None
            (size,) = struct.unpack_from(form, self._data, 2)
        whole = at + 4 + size
        if len(self._data) < whole:
            return None
        mask, data = self._data[at : at + 4], self._data[at + 4 : whole]
        kind, self._data = self._data[0] & 0x0F, self._data[whole:]
        return kind, bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))


def _frame(kind: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        return bytes((0x80 | kind, size)) + data
    return (
        bytes((0x80 | kind, 126)) + struct.pack(">H", size) + data
        if size < 65536
        else (bytes((0x80 | kind, 127)) + struct.pack(">Q", size) + data)
    )
