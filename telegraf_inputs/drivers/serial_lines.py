"""Lines of text over a serial port, such as an Arduino's: what they are stands in the site file alone.

Source: the sketch, or the manual of whatever speaks; Arduino language reference, Serial.print (two decimals, nan, inf).
"""

from __future__ import annotations

import sys

from ..declare import Stream
from ..source import Source
from ._lines import AskedLines, HeardLines, LineSource

EXAMPLE = r"""name: clean_room
driver: serial_lines
connection: serial:///dev/ttyACM0?baudrate=9600
skip: ["DHT22 ready.*"]
channels:
  air:
    label: Air
    pattern: 'Temperature: (?P<temperature>-?\d+\.\d\d|nan)'
    example: "Temperature: 21.50"
    read: {temperature: {unit: °C, description: Temperature of the air, low: -40, high: 80, decimals: 2}}
  moisture:
    label: Moisture
    pattern: 'Humidity: (?P<humidity>\d+\.\d\d|nan)'
    example: "Humidity: 40.10"
    read: {humidity: {unit: "%", description: Relative humidity, low: 0, high: 100, decimals: 2}}
"""


class _SerialLines(LineSource):
    name = "serial_lines"
    title = "Lines over a serial port"
    manual = "the sketch, or the manual, of what speaks"
    known_as = ("arduino", "dht11", "dht22", "mega", "microcontroller", "teensy", "uno")
    verified = "against independent programs, socat and a shell, on a pseudo-terminal; not yet on hardware"
    family = "protocol"
    schemes = ("serial",)
    extra = "serial"
    streams = (Stream("serial_lines"),)  # its quantities stand in the stanza
    example = EXAMPLE

    @classmethod
    def kinds(cls) -> tuple[type[Source], ...]:
        return SerialLines, AskedSerialLines


class SerialLines(_SerialLines, HeardLines):
    """Reads lines over a serial port: of what speaks by itself, or, where a channel has a `request`, of what is asked.

    A line is taken apart by a `pattern` with named groups, or into `columns`; without either it is one value. Of what speaks
    by itself each line is stored at once, with the time at which it came, by every channel whose form it has; a line that no
    channel knows is counted as discarded, and told. The first line is left out where it may have begun before the port was
    open. Of what is asked each request is sent once an interval, for however many channels its answer is; `columns` must be
    all that there are, so that one that is missing moves no value to another name. `nan` and `inf` are no readings.

    An Arduino starts anew whenever its port is opened: `wire: {settle: 2s}` waits, and `skip` leaves out what it says then.
    Where the last line has no end (`wire: {receive: none}`), a message is whole when nothing follows for 0.2 s; its
    pattern then has to say how a whole one ends, such as `\\d\\.\\d\\d`.

    What is asked, and can say who it is, should have a `fence` with an `identity`: without them one that answers each
    request with the answer to the one before is found out only where these have different forms.
    """


class AskedSerialLines(_SerialLines, AskedLines):
    """Reads lines over a serial port, of what is asked."""


DRIVER = SerialLines

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
