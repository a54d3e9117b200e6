"""Phidgets, on USB and on network servers, as the library's manager sees them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from telegraf_inputs.drivers._phidget_classes import SENSORS
from telegraf_inputs.errors import BadInput
from telegraf_inputs.transports.phidget import PORT
from telegraf_inputs.url import Url

from .finding import Finding

SECONDS = 2.0


def server(text: str) -> tuple[str, int]:
    """Take apart HOST[:PORT]. Raises BadInput."""
    return Url(f"phidget://{text}").host_port(PORT)


def all(servers: Sequence[tuple[str, int]]) -> Iterator[Finding | str]:
    """List the sensors of all Phidgets that attach within two seconds; nothing is set on them."""
    try:
        seen = _seen(servers)
    except (BadInput, ImportError, OSError) as error:
        yield f"Phidgets were not looked at: {getattr(error, 'message', error)}"
        return
    devices: dict[tuple[str, int, str], list[tuple[str, int, int, bool]]] = defaultdict(list)
    for where, serial, name, *channel in seen:
        devices[where, serial, name].append(tuple(channel))
    yield f"Phidgets: {len(devices)}"
    for (where, serial, name), channels in sorted(devices.items()):
        url = f"phidget://{where}/{serial}" if where else f"phidget://{serial}"
        known = [c for c in sorted(channels, key=lambda c: c[1:]) if c[0] in SENSORS and not c[3]]
        yield Finding(url, f"{name}, {len(known)} sensor channel(s)", _stanza(url, serial, known) if known else "")


def _seen(servers: Sequence[tuple[str, int]]) -> set[tuple[Any, ...]]:
    from telegraf_inputs.drivers._phidget_library import LIBRARY

    LIBRARY.load()  # it finds libusb
    from Phidget22.Devices.Manager import Manager
    from Phidget22.Net import Net
    from Phidget22.PhidgetException import PhidgetException
    from Phidget22.PhidgetServerType import PhidgetServerType

    seen: set[tuple[Any, ...]] = set()

    def attached(_: Any, channel: Any) -> None:
        try:
            where = channel.getServerPeerName() if channel.getIsRemote() else ""
            device = (where, channel.getDeviceSerialNumber(), channel.getDeviceName())
            kind = channel.getChannelClassName().removeprefix("Phidget")
            seen.add((*device, kind, channel.getHubPort(), channel.getChannel(), channel.getIsHubPortDevice()))
        except PhidgetException:  # gone again
            pass

    manager = Manager()
    manager.setOnAttachHandler(attached)
    for number, (host, port) in enumerate(servers):
        Net.addServer(f"scan{number}", host, port, "", 0)
    if not servers:
        try:
            Net.enableServerDiscovery(PhidgetServerType.PHIDGETSERVER_DEVICEREMOTE)
        except PhidgetException:  # no mDNS here: USB alone
            pass
    manager.open()
    time.sleep(SECONDS)  # there is no event for "that was all"
    manager.close()
    return seen


def _stanza(url: str, serial: int, channels: Sequence[tuple[str, int, int, bool]]) -> str:
    lines = [f"name: phidget_{serial}", "driver: phidget", f"connection: {url}", "interval: 5s", "channels:"]
    for name, hub_port, channel, _ in channels:
        port = f"hub_port: {hub_port}, " if hub_port >= 0 else ""
        key = f"{name.lower()}_{hub_port}_{channel}" if hub_port >= 0 else f"{name.lower()}_{channel}"
        lines.append(f"  {key}: {{class: {name}, {port}channel: {channel}}}")
    return "\n".join(lines) + "\n"
