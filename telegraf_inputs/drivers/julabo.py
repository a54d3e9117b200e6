"""Julabo circulators and chillers: temperatures, set points, heating power and the status they report. Reads only.

Source: Julabo operating manuals, chapter "Remote control", lists of commands and of status messages (CF41, SL-26, F33-HD, FL).
"""

from __future__ import annotations

import re
import sys

from ..connection import Wire
from ..driver import Driver, Quantity, Reading, number
from ..errors import BadAnswer, NoAnswer, WrongDevice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..stanza import Channel

TEMPERATURE = re.compile(r"[+-]?\d{1,3}\.\d{1,2}\Z")
PERCENT = re.compile(r"[+-]?\d{1,3}(\.\d{1,2})?\Z")
STATUS = re.compile(r"(-?\d{1,3}) +[A-Z(].*\Z")
ABSENT = re.compile(r"[ -/:-~]+\s*\Z")  # text without digits, such as ---.--: there is no such sensor
IDENTITY = re.compile(r"JULABO|V *\d", re.IGNORECASE)

BATH = Quantity("temperature", "°C", "Temperature at the sensor", -100.0, 400.0, decimals=2)
SETPOINT = Quantity("setpoint", "°C", "Set point in use", -100.0, 400.0, decimals=2)
NUMBER = Quantity("setpoint_number", "", "Which of the stored set points is in use", 1, 3, type="int")
EXTERNAL = Quantity("external_control", "", "Whether it controls the external sensor's temperature, not the bath's", type="bool")
STORED = Quantity("stored_setpoint", "°C", "Set point that is stored, whether it is in use or not", -100.0, 400.0, decimals=2)
POWER = Quantity("heating_power", "%", "Heating power; below 0 it cools", -100.0, 100.0, decimals=0)
CODE = Quantity("status_code", "", "Status: 0 and 1 manual stop and start, 2 and 3 remote stop and start, below 0 a fault", -99, 99, type="int")

QUANTITIES = {"bath": (BATH,), "external": (BATH,), "heater": (POWER,), "setpoint": (SETPOINT, NUMBER, EXTERNAL), "circulator": (CODE,),
              "setpoint_1": (STORED,), "setpoint_2": (STORED,), "setpoint_3": (STORED,)}
TEMPERATURES = {"bath": "IN_PV_00", "external": "IN_PV_02", "setpoint_1": "IN_SP_00", "setpoint_2": "IN_SP_01", "setpoint_3": "IN_SP_02"}
SENSORS = ("bath", "external")


class Julabo(Driver):
    """Reads a Julabo circulator or chiller.

    Not every model knows every command: a channel that a model does not have says ``no_answer``, and is better left out of the
    stanza, as each costs its timeout. An external sensor that is not connected says ``no_sensor``. Models whose interface is
    set to 9600 baud, 8N1, need ``?baudrate=9600&bytesize=8&parity=N&rtscts=false`` in the connection. Each command is followed
    by a rest of 0.25 s: all channels take 4 s.
    """

    name = "julabo"
    title = "Julabo circulators and chillers"
    manual = "Julabo operating manuals, chapter Remote control: list of commands, status messages"
    family = "temperature"
    extra = "serial"
    schemes = ("serial", "tcp")
    # They end answers with CR LF, some with LF alone.
    wire = Wire(b"\r", b"\n", pause=0.25, settle=0.25, serial={"baudrate": 4800, "bytesize": 7, "parity": "E", "rtscts": True})
    channel_names = tuple(QUANTITIES)
    quantities = (BATH, SETPOINT, NUMBER, EXTERNAL, STORED, POWER, CODE)
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

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        return QUANTITIES[channel.id]

    def identify(self) -> str:
        answer = self.link.query("VERSION").strip()
        if IDENTITY.match(answer):
            return answer
        if answer.isascii() and answer.isprintable() and re.search("[A-Za-z]", answer) and not STATUS.match(answer):
            raise WrongDevice(f"this is {answer[:60]!r}, expected a Julabo")
        raise BadAnswer(f"asked VERSION, found {answer[:60]!r}, expected such as JULABO TOPTECH-SERIES MC-2 VERSION 3.0")

    def connected(self) -> None:
        self._unit = ""
        try:
            self._unit = self._asked_unit()
        except NoAnswer as error:  # a model without this command has no unit but °C
            self.recover(error)

    def read(self) -> Iterator[Reading]:
        yield from super().read()
        # Whoever turns the unit at the panel must not change what is stored.
        if self._unit and self._asked_unit() != self._unit:
            raise BadAnswer("the unit of temperature was changed at the panel; connecting anew")

    def read_channel(self, channel: Channel) -> Reading:
        if channel.id == "circulator":
            return self._status()
        values: dict[str, float | int | bool] = {}
        status = "ok"
        if channel.id == "setpoint":
            index = self._choice("IN_MODE_01", "012")
            values = {"setpoint_number": index + 1, "external_control": self._choice("IN_MODE_04", "01") == 1,
                      "setpoint": self._celsius(self.link.query(f"IN_SP_0{index}"), f"IN_SP_0{index}")}
        elif channel.id == "heater":
            values = {"heating_power": number(self.link.query("IN_PV_01"), PERCENT, "IN_PV_01")}
        else:
            question = TEMPERATURES[channel.id]
            answer = self.link.query(question)
            if channel.id in SENSORS and ABSENT.match(answer):
                status = "no_sensor"
            else:
                values = {QUANTITIES[channel.id][0].name: self._celsius(answer, question)}
        return Reading(channel.id, values, self.link.answered_ns, status)

    def _celsius(self, answer: str, asked: str) -> float:
        value = number(answer, TEMPERATURE, asked)
        return (value - 32.0) / 1.8 if self._unit == "1" else value

    def _choice(self, command: str, known: str) -> int:
        answer = self.link.query(command).strip()
        if len(answer) != 1 or answer not in known:
            raise BadAnswer(f"asked {command}, found {answer[:40]!r}, expected {' or '.join(known)}")
        return int(answer)

    def _asked_unit(self) -> str:
        return str(self._choice("IN_SP_06", "01"))  # °C, °F

    def _status(self) -> Reading:
        answer = self.link.query("STATUS").strip()
        match = STATUS.match(answer)
        if not match:
            raise BadAnswer(f"asked STATUS, found {answer[:60]!r}, expected such as 03 REMOTE START")
        code = int(match[1])
        return Reading("circulator", {"status_code": code}, self.link.answered_ns, answer if code < 0 else "ok")


DRIVER = Julabo

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
