"""Phidget sensors of every class, on USB, on a VINT hub, or behind a Phidget network server.

Source: Phidget22 API reference (https://www.phidgets.com/?view=api) and the user's guides of the devices; library 1.26.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadInput, Disconnected, NoAnswer, shown
from ..reading import Reading
from ..source import Polled
from ..stop import Stop
from ..transports.phidget import LARGEST_SERIAL, target
from ..url import Url
from . import _phidget_link
from ._phidget_classes import RATIO_UNITS, SENSORS, VOLTAGE_UNITS
from ._phidget_library import EVENTS, NO_VALUE, NOT_ATTACHED, LibraryError, Sensor

FIRST_READING_SECONDS = 1.0
LONGEST_INTERVAL = 86400.0  # seconds; longer than any Phidget has
NUMBERS = {"channel": (0, 63), "hub_port": (0, 6), "serial": (1, LARGEST_SERIAL)}  # the library's own
SETTINGS = sorted({name for sensor in SENSORS.values() for name in sensor.settings})
SENSOR_UNITS = {"VoltageInput": VOLTAGE_UNITS, "VoltageRatioInput": RATIO_UNITS}


class Phidget(Polled):
    """Reads Phidgets: each channel names its class, and where it is.

    Readings are those that the Phidget sends by itself at its data interval; each is delivered once, with the time at
    which it came. What has stopped to send is `silent`, what is unplugged `detached`: neither is repeated. Classes that
    speak only when something changes (DigitalInput, Encoder, CapacitiveTouch, GPS, RFID) hold what they last said as
    long as they are attached.

    The library loses 0.3 MB of memory each time that it connects to a network server anew. A program that has grown by
    64 MB says so and ends; Telegraf starts it anew.

    On USB a user other than root needs a rule in /etc/udev/rules.d: SUBSYSTEM=="usb", ATTR{idVendor}=="06c2",
    MODE="0666".
    """

    name = "phidget"
    title = "Phidget sensors, every class"
    manual = "Phidget22 API reference (https://www.phidgets.com/?view=api)"
    family = "sensors"
    schemes = ("phidget",)
    timeout = 5.0
    interval = 1.0
    extra = "phidget"
    streams = (
        Stream("phidget", tuple({q.name: q for sensor in SENSORS.values() for q, *_ in sensor.values}.values())),
    )
    channel_names = None
    statuses = {
        "silent": "attached, but no reading comes",
        "detached": "the Phidget is unplugged",
        "readings_lost": "readings came faster than they could be taken",
        "setup_failed: …": "a setting was refused; what the library said follows",
        **{word: f"the Phidget reports: {word.replace('_', ' ')}" for word in (*NO_VALUE.values(), *EVENTS.values())},
        "unknown": "it has no value yet",
    }
    options_known = (Option("password_file", "str", "file that holds the password of the Phidget network server"),)
    channel_options = (
        Option(
            "class",
            "str",
            "the Phidget22 class of the channel, such as TemperatureSensor",
            choices=tuple(SENSORS),
            required=True,
        ),
        Option("channel", "int", "its number on the device", 0),
        Option("hub_port", "int", "the port of the VINT hub that the device is on"),
        Option(
            "is_hub_port",
            "bool",
            "whether it is the hub's port itself, as DigitalInput, VoltageInput or VoltageRatioInput",
            False,
        ),
        Option("serial", "int", "serial number of the device (or its hub), where it is not in the connection"),
        Option(
            "data_interval",
            "duration",
            "time between the Phidget's own readings; default: 250 ms, or the interval if that is shorter",
        ),
        *(
            Option(
                name,
                "str",
                "setting of "
                + ", ".join(
                    f"{s.name} ({', '.join(s.settings[name][1])})" for s in SENSORS.values() if name in s.settings
                ),
            )
            for name in SETTINGS
        ),
    )
    example = """\
name: oven
driver: phidget
connection: phidget://192.168.1.9:5661/561234
interval: 5s
channels:
  inside: {class: TemperatureSensor, hub_port: 0, channel: 1, thermocouple_type: K, label: Oven}
  room: {class: HumiditySensor, hub_port: 1, label: Room}
"""

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        options = channel.options
        values = SENSORS[options["class"]].values
        units = SENSOR_UNITS.get(options["class"], {})
        return tuple(
            q if q.name != "sensor_value" else Quantity(q.name, units.get(options["sensor_type"], ""), q.description)
            for q, _, _, setting in values
            if not setting or options[setting] not in (None, "none")
        )

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        if stanza.connection.scheme == "phidget":
            target(stanza.connection)
        for channel in stanza.channels:
            options, sensor = channel.options, SENSORS[channel.options["class"]]
            where = ("channels", channel.id)
            for option in SETTINGS:
                if not options[option]:
                    continue
                _, choices = sensor.settings.get(option, ("", {}))
                if not choices:
                    raise BadInput(f"is no setting of a {sensor.name}", (*where, option))
                if options[option] not in choices:
                    raise BadInput(f"found {options[option]!r}, expected one of {', '.join(choices)}", (*where, option))
            if options["is_hub_port"] and not (sensor.port_mode and options["hub_port"] is not None):
                raise BadInput(
                    f"a hub's port is a {', '.join(s.name for s in SENSORS.values() if s.port_mode)}, "
                    "and needs its hub_port",
                    (*where, "is_hub_port"),
                )
            for option, (lowest, highest) in NUMBERS.items():
                if options[option] is not None and not lowest <= options[option] <= highest:
                    raise BadInput(f"found {shown(options[option])}, expected {lowest} to {highest}", (*where, option))
            if options["data_interval"] is not None and not 0.001 <= options["data_interval"] <= LONGEST_INTERVAL:
                raise BadInput("expected a duration from 1ms to 1d", (*where, "data_interval"))

    @classmethod
    def places(cls, stanza: Stanza) -> Iterator[tuple[str, tuple[str, ...]]]:
        url = stanza.connection
        server, serial = target(url) if url.scheme == "phidget" else (None, None)
        for channel in stanza.channels:
            options = channel.options
            port = "" if options["hub_port"] is None else f" at hub port {options['hub_port']}"
            device = options["serial"] or serial
            owner = " of any Phidget" if device is None else f" of Phidget {device}"
            network = "" if server is None else f" behind {server[0].lower()}:{server[1]}"
            what = "the port itself" if options["is_hub_port"] else f"{options['class']} {options['channel']}"
            yield f"{what}{port}{owner}{network}", ("channels", channel.id)

    @classmethod
    def open_link(cls, url: Url, stanza: Stanza, stop: Stop) -> _phidget_link.Phidgets:
        return _phidget_link.open_link(url, stanza, stop)

    def identify(self) -> str:
        """Tell the devices that are attached."""
        return ", ".join(sorted({sensor.model() for sensor in self.link.sensors if sensor.attached}))

    def connected(self) -> None:
        self._told = [0] * len(self.channels)  # the number of the event that was delivered last
        self._lost = [0] * len(self.channels)
        self.link.settle(FIRST_READING_SECONDS)

    def verify(self) -> None:
        """Do nothing: readings come by themselves, each on its own channel."""

    def read(self) -> list[Reading]:
        self.link.check_growth()
        if not any(sensor.attached for sensor in self.link.sensors):
            raise Disconnected("all Phidgets of this instrument are detached")
        readings = [
            self._reading(index, channel, sensor)
            for index, (channel, sensor) in enumerate(zip(self.channels, self.link.sensors, strict=True))
        ]
        if all(r is not None and r.status == "silent" for r in readings):
            raise NoAnswer("attached, but no reading comes")
        return [r for r in readings if r is not None]

    def _reading(self, index: int, channel: Channel, sensor: Sensor) -> Reading | None:
        now = time.time_ns()
        if not sensor.attached:
            return Reading(channel.id, {}, now, "detached")
        if sensor.setup:
            return Reading(channel.id, {}, now, f"setup_failed: {sensor.setup}")
        if trouble := sensor.trouble:
            return Reading(channel.id, {}, now, trouble)
        if sensor.silent():
            return Reading(channel.id, {}, now, "silent")
        told = max(self._told[index], sensor.old_news)
        if sensor.news == told and sensor.declared.paced and not sensor.rests():
            return None  # its next reading is still to come
        for _ in range(3):  # until no event came in between
            came, came_ns = sensor.news, sensor.news_ns
            news = came > told
            values, status = self._values(channel, sensor, news)
            if sensor.news == came:
                break
        if not sensor.attached:
            return Reading(channel.id, {}, now, "detached")
        self._told[index] = came
        if sensor.lost > self._lost[index] and status == "ok":
            status = "readings_lost"
        self._lost[index] = sensor.lost
        return Reading(channel.id, values, came_ns if sensor.declared.paced and news else now, status)

    def _values(self, channel: Channel, sensor: Sensor, news: bool) -> tuple[dict[str, Any], str]:
        values, status, arguments = {}, "ok", sensor.arguments
        for quantity, source, needed, _ in sensor.declared.values:
            if quantity.name not in channel.quantities:
                continue
            try:
                if isinstance(source, str):
                    value = sensor.get(*source.split(":"))
                else:
                    value = arguments[source] if source < len(arguments) and (news or sensor.declared.paced) else None
            except LibraryError as error:
                if error.code not in NO_VALUE and error.code != NOT_ATTACHED:
                    raise
                value = None
                reason = NO_VALUE.get(error.code, "detached")
            else:
                reason = "unknown"
            if value is not None:
                values[quantity.name] = value
            elif needed and status == "ok":
                status = reason
        if values.get(holds := sensor.declared.holds) is False:
            values = {holds: False}
        return values, status


DRIVER = Phidget

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
