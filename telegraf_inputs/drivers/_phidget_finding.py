"""Finds Phidgets, on USB and on network servers, as the library's manager sees them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ..transports.phidget import PORT
from ..url import Url
from ._phidget_classes import SENSORS

SECONDS = 2.0  # what is on USB, and servers that announce themselves, are there by then
QUIET_SECONDS = 0.5  # a device's channels come one after the other; there is no event for "that was all"
LONGEST_SECONDS = 20.0  # that a server which was named is waited for

Channel = tuple[str, int, int, bool]  # class, hub port, number, whether it is the port itself


def stanzas(servers: Sequence[Url] = ()) -> Iterator[str]:
    """Write the stanza of each Phidget that has sensors; nothing is set on them. Raises BadInput, ImportError, OSError."""
    devices: dict[tuple[str, int, str], list[Channel]] = defaultdict(list)
    for where, serial, name, *channel in _seen([server.host_port(PORT) for server in servers]):
        devices[where, serial, name].append((channel[0], channel[1], channel[2], channel[3]))
    for (where, serial, name), channels in sorted(devices.items()):
        url = f"phidget://{where}/{serial}" if where else f"phidget://{serial}"
        known = [c for c in sorted(channels, key=lambda c: c[1:]) if c[0] in SENSORS and not c[3]]
        if known:
            yield _stanza(url, serial, name, known)


def _seen(servers: Sequence[tuple[str, int]]) -> set[tuple[Any, ...]]:
    from ._phidget_library import LIBRARY

    LIBRARY.load()  # it finds libusb
    from Phidget22.Devices.Manager import Manager
    from Phidget22.Net import Net
    from Phidget22.PhidgetException import PhidgetException
    from Phidget22.PhidgetServerType import PhidgetServerType

    seen: set[tuple[Any, ...]] = set()
    came = threading.Condition()

    def attached(_: Any, channel: Any) -> None:
        try:
            where = channel.getServerPeerName() if channel.getIsRemote() else ""
            device = (where, channel.getDeviceSerialNumber(), channel.getDeviceName())
            kind = channel.getChannelClassName().removeprefix("Phidget")
            with came:
                seen.add((*device, kind, channel.getHubPort(), channel.getChannel(), channel.getIsHubPortDevice()))
                came.notify()
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
    began = time.monotonic()
    manager.open()
    with came:
        if servers:
            came.wait_for(lambda: len({where for where, *_ in seen if where}) >= len(servers), LONGEST_SECONDS)
        while came.wait(max(QUIET_SECONDS, began + SECONDS - time.monotonic())):
            pass
    manager.close()
    return seen


def _stanza(url: str, serial: int, device: str, channels: Sequence[Channel]) -> str:
    lines = [
        f"name: phidget_{serial}",
        f"label: {device}",
        "driver: phidget",
        f"connection: {url}",
        "interval: 5s",
        "channels:",
    ]
    for name, hub_port, channel, _ in channels:
        port = f"hub_port: {hub_port}, " if hub_port >= 0 else ""
        key = f"{name.lower()}_{hub_port}_{channel}" if hub_port >= 0 else f"{name.lower()}_{channel}"
        lines.append(f"  {key}: {{class: {name}, {port}channel: {channel}}}")
    return "\n".join(lines) + "\n"
