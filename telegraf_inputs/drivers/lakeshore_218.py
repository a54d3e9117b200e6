"""Lake Shore 218 temperature monitor: eight diodes or resistors, and what the sensors themselves read.

Source: Lake Shore Model 218 User's Manual, chapters 6.2 (serial line: p. 6-9, 6-10) and 6.3 (*IDN?, INPUT?, INTYPE?, KRDG?,
SRDG?; RDGST?: p. 6-29).
"""

from __future__ import annotations

import re
import sys

from ..declare import PINNED, Probe, Stream
from ..line import Wire
from ._lakeshore import OFF, STATUSES, TEMPERATURE, LakeShore, reported
from ._lakeshore_models import BITS_218, EIGHT, M218, SENSORS, TEMPERATURE_ONLY, TYPES_218, sensor_option

INPUT = re.compile(r"[01]\Z")
INTYPE = re.compile(r"[0-5]\Z")


class LakeShore218(LakeShore):
    """Reads a Lake Shore 218S or 218E.

    The sensors of inputs 1 to 4 are of one kind, and those of 5 to 8. Each input is asked in each cycle whether it is switched on;
    one that is not says `disabled`, and has no values.
    """

    name = "lakeshore_218"
    title = "Lake Shore 218 temperature monitor"
    manual = "Lake Shore Model 218 User's Manual, chapters 6.2 and 6.3"
    verified = (
        "pylablib 1.4.3, which others use with one, and ours read the same of a simulator; identity and readings from public "
        "programs that use one. Not yet on hardware"
    )
    known_as = ("218", "218s", "218e", "ls218", "model218")
    family = "temperature"
    schemes = ("serial", "tcp", "visa")
    extra = "serial"
    # It wants 50 ms of rest after its answer, and is asked less than ten times a second.
    wire = Wire(b"\r\n", b"\n", pause=0.1, serial={"baudrate": 9600, "bytesize": 7, "parity": "O"})
    channel_names = EIGHT
    models = M218
    bits = BITS_218
    temperature_only = TEMPERATURE_ONLY
    streams = (Stream("lakeshore_218", (TEMPERATURE, *(SENSORS[kind] for kind in ("diode", "resistor")))),)
    options_known = (PINNED,)
    channel_options = (sensor_option(TYPES_218),)
    probes = (Probe((b"*IDN?",)),)
    statuses = {**STATUSES, **reported(BITS_218)}
    example = """\
name: dewar
driver: lakeshore_218
connection: serial:///dev/ttyUSB0
channels:
  "1": {label: Cold finger, sensor: diode}
  "5": {label: Shield, sensor: resistor}
"""

    def sensor(self, name: str) -> str:
        if self.ask(f"INPUT? {name}", INPUT, "1")[0] == "0":
            return OFF
        group = "A" if name in "1234" else "B"
        return TYPES_218[self.ask(f"INTYPE? {group}", INTYPE, "0")[0]]


DRIVER = LakeShore218

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
