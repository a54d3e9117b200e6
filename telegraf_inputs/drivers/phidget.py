"""Phidget sensors of every class, on USB, on a VINT hub, or behind a Phidget network server.

Source: Phidget22 API reference (https://www.phidgets.com/?view=api) and the user's guides of the devices; library 1.26.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial

from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadInput, Disconnected, InstrumentError, NoAnswer, Stopped, shown, together
from ..inbox import Inbox
from ..passwords import password
from ..reading import Reading
from ..source import Pushed
from ..stop import Stop
from ..transports.phidget import LARGEST_SERIAL, target
from ..url import Url
from ._phidget_classes import RATIO_UNITS, SENSORS, VOLTAGE_UNITS
from ._phidget_codes import EVENTS, NO_VALUE
from ._phidget_library import LARGEST_GROWTH, LIBRARY, LibraryError
from ._phidget_sensor import Sensor
from ._phidget_server import NetworkServer

FIRST_READING_SECONDS = 1.0
LOOK_SECONDS = 0.005  # between two looks at whether all is attached
FIRST_MEND, LONGEST_MEND = 2.0, 600.0  # seconds until a silent channel is mended again, doubling
LONGEST_INTERVAL = 86400.0  # seconds; longer than any Phidget has
NUMBERS = {"channel": (0, 63), "hub_port": (0, 6), "serial": (1, LARGEST_SERIAL)}  # the library's own
SETTINGS = sorted({name for sensor in SENSORS.values() for name in sensor.settings})
SENSOR_UNITS = {"VoltageInput": VOLTAGE_UNITS, "VoltageRatioInput": RATIO_UNITS}
CHECK = "check serial number, hub port, channel and class"
# What these read is kept by the library or the device, and told by what it was before.
COUNTED_ELSEWHERE = ("Encoder", "FrequencyCounter", "GPS")


class Phidget(Pushed):
    """Reads Phidgets: each channel names its class, and where it is.

    What a Phidget says is delivered as it comes, each reading with the time at which it came, and none twice. Classes
    that measure all the time send a reading each data interval, which is the instrument's `interval` unless
    `data_interval` says otherwise (a Phidget that can't be so slow, or so fast, does what it can). Those that speak when
    something changes (DigitalInput, Encoder, CapacitiveTouch, GPS, RFID) deliver each change, and where none came in an
    interval what holds, as long as they are attached. What has stopped to send is `silent`, what is unplugged
    `detached`: neither is repeated.

    The library holds 200 events of a channel; where more come at once than are taken, it tells that it lost some, not how
    many: each time it does counts as one reading in `dropped`, and the channel's status says `readings_lost`.

    The library finds by itself what was unplugged. It connects to a network server again by itself, too, and is helped
    where it would not: a server that accepts connections and says nothing is `silent`, and is connected to anew when it
    speaks. A change that a server forgets to tell can't be known; a channel that should speak all the time is opened
    anew where it does not.

    The library loses 0.3 MB of memory each time that a network server hangs up. A program that has grown by 64 MB says
    so and ends; Telegraf starts it anew.

    On USB a user other than root needs a rule in /etc/udev/rules.d: SUBSYSTEM=="usb", ATTR{idVendor}=="06c2",
    MODE="0666".
    """

    name = "phidget"
    title = "Phidget sensors, every class"
    manual = "Phidget22 API reference (https://www.phidgets.com/?view=api)"
    verified = (
        "with the maker's own library, unmodified, against a simulated network server, and against the tables of the maker's "
        "package; not yet on a Phidget"
    )
    known_as = (
        "phidgets",
        "phidget22",
        "vint",
    )
    family = "sensors"
    schemes = ("phidget",)
    timeout = 5.0
    interval = 1.0
    extra = "phidget"
    streams = (
        Stream("phidget", tuple({v.quantity.name: v.quantity for s in SENSORS.values() for v in s.values}.values())),
    )
    reopen = False
    servers = "phidget"
    channel_names = None
    statuses = {
        "silent": "attached, but no reading comes",
        "detached": "the Phidget is unplugged",
        "readings_lost": "readings came faster than they could be taken, and some were lost before this",
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
            "time between the Phidget's own readings, each of which is delivered; default: the interval",
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
    def find(cls) -> Iterator[str]:
        from . import _phidget_finding

        return _phidget_finding.stanzas()

    @classmethod
    def find_at(cls, servers: Sequence[Url]) -> Iterator[str]:
        from . import _phidget_finding

        return _phidget_finding.stanzas(servers)

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        options = channel.options
        units = SENSOR_UNITS.get(options["class"], {})
        made = [
            v for v in SENSORS[options["class"]].values if not v.setting or options[v.setting] not in (None, "none")
        ]
        return tuple(
            q if q.name != "sensor_value" else Quantity(q.name, units.get(options["sensor_type"], ""), q.description)
            for q in (v.quantity for v in made)
        )

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            for channel in stanza.channels:
                options, sensor = channel.options, SENSORS[channel.options["class"]]
                where = ("channels", channel.id)
                for option in SETTINGS:
                    if not options[option]:
                        continue
                    _, choices = sensor.settings.get(option, ("", {}))
                    if not choices:
                        wrong.append(BadInput(f"is no setting of a {sensor.name}", (*where, option)))
                    elif options[option] not in choices:
                        wrong.append(
                            BadInput(
                                f"found {options[option]!r}, expected one of {', '.join(choices)}", (*where, option)
                            )
                        )
                if options["is_hub_port"] and not (sensor.port_mode and options["hub_port"] is not None):
                    wrong.append(
                        BadInput(
                            f"a hub's port is a {', '.join(s.name for s in SENSORS.values() if s.port_mode)}, "
                            "and needs its hub_port",
                            (*where, "is_hub_port"),
                        )
                    )
                for option, (lowest, highest) in NUMBERS.items():
                    if options[option] is not None and not lowest <= options[option] <= highest:
                        wrong.append(
                            BadInput(
                                f"found {shown(options[option])}, expected {lowest} to {highest}", (*where, option)
                            )
                        )
                if options["data_interval"] is not None and not 0.001 <= options["data_interval"] <= LONGEST_INTERVAL:
                    wrong.append(BadInput("expected a duration from 1ms to 1d", (*where, "data_interval")))

    @classmethod
    def in_words(cls, channel: Channel) -> bool:
        options = channel.options
        return options["class"] not in COUNTED_ELSEWHERE and not (options["sensor_type"] or options["algorithm"])

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

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        """Open the channels, each of which attaches whenever it is there; waits a little for what is there at once."""
        self._url, self._stop = url, stop
        self._sensors: list[Sensor] = []
        self._server: NetworkServer | None = None
        self._met = False  # something was attached, at one time
        self._mends, self._next_mend = 0, 0.0
        place, serial = target(url)
        secret = password(self.options["password_file"])
        LIBRARY.load()
        for channel in self.channels:
            self._sensors.append(self._sensor(channel, serial, inbox))
        if place is not None:
            self._server = LIBRARY.server(*place, secret)
            self._server.expect(self._sensors)
        for sensor in self._sensors:
            sensor.open()
        try:
            if self._server is not None:
                self._server.greet(self.stanza.timeout, stop)
                self._server.urge()
            self._wait(self.stanza.timeout)
        except InstrumentError:
            pass  # it may come: ``look`` tells
        return self._identity()

    def look(self) -> Iterator[Reading]:
        """Yield what holds, and what is detached or silent. Raises Disconnected or NoAnswer where all is."""
        self._check_growth()
        if not any(sensor.attached for sensor in self._sensors):
            self._find()
        self._met = True
        if self._server is not None:
            self._server.is_well()
        self.stanza.identity = self._identity()
        readings = [reading for sensor in self._sensors if (reading := sensor.present()) is not None]
        self._mend([sensor for sensor in self._sensors if sensor.silent()])
        if sum(reading.status == "silent" for reading in readings) == len(self._sensors):
            raise NoAnswer("attached, but no reading comes")
        yield from readings

    def close(self) -> None:
        """Call back no more.

        The channels stay open until the program ends: the library waits 5 s for each whose server does not answer.
        """
        for sensor in self._sensors:
            sensor.silence()
        if self._server is not None:
            self._server.forget(self._sensors)

    def _sensor(self, channel: Channel, serial: int | None, inbox: Inbox) -> Sensor:
        options, declared = channel.options, SENSORS[channel.options["class"]]
        own = self.quantities_of(channel)
        heard = partial(self._heard, inbox)
        sensor = Sensor(LIBRARY, channel.id, declared, (q.name for q in own), heard, partial(inbox.lost, channel.id))
        # What speaks when something changes is not to be held up.
        sensor.wanted_interval = options["data_interval"] or (self.stanza.interval if declared.paced else None)
        sensor.settings = [
            (name, choices[options[option]]) for option, (name, choices) in declared.settings.items() if options[option]
        ]
        sensor.address(
            serial=options["serial"] or serial,
            hub_port=options["hub_port"],
            channel=options["channel"],
            port_mode=options["is_hub_port"],
            remote=target(self._url)[0] is not None,
        )
        return sensor

    def _heard(self, inbox: Inbox, said: str, readings: list[Reading]) -> None:
        if self.tap is not None and said:
            self.tap("<", said.encode())
        inbox.put_said(said, readings)

    def _wait(self, seconds: float) -> None:
        """Wait until all is attached, and a little for the first readings."""
        now = time.monotonic()
        while time.monotonic() < now + seconds and not all(sensor.settled for sensor in self._sensors):
            if time.monotonic() > now + FIRST_READING_SECONDS and all(sensor.attached for sensor in self._sensors):
                return
            if self._stop.wait(LOOK_SECONDS):
                raise Stopped

    def _identity(self) -> str:
        """Tell the devices that are attached, or were."""
        models = set()
        for sensor in self._sensors:
            try:
                if sensor.attached:
                    models.add(sensor.model())
            except LibraryError:  # it is gone meanwhile
                return self.stanza.identity
        return ", ".join(sorted(models)) or self.stanza.identity

    def _find(self) -> None:
        """Look for what is not attached. Raises what keeps all of it away."""
        if self._server is None:
            if self._met:
                raise Disconnected("all Phidgets of this instrument are detached")
            raise Disconnected(
                f"no such Phidget is on USB; {CHECK}, that no other program holds it, and that this user may (udev)"
            )
        self._server.greet(self.stanza.timeout, self._stop)
        if any(sensor.mending for sensor in self._sensors):
            raise NoAnswer("opened anew, and not attached yet")
        if self._server.urge():
            self._wait(min(FIRST_READING_SECONDS, self.stanza.timeout))
            if any(sensor.attached for sensor in self._sensors):
                return
        if self._met:
            raise Disconnected(f"{self._url}: the server is there, but all Phidgets of this instrument are detached")
        # The library tells by no event whether the server refuses the password.
        protected = self.options["password_file"]
        doubt = "the password" if protected else "whether the server wants a password (password_file)"
        said = next((f"; {sensor.absence}" for sensor in self._sensors if sensor.absence), "")
        raise NoAnswer(f"{self._url}: the server is there, but attaches no such Phidget; {CHECK}, and {doubt}{said}")

    def _mend(self, silent: list[Sensor]) -> None:
        """Open anew what should speak and does not, ever more seldom; where a server says nothing at all, connect anew."""
        if self._server is None:
            return
        if not silent:
            if not any(sensor.doubted for sensor in self._sensors):
                self._mends, self._next_mend = 0, 0.0
            return
        if time.monotonic() < self._next_mend:
            return
        try:
            self._server.greet(self.stanza.timeout, self._stop)
        except InstrumentError:
            if self._server.speaks():
                return  # for a while yet, it seems
            self._server.drop()
            raise
        for sensor in silent:
            sensor.doubt()
        if self._mends % 2 and not self._server.speaks():
            self._server.renew()
        else:
            for sensor in silent:
                sensor.reopen()
        self._next_mend = time.monotonic() + min(FIRST_MEND * 2**self._mends, LONGEST_MEND)
        self._mends += 1

    def _check_growth(self) -> None:
        """End the program, and say so, where the library has lost too much memory: Telegraf starts it anew."""
        growth = LIBRARY.growth()
        if growth > LARGEST_GROWTH:
            self._stop.set()
            raise InstrumentError(
                f"the Phidget library loses memory with each new connection; the program has grown by {growth >> 20} MB "
                "and ends, so that Telegraf starts it anew"
            )


DRIVER = Phidget

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
