"""MQTT over TLS: a broker: ``mqtts://host``, ``mqtts://host:8883``."""

from __future__ import annotations

from ._address import Address


class Mqtts(Address):
    """Names an MQTT broker that encrypts."""

    scheme = "mqtts"
    example = "mqtts://192.168.1.3:8883"
    port = 8883
    what = "an MQTT broker, with TLS"


TRANSPORT = Mqtts()
