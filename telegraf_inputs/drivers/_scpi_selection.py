"""What commands such as INST:NSEL 1 set or select, and whether an answer says that it still holds.

Source: SCPI-99 volume 1, INSTrument subsystem.
"""

from __future__ import annotations

import re

from ..errors import BadAnswer, BadInput
from . import _scpi_numbers
from ._scpi_safety import SELECTING, first_word

INTEGER = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)


def settings(command: str) -> list[tuple[str, str]]:
    """Take a command apart into what it sets, and to what; questions and words without an argument set nothing."""
    parts = [part.strip().partition(" ") for part in command.split(";")]
    return [(header, wanted.strip()) for header, _, wanted in parts if wanted.strip() and "?" not in header]


def checkable(command: str) -> list[tuple[str, str]]:
    """List of what a command sets that which can be asked for: a selection by number, or by INST."""
    return [(header, wanted) for header, wanted in settings(command) if INTEGER.match(wanted) or _selects(header)]


def holds(question: str, answer: str, wanted: str) -> bool:
    """Tell whether the answer says what was selected. Raises BadAnswer where that is a number, and the answer is none."""
    if not INTEGER.match(wanted):
        return _word(answer) == _word(wanted)
    found = _scpi_numbers.number(answer.strip())
    if found is None:
        raise BadAnswer(f"asked {question}, found {answer[:60]!r}, expected a number")
    return found == int(wanted)


def refuse_unchecked(before: str, where: tuple[str, ...]) -> None:
    """Refuse what sets something whose question may be another one."""
    for header, wanted in settings(before):
        if not (INTEGER.match(wanted) or _selects(header) or first_word(header) in SELECTING):
            raise BadInput(
                f"whether '{header} {wanted}' still holds can't be asked for sure; expected a selection by "
                "number or by INST. To trust it, add check: false",
                where,
            )


def _selects(header: str) -> bool:
    return first_word(header).startswith("INST")


def _word(text: str) -> str:
    return text.strip("'\" ").upper()
