"""Any SCPI instrument: what it is asked, and what the answers mean, stands in the site file alone.

Source: SCPI-99 volume 1 (syntax; 7.2.1 special numbers; INSTrument subsystem) and IEEE 488.2 (*IDN?).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ..configured import Channel, Stanza
from ..declare import NAMELESS, Option, Probe, Quantity, Stream
from ..errors import BadAnswer, BadInput, WrongDevice, noted, together
from ..fields import clashes
from ..line import Wire
from ..pattern import Pattern, check_pattern
from ..reading import Reading
from ..source import Polled
from . import _scpi_quantity
from ._scpi_asking import Cycle
from ._scpi_quantity import Question
from ._scpi_safety import first_word, refuse_acting, refuse_no_question
from ._scpi_selection import checkable, holds, refuse_unchecked, settings

# Maker, model, serial number, firmware; some leave out the last.
IDENTITY = re.compile(r"[^,]*[^,\s][^,]*(,[^,]*){2,}\Z")
FAILED = ("no_answer", "bad_answer")


class Scpi(Polled):
    """Reads any instrument that answers SCPI queries, as the stanza's channels declare them.

    Only questions are sent, and the few commands that select a channel. What `before` selects is asked for again after
    the channel was read: neither somebody at the front panel nor a name that the instrument does not know may put a
    value onto another channel. A name is written as the instrument tells it (`INST OUT1` where `INST?` is answered by
    `OUT1`). What `setup` sets is asked for in each cycle, so that an instrument that was restarted is set up again; where
    it does not answer that, the setting is sent anew in each cycle. The numbers and words that SCPI has for infinity and for "not
    a number" are no readings.

    Quantities that have the same `query` (and are selected by the same `before`) ask it once a cycle, in however many
    channels they are. A quantity that is not answered, or oddly, has no value; the others of its channel have theirs.
    `{channel}` in a command stands for the channel's name.

    `visa://` is for whatever pyvisa-py reaches; `tcp://` and `serial://` need no VISA and less memory.
    """

    name = "scpi"
    title = "SCPI instrument"
    manual = "SCPI-99 volume 1; IEEE 488.2"
    verified = (
        "by dialogues that are written after the manuals of several makers, and through pyvisa-py; not yet on hardware"
    )
    known_as = (
        "agilent",
        "bk",
        "fluke",
        "gpib",
        "hp",
        "itech",
        "keithley",
        "keysight",
        "lxi",
        "rigol",
        "rohde",
        "siglent",
        "srs",
        "stanford",
        "tektronix",
        "thorlabs",
        "yokogawa",
        "multimeter",
        "oscilloscope",
    )
    family = "electrical"
    schemes = ("visa", "tcp", "serial")
    wire = Wire(b"\n", b"\n")
    channel_names = None
    extra = "visa"
    streams = (Stream("scpi"),)  # its quantities stand in the stanza
    probes = (Probe((b"*IDN?",), {"identity": ""}, generic=True),)
    options_known = (
        Option(
            "identity",
            "str",
            "pattern (a regular expression) that its answer to *IDN? must contain; none: it has no *IDN?",
        ),
        Option(
            "fence",
            "str",
            "a question whose answer never changes, such as SYST:VERS?, to see that answers are in "
            "step; for an instrument of identity none: without it, one that answers each question with the answer "
            "to the question before is not found out",
        ),
        Option("setup", "list", "commands that are sent after connecting", []),
        Option(
            "allow",
            "list",
            "first words of commands that setup and before may send, and of questions without a '?', such as "
            "print(smua.measure.v()), beside questions and channel selection; the instrument does what they say",
            [],
        ),
    )
    channel_options = (
        Option("before", "str", "a command that selects the channel, sent before its questions, such as INST:NSEL 1"),
        Option(
            "check",
            "bool",
            "ask afterwards whether what before selected, by number or by INST, is still selected; "
            "false: trust that it is",
            True,
        ),
        Option(
            "read",
            "map",
            "the quantities, each name: {query: MEAS:VOLT?, unit: V}, with the keys that are listed below",
            required=True,
        ),
        Option(
            "valid_when",
            "map",
            'a question that tells whether the channel has readings, such as {query: "RDGST? {channel}", equals: 0}; '
            "that of a quantity goes before it",
        ),
    )
    where = _scpi_quantity.WHERE
    statuses = {
        "over_range": "the answer is SCPI's infinity (9.9E37, INF), or one that is listed as such",
        "no_reading": "the answer is SCPI's not-a-number (9.91E37, NAN), or one that is listed as missing",
        "not_valid": "what valid_when asks says that the value is no reading",
        "selection_changed": "what before selected is not what is selected: the instrument refused it, or something else "
        "selected another channel",
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
        return tuple(each.quantity for each in _scpi_quantity.read(channel).values())

    @classmethod
    def found(cls, url: str, identity: str, keys: Mapping[str, str]) -> str:
        """Write a stanza for an instrument that says who it is; what to ask it stands in its manual."""
        import json  # a program has no use for it

        maker, model, *_ = (*(part.strip() for part in identity.split(",")), "", "")
        name = "".join(c if c.isalnum() else "_" for c in (model or maker).lower()).strip("_") or "instrument"
        return f"""\
name: {name}
driver: scpi
connection: {url}
identity: {json.dumps(model or maker)}
interval: 5s
channels:
  "1":
    read:   # what to ask stands in its manual; this one is common
      voltage: {{query: "MEAS:VOLT?", unit: V, description: Measured voltage}}
"""

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        options = stanza.options
        allowed = tuple(str(word).upper() for word in options["allow"])
        with together() as wrong:
            for index, command in enumerate(options["setup"]):
                with noted(wrong):
                    refuse_acting(command, allowed, ("setup", index))
            with noted(wrong):
                if options["fence"]:
                    refuse_no_question(options["fence"], ("fence",), allowed)
            with noted(wrong):
                if options["identity"]:
                    check_pattern(options["identity"], ("identity",), search=True)
            for channel in stanza.channels:
                with noted(wrong, "channels", channel.id) as found:
                    cls._check_channel(channel, stanza, allowed, found)
            for clash in clashes([stanza]):
                wrong.append(BadInput(clash.message, ("channels", clash.channel.id, "read", clash.quantity.name)))

    @classmethod
    def _check_channel(cls, channel: Channel, stanza: Stanza, allowed: tuple[str, ...], wrong: list[BadInput]) -> None:
        with noted(wrong):
            if before := _scpi_quantity.before(channel):
                refuse_acting(before, allowed, ("before",))
                if channel.options["check"]:
                    refuse_unchecked(before, ("before",))
        for name, each in _scpi_quantity.read(channel).items():
            path = ("read", name)
            with noted(wrong):
                refuse_no_question(each.where["query"], (*path, "query"), allowed)
            with noted(wrong):
                if valid := each.where["valid_when"]:
                    refuse_no_question(valid["query"], (*path, "valid_when", "query"), allowed)
            if not stanza.wire.answers_end and not each.where["pattern"]:
                wrong.append(
                    BadInput(
                        "is missing: an answer without an end (wire: {receive: none}) may break off anywhere; expected "
                        "a pattern that only a whole one has",
                        (*path, "pattern"),
                    )
                )

    def __init__(self, stanza: Stanza, link: Any):
        super().__init__(stanza, link)
        self._questions = {c.id: [Question(*item) for item in _scpi_quantity.read(c).items()] for c in self.channels}
        self._before = {c.id: _scpi_quantity.before(c) for c in self.channels}
        self._cycle = Cycle(link, self.recover)

    def connected(self) -> None:
        for command in self.options["setup"]:
            self._do(command)
        selecting = {header for before in self._before.values() for header, _ in settings(before)}
        self._set: dict[str, str] = {}  # question -> its answer after setup
        self._untold: list[str] = []  # settings whose question is not answered: whether they still hold is not known
        for header, wanted in [setting for command in self.options["setup"] for setting in settings(command)]:
            if header not in selecting:
                setting = f"{header} {wanted}"
                answer = self.optional(f"{header}?", _says_something, f"{setting!r} is sent anew in each cycle")
                if answer is None:
                    self._untold.append(setting)
                else:
                    self._set[f"{header}?"] = answer.strip()

    def read(self) -> Iterator[Reading]:
        self._cycle = Cycle(self.link, self.recover)
        for command in self._untold:
            self.link.command(command)
        readings = [self._read(channel) for channel in self.channels]
        for question, wanted in self._set.items():
            if (found := str(self.link.query(question)).strip()) != wanted:
                raise BadAnswer(
                    f"asked {question}, found {found[:40]!r}, after setup it was {wanted[:40]!r}: it was "
                    "restarted or set anew; connecting anew, with setup"
                )
        lasting = [c for c in self.options["setup"] if not settings(c) and first_word(c) != "*CLS"]
        if lasting and all(r.status in FAILED and not r.values for r in readings):
            raise BadAnswer(f"no channel can be read ({readings[0].detail}); connecting anew, with setup")
        yield from readings

    def identify(self) -> str:
        pattern, fence = self.options["identity"], self.options["fence"]
        constant = self._constant(fence) if fence else ""
        if pattern == NAMELESS:
            return constant
        answer = str(self.link.query("*IDN?")).strip()
        if not (pattern and Pattern(pattern, search=True).match(answer)):
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

    def _read(self, channel: Channel) -> Reading:
        before = self._before[channel.id]
        if before and (refused := self.contained(channel.id, partial(self._do, before))):
            return refused
        asked = self._cycle.ask(before, self._questions[channel.id])
        if before and channel.options["check"]:
            changed = self.contained(channel.id, partial(self._otherwise_selected, channel.id, before))
            if changed is not None:
                return changed
        return asked.reading(channel.id, asked.answered_ns)

    def _do(self, command: str) -> None:
        """Send a command; where a question is in it, its answer is taken, and belongs to nothing."""
        if "?" in command:
            self.link.query(command)
        else:
            self.link.command(command)

    def _otherwise_selected(self, channel: str, before: str) -> Reading | None:
        """Ask whether selections such as INST:NSEL 1 or INST OUT1 hold; None where they do."""
        for header, wanted in checkable(before):
            answer = str(self.link.query(f"{header}?")).strip()
            if not holds(f"{header}?", answer, wanted):
                found = f"asked {header}?, found {answer[:40]!r}, selected was {wanted!r}"
                return Reading(channel, {}, self.link.answered_ns, "selection_changed", found)
        return None


def _says_something(answer: str) -> bool:
    return bool(answer.strip()) and answer.strip().isprintable() and "\ufffd" not in answer


DRIVER = Scpi

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
