"""Phidget sensors of every class, on USB, on a VINT hub, or behind a Phidget network server.

Source: Phidget22 API reference (https://www.phidgets.com/?view=api) and the user's guides of the devices; library 1.26.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time

from .. import connection
from ..driver import Driver, Option, Quantity, Reading
from ..errors import BadInput, Disconnected, NoAnswer, Stopped
from ._phidget_classes import RATIO_UNITS, SENSORS, VOLTAGE_UNITS

PORT = 5661  # of a Phidget network server
SILENT_INTERVALS, SILENT_SECONDS = 5, 2.0  # without a reading for both of these: silent
FIRST_READING_SECONDS = 1.0
CLOSE_SECONDS = 1.0
SETTINGS = sorted({name for sensor in SENSORS.values() for name in sensor.settings})
SENSOR_UNITS = {"VoltageInput": VOLTAGE_UNITS, "VoltageRatioInput": RATIO_UNITS}


def target(url: connection.Url) -> tuple[tuple[str, int] | None, int | None]:
    """Take a connection apart: (host, port) of a network server or None for USB, serial number or None for any."""
    place, _, serial = url.rest.partition("/")
    if place.isdigit() and not serial:
        place, serial = "", place
    if serial and not serial.isdigit() or serial and not place and "/" in url.rest:
        raise BadInput(f"found {url.text!r}, expected phidget://, phidget://SERIAL or phidget://HOST:{PORT}/SERIAL, "
                       "with the serial number on the label", ("connection",))
    return connection.Url(f"phidget://{place}").host_port(PORT) if place else None, int(serial) if serial else None


class Phidgets:
    """The channels of one stanza, opened together; each attaches by itself whenever it is there."""

    def __init__(self, url: connection.Url, stanza, stop: connection.Stop):
        from ._phidget_library import Sensor

        self.url, self.stop = url, stop
        self.server, serial = target(url)
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._name = f"labline-{id(self):x}".encode()
        self._added = False
        self.sensors: list[Sensor] = []
        self._password = _password(stanza.options["password_file"])
        for channel in stanza.channels:
            options, declared = channel.options, SENSORS[channel.options["class"]]
            sensor = Sensor(declared, self._changed)
            self.sensors.append(sensor)
            sensor.wanted_interval = options["data_interval"] or min(stanza.interval, 0.25)
            sensor.settings = [(name, choices[options[option]]) for option, (name, choices) in declared.settings.items() if options[option]]
            sensor.address(serial=options["serial"] or serial, hub_port=options["hub_port"], channel=options["channel"],
                           port_mode=options["is_hub_port"], remote=self.server is not None)

    def open(self, seconds: float) -> None:
        """Attach what is there, for at most ``seconds``. Raises Disconnected or NoAnswer where that is nothing."""
        if self.server is not None:
            self._call_on(self.server, seconds)
        for sensor in self.sensors:
            sensor.open()
        if self._wait(lambda: all(s.attached for s in self.sensors), seconds) or any(s.attached for s in self.sensors):
            return
        wanted = "; check serial number, hub port, channel and class"
        if self.server is None:
            raise Disconnected(f"no such Phidget is on USB{wanted}, and that no other program holds it")
        raise NoAnswer(f"{self.url}: the server is there, but attaches no such Phidget within {seconds:g} s{wanted}, and the password")

    def settle(self, seconds: float) -> None:
        """Wait for the first reading of what is attached."""
        self._wait(lambda: all(s.news_ns or s.trouble or not (s.attached and s.declared.paced) for s in self.sensors), seconds)

    def close(self) -> None:
        """Let go of all, in the background where a silent server holds the library up."""
        for sensor in self.sensors:
            sensor.silence()
        closing = threading.Thread(target=self._close, daemon=True, name="phidget close")
        closing.start()
        closing.join(CLOSE_SECONDS)
        for fd in (self._read, self._write):
            os.close(fd)

    def _close(self):
        from ._phidget_library import library

        if self._added:  # first: with the last channel the library ends its networking, and would stumble over it
            library().PhidgetNet_removeServer(self._name)
        for sensor in self.sensors:
            sensor.close()

    def discard(self, quiet: float = 0.0) -> int:
        """Do nothing: a Phidget has no late answers."""
        return 0

    def _call_on(self, server, seconds):
        from ._phidget_library import call

        try:  # the library tries for ever and doesn't tell; this tells
            socket.create_connection(server, seconds).close()
        except OSError as error:
            raise Disconnected(f"{self.url}: {error.strerror or error}") from None
        host, port = server
        call("PhidgetNet_addServer", self._name, host.encode(), port, self._password, 0)
        self._added = True

    def _changed(self):
        try:
            os.write(self._write, b"!")
        except OSError:
            pass  # full: whoever waits is awake already

    def _wait(self, fulfilled, seconds) -> bool:
        deadline = time.monotonic() + seconds
        while not fulfilled():
            ready, _, _ = select.select([self._read, self.stop], [], [], max(0.0, deadline - time.monotonic()))
            if self.stop.is_set:
                raise Stopped
            if not ready:
                return False
            os.read(self._read, 4096)
        return True


def _password(path: str | None) -> bytes:
    if not path:
        return b""
    try:
        with open(path, "rb") as file:
            return file.read().strip()
    except OSError as error:
        raise BadInput(f"can't read {path}: {error.strerror}", ("password_file",)) from None


class Phidget(Driver):
    """Reads Phidgets: each channel names its class, and where it is.

    Readings are those that the Phidget sends by itself at its data interval; each is delivered once, with the time at which it came.
    What has stopped to send is `silent`, what is unplugged `detached`: neither is repeated. Classes that speak only when something
    changes (DigitalInput, Encoder, CapacitiveTouch, GPS, RFID) hold what they last said as long as they are attached.
    """

    name = "phidget"
    title = "Phidget sensors, every class"
    manual = "Phidget22 API reference (https://www.phidgets.com/?view=api)"
    family = "sensors"
    schemes = ("phidget",)
    timeout = 5.0
    interval = 1.0
    extra = "phidget"
    quantities = tuple({q.name: q for sensor in SENSORS.values() for q, _, _ in sensor.values}.values())
    channel_names = None
    options_known = (Option("password_file", "str", "file that holds the password of the Phidget network server"),)
    channel_options = (
        Option("class", "str", "the Phidget22 class of the channel, such as TemperatureSensor", choices=tuple(SENSORS), required=True),
        Option("channel", "int", "its number on the device", 0),
        Option("hub_port", "int", "the port of the VINT hub that the device is on"),
        Option("is_hub_port", "bool", "whether it is the hub's port itself, as DigitalInput, VoltageInput or VoltageRatioInput", False),
        Option("serial", "int", "serial number of the device (or its hub), where it is not in the connection"),
        Option("data_interval", "duration", "time between the Phidget's own readings; default: 250 ms, or the interval if that is shorter"),
        *(Option(name, "str", "setting of " + ", ".join(f"{s.name} ({', '.join(s.settings[name][1])})"
                                                        for s in SENSORS.values() if name in s.settings)) for name in SETTINGS),
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
    def quantities_of(cls, channel):
        options = channel.options
        values = SENSORS[options["class"]].values
        units = SENSOR_UNITS.get(options["class"], {})
        return tuple(q if q.name != "sensor_value" else Quantity(q.name, units.get(options["sensor_type"], ""), q.description)
                     for q, _, _ in values if q.name != "sensor_value" or options["sensor_type"])

    @classmethod
    def check(cls, stanza):
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
                raise BadInput(f"a hub's port is a {', '.join(s.name for s in SENSORS.values() if s.port_mode)}, "
                               "and needs its hub_port", (*where, "is_hub_port"))
            for option in ("channel", "hub_port", "serial"):
                if options[option] is not None and options[option] < 0:
                    raise BadInput(f"found {options[option]}, expected 0 or more", (*where, option))

    @classmethod
    def open_link(cls, url, stanza, stop):
        link = Phidgets(url, stanza, stop)
        try:
            link.open(stanza.timeout)
        except BaseException:
            link.close()
            raise
        return link

    def identify(self):
        """Tell the devices that are attached."""
        return ", ".join(sorted({sensor.model() for sensor in self.link.sensors if sensor.attached}))

    def connected(self):
        self._told = [0] * len(self.channels)  # ns of the event that was delivered last
        self._lost = [0] * len(self.channels)
        self.link.settle(FIRST_READING_SECONDS)

    def verify(self):
        """Do nothing: readings come by themselves, each on its own channel."""

    def read(self):
        if not any(sensor.attached for sensor in self.link.sensors):
            raise Disconnected("all Phidgets of this instrument are detached")
        readings = [self._reading(*each) for each in enumerate(zip(self.channels, self.link.sensors, strict=True))]
        if all(r is not None and r.status == "silent" for r in readings):
            raise NoAnswer(f"attached, but no reading came for {SILENT_SECONDS:g} s")
        return [r for r in readings if r is not None]

    def _reading(self, index, pair):
        channel, sensor = pair
        now = time.time_ns()
        if not sensor.attached:
            return Reading(channel.id, {}, now, "detached")
        if sensor.setup:
            return Reading(channel.id, {}, now, f"setup_failed: {sensor.setup}")
        if trouble := sensor.trouble:
            return Reading(channel.id, {}, now, trouble[0])
        if sensor.declared.paced and sensor.news_ns <= self._told[index]:
            return self._without_news(channel, sensor, now)
        for _ in range(3):  # until no event came in between
            came = sensor.news_ns
            values, status = self._values(channel, sensor, came > self._told[index])
            if sensor.news_ns == came:
                break
        if not sensor.attached:
            return Reading(channel.id, {}, now, "detached")
        self._told[index] = came
        if sensor.lost > self._lost[index] and status == "ok":
            status = "readings_lost"
        self._lost[index] = sensor.lost
        return Reading(channel.id, values, came if sensor.declared.paced else now, status)

    def _without_news(self, channel, sensor, now):
        quiet = time.monotonic() - max(sensor.attached_at, sensor.news_at)
        if quiet < max(SILENT_SECONDS, SILENT_INTERVALS * sensor.data_interval):
            return None  # its next reading is still to come
        if sensor.declared.resting:
            values, status = self._values(channel, sensor, False)
            if values.get(sensor.declared.resting) == 0:
                return Reading(channel.id, values, now, status)
        return Reading(channel.id, {}, now, "silent")

    def _values(self, channel, sensor, news):
        from ._phidget_library import NO_VALUE, NOT_ATTACHED, LibraryError

        values, status, arguments = {}, "ok", sensor.arguments
        for quantity, source, needed in sensor.declared.values:
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
        return values, status


DRIVER = Phidget

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
