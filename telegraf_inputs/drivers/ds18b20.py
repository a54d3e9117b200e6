"""DS18B20 thermometers on the 1-Wire bus, read from the Linux kernel's files.

Source: Linux Documentation/w1/slaves/w1_therm.rst (w1_slave), and the DS18B20 data sheet (power-on value, range, CRC).
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator

from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadAnswer, BadInput, Disconnected, InstrumentError, NoAnswer
from ..reading import Reading
from ..source import Polled

SENSOR = re.compile(r"(?:10|22|28|3b|42)-[0-9a-f]{12}\Z")  # the families that w1_therm reads
ANSWER = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)\n((?:[0-9a-f]{2} ){9})t=(-?\d{1,6})\n\Z")
SIXTEENTHS = ("22-", "28-", "42-")  # families whose first two bytes count 1/16 °C; finer bits stand elsewhere
POWER_UP = 85000  # m°C: what the sensor holds before its first conversion
NEAR = 5000  # m°C: so close to 85 °C the last reading must have been for 85.000 °C to be believed
DEVICES = "/sys/bus/w1/devices"
NO_SENSOR = -127000  # m°C: what some kernels and adapters say for a sensor that has gone


class Ds18b20(Polled):
    """Reads the DS18B20 thermometers of a 1-Wire bus; the kernel takes about 750 ms for each, one after the other.

    85 °C exactly is what a sensor says that has lost its power for a moment. It is believed only where that sensor's
    last reading was within 5 °C of it. A scratchpad of zeros (the bus is shorted) has a correct CRC, and is no reading
    either.
    """

    name = "ds18b20"
    title = "Maxim DS18B20 thermometer on a 1-Wire bus"
    manual = "Linux w1_therm documentation; DS18B20 data sheet"
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
        Stream("ds18b20", (Quantity("temperature", "°C", "Temperature of the sensor", -55.0, 125.0, decimals=2),)),
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
    def check(cls, stanza: Stanza) -> None:
        for channel in stanza.channels:
            if not SENSOR.match(_sensor(channel)):
                raise BadInput(
                    f"found {_sensor(channel)!r}, expected a sensor's id such as 28-0316a2795f1c", _where(channel)
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

    def read(self) -> Iterator[Reading]:
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
                status = "missing"
            except (OSError, NoAnswer, BadAnswer) as error:
                failed.append(error)
                detail = str(error)
                status = "bad_answer" if isinstance(error, BadAnswer) else "no_answer"
            answered = self.link.answered_ns if status == "ok" else time.time_ns()
            yield Reading(channel.id, {"temperature": value}, answered, status, detail)
        if len(failed) == len(self.channels):  # not one sensor: the bus
            raise failed[0] if isinstance(failed[0], InstrumentError) else NoAnswer(f"{self.link.path}: {failed[0]}")

    def _temperature(self, sensor: str) -> tuple[float | None, str]:
        """Read one sensor; returns degrees (None where there is no reading) and the status."""
        text = self.link.read(sensor, "w1_slave")
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
        milli = int(milli)
        if milli == NO_SENSOR:
            return None, "no_sensor"
        counts = int.from_bytes(bytes.fromhex(scratchpad)[:2], "little", signed=True)
        if sensor.startswith(SIXTEENTHS) and abs(16 * milli - 1000 * counts) >= 1000:
            return None, "bad_answer"
        if milli == POWER_UP and abs(self._last.get(sensor, 0) - POWER_UP) > NEAR:
            return None, "power_up"
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
