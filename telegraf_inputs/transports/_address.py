"""A host and a port that Telegraf itself connects to."""

from __future__ import annotations

from ..errors import BadInput
from ..line import Wire
from ..transport import Transport
from ..url import Url


class Address(Transport):
    """Names where a server listens; nothing of labline's own connects to it."""

    network = True
    port = 0  # where none is said
    what = ""

    def check(self, url: Url, wire: Wire) -> None:
        url.host_port(self.port)
        if url.options:
            raise BadInput(f"{url.text!r} has options; expected {self.example}")

    def page(self, wire: Wire) -> str:
        return f"`{self.scheme}://HOST:PORT`: {self.what}; port {self.port} where none is said"
