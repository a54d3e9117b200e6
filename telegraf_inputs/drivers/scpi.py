"""Any SCPI instrument: what it is asked, and what the answers mean, stands in the site file alone.

Source: SCPI-99 volume 1 (syntax; 7.2.1 special numbers; INSTrument subsystem) and IEEE 488.2 (*IDN?).
"""

from __future__ import annotations

import re
import sys

from ..connection import Wire
from ..driver import Driver, Option, Quantity, Reading, number
from ..errors import BadAnswer, BadInput, WrongDevice
from ..fields import clashes
from ._scpi_quantity import INTEGER, Question, check_pattern, quantity
from ._scpi_safety import refuse_acting, refuse_no_question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..stanza import Channel, Stanza

# Maker, model, serial number, firmware; some leave out the last.
IDENTITY = re.compile(r"[^,]*[^,\s][^,]*(,[^,]*){2,}\Z")


class Scpi(Driver):
    """Reads any instrument that answers SCPI queries, as the stanza's channels declare them.

    Only questions are sent, and the few commands that select a channel. Where `before` selects one by number, the
    selection is asked for again after the channel was read: somebody at the front panel must not put a value onto
    another channel. The numbers that SCPI has for infinity and for "not a number" are no readings.

    `visa://` is for whatever pyvisa-py reaches; `tcp://` and `serial://` need no VISA and less memory.
    """

    name = "scpi"
    title = "SCPI instrument"
    manual = "SCPI-99 volume 1; IEEE 488.2"
    family = "electrical"
    schemes = ("visa", "tcp", "serial")
    wire = Wire(b"\n", b"\n")
    channel_names = None
    extra = "visa"
    options_known = (
        Option("identity", "str", "pattern (a regular expression) that its answer to *IDN? must contain; none: it has "
               "no *IDN?"),
        Option("fence", "str", "a question whose answer never changes, such as SYST:VERS?, to see that answers are in "
               "step; for an instrument of identity none: without it, one that answers each question with the answer "
               "to the question before is not found out"),
        Option("setup", "list", "commands that are sent after connecting", []),
        Option("allow", "list", "first words of commands that setup and before may send, beside questions and channel "
               "selection; the instrument does what they say", []),
    )
    channel_options = (
        Option("before", "str", "a command that selects the channel, sent before its questions, such as INST:NSEL 1"),
        Option("check", "bool", "ask afterwards whether the number that before selected is still the selected one", True),
        Option("read", "map", "the quantities, each name: {query: MEAS:VOLT?, unit: V}, and optionally "
               "description, type (float, int, bool, str), low, high, decimals, scale (a factor), pattern (a regular "
               "expression for the whole answer, whose first group is the value), example (an answer, to check the "
               "pattern with)", required=True),
    )
    statuses = {
        "over_range": "the answer is SCPI's infinity (9.9E37)",
        "no_reading": "the answer is SCPI's not-a-number (9.91E37)",
        "selection_changed": "while it was asked, something else selected another channel",
    }
    example = """\
name: supply
driver: scpi
connection: visa://TCPIP0::192.168.1.20::10002::SOCKET
identity: HMP4040
interval: 2s
channels:
  "1":
    label: Heater
    before: INST:NSEL 1
    read:
      voltage: {query: "MEAS:VOLT?", unit: V, description: Voltage at the output, low: 0, high: 33, decimals: 3}
      current: {query: "MEAS:CURR?", unit: A, description: Current of the output, low: 0, high: 10.5, decimals: 4}
  "2":
    label: Pump
    before: INST:NSEL 2
    read:
      voltage: {query: "MEAS:VOLT?", unit: V, description: Voltage at the output, low: 0, high: 33, decimals: 3}
      current: {query: "MEAS:CURR?", unit: A, description: Current of the output, low: 0, high: 10.5, decimals: 4}
"""

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        if not channel.options["read"]:
            raise BadInput("names no quantity; expected such as voltage: {query: \"MEAS:VOLT?\", unit: V}", ("read",))
        return tuple(quantity(name, given) for name, given in channel.options["read"].items())

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        options = stanza.options
        allowed = tuple(str(word).upper() for word in options["allow"])
        for index, command in enumerate(options["setup"]):
            refuse_acting(command, allowed, ("setup", index))
        if options["fence"]:
            refuse_no_question(options["fence"], ("fence",))
        if options["identity"]:
            check_pattern(options["identity"], ("identity",))
        for channel in stanza.channels:
            where = ("channels", channel.id)
            if channel.options["before"]:
                refuse_acting(channel.options["before"], allowed, (*where, "before"))
            for name, given in channel.options["read"].items():
                refuse_no_question(given["query"], (*where, "read", name, "query"))
        for clash in clashes([stanza]):
            raise BadInput(clash.message, ("channels", clash.channel.id, "read", clash.quantity.name))

    def __init__(self, stanza: Stanza, link: Any):
        super().__init__(stanza, link)
        self._questions = {c.id: [Question(*item) for item in c.options["read"].items()] for c in self.channels}

    def connected(self) -> None:
        for command in self.options["setup"]:
            self._do(command)

    def identify(self) -> str:
        pattern, fence = self.options["identity"], self.options["fence"]
        constant = self._constant(fence) if fence else ""
        if pattern == "none":
            return constant
        answer = str(self.link.query("*IDN?")).strip()
        if not (pattern and re.search(pattern, answer)):
            if not IDENTITY.match(answer):
                raise BadAnswer(f"asked *IDN?, found {answer[:60]!r}, expected maker,model,serial number,firmware")
            if pattern:
                raise WrongDevice(f"this is a {answer!r}, expected {pattern!r} in its answer to *IDN?")
        return f"{answer} {constant}".strip()

    def verify(self) -> None:
        if not self.stanza.identity:  # there is nothing else to tell it by
            self.link.refuse_surplus()
        super().verify()

    def _constant(self, fence: str) -> str:
        answer = str(self.link.query(fence)).strip()
        if not answer or not answer.isprintable():
            raise BadAnswer(f"asked {fence}, found {answer[:60]!r}")
        return answer

    def read_channel(self, channel: Channel) -> Reading:
        before = channel.options["before"]
        if before:
            self._do(before)
        values, troubles, answered = {}, [], 0
        for question in self._questions[channel.id]:
            answer = self.link.query(question.query)
            answered = answered or self.link.answered_ns
            values[question.name], trouble = question.value(answer)
            if trouble and trouble not in troubles:
                troubles.append(trouble)
        if before and channel.options["check"] and not self._still_selected(before):
            return Reading(channel.id, {}, answered, "selection_changed")
        return Reading(channel.id, values, answered, " ".join(troubles) or "ok")

    def _do(self, command: str) -> None:
        """Send a command; where a question is in it, its answer is taken, and belongs to nothing."""
        if "?" in command:
            self.link.query(command)
        else:
            self.link.send(command)

    def _still_selected(self, before: str) -> bool:
        """Tell whether selections such as INST:NSEL 1 still hold; those that are no whole number pass for it."""
        for part in before.split(";"):
            header, _, wanted = part.strip().partition(" ")
            wanted = wanted.strip()
            if INTEGER.match(wanted) and "?" not in header and number(self.link.query(f"{header}?")) != int(wanted):
                return False
        return True


DRIVER = Scpi

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
