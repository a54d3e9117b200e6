"""DS18B20 thermometers on the 1-Wire bus, and their relatives, read from the Linux kernel's files.

Source: Linux Documentation/w1/slaves/w1_therm.rst (w1_slave, temperature, therm_bulk_read), and the DS18B20 data sheet
(power-on value, range, CRC).
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadAnswer, BadInput, Disconnected, InstrumentError, NoAnswer, together
from ..reading import Reading
from ..source import Polled
from ._w1_families import FAMILIES, FAULTS, of, trouble

SENSOR = re.compile(rf"(?:{'|'.join(FAMILIES)})-[0-9a-f]{{12}}\Z")
ANSWER = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)\n((?:[0-9a-f]{2} ){9})t=(-?\d{1,7})\n\Z")
ALONE = re.compile(r"(-?\d{1,7})\n?\Z")  # what file `temperature` has
MASTER = re.compile(r"w1_bus_master\d+\Z")
BULK, TRIGGER = "therm_bulk_read", "trigger\n"
CONVERTED = ("0", "1")  # what BULK says when no conversion runs
POWER_UP = 85000  # m°C: what the sensor holds before its first conversion
NEAR = 5000  # m°C: so close to 85 °C the last reading must have been for 85.000 °C to be believed
DEVICES = "/sys/bus/w1/devices"
LOOK_SECONDS = 0.05  # between two looks whether a conversion has ended
NO_SENSOR = -127000  # m°C: what some kernels and adapters say for a sensor that has gone


class Ds18b20(Polled):
    """Reads the DS18B20 thermometers of a 1-Wire bus, and the others that w1_therm knows.

    Where the kernel offers `therm_bulk_read` (from 5.10 on), and this user may write that file of the bus, which belongs
    to root, all sensors convert at once, in 750 ms; else the kernel takes as long for each, one after the other.

    A sensor's range is its family's: 10 (DS18S20), 22 (DS1822), 28 (DS18B20) and DS1825 (3b) reach from −55 to 125 °C,
    42 (DS28EA00) from −40 to 85 °C, a thermocouple at a MAX31850 (3b) from −270 to 1800 °C. Where a kernel has no
    `w1_slave`, the file `temperature` is read, which shows no checksum: 0 °C exactly, which a shorted bus says, is
    believed there only near the last reading.

    85 °C exactly is what a sensor says that has lost its power for a moment. It is believed only where that sensor's
    last reading was within 5 °C of it. A scratchpad of zeros (the bus is shorted) has a correct CRC, and is no reading
    either.
    """

    name = "ds18b20"
    title = "Maxim DS18B20 thermometer on a 1-Wire bus"
    manual = "Linux w1_therm documentation; DS18B20 data sheet"
    verified = "by a simulated bus whose files are as the documentation of the kernel's w1_therm shows them; not yet on hardware"
    known_as = (
        "1-wire",
        "1wire",
        "onewire",
        "w1",
        "dallas",
        "maxim",
        "ds18s20",
        "ds1822",
        "ds1825",
    )
    family = "temperature"
    schemes = ("file",)
    interval = 30.0
    streams = (
        Stream("ds18b20", (Quantity("temperature", "°C", "Temperature of the sensor", -270.0, 1800.0, decimals=2),)),
    )
    channel_names = None
    channel_options = (
        Option(
            "id", "str", "the sensor's id, the name of its folder, such as 28-0316a2795f1c; default: the channel's name"
        ),
    )
    statuses = {
        "missing": "there is no folder of this sensor: it is unplugged, or the id is wrong",
        "crc_error": "the checksum is wrong: noise on the cable",
        "power_up": "85 °C exactly: the sensor has just got its power back",
        "bus_shorted": "only zeros come: the data line is pulled low",
        "no_sensor": "-127 °C: what some adapters say for a sensor that has gone",
        **{word: f"the MAX31850 says that its {word.replace('_', ' ')}" for word in FAULTS.values()},
    }
    example = """\
name: freezers
driver: ds18b20
connection: file:///sys/bus/w1/devices
interval: 30s
channels:
  fridge: {id: 28-0316a2795f1c, label: Fridge}
  freezer: {id: 28-0416b31c44ff, label: Freezer}
"""

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        (quantity,) = cls.streams[0].quantities
        family = FAMILIES.get(_sensor(channel)[:2])
        return (replace(quantity, low=family.low, high=family.high) if family else quantity,)

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            for channel in stanza.channels:
                if not SENSOR.match(_sensor(channel)):
                    wrong.append(
                        BadInput(
                            f"found {_sensor(channel)!r}, expected a sensor's id such as 28-0316a2795f1c",
                            _where(channel),
                        )
                    )

    @classmethod
    def places(cls, stanza: Stanza) -> Iterator[tuple[str, tuple[str, ...]]]:
        for channel in stanza.channels:
            yield f"sensor {_sensor(channel)}", _where(channel)

    @classmethod
    def find(cls) -> Iterator[str]:
        sensors = sorted(name for name in os.listdir(DEVICES) if SENSOR.match(name)) if os.path.isdir(DEVICES) else []
        if sensors:
            channels = "".join(f"  sensor{i}: {{id: {name}}}\n" for i, name in enumerate(sensors, 1))
            yield f"name: thermometers\ndriver: ds18b20\nconnection: file://{DEVICES}\ninterval: 30s\nchannels:\n{channels}"

    def identify(self) -> str:
        return ""  # a file can't be out of step

    def connected(self) -> None:
        self._last: dict[str, int] = {}  # sensor -> its last reading, m°C
        together = [channel for channel in self.channels if of(_sensor(channel)).bulk]
        found = self.link.names() if len(together) > 1 else ()
        self._masters = [name for name in found if MASTER.match(name) and self.link.present(name, BULK)]

    def _convert(self) -> None:
        """Let all sensors convert at once, where that is possible; else each does when it is read."""
        for master in list(self._masters):
            try:
                self.link.write(TRIGGER, master, BULK)
                deadline = time.monotonic() + self.stanza.timeout
                while (found := self.link.read(master, BULK).strip()) not in CONVERTED:
                    if time.monotonic() > deadline:
                        raise NoAnswer(f"{master}/{BULK} says {found[:20]!r} for {self.stanza.timeout:g} s")
                    self.link.pause(LOOK_SECONDS)
            except (OSError, NoAnswer) as error:
                self._masters.remove(master)
                self.note(f"the sensors of {master} are read one after the other", f"{error}: ")

    def read(self) -> Iterator[Reading]:
        self._convert()
        failed: list[Exception] = []
        for channel in self.channels:
            value, detail = None, ""
            try:
                value, status = self._temperature(_sensor(channel))
            except FileNotFoundError:
                if not self.link.present():
                    raise Disconnected(
                        f"there is no folder {self.link.path}: is the 1-Wire bus enabled (dtoverlay=w1-gpio) and w1_therm loaded?"
                    ) from None
                status, detail = "missing", f"{_sensor(channel)} is not there; {self._there()}"
            except (OSError, NoAnswer, BadAnswer) as error:
                failed.append(error)
                detail = str(error)
                status = "bad_answer" if isinstance(error, BadAnswer) else "no_answer"
            answered = self.link.answered_ns if status == "ok" else time.time_ns()
            yield Reading(channel.id, {"temperature": value}, answered, status, detail)
        if len(failed) == len(self.channels):  # not one sensor: the bus
            raise failed[0] if isinstance(failed[0], InstrumentError) else NoAnswer(f"{self.link.path}: {failed[0]}")

    def _there(self) -> str:
        """Tell which sensors are on the bus."""
        try:
            found = sorted(name for name in self.link.names() if SENSOR.match(name))
        except (OSError, InstrumentError):
            return "what is there can't be listed"
        return f"there are {', '.join(found)}" if found else "no sensor is"

    def _temperature(self, sensor: str) -> tuple[float | None, str]:
        """Read one sensor; returns degrees (None where there is no reading) and the status."""
        try:
            text = self.link.read(sensor, "w1_slave")
        except FileNotFoundError:
            return self._alone(sensor, self.link.read(sensor, "temperature"))
        if not text:
            raise NoAnswer(f"sensor {sensor} does not answer")
        match = ANSWER.match(text)
        if not match:
            raise BadAnswer(f"sensor {sensor}: found {text[:80]!r}, expected nine bytes, crc=… YES and t=…")
        scratchpad, crc, verdict, repeated, milli = match.groups()
        if verdict != "YES" or crc != scratchpad.split()[-1]:
            return None, "crc_error"
        if repeated != scratchpad or not scratchpad.replace("0", "").strip():
            return None, "bus_shorted" if repeated == scratchpad else "bad_answer"
        if int(milli) == NO_SENSOR:
            return None, "no_sensor"
        against = trouble(sensor, bytes.fromhex(scratchpad), int(milli))
        return (None, against) if against else self._believed(sensor, int(milli), {POWER_UP: "power_up"})

    def _alone(self, sensor: str, text: str) -> tuple[float | None, str]:
        """Read a temperature that stands without its scratchpad."""
        if not text.strip():
            raise NoAnswer(f"sensor {sensor} does not answer")
        match = ALONE.match(text)
        if not match:
            raise BadAnswer(f"sensor {sensor}: found {text[:80]!r}, expected a temperature in m°C")
        return self._believed(sensor, int(match[1]), {POWER_UP: "power_up", 0: "bus_shorted", NO_SENSOR: "no_sensor"})

    def _believed(self, sensor: str, milli: int, doubtful: dict[int, str]) -> tuple[float | None, str]:
        """Believe a temperature (m°C); one of the doubtful where the last was near it."""
        last = self._last.get(sensor)
        if milli in doubtful and (milli == NO_SENSOR or last is None or abs(last - milli) > NEAR):
            return None, doubtful[milli]
        self._last[sensor] = milli
        return milli / 1000.0, "ok"


def _sensor(channel: Channel) -> str:
    return str(channel.options["id"] or channel.id)


def _where(channel: Channel) -> tuple[str, ...]:
    return ("channels", channel.id, "id") if channel.options["id"] else ("channels", channel.id)


DRIVER = Ds18b20

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
