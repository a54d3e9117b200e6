"""Julabo circulators and chillers: temperatures, set points, heating power and the status they report. Reading only.

Source: Julabo operating manuals (CF41, SL-26, F33-HD, FL), chapter Remote control: lists of commands, status messages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from ..configured import Channel
from ..declare import PINNED, Choice, Probe, Quantity, Stream
from ..errors import BadAnswer, WrongDevice
from ..line import Line, Wire
from ..reading import Reading
from ..source import Polled, number

IDENTITY = re.compile(r"JULABO|V *\d", re.IGNORECASE)
TEMPERATURE = re.compile(r"[+-]?\d{1,3}\.\d{1,2}\Z")
PERCENT = re.compile(r"[+-]?\d{1,3}(\.\d{1,2})?\Z")
STATUS = re.compile(r"(-?\d{1,3}) +[A-Z(].*\Z")
MESSAGE = re.compile(r"-\d\d +[A-Z]")
UNKNOWN = re.compile(r"-08\b")  # -08 INVALID COMMAND
UNIT, UNITS = "IN_SP_06", "01"  # °C, °F
ABSENT = re.compile(r"[ -/:-~]+\s*\Z")  # text without digits, such as ---.--: there is no such sensor

MEASURED = Quantity("temperature", "°C", "Temperature at the sensor", -100.0, 400.0, decimals=2)
SETPOINT = Quantity("setpoint", "°C", "Set point in use", -100.0, 400.0, decimals=2)
NUMBER = Quantity(
    "setpoint_number",
    "",
    "Which of the stored set points is in use",
    1,
    3,
    type="int",
    choices=tuple(Choice(number, f"set point {number}") for number in (1, 2, 3)),
)
CONTROL = Quantity(
    "external_control",
    "",
    "Which sensor's temperature it controls",
    type="bool",
    choices=(Choice(False, "internal"), Choice(True, "external")),
)
STORED = Quantity("stored_setpoint", "°C", "Stored set point, in use or not", -100.0, 400.0, decimals=2)
POWER = Quantity("heating_power", "%", "Heating power; below 0 it cools", -100.0, 100.0, decimals=0)
# Chapter Status messages, and Error messages.
STATES = (
    Choice(0, "manual stop"),
    Choice(1, "manual start", "ok"),
    Choice(2, "remote stop"),
    Choice(3, "remote start", "ok"),
    Choice(-1, "low level alarm", "critical"),
    Choice(-3, "excess temperature warning", "warning"),
    Choice(-4, "low temperature warning", "warning"),
    Choice(-5, "working sensor alarm", "critical"),
    Choice(-6, "sensor difference alarm", "critical"),
    Choice(-7, "I2C-bus error", "critical"),
    Choice(-8, "invalid command", "warning"),
    Choice(-9, "command not allowed in current operating mode", "warning"),
    Choice(-10, "value too small", "warning"),
    Choice(-11, "value too large", "warning"),
    Choice(-12, "temperature measurement alarm", "critical"),
    Choice(-13, "value exceeds temperature limits", "warning"),
    Choice(-14, "excess temperature protector alarm", "critical"),
    Choice(-15, "external sensor alarm", "critical"),
    Choice(-20, "clean condensor or check cooling water circuit of refrigerator", "warning"),
    Choice(-21, "compressor stage 1 does not work", "warning"),
    Choice(-26, "stand-by plug is missing", "warning"),
    Choice(-33, "safety sensor alarm", "critical"),
    Choice(-38, "external sensor setpoint programming alarm", "critical"),
    Choice(-40, "niveau level warning", "warning"),
)
CODE = Quantity("status_code", "", "What it does, or what is wrong with it", -99, 99, type="int", choices=STATES)

QUANTITIES = {
    "bath": (MEASURED,),
    "external": (MEASURED,),
    "setpoint": (SETPOINT, NUMBER, CONTROL),
    "heater": (POWER,),
    "circulator": (CODE,),
    "setpoint_1": (STORED,),
    "setpoint_2": (STORED,),
    "setpoint_3": (STORED,),
}
QUESTIONS = {
    "bath": "IN_PV_00",
    "external": "IN_PV_02",
    "setpoint_1": "IN_SP_00",
    "setpoint_2": "IN_SP_01",
    "setpoint_3": "IN_SP_02",
}


class Julabo(Polled):
    """Reads a Julabo circulator or chiller.

    Not every model knows every command: a channel that a model does not have says `bad_answer`, or says `no_answer`
    and costs its timeout in each cycle; leave it out of the stanza. An external sensor that is not connected says `no_sensor`. Where the
    interface is set to 9600 baud, 8N1, the connection needs `?baudrate=9600&bytesize=8&parity=N&rtscts=false`. The
    instrument needs a rest of 0.25 s after each command: all channels take 4 s.
    """

    name = "julabo"
    title = "Julabo circulators and chillers"
    manual = "Julabo operating manuals, chapter Remote control: lists of commands, status messages"
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
    options_known = (PINNED,)
    probes = (Probe((b"VERSION",)),)
    statuses = {
        "no_sensor": "no sensor is connected to this input",
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

    def identify(self) -> str:
        answer = self.link.query("VERSION").strip()
        if IDENTITY.match(answer):
            return answer
        if answer.isascii() and answer.isprintable() and re.search("[A-Za-z]", answer) and not STATUS.match(answer):
            raise WrongDevice(f"this is {answer[:60]!r}, expected a Julabo")
        raise BadAnswer(f"asked VERSION, found {answer[:60]!r}, expected such as JULABO TOPTECH-SERIES VERSION 3.0")

    def connected(self) -> None:
        # A model without this command, or one that means something else by it, knows °C alone.
        answer = (self.optional(UNIT) or "").strip()
        if MESSAGE.match(answer) and not UNKNOWN.match(answer):
            raise BadAnswer(f"asked {UNIT}, found {answer[:60]!r}: in which unit it answers is not known")
        self._unit = answer if answer in UNITS else ""

    def read(self) -> Iterator[Reading]:
        yield from super().read()
        # Whoever turns the unit at the panel must not change what is stored.
        if self._unit and self._choose(UNIT, UNITS) != int(self._unit):
            raise BadAnswer("the unit of temperature was changed at the panel; connecting anew")

    def read_channel(self, channel: Channel) -> Reading:
        if channel.id == "setpoint":
            return self._read_setpoint()
        if channel.id == "circulator":
            return self._read_status()
        if channel.id == "heater":
            values = {"heating_power": number(self.link.query("IN_PV_01"), PERCENT, "IN_PV_01")}
            return Reading(channel.id, values, self.link.answered_ns)
        question = QUESTIONS[channel.id]
        answer = self.link.query(question)
        if channel.id in ("bath", "external") and ABSENT.match(answer):
            return Reading(channel.id, {}, self.link.answered_ns, "no_sensor")
        values = {QUANTITIES[channel.id][0].name: self._celsius(answer, question)}
        return Reading(channel.id, values, self.link.answered_ns)

    def _read_setpoint(self) -> Reading:
        index = self._choose("IN_MODE_01", "012")
        external = self._choose("IN_MODE_04", "01") == 1
        question = f"IN_SP_0{index}"
        values = {
            "setpoint": self._celsius(self.link.query(question), question),
            "setpoint_number": index + 1,
            "external_control": external,
        }
        return Reading("setpoint", values, self.link.answered_ns)

    def _read_status(self) -> Reading:
        answer = self.link.query("STATUS").strip()
        match = STATUS.match(answer)
        if not match:
            raise BadAnswer(f"asked STATUS, found {answer[:60]!r}, expected such as 03 REMOTE START")
        code = int(match[1])
        return Reading("circulator", {"status_code": code}, self.link.answered_ns, answer if code < 0 else "ok")

    def _celsius(self, answer: str, asked: str) -> float:
        value = number(answer, TEMPERATURE, asked)
        return (value - 32.0) / 1.8 if self._unit == "1" else value

    def _choose(self, question: str, known: str) -> int:
        answer = self.link.query(question).strip()
        if UNKNOWN.match(answer):
            raise BadAnswer(f"asked {question}, found {answer[:40]!r}: this model does not know it")
        if len(answer) != 1 or answer not in known:
            raise BadAnswer(f"asked {question}, found {answer[:40]!r}, expected {' or '.join(known)}")
        return int(answer)


DRIVER = Julabo

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
