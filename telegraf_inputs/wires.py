"""What a stanza says of how text travels to its instrument, where that is otherwise than its driver has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .declare import Option
from .errors import BadInput, shown
from .line import Wire
from .options import take

ENDS = {"CR": "\r", "LF": "\n", "CRLF": "\r\n", "LFCR": "\n\r", "none": ""}
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
)
WIRE = Option(
    "wire",
    "map",
    "how text travels to it, where that is otherwise than its driver has it: send, receive (the ends of commands and "
    "answers), echo, prompt, prefix, answer_prefix (an address on RS485), encoding, pause",
)


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
            text = ENDS.get(said[name], said[name])
            if said[name].isalnum() and said[name] not in ENDS or not text.isascii():
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
