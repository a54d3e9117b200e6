"""Lake Shore 240 input modules: temperature at two or eight inputs, and what the sensors themselves read.

Source: Lake Shore 240 Series User's Manual, Interface Commands (*IDN?, INTYPE?, KRDG?, SRDG?, RDGST?), by way of the maker's
Python package, lakeshore 1.10.0, model_240.
"""

from __future__ import annotations

import re
import sys

from ..declare import PINNED, Probe, Stream
from ..line import Wire
from ._lakeshore import OFF, STATUSES, TEMPERATURE, LakeShore, reported
from ._lakeshore_models import (
    BITS_240,
    EIGHT,
    M240,
    SENSORS,
    TEMPERATURE_ONLY,
    TYPES_240,
    model_option,
    sensor_option,
)

# Sensor type, autorange, range, current reversal, units, enabled.
INTYPE = re.compile(r"([1-3]),[01],\d,[01],[1-4],([01])\Z")


class LakeShore240(LakeShore):
    """Reads a Lake Shore 240-2P or 240-8P.

    The first question after its USB is opened often gets no answer: it is asked three times. An input that is switched off goes on
    answering its last temperature. So each input is asked in each cycle whether it is enabled; one that is not says
    `disabled`, and has no values. An input without a curve answers 0 K: it says `no_curve`, and its sensor's own reading is
    stored all the same, where `sensor` says which kind it is.
    """

    name = "lakeshore_240"
    title = "Lake Shore 240 input modules"
    manual = "the maker's Python package (lakeshore 1.10.0, model_240), which follows the Lake Shore 240 Series User's Manual"
    verified = (
        "the maker's own Python package (lakeshore 1.10.0) and ours read the same of a simulator; answers from public "
        "programs that use one. Not yet on hardware"
    )
    known_as = ("240", "ls240", "model240", "240-2p", "240-8p")
    family = "temperature"
    extra = "serial"
    schemes = ("serial", "tcp")
    wire = Wire(b"\r\n", b"\n", pause=0.01, serial={"baudrate": 115200})
    channel_names = EIGHT
    models = M240
    bits = BITS_240
    temperature_only = TEMPERATURE_ONLY
    streams = (Stream("lakeshore_240", (TEMPERATURE, *(SENSORS[kind] for kind in ("diode", "resistor")))),)
    options_known = (model_option(M240), PINNED)
    channel_options = (sensor_option(TYPES_240),)
    probes = (Probe((b"*IDN?",)),)
    statuses = {**STATUSES, **reported(BITS_240)}
    example = """\
name: telescope
driver: lakeshore_240
connection: serial:///dev/ttyUSB0
channels:
  "1": {label: 40 K stage, sensor: diode}
  "2": {label: 4 K stage, sensor: resistor}
"""

    def sensor(self, name: str) -> str:
        found = self.ask(f"INTYPE? {name}", INTYPE, "1,0,0,0,1,1")
        return TYPES_240[found[1]] if found[2] == "1" else OFF


DRIVER = LakeShore240

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
