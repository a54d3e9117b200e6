"""Any SCPI instrument: what it is asked, and what the answers mean, stands in the site file alone.

Source: SCPI-99 volume 1 (syntax, 7.2.1 special numbers, INSTrument subsystem) and IEEE 488.2 (*IDN?).
"""

from __future__ import annotations

import re
import sys

from ..connection import Wire
from ..driver import Driver, Option, Quantity, Reading, number
from ..errors import BadAnswer, BadInput, WrongDevice, suggestion

READ_KEYS = {"query": str, "unit": str, "description": str, "type": str, "low": float, "high": float, "decimals": int, "scale": float,
             "pattern": str, "example": str}
TYPES = ("float", "int", "bool", "str")
FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")
INTEGER = re.compile(r"[+-]?\d+\Z")
IDENTITY = re.compile(r"[^,]*[^,\s][^,]*(,[^,]*){2,}\Z")  # maker, model, serial number, firmware; some leave out the last
TRUTH = {"1": True, "ON": True, "0": False, "OFF": False}
INFINITY, NOT_A_NUMBER = 9.9e37, 9.91e37
# What may be sent without being a question: it selects what is looked at, and changes nothing that the instrument does.
SELECTING = ("INST", "INSTRUMENT", "INST:NSEL", "INSTRUMENT:NSELECT", "INST:SEL", "INSTRUMENT:SELECT", "*CLS", "HEAD", "HEADER", "SYST:HEAD")
# Questions that do more than answer: self-test, calibration, and the trigger of IEEE 488.2.
ACTING = ("*TST?", "*CAL?", "*TRG?", "CAL?", "CAL:ALL?", "TEST?", "DIAG?")


class Scpi(Driver):
    """Reads any instrument that answers SCPI queries, as the stanza's channels declare them.

    Only questions are sent, and the few commands that select a channel. Where ``before`` selects one, the selection is asked
    for again after the channel was read: someone at the front panel must not put a value onto another channel.
    """

    name = "scpi"
    title = "SCPI instrument"
    manual = "SCPI-99 volume 1; IEEE 488.2"
    family = "electrical"
    schemes = ("visa", "tcp", "serial")
    wire = Wire(b"\n", b"\n")
    quantities = ()
    channel_names = None
    extra = "visa"
    options_known = (
        Option("identity", "str", "pattern (regular expression) that its answer to *IDN? must contain; none: it has no *IDN?"),
        Option("fence", "str", "a question with an answer that never changes, asked instead of *IDN? to see that answers are in step; "
               "needed where identity is none, such as SYST:VERS?"),
        Option("setup", "list", "commands that are sent after connecting", []),
        Option("allow", "list", "commands (their first words) that setup and before may send, beside questions and channel selection; "
               "the instrument does what they say", []),
    )
    channel_options = (
        Option("before", "str", "a command that selects the channel, sent before its questions, such as INST:NSEL 1"),
        Option("check", "bool", "ask afterwards whether what before selected is still so; needs a whole number in before", True),
        Option("read", "map", "the quantities: name: {query: MEAS:VOLT?, unit: V, description, type (float, int, bool, str), low, high, "
               "decimals, scale, pattern (its first group is the value), example (an answer)}", required=True),
    )
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
    def quantities_of(cls, channel):
        if not channel.options["read"]:
            raise BadInput("names no quantity; expected such as voltage: {query: \"MEAS:VOLT?\", unit: V}", ("read",))
        return tuple(_quantity(name, given) for name, given in channel.options["read"].items())

    @classmethod
    def check(cls, stanza):
        options = stanza.options
        allowed = tuple(str(word).upper() for word in options["allow"])
        for index, command in enumerate(options["setup"]):
            _refuse_acting(command, allowed, ("setup", index))
        for channel in stanza.channels:
            where = ("channels", channel.id)
            if channel.options["before"]:
                _refuse_acting(channel.options["before"], allowed, (*where, "before"))
            for name, given in channel.options["read"].items():
                _refuse_acting(given["query"], (), (*where, "read", name, "query"))
        if options["fence"]:
            _refuse_acting(options["fence"], (), ("fence",))
            if not options["fence"].endswith("?"):
                raise BadInput(f"found {options['fence']!r}, expected a question (it ends with '?')", ("fence",))
        if options["identity"]:
            _pattern(options["identity"], ("identity",))
        from ..fields import clashes  # one instrument's channels share their fields

        for clash in clashes([stanza]):
            raise BadInput(clash.message, ("channels", clash.channel.id, "read", clash.quantity.name))

    def __init__(self, stanza, link):
        super().__init__(stanza, link)
        self._asked = {c.id: [_Question(name, given) for name, given in c.options["read"].items()] for c in self.channels}

    def connected(self):
        for command in self.options["setup"]:
            self.link.query(command) if command.endswith("?") else self.link.send(command)

    def identify(self):
        pattern, fence = self.options["identity"], self.options["fence"]
        if pattern == "none":
            return self._constant(fence) if fence else ""
        answer = self.link.query("*IDN?").strip()
        if pattern and re.search(pattern, answer):
            return f"{answer} {self._constant(fence)}" if fence else answer
        if not IDENTITY.match(answer):
            raise BadAnswer(f"asked *IDN?, found {answer[:60]!r}, expected maker,model,serial number,firmware")
        if pattern:
            raise WrongDevice(f"this is a {answer!r}, expected {pattern!r} in its answer to *IDN?")
        return f"{answer} {self._constant(fence)}" if fence else answer

    def _constant(self, fence: str) -> str:
        answer = self.link.query(fence).strip()
        if not answer or not answer.isprintable():
            raise BadAnswer(f"asked {fence}, found {answer[:60]!r}")
        return answer

    def read_channel(self, channel):
        before = channel.options["before"]
        if before:
            self.link.send(before)
        values, troubles, answered = {}, [], 0
        for question in self._asked[channel.id]:
            answer = self.link.query(question.query)
            answered = answered or self.link.answered_ns
            values[question.name], trouble = question.value(answer)
            troubles += [trouble] if trouble and trouble not in troubles else []
        if before and channel.options["check"] and not self._still_selected(before):
            return Reading(channel.id, {}, answered, "selection_changed")
        return Reading(channel.id, values, answered, " ".join(troubles) or "ok")

    def _still_selected(self, before: str) -> bool:
        """Tell whether a selection such as INST:NSEL 1 still holds; True for one that is no whole number."""
        header, _, wanted = before.strip().partition(" ")
        return not INTEGER.match(wanted.strip()) or number(self.link.query(f"{header}?")) == int(wanted)


class _Question:
    """One quantity's query, and how its answer becomes a value."""

    __slots__ = ("name", "query", "type", "scale", "pattern")

    def __init__(self, name: str, given: dict):
        self.name, self.query = name, given["query"]
        self.type, self.scale = given.get("type", "float"), float(given.get("scale", 1.0))
        self.pattern = re.compile(given["pattern"]) if "pattern" in given else None

    def value(self, answer: str):
        """Read an answer; returns the value (None where there is none) and what is wrong ("" for nothing)."""
        text = answer.strip()
        if self.pattern is not None:
            match = self.pattern.fullmatch(text)
            if not match:
                raise BadAnswer(f"asked {self.query}, found {text[:60]!r}, expected {self.pattern.pattern!r}")
            text = (match[1] if self.pattern.groups else match[0]).strip()
        if self.type == "str":
            text = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
            if not text or not text.isprintable() or "\N{REPLACEMENT CHARACTER}" in text:
                raise BadAnswer(f"asked {self.query}, found {answer[:60]!r}, expected a text")
            return text, ""
        if self.type == "bool":
            if text.upper() not in TRUTH:
                raise BadAnswer(f"asked {self.query}, found {text[:60]!r}, expected 0, 1, OFF or ON")
            return TRUTH[text.upper()], ""
        if self.type == "int":
            if not INTEGER.match(text):
                raise BadAnswer(f"asked {self.query}, found {text[:60]!r}, expected a whole number")
            return int(text), ""
        value = number(text)
        if abs(value) == NOT_A_NUMBER:
            return None, "no_reading"
        if abs(value) >= INFINITY:
            return None, "over_range"
        return value * self.scale, ""


def _quantity(name: str, given) -> Quantity:
    where = ("read", name)
    if not FIELD.match(name) or name in ("status", "time"):
        raise BadInput(f"found {name!r}, expected a field's name in snake_case, such as 'voltage' (not 'status' or 'time')", where)
    if not isinstance(given, dict):
        raise BadInput(f"found {given!r}, expected such as {{query: \"MEAS:VOLT?\", unit: V}}", where)
    for key, value in given.items():
        kind = READ_KEYS.get(key)
        if kind is None:
            raise BadInput(f"is not a key of a quantity; {suggestion(key, READ_KEYS)}", (*where, key))
        good = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not good:
            expected = {str: "a text", float: "a number", int: "a whole number"}[kind]
            raise BadInput(f"found {value!r}, expected {expected}", (*where, key))
    for key in ("query", "unit"):
        if key not in given:
            hint = ", such as MEAS:VOLT?" if key == "query" else ", such as V ('' for none)"
            raise BadInput(f"is missing{hint}", (*where, key))
    if not given["query"].strip().split(" ")[0].endswith("?"):
        raise BadInput(f"found {given['query']!r}, expected a question (its first word ends with '?')", (*where, "query"))
    kind = given.get("type", "float")
    if kind not in TYPES:
        raise BadInput(f"found {kind!r}, expected one of {', '.join(TYPES)}", (*where, "type"))
    if kind != "float" and "scale" in given:
        raise BadInput(f"is for floats; this quantity is of type {kind}", (*where, "scale"))
    if "low" in given and "high" in given and given["low"] >= given["high"]:
        raise BadInput(f"is {given['low']:g}, and 'high' is {given['high']:g}; it must be lower", (*where, "low"))
    if "pattern" in given:
        _pattern(given["pattern"], (*where, "pattern"))
    if "example" in given:
        try:
            _Question(name, given).value(given["example"])
        except BadAnswer as error:
            raise BadInput(f"does not fit the other keys: {error}", (*where, "example")) from None
    return Quantity(name, given["unit"], given.get("description", name.replace("_", " ").capitalize()), given.get("low"), given.get("high"),
                    type=kind, decimals=given.get("decimals"))


def _pattern(text: str, where: tuple) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise BadInput(f"{text!r} is no regular expression: {error}", where) from None


def _refuse_acting(command, allowed: tuple, where: tuple) -> None:
    """Refuse what does more than ask or select, in each part between semicolons. ``allowed``: first words, in capitals."""
    if not isinstance(command, str) or not command.strip() or not command.isascii() or not command.isprintable():
        raise BadInput(f"found {command!r}, expected an SCPI command on one line", where)
    for part in command.split(";"):
        word = part.strip().lstrip(":").split(" ")[0].upper()
        if word in allowed:
            continue
        if word.endswith("?") and word not in ACTING:
            continue
        if word not in SELECTING:
            raise BadInput(f"{part.strip()!r} may do more than ask. Only questions (…?) and channel selection ({', '.join(SELECTING[:3])}, …) "
                           f"are sent. If it is harmless for this instrument, list its first word: allow: [{word!r}]", where)


DRIVER = Scpi

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
