"""UDP: where an SNMP agent listens: ``udp://host``, ``udp://host:161``."""

from __future__ import annotations

from ._address import Address


class Udp(Address):
    """Names an SNMP agent."""

    scheme = "udp"
    example = "udp://192.168.1.9:161"
    port = 161
    what = "an SNMP agent"


TRANSPORT = Udp()
