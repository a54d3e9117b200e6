"""Gauge controllers of Pfeiffer Vacuum (TPG) and INFICON (VGC50x): the pressure at each gauge, in mbar.

Source: Operating Instructions TPG 261, BG 5195 BEN, chapter 5 (PRX, UNI, PNR, COM), which holds for the others too; where
they differ: see _tpg_models.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ..configured import Channel, Stanza
from ..declare import NAMELESS, PINNED_OR_NONE, Option, Probe, Quantity, Stream
from ..errors import BadAnswer, BadInput, InstrumentError, NoAnswer, WrongDevice
from ..example import with_channels
from ..line import Line, Wire
from ..reading import Reading
from ..source import Polled
from ._tpg_models import CONTROLLERS, INFICON_STATUS, NEWER, PROGRAM, UNITS, of_identity

ACK, NAK, ENQ = "\x06", "\x15", b"\x05"
ERRORS = ("controller error", "no hardware", "inadmissible parameter", "syntax error")
TTY_BUFFER = 4095  # bytes that the kernel keeps of what nobody has read yet
BY_NAME = ("tpg366", "tpg362", "tpg361", "vgc503", "vgc502", "vgc501")


class NotAcknowledged(BadAnswer):
    """A mnemonic that was answered by NAK."""


class PfeifferTPG(Polled):
    """Reads a Pfeiffer TPG 261, 262, 256 A, 361, 362 or 366, or an INFICON VGC501, VGC502 or VGC503.

    Where a controller has a question for all gauges, their points have one time. A gauge whose status is not ok
    has no pressure: neither the limit that the controller then shows, nor 0. Pressures are stored in mbar, whatever
    unit the display is set to. A TPG 261 or 262 that was switched on and not asked yet speaks by itself, each second;
    `mode: continuous` listens to that and sends nothing, and needs the `unit` that the display is set to; where it was
    told to speak each minute only, set `timeout: 70s`. What speaks like one of these and can't say who it is, needs
    `identity: none`; and `unit`, if it can't tell that either. A VGC50x is set to 115200 baud when it is delivered:
    `?baudrate=115200`.
    """

    name = "pfeiffer_tpg"
    title = "Pfeiffer Vacuum TPG and INFICON VGC50x gauge controllers"
    manual = (
        "Pfeiffer Operating Instructions TPG 261, BG 5195 BEN; MaxiGauge TPG 256 A, BG 5186 BEN; Communication Protocol "
        "TPG 361, TPG 362, BG 5510 BEN; TPG 366, BG 5511 BEN; INFICON Operating Manual VGC50x, tina96e1"
    )
    verified = (
        "against the tables of the manuals, line by line, and by a simulator of each model that speaks as they say; not yet on "
        "hardware"
    )
    known_as = (
        "tpg",
        "pfeiffer",
        "maxigauge",
        "singlegauge",
        "dualgauge",
        "inficon",
        "vgc501",
        "vgc502",
        "vgc503",
    )
    family = "pressure"
    extra = "serial"
    schemes = ("serial", "tcp")
    # Answers end with CR LF, those of some firmwares with LF alone.
    wire = Wire(b"\r", b"\n", serial={"baudrate": 9600})
    channel_names = ("1", "2", "3", "4", "5", "6")
    # Linear gauges swing below 0 at their zero; the highest of them end at 50 bar.
    streams = (Stream("pfeiffer_tpg", (Quantity("pressure", "mbar", "Pressure at the gauge", -50.0, 6e4),)),)
    probes = (
        *(Probe((b"AYT", b"\x05"), {"model": name}) for name in BY_NAME),
        Probe((b"PNR", b"\x05"), {"model": "tpg262"}),
    )
    options_known = (
        Option("model", "str", "the controller", required=True, choices=tuple(CONTROLLERS)),
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
            "the unit that its display is set to, where it can't be asked (mode: continuous, identity: none)",
            choices=("mbar", "hPa", "Torr", "Pa", "micron"),
        ),
        PINNED_OR_NONE,
    )
    statuses = {word: f"the gauge reports {word.replace('_', ' ')}" for word in INFICON_STATUS.values() if word != "ok"}
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
        return cls.channel_names[: CONTROLLERS[options["model"]].gauges]

    @classmethod
    def found(cls, url: str, identity: str, keys: Mapping[str, str]) -> str:
        """Write the stanza of one that was found, with the gauges that it has."""
        return with_channels(super().found(url, identity, keys), cls.channel_names_of(keys))

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        options = stanza.options
        controller = CONTROLLERS[options["model"]]
        listens, nameless = options["mode"] == "continuous", options["identity"] == NAMELESS
        if listens and not controller.speaks:
            raise BadInput(f"a {controller.title} does not speak by itself; expected mode: mnemonics", ("mode",))
        if listens and not options["unit"]:
            raise BadInput(
                "is missing; what speaks by itself can't be asked: expected the unit that its display is "
                f"set to, one of {', '.join(dict(UNITS.values()))}",
                ("unit",),
            )
        if listens and options["identity"]:
            raise BadInput(
                "leave this out: it is for mode: mnemonics; else the controller is not asked who it is", ("identity",)
            )
        if not listens and options["unit"] and not nameless:
            raise BadInput(
                "leave this out: it is for mode: continuous, or identity: none; else the controller is asked", ("unit",)
            )

    def __init__(self, stanza: Stanza, link: Line):
        super().__init__(stanza, link)
        self._controller = CONTROLLERS[self.options["model"]]
        self._listens = self.options["mode"] == "continuous"
        self._nameless = self.options["identity"] == NAMELESS
        self._unit = self.options["unit"]
        self._mbar = dict(UNITS.values())[self._unit] if self._unit else 1.0
        self._tells_unit = False

    def connected(self) -> None:
        if self._listens:
            return
        if said := self.options["unit"]:
            answer = self.optional(
                "UNI", UNITS.__contains__, f"its pressures are taken to be in {said}, as `unit` says"
            )
            if answer is not None and UNITS[answer][0] != said:
                raise InstrumentError(f"its display is set to {UNITS[answer][0]}, and `unit` says {said}")
            self._tells_unit = answer is not None
            return
        try:
            answer = self.query("UNI")
        except (NoAnswer, NotAcknowledged) as error:
            raise type(error)(f"{error}{'; where it has no UNI, say `unit`' if self._nameless else ''}") from None
        if len(answer) != 1 or answer not in "0123456789":
            raise BadAnswer(f"asked UNI, found {answer[:40]!r}, expected the code of a unit")
        if answer not in UNITS:
            raise InstrumentError(
                f"its display is set to a unit that is no pressure (asked UNI, found {answer[:20]!r});"
                " set it to mbar at the controller"
            )
        self._tells_unit = True
        self._unit, self._mbar = UNITS[answer]

    def identify(self) -> str:
        if self._listens:
            self.link.receive()  # its beginning may have come before we listened
            return ""
        if self._nameless:
            return ""
        model, controller = self.options["model"], self._controller
        try:
            answer = self.query(controller.identity)
        except NotAcknowledged as error:
            raise WrongDevice(f"{error}; is `model: {model}` right?") from None
        if controller.form.match(answer):
            return answer
        other = of_identity(answer)
        if other or PROGRAM.match(answer) or NEWER.match(answer):
            told = f"this is {answer!r}, expected a {controller.title}"
            raise WrongDevice(f"{told}; is `model` right?{f' Perhaps {other}' if other else ''}")
        raise BadAnswer(f"asked {controller.identity}, found {answer[:60]!r}, expected its identification")

    def verify(self) -> None:
        if self._nameless:  # a question and its answer are told apart by their form: an acknowledgement, then a value
            self.link.refuse_surplus()
        super().verify()

    def read(self) -> Iterator[Reading]:
        if self._listens:
            yield from self._readings(self._newest_line())
            return
        readings = list(super().read() if self._controller.each else self._readings(self.query("PRX")))
        # Whoever turns the unit on the panel between two cycles must not change what is stored.
        if self._tells_unit and UNITS.get(self.query("UNI"), ("",))[0] != self._unit:
            raise BadAnswer(f"the unit of its display was changed (it was {self._unit}); connecting anew")
        yield from readings

    def read_channel(self, channel: Channel) -> Reading:
        question = f"PR{channel.id}"
        parts = [part.strip() for part in self.query(question).split(",")]
        if len(parts) != 2:
            raise BadAnswer(f"asked {question}, found {','.join(parts)[:60]!r}, expected a status and a pressure")
        self._check({channel.id: (parts[0], parts[1])})
        return self._reading(channel.id, parts[0], parts[1])

    def _readings(self, answer: str) -> Iterator[Reading]:
        parts = [part.strip() for part in answer.split(",")]
        gauges = self._controller.gauges
        # A TPG 261 tells of a second gauge, too, which it can't have.
        if len(parts) not in {2 * gauges, 2 * max(2, gauges)}:
            raise BadAnswer(
                f"found {answer[:100]!r}, expected a status and a pressure of each of {gauges} gauges; "
                "is `model` right?"
            )
        told = {str(n): pair for n, pair in enumerate(zip(parts[::2], parts[1::2], strict=True), 1)}
        self._check(told)  # one answer for all: what is torn in it makes all of it doubtful
        for channel in self.channels:
            yield self._reading(channel.id, *told[channel.id])

    def _check(self, told: Mapping[str, tuple[str, str]]) -> None:
        """Refuse an answer (gauge -> status, pressure) with a pressure that is none, or without any status."""
        for gauge, (code, text) in told.items():
            if code == "0" and not self._controller.pressure.match(text):
                raise BadAnswer(f"found pressure {text[:20]!r} of gauge {gauge}, expected such as 1.2345E-03")
        if len(told) > 1 and not any(code in self._controller.status for code, _ in told.values()):
            found = ",".join(",".join(pair) for pair in told.values())
            raise BadAnswer(f"found {found[:100]!r}, expected a status 0 to 6 of each gauge")

    def _reading(self, gauge: str, code: str, text: str) -> Reading:
        """Read what the controller says of one gauge: a status, and a pressure where that is 0."""
        known = self._controller.status
        if code not in known:
            detail = f"found status {code[:20]!r}, expected 0 to {max(known)}"
            return Reading(gauge, {}, self.link.answered_ns, "unknown_code", detail)
        values = {"pressure": float(text) * self._mbar} if code == "0" else {}
        return Reading(gauge, values, self.link.answered_ns, known[code])

    def query(self, mnemonic: str) -> str:
        """Ask one mnemonic: it is acknowledged, and ENQ fetches the answer. Raises Refused, BadAnswer, NoAnswer."""
        for _ in range(2):  # the manual's cure for NAK, which a disturbed line brings too, is to repeat the mnemonic
            answer = self.link.query(mnemonic).strip()
            if answer != NAK:
                break
            self.link.send_bytes(ENQ, "ENQ")
            word = self.link.receive().strip()
        else:
            errors = [text for flag, text in zip(word, ERRORS, strict=False) if flag == "1"]
            raise NotAcknowledged(
                f"it refuses {mnemonic}: {' and '.join(errors) or 'reason unknown'} (error word {word[:10]!r})"
            )
        if answer != ACK:
            raise BadAnswer(f"asked {mnemonic}, found {answer[:40]!r}, expected its acknowledgement (ACK)")
        self.link.send_bytes(ENQ, f"{mnemonic}, ENQ")
        return self.link.receive().strip()

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
