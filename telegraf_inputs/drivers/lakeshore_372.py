"""Lake Shore 372 AC resistance bridge with its scanner: temperature and resistance of the channel that is being measured.

Source: Lake Shore Model 372 User's Manual, chapter 6.6 (interface commands SCAN?, INSET?, FILTER?, KRDG?, SRDG?, RDGST?).
"""

from __future__ import annotations

import re
import sys
import time

from ..connection import Wire
from ..driver import Driver, Quantity, Reading, number
from ..errors import BadAnswer, WrongDevice

READING = re.compile(r"[+-]\d{1,3}\.\d{3,6}E[+-]\d\d\Z")
STATUS = re.compile(r"\d{3}\Z")
SCAN = re.compile(r"(\d\d),([01])\Z")
# RDGST? bits, manual table 6-10: the electrical ones spoil both quantities, the last two the temperature alone.
BITS = {1: "cs_overload", 2: "vcm_overload", 4: "vmix_overload", 8: "vdif_overload", 16: "resistance_over", 32: "resistance_under",
        64: "temperature_over", 128: "temperature_under"}
TEMPERATURE_ONLY = 64 | 128


class LakeShore372(Driver):
    """Reads a Lake Shore 372.

    The scanner moves through the inputs by itself, and a scan of sixteen takes minutes: only the input being measured has a
    new value, and only once its pause and the filter's settling time are over. Others are not repeated. Channel A is the
    control input, which is measured beside the scanner.
    """

    name = "lakeshore_372"
    title = "Lake Shore 372 AC resistance bridge"
    manual = "Lake Shore Model 372 User's Manual, chapter 6.6"
    family = "temperature"
    schemes = ("tcp", "serial", "visa")
    wire = Wire(b"\r\n", b"\r\n", pause=0.01, serial={"baudrate": 57600, "bytesize": 7, "parity": "O"})
    interval = 5.0
    channel_names = ("A", *(str(n) for n in range(1, 17)))
    quantities = (
        Quantity("temperature", "K", "Temperature from the input's calibration curve", 0.0, 1000.0, decimals=4),
        Quantity("resistance", "Ω", "Resistance of the sensor", 0.0, 7e7, decimals=2),
    )
    example = """\
name: cryostat
driver: lakeshore_372
connection: tcp://192.168.1.5:7777
interval: 5s
channels:
  "1": {label: Still}
  "5": {label: Mixing chamber}
"""

    def connected(self):
        self._inset: dict[str, tuple[bool, float]] = {}  # channel -> (enabled, seconds until its value is settled)
        self._scanned, self._since = None, 0.0

    def identify(self):
        answer = self.link.query("*IDN?")
        maker, _, rest = answer.partition(",")
        if maker != "LSCI" or rest.count(",") != 2:
            raise BadAnswer(f"asked *IDN?, found {answer[:60]!r}, expected LSCI,MODEL372,serial,firmware")
        if not rest.startswith("MODEL372,"):
            raise WrongDevice(f"this is a {answer!r}, expected a Lake Shore 372")
        return answer

    def read(self):
        wanted = {c.id: c for c in self.channels}
        if "A" in wanted and self._setup("A")[0]:
            yield self._measure("A")
        scanned = self._scanned_channel()
        if scanned not in wanted or not self._settled(scanned):
            return
        reading = self._measure(scanned)
        if self._scanned_channel() == scanned:  # else the scanner moved on while we asked
            yield reading

    def _scanned_channel(self) -> str:
        answer = self.link.query("SCAN?").strip()
        match = SCAN.match(answer)
        if not match:
            raise BadAnswer(f"asked SCAN?, found {answer[:40]!r}, expected such as 05,1")
        channel, scanning = str(int(match[1])), match[2] == "1"
        if channel != self._scanned:
            # Without autoscan an input that is found selected has been so for long.
            first = self._scanned is None and not scanning
            self._scanned, self._since = channel, float("-inf") if first else time.monotonic()
        return channel

    def _settled(self, channel: str) -> bool:
        enabled, settling = self._setup(channel)
        return enabled and time.monotonic() - self._since >= settling

    def _setup(self, channel: str) -> tuple[bool, float]:
        if channel not in self._inset:
            inset, filtered = (self.link.query(f"{command} {channel}").strip().split(",") for command in ("INSET?", "FILTER?"))
            if len(inset) != 5 or len(filtered) != 3:
                raise BadAnswer(f"asked INSET? and FILTER? of channel {channel}, found {inset} and {filtered}")
            settling = number(inset[2]) + (number(filtered[1]) if filtered[0] == "1" else 0.0)
            self._inset[channel] = (inset[0] == "1", settling)
        return self._inset[channel]

    def _measure(self, channel: str) -> Reading:
        kelvin = number(self.link.query(f"KRDG? {channel}"), READING)
        answered = self.link.answered_ns
        ohm = number(self.link.query(f"SRDG? {channel}"), READING)
        answer = self.link.query(f"RDGST? {channel}").strip()
        if not STATUS.match(answer):
            raise BadAnswer(f"asked RDGST? {channel}, found {answer[:40]!r}, expected three digits")
        bits = int(answer)
        status = " ".join(name for bit, name in BITS.items() if bits & bit)
        values = {"temperature": None if bits else kelvin, "resistance": None if bits & ~TEMPERATURE_ONLY else ohm}
        if not bits and kelvin == 0.0:  # it answers 0 for an input without a curve
            values["temperature"], status = None, "no_curve"
        return Reading(channel, values, answered, status or "ok")


DRIVER = LakeShore372

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
