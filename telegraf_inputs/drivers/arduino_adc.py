"""Arduino Due on Ethernet that sends the numbers of its twelve analog inputs, for whatever has an analog output.

Source: Arduino Due data sheet A000062 (12 inputs, 12 bits); the sketch: `a` is answered by twelve numbers of two bytes, the
high one first, and the connection is closed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ..configured import Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadAnswer, BadInput
from ..line import Wire
from ..reading import Reading
from ..source import Polled
from ..stop import Stop
from ..url import Url
from ..visits import Visits

INPUTS, COUNTS = 12, 4096  # of 12 bits
HIGHEST = 5.0  # volts that a microcontroller's input may have


class ArduinoAdc(Polled):
    """Reads the voltages at the analog inputs A0 to A11 of an Arduino Due, all of one moment.

    An answer is believed when it has all its bytes, in however many pieces they come, and the connection was closed behind
    them. A number that twelve bits can't hold is no reading.

    What is meant by a voltage says a `calibration` of the channel: both are stored. For a Pfeiffer TPG 300, whose output is
    logarithmic, `labline calibrate points.csv --form exponential` makes one of pairs that were read off its display. Say its
    `range`: an input that is driven beyond its end shows the highest number, as for that voltage.
    """

    name = "arduino_adc"
    title = "Arduino Due with analog inputs, over TCP"
    manual = "Arduino Due data sheet, A000062; the sketch"
    known_as = ("adc", "analog", "due", "tpg300")
    verified = "by what the sketch sends, byte by byte from socat, an independent program; not yet on hardware"
    family = "electrical"
    schemes = ("tcp",)
    wire = Wire(b"", b"")
    channel_names = tuple(f"A{number}" for number in range(INPUTS))
    streams = (Stream("arduino_adc", (Quantity("voltage", "V", "Voltage at the input", 0.0, HIGHEST, decimals=4),)),)
    options_known = (Option("full_scale", "float", "the voltage, in V, at which the number would be 4096", 3.25),)
    example = """\
name: adc
driver: arduino_adc
connection: tcp://192.168.1.33:23
channels:
  A0:
    label: Cold chamber
    description: Output of the TPG 300
    calibration:
      form: exponential
      a: 1
      b: 0.8
      c: 10.96
      d: 0
      range: [1, 3.25]
      to: pressure
      unit: mbar
      description: Pressure in the cold chamber
  A1: {label: Room}
"""
    link: Visits

    @classmethod
    def speaks_text(cls) -> bool:
        return False

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        if not 0 < stanza.options["full_scale"] <= HIGHEST:
            raise BadInput(
                f"found {stanza.options['full_scale']:g}, expected a voltage above 0, {HIGHEST:g} V at most",
                ("full_scale",),
            )

    @classmethod
    def open_link(cls, url: Url, stanza: Stanza, stop: Stop) -> Visits:
        from .. import transports

        return Visits(transports.of(url).line(url, stanza.wire, stanza.timeout, stop))

    def identify(self) -> str:
        return ""

    def read(self) -> Iterator[Reading]:
        said = self.link.ask("a")
        if len(said) != 2 * INPUTS:
            raise BadAnswer(f"found {len(said)} bytes, expected {2 * INPUTS}: two of each input")
        for channel in self.channels:
            place = 2 * self.channel_names.index(channel.id)
            count = int.from_bytes(said[place : place + 2], "big")
            if count < COUNTS:
                voltage = count / COUNTS * self.options["full_scale"]
                yield Reading(channel.id, {"voltage": voltage}, self.link.answered_ns)
            else:
                detail = f"found {count}, expected less than {COUNTS}"
                yield Reading(channel.id, {}, self.link.answered_ns, "bad_answer", detail)


DRIVER = ArduinoAdc

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
