"""Julabo circulators and chillers: temperatures, set points, heating power and the status they report. Reading only.

Source: Julabo operating manuals, chapter Remote control: lists of commands, status messages. They differ from model to
model: see _julabo_models.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..configured import Channel, Stanza
from ..declare import PINNED, Option, Probe, Quantity, Stream
from ..errors import BadAnswer, NoAnswer, WrongDevice
from ..example import with_channels
from ..line import Line, Wire
from ..reading import Reading
from ..source import Polled, number
from ._julabo_models import MODELS, UNKNOWN, of_version
from ._julabo_quantities import CODE, CONTROL, MEASURED, NUMBER, POWER, QUANTITIES, SETPOINT, STORED, code_of

IDENTITY = re.compile(r"JULABO|V *\d", re.IGNORECASE)
TEMPERATURE = re.compile(r"[+-]?\d{1,3}\.\d{1,2}\Z")
SET_TEMPERATURE = re.compile(r"[+-]?\d{1,3}(\.\d{1,2})?\Z")  # as it was set: 30
PERCENT = SET_TEMPERATURE
STATUS = re.compile(r"(-?\d{1,3}) +([A-Z(].*)\Z")
MESSAGE = re.compile(r"-\d\d +[A-Z]")
REFUSED = re.compile(r"-08\b|-\d\d INVALID COMMAND\b")
UNITS = {"0": "°C", "1": "°F"}
UNIT = re.compile(r"0*([01])(\.0*)?\Z")  # 0, 00, 0.00
ABSENT = re.compile(r"[ -/:-~]+\s*\Z")  # text without digits, such as ---.--: there is no such sensor


class Julabo(Polled):
    """Reads a Julabo circulator or chiller.

    Under the same command one model tells the external sensor's temperature, and another its heating power. So each is
    asked what its own manual lists, and its model is known by its answer to `VERSION`, or by `model`. Of a model that
    is not known, only what all manuals agree on is read: `bath`, `circulator` and `setpoint_1`; the other channels say
    `unknown_model`. A channel for which a model has no command says `not_of_model`; leave it out of the stanza. A model
    that has one set point alone tells no `setpoint_number`; one that does not answer `IN_MODE_04`, no
    `external_control`. Of one that does not answer `IN_MODE_01` it is not known which set point is in use: `setpoint`
    says `not_of_model`. An answer that is lost is asked for once more; then neither is asked again on this connection;
    the program's log tells it.

    Where its manual has a command that tells °C from °F, values are converted; where that is doubtful, temperatures say
    `unknown_unit`; else °C is taken for granted. An external sensor that is not connected says `no_sensor`. Where the
    interface is set to 9600 baud, 8N1, the connection needs `?baudrate=9600&bytesize=8&parity=N&rtscts=false`. On RS485
    each command begins with its address, `wire: {prefix: A032_, answer_prefix: A032_}`. The instrument needs a rest of
    0.25 s after each command: all channels take 4 s.
    """

    name = "julabo"
    title = "Julabo circulators and chillers"
    manual = "Julabo operating manuals, chapter Remote control: lists of commands, status messages"
    verified = (
        "against the lists of commands and messages of the manuals, line by line, model by model, and by a simulator that speaks "
        "as they say; not yet on hardware"
    )
    known_as = (
        "f25",
        "f32",
        "fp50",
        "fc600",
        "presto",
        "chiller",
        "circulator",
    )
    family = "temperature"
    extra = "serial"
    schemes = ("serial", "tcp")
    # Answers end with CR LF, those of some models with LF alone.
    wire = Wire(
        b"\r", b"\n", pause=0.25, settle=0.25, serial={"baudrate": 4800, "bytesize": 7, "parity": "E", "rtscts": True}
    )
    channel_names = tuple(QUANTITIES)
    streams = (Stream("julabo", (MEASURED, SETPOINT, NUMBER, CONTROL, STORED, POWER, CODE)),)
    options_known = (
        Option(
            "model",
            "str",
            "which model it is, where its answer to VERSION does not say so: "
            + "; ".join(f"{name}: {model.title}" for name, model in MODELS.items()),
            choices=tuple(MODELS),
        ),
        PINNED,
    )
    probes = (Probe((b"VERSION",)),)
    statuses = {
        "no_sensor": "no sensor is connected to this input",
        "not_of_model": "this model has no command for it; leave the channel out",
        "unknown_model": "which command tells this depends on the model, and which one it is is not known; say `model`",
        "unknown_unit": "whether it is told in °C or in °F is not known; the program's log says why",
        "-NN TEXT": "the device's own message of a fault, such as -05 WORKING SENSOR ALARM",
    }
    example = """\
name: chiller
driver: julabo
connection: serial:///dev/ttyUSB0
interval: 10s
channels:
  bath: {label: Bath}
  external: {label: Cold plate}
  setpoint: {label: Set point}
  heater: {label: Heater}
  circulator: {label: Status}
"""
    link: Line

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        return QUANTITIES[channel.id]

    @classmethod
    def channel_names_of(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        known = MODELS[options["model"]].questions if options["model"] else QUANTITIES
        return tuple(name for name in QUANTITIES if name in known)

    @classmethod
    def found(cls, url: str, identity: str, keys: Mapping[str, str]) -> str:
        """Write the stanza of one that was found, with the channels that its model has."""
        model = MODELS.get(of_version(identity), UNKNOWN)
        return with_channels(super().found(url, identity, keys), model.questions)

    def __init__(self, stanza: Stanza, link: Line):
        super().__init__(stanza, link)
        self._provoked = False  # something was asked that it did not know: STATUS says so before it says how it is

    def identify(self) -> str:
        answer = self.query("VERSION").strip()
        model, told = self.options["model"], of_version(answer)
        if IDENTITY.match(answer):
            if model and told and told != model:
                raise WrongDevice(f"this is {answer[:60]!r} ({MODELS[told].title}); is `model: {model}` right?")
            return answer
        if answer.isascii() and answer.isprintable() and re.search("[A-Za-z]", answer) and not STATUS.match(answer):
            raise WrongDevice(f"this is {answer[:60]!r}, expected a Julabo")
        raise BadAnswer(f"asked VERSION, found {answer[:60]!r}, expected such as JULABO TOPTECH-SERIES VERSION 3.0")

    def connected(self) -> None:
        self._model = MODELS.get(self.options["model"] or of_version(self.stanza.identity), UNKNOWN)
        self._refused = "unknown_model" if self._model is UNKNOWN else "not_of_model"
        missing = [channel.id for channel in self.channels if channel.id not in self._model.questions]
        if missing and self._model is UNKNOWN:
            self.note(
                f"{self.stanza.identity[:60]!r} tells no model, and what tells {', '.join(missing)} depends on it; say"
                f" `model`: {', '.join(MODELS)}"
            )
        elif missing:
            self.note(f"no command of {self._model.title} tells {', '.join(missing)}; leave that out")
        self._tells: dict[
            str, bool
        ] = {}  # question that not every one knows -> whether this one does, once it was asked
        self._tells_unit = False
        self._unit = self._first_unit()

    def query(self, question: str) -> str:
        try:
            answer = super().query(question)
        except NoAnswer:
            self._provoked = self._provoked or question != "STATUS"
            raise
        if question != "STATUS" and REFUSED.match(answer):
            self._provoked = True
        return answer

    def _first_unit(self) -> str:
        """Ask in which unit it answers: °C, °F, or "" where that is doubtful."""
        model = self._model
        if not model.unit:
            return "°C"
        fits = (lambda answer: True) if model.believed else _perhaps_unit
        celsius = "its temperatures are taken to be in °C"
        # Of a model that has it, one that is not answered once may be the answer °F.
        answer = self.optional(model.unit, fits, celsius, attempts=2 if model.believed else 1)
        if answer is None:
            return "°C"
        if REFUSED.match(answer):
            self.note(celsius, f"asked {model.unit}, found {answer.strip()[:40]!r}: ")
            return "°C"
        self._tells_unit = True
        return self._meant(answer)

    def _meant(self, answer: str) -> str:
        """Tell the unit that an answer means; °F is believed where the manual says so."""
        unit = _unit(answer)
        if unit == "°C" or unit and self._model.believed:
            return unit
        told = f"asked {self._model.unit}, found {answer.strip()[:40]!r}"
        cure = "set it to °C, or say `model`" if self._model is UNKNOWN else "set it to °C"
        self._doubt = f"{told}; {cure}" if unit else f"{told}, expected 0 (°C) or 1 (°F)"
        return ""

    def read(self) -> Iterator[Reading]:
        yield from super().read()
        # Whoever turns the unit at the panel must not change what is stored.
        if self._tells_unit and self._meant(self.query(self._model.unit)) != self._unit:
            raise BadAnswer(
                f"the unit of temperature was changed (it was {self._unit or 'not known'}); connecting anew"
            )

    def read_channel(self, channel: Channel) -> Reading:
        question = self._model.questions.get(channel.id)
        if question is None:
            return Reading(channel.id, {}, time.time_ns(), self._refused)
        if channel.id == "circulator":
            return self._read_status()
        if channel.id == "heater":
            values = {"heating_power": number(self.query(question), PERCENT, question)}
            return Reading(channel.id, values, self.link.answered_ns)
        if not self._unit:
            return Reading(channel.id, {}, time.time_ns(), "unknown_unit", self._doubt)
        if channel.id == "setpoint":
            return self._read_setpoint()
        answer = self.query(question)
        measured = channel.id in ("bath", "external")
        if measured and ABSENT.match(answer):
            return Reading(channel.id, {}, self.link.answered_ns, "no_sensor")
        form = TEMPERATURE if measured else SET_TEMPERATURE
        values = {QUANTITIES[channel.id][0].name: self._celsius(answer, form, question)}
        return Reading(channel.id, values, self.link.answered_ns)

    def _read_setpoint(self) -> Reading:
        more: dict[str, Any] = {}
        index = 0
        if self._model.selects:
            chosen = self._choose(
                "IN_MODE_01",
                "012"[: self._model.selects],
                "which set point is in use is not known until it connects anew",
            )
            if chosen is None:
                return Reading("setpoint", {}, time.time_ns(), self._refused)
            index = chosen
            more["setpoint_number"] = index + 1
        if self._model.controls:
            control = self._choose("IN_MODE_04", "01", "which sensor's temperature it controls is left out")
            if control is not None:
                more["external_control"] = control == 1
        question = f"IN_SP_0{index}"
        values = {"setpoint": self._celsius(self.query(question), SET_TEMPERATURE, question), **more}
        return Reading("setpoint", values, self.link.answered_ns)

    def _read_status(self) -> Reading:
        answer = self.query("STATUS").strip()
        if self._provoked and REFUSED.match(answer):  # that was our question; what is wrong with it stands behind it
            answer = self.query("STATUS").strip()
        self._provoked = False
        match = STATUS.match(answer)
        if not match:
            raise BadAnswer(f"asked STATUS, found {answer[:60]!r}, expected such as 03 REMOTE START")
        code = self._code(int(match[1]), match[2])
        well = code is not None and code >= 0 and not answer.startswith("-")
        status = "ok" if well else answer if answer.startswith("-") or code is not None else "unknown_code"
        detail = f"found {answer[:60]!r}" if status == "unknown_code" else ""
        return Reading("circulator", {"status_code": code}, self.link.answered_ns, status, detail)

    def _code(self, code: int, words: str) -> int | None:
        """Tell what a message is, as a code of the common list; None where number and words are not the same there."""
        meant = code_of(words)
        if self._model.by_words:
            return meant
        return code if self._model is not UNKNOWN or meant == code else None

    def _celsius(self, answer: str, form: re.Pattern[str], asked: str) -> float:
        value = number(answer, form, asked)
        return (value - 32.0) / 1.8 if self._unit == "°F" else value

    def _choose(self, question: str, choices: str, otherwise: str) -> int | None:
        """Ask which of some choices holds; None where this one does not tell it: then it is not asked again.

        What it does not know raises a message in STATUS each time; only an answer that was lost is asked for once more. One that
        has told it once knows it: what becomes of a later answer is that cycle's fault.
        """

        def fits(answer: str) -> bool:
            return answer.strip() in tuple(choices)

        if question not in self._tells:
            first = self.optional(question, lambda answer: fits(answer) or REFUSED.match(answer), otherwise, attempts=2)
            if first is not None and not fits(first):
                self.note(otherwise, f"asked {question}, found {first.strip()[:40]!r}: ")
                first = None
            self._tells[question] = first is not None
            return None if first is None else int(first)
        if not self._tells[question]:
            return None
        answer = self.query(question).strip()
        if not fits(answer):
            raise BadAnswer(f"asked {question}, found {answer[:40]!r}")
        return int(answer)


def _perhaps_unit(answer: str) -> bool:
    """Tell whether an answer may be that of a temperature indication: its code, or an alarm in the place of it."""
    return bool(_unit(answer) or MESSAGE.match(answer) and not REFUSED.match(answer))


def _unit(answer: str) -> str:
    """Tell the unit that the code of a temperature indication means; "" for what is none."""
    match = UNIT.match(answer.strip())
    return UNITS[match[1]] if match else ""


DRIVER = Julabo

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
