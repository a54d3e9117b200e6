"""A WebSocket as it is needed here: no message is endless, and whoever waits for the rest of one can be stopped."""

from __future__ import annotations

from websocket import WebSocket, WebSocketProtocolException

from ..errors import Stopped
from ..stop import Stop

LARGEST = 16_000_000  # bytes of one message


class BoundedSocket(WebSocket):
    """Receives messages of LARGEST bytes at most; Stopped is raised inside one, too."""

    def __init__(self, stop: Stop):
        super().__init__()
        self.stop = stop
        self.came = 0  # bytes of the message that is received

    def _recv(self, bufsize: int) -> bytes:
        if self.stop.is_set:
            raise Stopped
        data: bytes = super()._recv(bufsize)  # type: ignore[no-untyped-call]
        self.came += len(data)
        if self.came > LARGEST:
            raise WebSocketProtocolException(f"a message of more than {LARGEST} bytes")
        return data
