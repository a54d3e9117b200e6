"""Lake Shore 336, 350 and 335 temperature controllers and the 224 monitor: inputs, heater outputs, set points. Reading only.

Source: Lake Shore User's Manuals of Models 335 (Rev. 1.3, chapter 6.4.1; RANGE?, RDGST?: p. 123), 336, 350 and 224, Interface
Commands (*IDN?, INTYPE?, KRDG?, SRDG?, RDGST?, HTR?, AOUT?, RANGE?, OUTMODE?, SETP?).
"""

from __future__ import annotations

import re
import sys

from ..configured import Channel, Stanza
from ..declare import PINNED, Choice, Probe, Quantity, Stream
from ..errors import BadInput, together
from ..line import Wire
from ..reading import Reading
from ..source import number
from ._lakeshore import STATUSES, TEMPERATURE, LakeShore, reported
from ._lakeshore_models import (
    ABCD,
    BANKS,
    BITS_336,
    M336,
    SENSORS,
    TEMPERATURE_ONLY,
    TYPES_336,
    model_option,
    sensor_option,
)

INTYPE = re.compile(r"([0-5]),[01],\d{1,2},[01],([1-3])\Z")  # sensor type, autorange, range, compensation, units
OUTMODE = re.compile(r"([0-6]),([0-8]),[01](,[01])?\Z")  # mode, input, on after power-up
PERCENT = re.compile(r"[+-]?\d{1,3}\.\d{1,4}\Z")
RANGE = re.compile(r"[0-5]\Z")
LOOPS = ("1", "2")  # modes of OUTMODE? in which an input is controlled: PID, zone
KELVIN, CELSIUS = "1", "2"  # units of INTYPE?
OUTPUT = Quantity("heater_output", "%", "How far the output is driven", -100.0, 100.0, decimals=1)
HEATER_RANGE = Quantity(
    "heater_range",
    "",
    "Range of the heater; the power of each depends on the model",
    0,
    5,
    type="int",
    choices=(Choice(0, "off"), *(Choice(n, f"range {n}") for n in range(1, 6))),
)
SETPOINT = Quantity("setpoint", "K", "Set point of the output's loop", high=1500.0, decimals=3)
NUMBERS = tuple("1234")


class LakeShore336(LakeShore):
    """Reads a Lake Shore 336, 350, 335 or 224.

    Its inputs are `A` to `D`, those of a 335 `A` and `B`, those of a 224 `A`, `B`, `C1` to `C5` and `D1` to `D5`; which of them
    there are tells its model, by what it says of itself. The further inputs of a 3062 card are not read. An input whose sensor type
    is set to disabled says so, and has no values.

    `output1` is how far an output is driven, and in which range; `setpoint1` the set point of its loop, in kelvin, to which it
    is converted where the controlled input is set to °C. One of 0 K says `no_setpoint`. An output that controls no input (off, open loop, monitor) has none, and
    says `no_loop`. HTRST? is not asked: asking it clears the error that the panel shows.
    """

    name = "lakeshore_336"
    title = "Lake Shore 336, 350, 335 and 224"
    manual = (
        "Lake Shore Model 335 User's Manual (Rev. 1.3), chapter 6.4.1; of the 336, 350 and 224 the maker's Python package "
        "(lakeshore 1.10.0), which follows their manuals"
    )
    verified = (
        "the maker's own Python package (lakeshore 1.10.0) and ours read the same of a simulator; answers recorded from a "
        "335 by others. Not yet on hardware of ours"
    )
    known_as = ("335", "350", "224", "ls336", "ls335", "ls350", "ls224", "model336")
    family = "temperature"
    schemes = ("tcp", "serial", "visa")
    wire = Wire(b"\r\n", b"\n", pause=0.05, serial={"baudrate": 57600, "bytesize": 7, "parity": "O"})
    channel_names = (*ABCD, *BANKS, *(f"output{n}" for n in NUMBERS), *(f"setpoint{n}" for n in NUMBERS))
    models = M336
    bits = BITS_336
    temperature_only = TEMPERATURE_ONLY
    streams = (Stream("lakeshore_336", (TEMPERATURE, *SENSORS.values(), SETPOINT, OUTPUT, HEATER_RANGE)),)
    options_known = (model_option(M336), PINNED)
    channel_options = (sensor_option(TYPES_336),)
    probes = (Probe((b"*IDN?",)),)
    statuses = {
        **STATUSES,
        **reported(BITS_336),
        "no_loop": "the output controls no input: it has no set point",
        "no_setpoint": "the set point is 0 K: none is set",
        "sensor_units": "the set point is in the sensor's units, and no temperature",
    }
    example = """\
name: cryostat
driver: lakeshore_336
connection: tcp://192.168.1.6:7777
channels:
  A: {label: Cold plate, sensor: resistor}
  B: {label: Shield, sensor: diode}
  setpoint1: {label: Set point}
  output1: {label: Heater}
"""

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        if channel.id.startswith("output"):
            return OUTPUT, HEATER_RANGE
        return (SETPOINT,) if channel.id.startswith("setpoint") else super().quantities_of(channel)

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            for channel in stanza.channels:
                if channel.options["sensor"] and channel.id.startswith(("output", "setpoint")):
                    wrong.append(BadInput("leave this out: it is for inputs", ("channels", channel.id, "sensor")))

    def sensor(self, name: str) -> str:
        return TYPES_336[self._input_type(name)[1]]

    def _input_type(self, name: str) -> re.Match[str]:
        return self.ask(f"INTYPE? {name}", INTYPE, "1,0,0,0,1")

    def read_input(self, channel: Channel) -> Reading:
        if channel.id.startswith("output"):
            return self._read_output(channel.id)
        return self._read_setpoint(channel.id) if channel.id.startswith("setpoint") else super().read_input(channel)

    def _read_output(self, channel: str) -> Reading:
        output = channel[-1]
        question = self.model.outputs[output]
        percent = number(self.query(question), PERCENT, question)
        answered = self.link.answered_ns
        chosen = int(self.ask(f"RANGE? {output}", RANGE, "0")[0])
        return Reading(channel, {OUTPUT.name: percent, HEATER_RANGE.name: chosen}, answered)

    def _read_setpoint(self, channel: str) -> Reading:
        output = channel[-1]
        mode = self.ask(f"OUTMODE? {output}", OUTMODE, "1,1,0")
        if mode[1] not in LOOPS or not 1 <= int(mode[2]) <= len(ABCD):
            return Reading(channel, {}, self.link.answered_ns, "no_loop")
        units = self._input_type(ABCD[int(mode[2]) - 1])[2]
        if units not in (KELVIN, CELSIUS):
            return Reading(channel, {}, self.link.answered_ns, "sensor_units")
        question = f"SETP? {output}"
        value = number(self.query(question), self.reading, question)
        kelvin = round(value + (273.15 if units == CELSIUS else 0.0), 6)
        if kelvin <= 0.0:
            return Reading(channel, {}, self.link.answered_ns, "no_setpoint")
        return Reading(channel, {SETPOINT.name: kelvin}, self.link.answered_ns)


DRIVER = LakeShore336

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
