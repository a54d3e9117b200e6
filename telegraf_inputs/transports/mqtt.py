"""MQTT: a broker: ``mqtt://host``, ``mqtt://host:1883``."""

from __future__ import annotations

from ._address import Address


class MqttTransport(Address):
    """Names an MQTT broker."""

    scheme = "mqtt"
    example = "mqtt://192.168.1.3:1883"
    port = 1883
    what = "an MQTT broker; everything is sent readable"


TRANSPORT = MqttTransport()
