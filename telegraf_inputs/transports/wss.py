"""WebSockets of a WAMP router, with TLS: ``wss://host:port/path``, ``wss://host:port/path?ca=FILE``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput
from ..line import Wire
from ..url import Url
from .ws import Ws, WsLine

if TYPE_CHECKING:
    from ..simulators.ends_ws import WsEnd


class WssLine(WsLine):
    """A line over a WebSocket with TLS; the certificate must be of the host's name, and signed by who is trusted."""

    secure = True


class Wss(Ws):
    """Reaches a WAMP router that encrypts."""

    scheme = "wss"
    example = "wss://ocs.example.org:8443/ws"
    options = ("ca",)
    made = WssLine

    def check(self, url: Url, wire: Wire) -> None:
        super().check(url, wire)
        if not url.options.get("ca", "/").startswith("/"):
            raise BadInput(
                f"found ca={url.options['ca']}, expected the whole path of a file, such as /etc/labline/ca.pem"
            )

    def page(self, wire: Wire) -> str:
        return (
            "`wss://HOST:PORT/PATH`: the same with TLS; `?ca=FILE`, its whole path, is the certificate of the authority that signed the "
            "router's, where the system does not know that one"
        )

    def end(self) -> WsEnd:
        raise BadInput("no simulator speaks by TLS: it has no certificate", ("connection",))


TRANSPORT = Wss()
