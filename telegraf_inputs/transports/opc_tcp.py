"""OPC UA: where a server listens: ``opc.tcp://host:4840``, ``opc.tcp://host:4840/path``."""

from __future__ import annotations

import re

from ..errors import BadInput
from ..line import Wire
from ..url import Url
from ._address import Address

PATH = re.compile(r"[\w./~-]*\Z", re.ASCII)


class OpcTcp(Address):
    """Names an OPC UA server."""

    scheme = "opc.tcp"
    example = "opc.tcp://192.168.1.20:4840"
    port = 4840
    what = "an OPC UA server; its path, if any, behind the port"

    def check(self, url: Url, wire: Wire) -> None:
        place, _, path = url.rest.partition("/")
        if not PATH.match(path):
            raise BadInput(f"{url.text!r} has an odd path; expected {self.example}")
        super().check(Url(f"{self.scheme}://{place}"), wire)


TRANSPORT = OpcTcp()
