"""Lake Shore 372 AC resistance bridge with its scanner: temperature and resistance of the input that is being measured.

Source: Lake Shore Model 372 User's Manual, chapter 6.6 (SCAN?, INSET?, FILTER?, RDGSTL?, KRDG?, SRDG?, RDGST?).
"""

from __future__ import annotations

import re
import sys
import time

from ..connection import Wire
from ..driver import Driver, Quantity, Reading, number
from ..errors import BadAnswer, NoAnswer, WrongDevice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..connection import Line

CONTROL = "A"  # the control input, which is measured beside the scanner
READING = re.compile(r"[+-]\d{1,3}\.\d{3,6}E[+-]\d\d\Z")
STATUS = re.compile(r"\d{3}\Z")
SCAN = re.compile(r"(\d\d),([01])\Z")
INSET = re.compile(r"([01]),\d{1,3},(\d{1,3}),\d{1,2},\d\Z")  # enabled, dwell, pause in seconds, curve, coefficient
FILTER = re.compile(r"([01]),(\d{1,3}),\d{1,2}\Z")  # on, settling time in seconds, window
SETTLING = re.compile(r"([0-2]),([0-2])\Z")  # control input, scanned input: 0 valid, 1 and 2 settling
# RDGST? bits: the electrical ones spoil both quantities, the last two the temperature alone.
BITS = {1: "cs_overload", 2: "vcm_overload", 4: "vmix_overload", 8: "vdif_overload", 16: "resistance_over",
        32: "resistance_under", 64: "temperature_over", 128: "temperature_under"}
TEMPERATURE_ONLY = 64 | 128


class LakeShore372(Driver):
    """Reads a Lake Shore 372.

    The scanner moves through the inputs by itself, and a scan of sixteen takes minutes. Only the input that it dwells
    on is measured, continuously, once its change pause is over and its filter has settled: each reading of it is new,
    and those of the other inputs are of earlier and not repeated. So an input has points while it is dwelt on, and none
    until its next turn. An interval shorter than the shortest dwell time misses no input. Input A, the control input,
    is measured beside the scanner.
    """

    name = "lakeshore_372"
    title = "Lake Shore 372 AC resistance bridge"
    manual = "Lake Shore Model 372 User's Manual, chapter 6.6"
    family = "temperature"
    schemes = ("tcp", "serial", "visa")
    wire = Wire(b"\r\n", b"\r\n", pause=0.01, serial={"baudrate": 57600, "bytesize": 7, "parity": "O"})
    interval = 5.0
    turn = 960.0  # sixteen inputs, a minute each
    channel_names = ("A", *(str(n) for n in range(1, 17)))
    quantities = (
        Quantity("temperature", "K", "Temperature from the input's calibration curve", 0.0, 1000.0, decimals=4),
        Quantity("resistance", "Ω", "Resistance of the sensor", 0.0, 7e7, decimals=2),
    )
    statuses = {
        **{name: f"RDGST? reports {name.replace('_', ' ')}" for name in BITS.values()},
        "no_curve": "the input has no calibration curve: it has a resistance alone",
    }
    example = """\
name: cryostat
driver: lakeshore_372
connection: tcp://192.168.1.5:7777
interval: 5s
channels:
  "1": {label: Still}
  "5": {label: Mixing chamber}
"""
    link: Line

    def connected(self) -> None:
        self._scanned, self._since = "", 0.0
        self._enabled: dict[str, bool] = {}
        self._settling_seconds = 0.0
        try:
            self._settling()
            self._tells_settling = True
        except NoAnswer as error:  # an old firmware: the times that are set must do
            self.recover(error)
            self._tells_settling = False
        if any(channel.id == CONTROL for channel in self.channels):
            self._learn(CONTROL)

    def identify(self) -> str:
        answer = self.link.query("*IDN?")
        maker, _, rest = answer.partition(",")
        if maker != "LSCI" or rest.count(",") != 2:
            raise BadAnswer(f"asked *IDN?, found {answer[:60]!r}, expected LSCI,MODEL372,serial,firmware")
        if not rest.startswith("MODEL372,"):
            raise WrongDevice(f"this is a {answer!r}, expected a Lake Shore 372")
        return answer

    def read(self) -> Iterator[Reading]:
        wanted = {channel.id for channel in self.channels}
        scanned = self._scanned_input()
        control_settled, scanned_settled = self._settled()
        if CONTROL in wanted and self._enabled[CONTROL] and control_settled:
            yield self._measure(CONTROL)
        if scanned in wanted and self._enabled[scanned] and scanned_settled:
            reading = self._measure(scanned)
            if self._scanned_input() == scanned:  # else the scanner moved on while we asked
                yield reading

    def _scanned_input(self) -> str:
        """Ask which input the scanner is on; learns its settings when that is another than before."""
        answer = self.link.query("SCAN?").strip()
        match = SCAN.match(answer)
        if not match:
            raise BadAnswer(f"asked SCAN?, found {answer[:40]!r}, expected such as 05,1")
        scanned, scanning = str(int(match[1])), match[2] == "1"
        if scanned != self._scanned:
            # Without autoscan an input that is found selected has been so for long.
            first = not self._scanned and not scanning
            self._scanned, self._since = scanned, float("-inf") if first else time.monotonic()
            self._learn(scanned)
        return scanned

    def _learn(self, channel: str) -> None:
        """Ask whether an input is enabled and, where the bridge can't tell when it is settled, how long that takes."""
        answer = self.link.query(f"INSET? {channel}").strip()
        inset = INSET.match(answer)
        if not inset:
            raise BadAnswer(f"asked INSET? {channel}, found {answer[:40]!r}, expected such as 1,010,003,21,1")
        self._enabled[channel] = inset[1] == "1"
        if not self._tells_settling:
            answer = self.link.query(f"FILTER? {channel}").strip()
            filtered = FILTER.match(answer)
            if not filtered:
                raise BadAnswer(f"asked FILTER? {channel}, found {answer[:40]!r}, expected such as 1,005,10")
            self._settling_seconds = int(inset[2]) + int(filtered[1]) * int(filtered[2])

    def _settled(self) -> tuple[bool, bool]:
        """Tell whether the readings of the control input and of the scanned input are valid."""
        if self._tells_settling:
            return self._settling()
        return True, time.monotonic() - self._since >= self._settling_seconds

    def _settling(self) -> tuple[bool, bool]:
        answer = self.link.query("RDGSTL?").strip()
        match = SETTLING.match(answer)
        if not match:
            raise BadAnswer(f"asked RDGSTL?, found {answer[:40]!r}, expected such as 0,0")
        return match[1] == "0", match[2] == "0"

    def _measure(self, channel: str) -> Reading:
        kelvin, ohm = (number(self.link.query(question), READING, question)
                       for question in (f"KRDG? {channel}", f"SRDG? {channel}"))
        answered = self.link.answered_ns
        answer = self.link.query(f"RDGST? {channel}").strip()
        if not STATUS.match(answer):
            raise BadAnswer(f"asked RDGST? {channel}, found {answer[:40]!r}, expected three digits")
        bits = int(answer)
        status = " ".join(name for bit, name in BITS.items() if bits & bit)
        values = {"temperature": None if bits else kelvin, "resistance": None if bits & ~TEMPERATURE_ONLY else ohm}
        if not bits and kelvin == 0.0:  # it answers 0 for an input without a curve, and off its curve
            values["temperature"], status = None, "no_curve"
        return Reading(channel, values, answered, status or "ok")


DRIVER = LakeShore372

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
