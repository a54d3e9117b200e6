"""How text travels to an instrument: as its driver declares it, and as its stanza says, where that is otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .declare import Option
from .errors import BadInput, shown
from .options import take

SERIAL = {"baudrate": 9600, "bytesize": 8, "parity": "N", "stopbits": 1}
ENDS = {"CR": "\r", "LF": "\n", "CRLF": "\r\n", "LFCR": "\n\r", "none": ""}
NAMED_ENDS = {name.casefold(): text for name, text in ENDS.items()}
END_WORDS = f'{", ".join(ENDS)}, or the characters themselves, such as "\\r\\n"'
LONGEST = 40  # characters of what stands before or behind
# Those in which the ends of lines, and all of ASCII, are the bytes that they are in ASCII.
ENCODINGS = ("ascii", "utf-8", "latin-1", "cp1252", "cp437", "shift_jis", "gb18030")
OPTIONS = (
    Option("send", "str", f"what ends a command: {END_WORDS}"),
    Option(
        "receive",
        "str",
        "what ends an answer, as for send; none: it has no end, and is whole when nothing follows for 0.2 s",
    ),
    Option("echo", "bool", "it sends each command back before it answers"),
    Option("prompt", "str", 'what it sends when it is ready for the next command, such as "> "'),
    Option("prefix", "str", "what stands before each command, such as its address on RS485"),
    Option("answer_prefix", "str", "what stands before each answer; an answer without it is another one's"),
    Option("encoding", "str", "how it writes characters", choices=ENCODINGS),
    Option("pause", "duration", "the rest that it needs before each command"),
    Option("settle", "duration", "the rest that it needs after it was opened, as an Arduino that then starts anew: 2s"),
)
WIRE = Option(
    "wire",
    "map",
    "how text travels to it, where that is otherwise than its driver has it: send, receive (the ends of commands and "
    "answers), echo, prompt, prefix, answer_prefix (an address on RS485), encoding, pause, settle",
)


@dataclass
class Wire:
    """How text travels to one kind of instrument. One a driver, declared; a stanza may override it.

    ``send``, ``receive``: terminators; b"" where there is none. ``pause``: seconds of rest before each command.
    ``settle``: seconds the instrument needs after opening. ``echo``: it sends back each command before it answers.
    ``prompt``: what it sends when it is ready for the next one. ``prefix`` stands before each command,
    ``answer_prefix`` before each answer, such as an address on RS485. ``serial``: settings of the serial line, which a
    URL's options override. ``longest``: bytes of an answer, at most; more without an end are none.
    """

    send: bytes = b"\n"
    receive: bytes = b"\n"
    encoding: str = field(default="ascii", kw_only=True)
    pause: float = field(default=0.0, kw_only=True)
    settle: float = field(default=0.0, kw_only=True)
    echo: bool = field(default=False, kw_only=True)
    prompt: str = field(default="", kw_only=True)
    prefix: str = field(default="", kw_only=True)
    answer_prefix: str = field(default="", kw_only=True)
    serial: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    longest: int = field(default=65536, kw_only=True)

    @property
    def serial_line(self) -> dict[str, Any]:
        """The settings of the serial line, as pyserial names them."""
        return {**SERIAL, **self.serial}

    @property
    def answers_end(self) -> bool:
        """Tell whether an answer has an end that can be seen."""
        return bool(self.receive or self.prompt)


def read(given: Mapping[str, Any] | None, wire: Wire, errors: list[BadInput]) -> Wire:
    """Make the Wire of one stanza from its driver's; mistakes go to ``errors``."""
    if not given:
        return wire
    before = len(errors)
    said = {name: value for name, value in take(given, OPTIONS, "wire", errors).items() if value is not None}
    for name in ("send", "receive", "prompt", "prefix", "answer_prefix"):
        if name in said and len(said[name]) > LONGEST:
            errors.append(BadInput(f"found {shown(said[name])}, expected {LONGEST} characters at most", (name,)))
    for name in ("send", "receive"):
        if name in said:
            text = NAMED_ENDS.get(said[name].casefold(), said[name])
            if text.isalnum() or not text.isascii():
                errors.append(BadInput(f"found {shown(said[name])}, expected {END_WORDS}", (name,)))
            said[name] = text.encode("ascii", "replace")
    if len(errors) > before:
        return wire
    made = replace(wire, **said)
    for name in ("prompt", "prefix", "answer_prefix"):
        try:
            getattr(made, name).encode(made.encoding)
        except UnicodeEncodeError:
            errors.append(BadInput(f"can't be written in {made.encoding}; expected another encoding", (name,)))
    return made
