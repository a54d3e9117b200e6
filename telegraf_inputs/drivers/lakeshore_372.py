"""Lake Shore 372 AC resistance bridge with its scanner: temperature and resistance of the input that is being measured.

Source: Lake Shore Model 372 User's Manual, chapter 6.6 (SCAN?, INSET?, FILTER?, RDGSTL?, KRDG?, SRDG?, RDGST?).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ..configured import Channel
from ..declare import PINNED, Probe, Quantity, Stream
from ..line import Wire
from ..reading import Reading
from ._lakeshore import LakeShore, reported
from ._lakeshore_models import SCANNED

CONTROL = "A"  # the control input, which is measured beside the scanner
SCAN = re.compile(r"(\d\d),([01])\Z")
INSET = re.compile(r"([01]),\d{1,3},(\d{1,3}),\d{1,2},\d\Z")  # enabled, dwell, pause in seconds, curve, coefficient
FILTER = re.compile(r"([01]),(\d{1,3}),\d{1,2}\Z")  # on, settling time in seconds, window
SETTLING = re.compile(r"([0-2]),([0-2])\Z")  # control input, scanned input: 0 valid, 1 and 2 settling
# RDGST? bits: the electrical ones spoil both quantities, the last two the temperature alone.
BITS = {
    1: "cs_overload",
    2: "vcm_overload",
    4: "vmix_overload",
    8: "vdif_overload",
    16: "resistance_over",
    32: "resistance_under",
    64: "temperature_over",
    128: "temperature_under",
}
TEMPERATURE_ONLY = 64 | 128


class LakeShore372(LakeShore):
    """Reads a Lake Shore 372.

    The scanner moves through the inputs by itself, and a scan of sixteen takes minutes. Only the input that it dwells
    on is measured, continuously, once its change pause is over and its filter has settled, as it says itself (an old
    firmware does not: then the times that are set are waited for): each reading of it is new,
    and those of the other inputs are of earlier and not repeated. So an input has points while it is dwelt on, and none
    until its next turn. An interval shorter than the shortest dwell time misses no input. Input A, the control input,
    is measured beside the scanner. An input that is asked for and not measured, because it is switched off or the
    scanner stands on another, has a status that says so, and no values.
    """

    name = "lakeshore_372"
    title = "Lake Shore 372 AC resistance bridge"
    manual = "Lake Shore Model 372 User's Manual, chapter 6.6"
    verified = "by a simulator that speaks as the manual says; not yet on hardware"
    known_as = (
        "372",
        "ls372",
        "model372",
        "model 372",
    )
    family = "temperature"
    schemes = ("tcp", "serial", "visa")
    # Answers end with CR LF, those of some interfaces with LF alone.
    wire = Wire(b"\r\n", b"\n", pause=0.01, serial={"baudrate": 57600, "bytesize": 7, "parity": "O"})
    interval = 5.0
    turn = 960.0  # sixteen inputs, a minute each
    channel_names = SCANNED.inputs
    models = {"372": SCANNED}
    bits = BITS
    temperature_only = TEMPERATURE_ONLY
    reading = re.compile(r"[+-]\d{1,3}\.\d{3,6}E[+-]\d\d\Z")
    status = re.compile(r"\d{3}\Z")
    streams = (
        Stream(
            "lakeshore_372",
            (
                Quantity("temperature", "K", "Temperature from the input's calibration curve", high=1000.0, decimals=4),
                # Its highest range ends at 63.2 MΩ, and reads a fifth more; noise about 0 has either sign.
                Quantity("resistance", "Ω", "Resistance of the sensor", -7.6e7, 7.6e7, decimals=2),
            ),
        ),
    )
    options_known = (PINNED,)
    probes = (Probe((b"*IDN?",)),)
    statuses = {
        **reported(BITS),
        "disabled": "the input is switched off",
        "not_scanned": "autoscan is off, and another input is selected",
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

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        return cls.streams[0].quantities

    def connected(self) -> None:
        self._scanned, self._since = "", 0.0
        self._wanted = [channel.id for channel in self.channels]
        self._turns = list(self._wanted)  # which input's settings are asked for next
        self._enabled: dict[str, bool] = {}
        self._pauses: dict[str, int] = {}
        self._told: set[str] = set()  # inputs whose points say that they are not measured
        self._tells_settling: bool | None = None  # not known yet
        self._tells_filter: bool | None = None

    def read(self) -> Iterator[Reading]:
        scanned, scanning = self._scan()
        self._turns.append(self._turns.pop(0))
        faults: dict[str, Reading] = {}
        for name in self._wanted:
            # What is switched off answers its last reading for ever: what is measured is asked each time. The settings
            # of the others are asked one in a cycle, in turn: that is no time lost.
            if name in (CONTROL, scanned, self._turns[-1]) or name not in self._enabled:
                fault = self.contained(name, partial(self._learn, name))
                if fault is not None:
                    self._enabled.pop(name, None)
                    faults[name] = fault
        unsettled = self.contained("", self._learn_settling)
        if unsettled is not None:  # whether what is measured is valid is not known in this cycle
            measured = [name for name in (CONTROL, scanned) if name in self._wanted and self._enabled.get(name)]
            faults |= {name: replace(unsettled, channel=name) for name in measured if name not in faults}
        control_settled, scanned_settled = self._settled
        for name in self._wanted:
            reading, status = faults.get(name), ""
            if reading is not None:
                status = reading.status
            elif status := self._unmeasured(name, scanned, scanning):
                reading = Reading(name, {}, time.time_ns(), status)
            elif name == CONTROL and control_settled:
                reading = self.contained(name, partial(self.measure, name, "resistance"))
            elif name == scanned and scanned_settled:
                reading = self.contained(name, partial(self._measure_scanned, name))
                if reading is not None and self._scan()[0] != scanned:  # the scanner moved on while we asked
                    reading = None
            if reading is None and name in self._told:  # it waits its turn again: well, but without a value
                reading = Reading(name, {}, time.time_ns())
            if reading is not None:
                (self._told.add if status else self._told.discard)(name)
                yield reading

    def _scan(self) -> tuple[str, bool]:
        """Ask which input the scanner is on, and whether it moves by itself."""
        match = self.ask("SCAN?", SCAN, "05,1")
        scanned, scanning = str(int(match[1])), match[2] == "1"
        if scanned != self._scanned:
            # Without autoscan an input that is found selected has been so for long.
            first = not self._scanned and not scanning
            self._scanned, self._since = scanned, float("-inf") if first else time.monotonic()
        return scanned, scanning

    def _learn(self, name: str) -> None:
        """Ask whether an input is enabled, and for its pause."""
        inset = self.ask(f"INSET? {name}", INSET, "1,010,003,21,1")
        if name == self._scanned and inset[1] == "1" and not self._enabled.get(name, True):
            self._since = time.monotonic()
        self._enabled[name], self._pauses[name] = inset[1] == "1", int(inset[2])

    def _unmeasured(self, name: str, scanned: str, scanning: bool) -> str:
        """Tell why an input is not measured, as a status; "" where it is, or waits its turn."""
        if not self._enabled[name]:
            return "disabled"
        return "" if scanning or name in (CONTROL, scanned) else "not_scanned"

    def _learn_settling(self) -> None:
        """Ask whether the readings of the control input and of the scanned input are valid, as far as it says so."""
        self._settled, found = (True, True), None
        if self._tells_settling:
            found = self.ask("RDGSTL?", SETTLING, "0,0")
        elif self._tells_settling is None:
            found = self._optional("RDGSTL?", SETTLING, "its inputs are read by the times that are set")
            self._tells_settling = found is not None
        if found:
            self._settled = found[1] == "0", found[2] == "0"

    def _filter_seconds(self, channel: str) -> int:
        """Ask how long the filter of an input takes to settle; 0 where it is off, or does not tell."""
        question, found = f"FILTER? {channel}", None
        if self._tells_filter:
            found = self.ask(question, FILTER, "1,005,10")
        elif self._tells_filter is None:
            found = self._optional(question, FILTER, "its filters are taken to be off")
            self._tells_filter = found is not None
        return int(found[1]) * int(found[2]) if found else 0

    def _optional(self, question: str, form: re.Pattern[str], otherwise: str) -> re.Match[str] | None:
        answer = self.optional(question, lambda text: form.match(text.strip()), otherwise)
        return form.match(answer.strip()) if answer is not None else None

    def _measure_scanned(self, channel: str) -> Reading | None:
        if not self._tells_settling:
            seconds = self._pauses[channel] + self._filter_seconds(channel)
            if time.monotonic() - self._since < seconds:
                return None
        return self.measure(channel, "resistance")


DRIVER = LakeShore372

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
