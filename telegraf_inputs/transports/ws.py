"""WebSockets of a WAMP router: ``ws://host:port/path``. Each message is a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput, Disconnected, shown
from ..line import Line, Wire
from ..stop import Stop
from ..transport import Transport
from ..url import HERE, Url
from .tcp import TcpLine

if TYPE_CHECKING:
    from ..simulators.ends_ws import WsEnd

PROTOCOL = "wamp.2.json"
HANDSHAKE_SECONDS = 10.0  # for TLS and HTTP together, at most
LOOK_SECONDS = 0.5  # between two looks whether to stop, while a message is not whole


def place_of(url: Url) -> tuple[str, int, str]:
    """Take host, port and path of a URL."""
    place, _, path = url.rest.partition("/")
    return *Url(f"{url.scheme}://{place}").host_port(), f"/{path}"


class WsLine(TcpLine):
    """A line over a WebSocket."""

    secure = False
    _socket: Any
    _ws: Any = None

    def _place(self) -> tuple[str, int]:
        return place_of(self.url)[:2]

    def _open(self) -> None:
        import websocket

        from ._websocket import BoundedSocket

        super()._open()
        host, port, path = place_of(self.url)
        self._socket.settimeout(min(self.timeout, HANDSHAKE_SECONDS))
        if self.secure:
            import ssl

            context = ssl.create_default_context(cafile=self.url.options.get("ca"))
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
        self._ws = BoundedSocket(self.stop)
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self._ws.connect(f"ws://{place}{path}", socket=self._socket, subprotocols=[PROTOCOL], suppress_origin=True)
        except websocket.WebSocketException as error:
            raise Disconnected(f"{self.url}: no WAMP router answers there: {error}; is the path right?") from None
        self._ws.settimeout(LOOK_SECONDS)

    def _ready(self, seconds: float, to_send: bool = False) -> bool:
        if not to_send and self.secure and self._ws is not None and self._ws.connected and self._socket.pending():
            return True  # what TLS has taken off the socket, select does not see
        return super()._ready(seconds, to_send)

    def _receive(self) -> bytes:
        """Take one message, whole, as a line. Raises Stopped, Disconnected."""
        import websocket

        self._ws.stop, self._ws.came = self.stop, 0
        while True:
            try:
                kind, data = self._ws.recv_data(control_frame=False)
            except websocket.WebSocketTimeoutException:
                continue
            except websocket.WebSocketConnectionClosedException:
                return b""
            except websocket.WebSocketException as error:
                raise Disconnected(f"{self.url}: what came is no WebSocket message: {error}") from None
            if kind == websocket.ABNF.OPCODE_CLOSE:
                return b""
            return bytes(data).replace(b"\n", b" ") + bytes(self.wire.receive)

    def _send(self, data: bytes) -> None:
        self._ws.send(data.removesuffix(self.wire.send).decode())


class Ws(Transport):
    """Reaches a WAMP router."""

    scheme = "ws"
    extra = "ocs"
    example = "ws://192.168.1.10:8001/ws"
    options: tuple[str, ...] = ()
    made: type[WsLine] = WsLine

    def check(self, url: Url, wire: Wire) -> None:
        place_of(url)
        for name in url.options:
            if name not in self.options:
                raise BadInput(f"found the option {shown(name)} in {url.text!r}; expected such as {self.example}")

    def place(self, url: Url) -> str:
        return ""  # a router has room for many

    def shared(self, url: Url) -> bool:
        return place_of(url)[0].lower() not in HERE

    def line(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Line:
        return self.made(url, wire, timeout, stop)

    def page(self, wire: Wire) -> str:
        return "`ws://HOST:PORT/PATH`: a WAMP router, by WebSocket; everything is sent readable, a password too"

    def end(self) -> WsEnd:
        from ..simulators.ends_ws import WsEnd

        return WsEnd()


TRANSPORT = Ws()
