"""Pfeiffer Vacuum TPG 261, TPG 262 and TPG 366 gauge controllers: the pressure at each gauge, in mbar.

Source: Operating Instructions TPG 261, BG 5195 BEN, chapter 5 (PRX, UNI, PNR, COM), which holds for the TPG 262 too;
Communication Protocol TPG 366, BG 5511 BEN (AYT).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ..configured import Stanza
from ..declare import PINNED, Option, Probe, Quantity, Stream
from ..errors import BadAnswer, BadInput, InstrumentError, WrongDevice
from ..line import Line, Wire
from ..reading import Reading
from ..source import Polled

ACK, NAK, ENQ = "\x06", "\x15", b"\x05"
GAUGES = {"tpg261": 1, "tpg262": 2, "tpg366": 6}
# A gauge that is unplugged changes what TID answers, but neither of these.
IDENTITY = {"tpg261": "PNR", "tpg262": "PNR", "tpg366": "AYT"}
IDENTITIES = {"PNR": re.compile(r"\d{3}-\d{3}(-\S*)?\Z"), "AYT": re.compile(r"TPG \d{3}(,[^,]*){4}\Z")}
PRESSURE = re.compile(r"[+-]?\d\.\d{4}E[+-]\d\d\Z")
STATUS = {
    "0": "ok",
    "1": "underrange",
    "2": "overrange",
    "3": "sensor_error",
    "4": "sensor_off",
    "5": "no_sensor",
    "6": "identification_error",
}
# What UNI answers: the unit's name, and how many mbar it is.
UNITS = {
    "0": ("mbar", 1.0),
    "1": ("Torr", 1013.25 / 760),
    "2": ("Pa", 0.01),
    "3": ("micron", 1.01325 / 760),
    "4": ("hPa", 1.0),
}
ERRORS = ("controller error", "no hardware", "inadmissible parameter", "syntax error")
TTY_BUFFER = 4095  # bytes that the kernel keeps of what nobody has read yet


class Refused(BadAnswer):
    """A mnemonic that was answered by NAK."""


class PfeifferTPG(Polled):
    """Reads a Pfeiffer TPG 261, 262 or 366.

    All gauges of a controller are read by one question, so their points have one time. A gauge whose status is not ok
    has no pressure: neither the limit that the controller then shows, nor 0. Pressures are stored in mbar, whatever
    unit the display is set to. A TPG 261 or 262 that was switched on and not asked yet speaks by itself, each second;
    `mode: continuous` listens to that and sends nothing, and needs the `unit` that the display is set to; where it was
    told to speak each minute only, set `timeout: 70s`.
    """

    name = "pfeiffer_tpg"
    title = "Pfeiffer Vacuum TPG 261, TPG 262, TPG 366 gauge controllers"
    manual = "Pfeiffer Operating Instructions TPG 261, BG 5195 BEN; Communication Protocol TPG 366, BG 5511 BEN"
    known_as = (
        "tpg",
        "pfeiffer",
        "maxigauge",
        "singlegauge",
        "dualgauge",
    )
    family = "pressure"
    extra = "serial"
    schemes = ("serial", "tcp")
    wire = Wire(b"\r", b"\r\n", serial={"baudrate": 9600})
    channel_names = ("1", "2", "3", "4", "5", "6")
    # Linear gauges swing below 0 at their zero; the highest of them end at 50 bar.
    streams = (Stream("pfeiffer_tpg", (Quantity("pressure", "mbar", "Pressure at the gauge", -50.0, 6e4),)),)
    probes = (
        Probe((b"AYT", b"\x05"), {"model": "tpg366"}),
        Probe((b"PNR", b"\x05"), {"model": "tpg262"}),
    )
    options_known = (
        Option("model", "str", "the controller: tpg261, tpg262 or tpg366", required=True, choices=tuple(GAUGES)),
        Option(
            "mode",
            "str",
            "mnemonics: it is asked; continuous: it speaks by itself (TPG 261 and 262)",
            "mnemonics",
            choices=("mnemonics", "continuous"),
        ),
        Option(
            "unit",
            "str",
            "the unit that its display is set to, where it can't be asked (mode: continuous)",
            choices=("mbar", "hPa", "Torr", "Pa", "micron"),
        ),
        PINNED,
    )
    statuses = {word: f"the gauge reports {word.replace('_', ' ')}" for word in STATUS.values() if word != "ok"}
    example = """\
name: vacuum
driver: pfeiffer_tpg
connection: serial:///dev/ttyUSB0
model: tpg262
interval: 5s
channels:
  "1": {label: Main chamber}
  "2": {label: Load lock}
"""
    link: Line

    @classmethod
    def channel_names_of(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return cls.channel_names[: GAUGES[options["model"]]]

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        options = stanza.options
        if options["mode"] == "continuous" and options["model"] == "tpg366":
            raise BadInput("a TPG 366 does not speak by itself; expected mode: mnemonics", ("mode",))
        if options["mode"] == "continuous" and not options["unit"]:
            raise BadInput(
                "is missing; what speaks by itself can't be asked: expected the unit that its display is "
                f"set to, one of {', '.join(dict(UNITS.values()))}",
                ("unit",),
            )
        if options["mode"] == "continuous" and options["identity"]:
            raise BadInput(
                "leave this out: it is for mode: mnemonics; else the controller is not asked who it is", ("identity",)
            )
        if options["mode"] == "mnemonics" and options["unit"]:
            raise BadInput("leave this out: it is for mode: continuous; else the controller is asked", ("unit",))

    def __init__(self, stanza: Stanza, link: Line):
        super().__init__(stanza, link)
        self._gauges = GAUGES[self.options["model"]]
        self._listens = self.options["mode"] == "continuous"
        self._unit, self._mbar = self.options["unit"], 1.0
        if self._listens:
            self._mbar = dict(UNITS.values())[self._unit]

    def connected(self) -> None:
        if self._listens:
            return
        answer = self._ask("UNI")
        if answer not in UNITS:
            raise InstrumentError(
                f"its display is set to a unit that is no pressure (asked UNI, found {answer[:20]!r});"
                " set it to mbar at the controller"
            )
        self._unit, self._mbar = UNITS[answer]

    def identify(self) -> str:
        if self._listens:
            self.link.receive()  # its beginning may have come before we listened
            return ""
        question = IDENTITY[self.options["model"]]
        try:
            answer = self._ask(question).strip()
        except Refused as error:
            raise WrongDevice(f"{error}; is `model: {self.options['model']}` right?") from None
        if not any(form.match(answer) for form in IDENTITIES.values()) and not re.match(r"\d{6}\Z", answer):
            raise BadAnswer(f"asked {question}, found {answer[:60]!r}, expected its identification")
        if not IDENTITIES[question].match(answer) or question == "AYT" and not answer.startswith("TPG 366,"):
            raise WrongDevice(f"this is {answer!r}, expected a {self.options['model'].upper()}; is `model` right?")
        return answer

    def read(self) -> Iterator[Reading]:
        if self._listens:
            yield from self._readings(self._newest_line())
            return
        readings = list(self._readings(self._ask("PRX")))
        # Whoever turns the unit on the panel between two cycles must not change what is stored.
        unit = self._ask("UNI")
        if UNITS.get(unit, ("",))[0] != self._unit:
            raise BadAnswer(f"the unit of its display was changed (it was {self._unit}); connecting anew")
        yield from readings

    def _readings(self, answer: str) -> Iterator[Reading]:
        parts = [part.strip() for part in answer.split(",")]
        # A TPG 261 tells of a second gauge, too, which it can't have.
        if len(parts) not in {2 * self._gauges, 2 * max(2, self._gauges)}:
            raise BadAnswer(
                f"found {answer[:100]!r}, expected a status and a pressure of each of {self._gauges} gauges; "
                "is `model` right?"
            )
        gauges = dict(enumerate(zip(parts[::2], parts[1::2], strict=True), 1))
        for gauge, (code, text) in gauges.items():
            if code == "0" and not PRESSURE.match(
                text
            ):  # one answer for all: what is torn in it makes all of it doubtful
                raise BadAnswer(f"found pressure {text[:20]!r} of gauge {gauge}, expected such as 1.2345E-03")
        if not any(code in STATUS for code, _ in gauges.values()):
            raise BadAnswer(f"found {answer[:100]!r}, expected a status 0 to 6 of each gauge")
        for channel in self.channels:
            yield self._reading(channel.id, *gauges[int(channel.id)])

    def _reading(self, gauge: str, code: str, text: str) -> Reading:
        """Read what the controller says of one gauge: a status, and a pressure where that is 0."""
        if code not in STATUS:
            return Reading(
                gauge, {}, self.link.answered_ns, "unknown_code", f"found status {code[:20]!r}, expected 0 to 6"
            )
        values = {"pressure": float(text) * self._mbar} if code == "0" else {}
        return Reading(gauge, values, self.link.answered_ns, STATUS[code])

    def _ask(self, mnemonic: str) -> str:
        """Ask one mnemonic: it is acknowledged, and ENQ fetches the answer. Raises Refused, BadAnswer, NoAnswer."""
        for _ in range(2):  # the manual's cure for NAK, which a disturbed line brings too, is to repeat the mnemonic
            answer = self.link.query(mnemonic)
            if answer != NAK:
                break
            self.link.send_bytes(ENQ, "ENQ")
            word = self.link.receive()
        else:
            errors = [text for flag, text in zip(word, ERRORS, strict=False) if flag == "1"]
            raise Refused(
                f"it refuses {mnemonic}: {' and '.join(errors) or 'reason unknown'} (error word {word[:10]!r})"
            )
        if answer != ACK:
            raise BadAnswer(f"asked {mnemonic}, found {answer[:40]!r}, expected its acknowledgement (ACK)")
        self.link.send_bytes(ENQ, f"{mnemonic}, ENQ")
        return self.link.receive()

    def _newest_line(self) -> str:
        """Wait for the next line that it says; what it said since the last cycle is of then, and is thrown away."""
        old = 0
        while self.link.waiting():
            old += len(self.link.receive())
        if old > TTY_BUFFER // 2:  # perhaps some was lost: the next line may be sewn together from two
            self.link.receive()
        return self.link.receive()


DRIVER = PfeifferTPG

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
