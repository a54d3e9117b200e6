"""What may be sent to an SCPI instrument: questions, and what selects which channel they are about."""

from __future__ import annotations

from typing import Any

from ..errors import BadInput

# These change what is looked at, or how answers are written, and nothing that the instrument does to the laboratory.
SELECTING = (
    "INST:NSEL",
    "INST:SEL",
    "INST",
    "INSTRUMENT:NSELECT",
    "INSTRUMENT:SELECT",
    "INSTRUMENT",
    "*CLS",
    "HEAD",
    "HEADER",
    "SYST:HEAD",
)
# Questions that do more than answer: self-tests, calibrations, a trigger.
ACTING = ("*TST?", "*CAL?", "*TRG?", "CAL?", "CAL:ALL?", "CALIBRATION?", "CALIBRATION:ALL?", "TEST?", "DIAG?")


def refuse_acting(command: Any, allowed: tuple[str, ...], where: tuple[Any, ...]) -> None:
    """Refuse (BadInput at ``where``) what may do more than ask, in each part between semicolons.

    ``allowed``: the first words, in capitals, that the user has declared harmless.
    """
    if not isinstance(command, str) or not command.strip() or not command.isascii() or not command.isprintable():
        raise BadInput(f"found {command!r}, expected an SCPI command on one line", where)
    for part in command.split(";"):
        word = first_word(part)
        if word in allowed or word in SELECTING or word.endswith("?") and word not in ACTING:
            continue
        raise BadInput(
            f"{part.strip()!r} may do more than ask. Only questions (they end with '?') and what selects a "
            f"channel ({', '.join(SELECTING[:3])}, …) are sent. If it is harmless, list its first word: "
            f"allow: [{word!r}]",
            where,
        )


def refuse_no_question(command: Any, where: tuple[Any, ...], allowed: tuple[str, ...] = ()) -> None:
    """Refuse what is not exactly one question; one without '?' has to be ``allowed``."""
    expected = "expected one question (its first word ends with '?')"
    if isinstance(command, str) and not {"?", ";"} & set(command) and first_word(command) not in allowed:
        raise BadInput(
            f"found {command!r}, {expected}: is a '?' missing? If it is answered as it is, and does nothing else, list "
            f"its first word: allow: [{first_word(command)!r}]",
            where,
        )
    refuse_acting(command, allowed, where)
    if ";" in command or not (first_word(command).endswith("?") or first_word(command) in allowed):
        raise BadInput(f"found {command!r}, {expected}", where)


def first_word(command: str) -> str:
    """Tell a command's header, in capitals: ``:inst:nsel 1`` → ``INST:NSEL``, ``OUTP?1`` → ``OUTP?``."""
    word = command.strip().lstrip(":").split(" ")[0].upper()
    header, mark, _ = word.partition("?")
    return header + mark
