"""Phidgets that exist only on a socket: a network server to which the unmodified native library attaches, with every
sensor class."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from .. import configured
from ..configured import Stanza
from ..errors import BadInput
from .base import Simulator
from .faults import ANY, FEED
from .phidget_channels import CONVERTED, TAGS, SimulatedChannel
from .phidget_devices import DEVICES, HUB, HUB_PORTS, HUB_SERIAL, description
from .phidget_server import PhidgetServer

Place = tuple[int | None, int | None, str, int]  # serial number, hub port, class, channel

USB_SERIAL = 600000
# Which device has a setting; every one has the others.
ONLY = {
    "thermocouple_type": ("TMP1101", "1048"),
    "rtd_type": ("TMP1200",),
    "rtd_wires": ("TMP1200",),
    "voltage_range": ("VCP1000",),
    "bridge_gain": ("DAQ1500", "1046"),
    "power_supply": ("DAQ1400",),
    "input_mode": ("DAQ1400",),
    "filter_type": ("1054",),
    "sensor_type": ("DAQ1000", "1018"),
    "algorithm": ("1044",),
}
NOT_SIGNALS = (
    "index_position",
    "touch_value",
    "sensor_value",
    "pitch",
    "roll",
    "yaw",
)  # they are not there at all times


def build(
    channels: Iterable[configured.Channel],
) -> tuple[list[dict[str, Any]], dict[int, dict[str, int]], dict[Place, int]]:
    """Choose devices that have the channels of a stanza: a hub with what is on its ports, and USB devices for the rest.

    Returns the devices, their classes by phid, and the phid by (serial, hub port, class, channel) as the stanza has
    them.
    """
    devices: list[dict[str, Any]] = []
    classes: dict[int, dict[str, int]] = {}
    hubs: dict[int, tuple[int, set[int]]] = {}
    where: dict[Place, int] = {}

    def add(name: str, serial: int, **more: Any) -> int:
        phid = 4096 + len(devices)
        devices.append(description(name, phid, serial, **more))
        classes[phid] = DEVICES[name][4] if name else {more["port_mode"]: 1}
        return phid

    def hub(serial: int, port: int | None = None) -> tuple[int, int, int]:
        """Tell a hub with that port free, and the port."""
        while True:
            if serial not in hubs:
                hubs[serial] = (add(HUB, serial), set())
            phid, taken = hubs[serial]
            free = [p for p in range(HUB_PORTS) if p not in taken] if port is None else [port]
            if free:
                taken.add(free[0])
                return phid, serial, free[0]
            serial += 1

    groups: dict[tuple[int | None, int | None], list[dict[str, Any]]] = {}
    for channel in channels:
        options = channel.options
        groups.setdefault((options["serial"], options["hub_port"]), []).append(options)
    for (serial, port), wanted in sorted(groups.items(), key=lambda item: item[0][1] is None):
        if port is not None and wanted[0]["is_hub_port"]:
            parent, hub_serial, port = hub(serial or HUB_SERIAL, port)
            phid = add("", hub_serial, parent=parent, hub_port=port, port_mode=wanted[0]["class"])
            where[serial, port, wanted[0]["class"], 0] = phid
            continue
        settings = {(o["class"], o["channel"]): [name for name in ONLY if o[name]] for o in wanted}
        needs = set(settings)
        while needs:
            kinds = ("VINT",) if port is not None else ("USB", "VINT")
            found = {
                name: {
                    n
                    for n in needs
                    if n[1] < has.get(n[0], 0) and all(name in ONLY.get(s, (name,)) for s in settings[n])
                }
                for name, (kind, *_, has) in DEVICES.items()
                if kind in kinds
            }
            name = max(found, key=lambda each: (len(found[each]), -len(DEVICES[each][4])))
            if not found[name] or port is not None and found[name] != needs:
                text = ", ".join(f"{n} channel {i}" for n, i in sorted(needs))
                raise BadInput(
                    f"no simulated Phidget has {text}" + (f" together (hub_port {port})" if port is not None else ""),
                    ("channels",),
                )
            needs -= found[name]
            if DEVICES[name][0] == "USB":
                phid = add(name, serial or USB_SERIAL + len(devices))
            else:
                parent, hub_serial, at = hub(serial or HUB_SERIAL, port)
                phid = add(name, hub_serial, parent=parent, hub_port=at)
            where |= {(serial, port, *each): phid for each in found[name]}
    return devices, classes, where


class PhidgetSimulator(Simulator):
    """Stands in for the Phidgets of one stanza, behind a network server of their own."""

    faults = {**ANY, **FEED}

    not_faults = {
        "disorder": "events come in their order over one connection; datagrams out of order are refused by the library",
        "clock_off": "a Phidget has no clock of the day: a reading's time is that at which it came",
    }

    states = {
        "truncated": {"disconnected", "silent"},  # the library hangs up on what it does not understand
        "garbage": {"disconnected", "silent"},
    }

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", password: str = ""):
        super().__init__(stanza, seed, plan)
        devices, classes, where = build(stanza.channels)
        wanted = {}
        for channel in stanza.channels:
            options = channel.options
            name, index = options["class"], options["channel"]
            wanted[channel.id] = where[options["serial"], options["hub_port"], name, index], name, index
        self.server = PhidgetServer(devices, classes, list(wanted.values()), self.current_fault, seed, password)
        self._standing = {
            name: (each[0], self.server.channels[self.server.key(*each)]) for name, each in wanted.items()
        }
        self.url = f"phidget://127.0.0.1:{self.server.port}"

    def channel(self, channel: configured.Channel) -> tuple[int, SimulatedChannel]:
        """Find what stands in for a channel of the stanza: its device's phid, and it."""
        return self._standing[channel.id]

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        result = {}
        for channel in self.stanza.channels:
            converts = bool(channel.options["sensor_type"])  # then the server tells nothing else
            numbers = [
                q
                for q in channel.quantities
                if channel.quantities[q].numeric and (q == "sensor_value" if converts else q not in NOT_SIGNALS)
            ]
            for quantity, signal in zip(numbers, self.channel(channel)[1].signals, strict=False):
                low, high = signal.band()
                if converts:
                    low, high = CONVERTED * low, CONVERTED * high
                if channel.quantities[quantity].type == "int":
                    low, high = low - 0.5, high + 0.5
                result[channel.id, quantity] = (low, high)
        return result

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        kinds: dict[str, Container[Any]] = {"bool": (True, False), "str": TAGS}
        return {
            (channel.id, name): kinds[quantity.type]
            for channel in self.stanza.channels
            for name, quantity in channel.quantities.items()
            if quantity.type in kinds
        }

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()


SIMULATOR = PhidgetSimulator
