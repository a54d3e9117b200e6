"""Thermistors at an ADC Pi: eight dividers, two MCP3424 converters of 18 bits on the I²C bus.

Sources: Microchip MCP3422/3/4 data sheet, DS22088C, chapters 4.9 (output code), 5.2 (configuration register), 5.3.3 (reading,
RDY bit); AB Electronics, ADC Pi (inputs of 10 kΩ and 6.8 kΩ: 0 to 5.06 V, 16.8 kΩ to ground).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from typing import Any

from ..calibration import FORMS
from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadAnswer, BadInput, NoAnswer, together
from ..reading import Reading
from ..source import Polled
from ..transports.i2c import Bus

READY = 0x80  # of the configuration byte: written, it starts a conversion; read, none is finished yet
ONE_SHOT_18_BITS = 0x0C  # once, 3.75 a second, gain 1; bits 5 and 6 are the input
INPUTS = 4  # of a converter
HIGHEST = 2**17 - 1  # the code of what is 2.048 V, or more
VOLTS = 2.048 / 2**17 * 16.8 / 6.8  # at the board's input, of one step of the code
LOOK_SECONDS = 0.02
SHORT_OHMS, OPEN_OHMS = 10.0, 1e6
ADDRESSES = range(0x68, 0x70)
WRITTEN = re.compile(r"0x[0-9A-Fa-f]{2}\Z")  # which is a text in YAML
COEFFICIENTS = ("a", "b", "c")
TEMPERATURE = Quantity("temperature", "°C", "Temperature of the thermistor", -80.0, 200.0, decimals=2)
RESISTANCE = Quantity("resistance", "Ω", "Resistance of the thermistor", SHORT_OHMS, OPEN_OHMS, decimals=1)
VOLTAGE = Quantity("voltage", "V", "Voltage at the input", -0.1, 5.1, decimals=5)


def addresses_of(stanza: Stanza) -> list[Any]:
    """List the converters' addresses as numbers, whichever way they are written; what is none stays as it is."""
    return [
        int(each, 16) if isinstance(each, str) and WRITTEN.match(each) else each for each in stanza.options["addresses"]
    ]


class ThermistorAdcPi(Polled):
    """Reads thermistors at an ADC Pi.

    Inputs 1 to 4 are those of the converter at the first address, 5 to 8 those at the second; a conversion takes 0.27 s, one after
    the other. The thermistor is the lower arm of a divider: `series` ohms to `supply` volts, beside the 16.8 kΩ that the board's
    own inputs have (`load`), which is reckoned with. With the coefficients `a`, `b` and `c` of Steinhart and Hart, 1/T = a + b·ln R +
    c·(ln R)³ (T in kelvin, R in ohms), it has a temperature; without them its resistance alone, which a calibration may turn into one.
    Coefficients that were fitted as if the board took no current belong to `load: 0`.

    The converter sends its settings with each reading: one of another input, or of other settings, is none. A scan does not look for
    it: clock chips have the same address. To switch on I²C on a Raspberry Pi: see Connection.
    """

    name = "thermistor_adcpi"
    title = "Thermistors at an ADC Pi (MCP3424)"
    manual = "Microchip MCP3422/3/4 data sheet, DS22088C; AB Electronics, ADC Pi"
    verified = (
        "with smbus2 on a Linux kernel's i2c-stub, whose registers held the converter's answers, and on an adapter at USB (CP2112) "
        "that was pulled out and put back, with a converter that was programmed. Not yet on hardware"
    )
    known_as = ("adc pi", "adcpi", "mcp3424", "mcp3422", "thermistor", "ntc")
    family = "temperature"
    extra = "i2c"
    schemes = ("i2c",)
    interval = 30.0
    channel_names = tuple("12345678")
    streams = (Stream("thermistor_adcpi", (TEMPERATURE, RESISTANCE, VOLTAGE)),)
    options_known = (
        Option("addresses", "list", "the addresses of its converters, as they are set on the board", ["0x68", "0x69"]),
        Option("supply", "float", "the voltage that the dividers are at, in V", 5.0),
        Option("series", "float", "the resistor between it and the thermistor, in Ω", 9400.0),
        Option("load", "float", "what the board's input itself is to ground, in Ω; 0: nothing", 16800.0),
    )
    channel_options = tuple(
        Option(name, "float", f"coefficient {name} of Steinhart and Hart, for R in ohms and T in kelvin")
        for name in COEFFICIENTS
    )
    statuses = {
        "open_circuit": "the thermistor, or its cable, is broken or not there",
        "short_circuit": "the thermistor, or its cable, has a short",
        "over_range": "the voltage is beyond what the converter can measure, 5.06 V",
        "under_range": "the voltage is below 0",
    }
    example = """\
name: freezers
driver: thermistor_adcpi
connection: i2c:///dev/i2c-1
channels:
  "1": {label: Fridge, a: 1.129148e-3, b: 2.34125e-4, c: 8.76741e-8}
  "2": {label: Freezer, a: 1.129148e-3, b: 2.34125e-4, c: 8.76741e-8}
"""
    link: Bus

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        fitted = channel.options["a"] is not None
        return (*([TEMPERATURE] if fitted else []), RESISTANCE, VOLTAGE)

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        addresses = addresses_of(stanza)
        with together() as wrong:
            whole = all(type(address) is int and address in ADDRESSES for address in addresses)
            if not whole or not 1 <= len(addresses) <= 2 or len(set(addresses)) != len(addresses):
                found = ", ".join(f"0x{a:02x}" if type(a) is int else repr(a) for a in addresses)
                wrong.append(BadInput(f"found [{found}], expected one or two from 0x68 to 0x6f", ("addresses",)))
            for name, least in (("supply", "more than 0"), ("series", "more than 0"), ("load", "0 or more")):
                if stanza.options[name] < 0 or (stanza.options[name] == 0 and name != "load"):
                    wrong.append(BadInput(f"found {stanza.options[name]:g}, expected {least}", (name,)))
            for channel in stanza.channels:
                if (int(channel.id) - 1) // INPUTS >= len(addresses):
                    wrong.append(
                        BadInput(
                            "is an input of a second converter, whose address is not in `addresses`",
                            ("channels", channel.id),
                        )
                    )
                given = [name for name in COEFFICIENTS if channel.options[name] is not None]
                if given and len(given) < len(COEFFICIENTS):
                    missing = next(name for name in COEFFICIENTS if name not in given)
                    wrong.append(BadInput("is missing; a, b and c go together", ("channels", channel.id, missing)))

    @classmethod
    def places(cls, stanza: Stanza) -> Iterator[tuple[str, tuple[str, ...]]]:
        for address in addresses_of(stanza):
            yield f"{stanza.place()} address 0x{address:02x}", ("addresses",)

    def __init__(self, stanza: Stanza, link: Bus):
        super().__init__(stanza, link)
        self._addresses = addresses_of(stanza)
        self._divider = FORMS["divider"][0](self.options["supply"], self.options["series"])
        self._kelvin = {
            channel.id: FORMS["steinhart_hart"][0](*(channel.options[name] for name in COEFFICIENTS))
            for channel in self.channels
            if channel.options["a"] is not None
        }

    def identify(self) -> str:
        return ""  # the settings that come with each reading say whose it is

    def read(self) -> Iterator[Reading]:
        readings = list(super().read())
        if all(reading.status in ("no_answer", "bad_answer") for reading in readings):  # not one input: the board
            raise (NoAnswer if readings[0].status == "no_answer" else BadAnswer)(readings[0].detail)
        yield from readings

    def read_channel(self, channel: Channel) -> Reading:
        converter, number = divmod(int(channel.id) - 1, INPUTS)
        code = self._convert(self._addresses[converter], ONE_SHOT_18_BITS | number << 5)
        answered = self.link.answered_ns
        if not -HIGHEST <= code < HIGHEST:
            return Reading(channel.id, {}, answered, "over_range" if code > 0 else "under_range")
        volts = code * VOLTS
        ohms, status = self._ohms(volts)
        values: dict[str, Any] = {VOLTAGE.name: volts, RESISTANCE.name: ohms}
        if ohms is not None and channel.id in self._kelvin:
            kelvin = self._kelvin[channel.id](ohms)
            values[TEMPERATURE.name] = None if kelvin is None else kelvin - 273.15
            status = "uncalibrated" if kelvin is None else status
        return Reading(channel.id, values, answered, status)

    def _convert(self, address: int, settings: int) -> int:
        """Let a converter measure one input; returns its code, -2^17 to 2^17 - 1."""
        self.link.write(address, settings | READY)
        deadline = time.monotonic() + self.stanza.timeout
        while True:
            data = self.link.read(address, settings, 4)
            sign = data[0] >> 1
            if data[3] & ~READY != settings or sign not in (0, 0x7F):
                raise BadAnswer(
                    f"the converter at 0x{address:02x}: found {data.hex(' ')}, expected 18 bits and its settings, {settings:02x}"
                )
            if not data[3] & READY:
                return int.from_bytes(data[:3], "big", signed=True)
            if time.monotonic() > deadline:
                raise NoAnswer(f"the converter at 0x{address:02x} does not end to convert in {self.stanza.timeout:g} s")
            self.link.pause(LOOK_SECONDS)

    def _ohms(self, volts: float) -> tuple[float | None, str]:
        """Tell the thermistor's resistance from the voltage at it, and its status."""
        parallel = self._divider(max(0.0, volts))
        if parallel is None:
            return None, "open_circuit"
        if parallel < SHORT_OHMS:
            return None, "short_circuit"
        load = self.options["load"]
        siemens = 1.0 / parallel - (1.0 / load if load else 0.0)
        return (None, "open_circuit") if siemens < 1.0 / OPEN_OHMS else (1.0 / siemens, "ok")


DRIVER = ThermistorAdcPi

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
