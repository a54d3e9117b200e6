"""Quantities as a stanza declares them, for sources that have none of their own: ``read: {temperature: {unit: K, …}}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from .declare import Choice, FieldType, Option, Quantity, Severity
from .errors import BadInput, noted, shown, together
from .names import check_field
from .options import take

MOST_DECIMALS = 15  # a float has no more digits
WHOLE = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
TRUTH = {"true": True, "false": False}
READ = Option("read", "map", "the quantities, each name: {unit: V}, with the keys that are listed below", required=True)
KEYS = (
    Option("unit", "unit", "its unit, as people write it, such as V; '' for none", required=True),
    Option("description", "str", "what it is; default: its name"),
    Option("type", "str", "the field's type in the database, for ever", "float", choices=get_args(FieldType)),
    Option("scale", "float", "factor from the number that is read to this unit", 1.0),
    Option(
        "low",
        "float",
        "a value below it is no reading; default of a temperature: 0 K and less are none, nor is less than -273.15 °C",
    ),
    Option("high", "float", "a value above it is no reading"),
    Option("decimals", "int", f"how many digits are shown after the point, {MOST_DECIMALS} at most"),
    Option(
        "choices",
        "map",
        "what the codes mean, where it is one: code: word, or code: {word: …, severity: ok, warning or critical}; what "
        "is graver than ok becomes the channel's status",
    ),
)
COMPUTED_KEYS = tuple(option for option in KEYS if option.name not in ("type", "scale", "choices"))
CHOICE_KEYS = (
    Option("word", "str", "what the code means, for people", required=True),
    Option("severity", "str", "how grave that is", "", choices=get_args(Severity)),
)


@dataclass(frozen=True)
class Declared:
    """One quantity; ``scale`` makes its unit of what is read, ``where`` are the keys that say where it is read."""

    quantity: Quantity
    scale: float
    where: Mapping[str, Any]


def read(given: Mapping[str, Any], where: tuple[Option, ...], keys: tuple[Option, ...] = KEYS) -> dict[str, Declared]:
    """Check the mapping below ``read``, by quantity; ``where`` are the source's own keys, ``keys`` those of KEYS that it has.

    Raises BadInput.
    """
    if not given:
        raise BadInput("is empty; name at least one quantity", ("read",))
    found = {}
    with together() as wrong:
        for name, data in given.items():
            with noted(wrong, "read", name):
                check_field(name, ())
            with noted(wrong, "read", name):
                if not isinstance(data, dict):
                    known = ", ".join(option.name for option in (*where, *keys))
                    raise BadInput(f"found {shown(data)}, expected the quantity's keys: {known}")
                found[name] = _declared(name, data, where, keys)
    return found


def _declared(name: str, data: dict[str, Any], where: tuple[Option, ...], keys: tuple[Option, ...]) -> Declared:
    values = {option.name: option.default for option in KEYS}
    with together() as wrong:
        values |= take(data, (*where, *keys), "a quantity", wrong)
    kind = values["type"]
    with together() as wrong:
        _check_numbers(data, values, wrong)
        with noted(wrong):
            choices = _choices(values["choices"], kind)
            if choices and values["unit"]:
                raise BadInput(f"found {values['unit']!r}, expected '': a code has no unit", ("unit",))
    quantity = Quantity(
        name,
        values["unit"],
        values["description"] or name.replace("_", " ").capitalize(),
        values["low"],
        values["high"],
        type=kind,
        decimals=values["decimals"],
        choices=choices,
    )
    return Declared(quantity, values["scale"], {option.name: values[option.name] for option in where})


def _check_numbers(data: dict[str, Any], values: dict[str, Any], wrong: list[BadInput]) -> None:
    kind = values["type"]
    for key in ("scale", "low", "high", "decimals"):
        if key in data and (kind not in ("float", "int") or (kind == "int" and key in ("scale", "decimals"))):
            numbers = f"float{' or int' if key in ('low', 'high') else ''}"
            wrong.append(BadInput(f"is for type {numbers}, this is {kind}", (key,)))
    if values["scale"] == 0:
        wrong.append(BadInput("is 0, with which every reading is 0; expected another factor", ("scale",)))
    if values["low"] is not None and values["high"] is not None and values["low"] >= values["high"]:
        wrong.append(BadInput(f"is {values['low']:g}, which is not below 'high' ({values['high']:g})", ("low",)))
    if not 0 <= (values["decimals"] or 0) <= MOST_DECIMALS:
        wrong.append(
            BadInput(f"found {values['decimals']}, expected a whole number from 0 to {MOST_DECIMALS}", ("decimals",))
        )


def _choices(given: Mapping[str, Any] | None, kind: str) -> tuple[Choice, ...]:
    if given is None:
        return ()
    if kind == "float":
        raise BadInput("needs a type whose values are codes: int, bool or str", ("choices",))
    found = []
    with together() as wrong:
        for text, said in given.items():
            with noted(wrong, "choices", text):
                found.append(_choice(text, said, kind))
    return tuple(found)


def _choice(text: str, said: Any, kind: str) -> Choice:
    whole = isinstance(said, dict)
    with together() as wrong:
        values = take(said if whole else {"word": said}, CHOICE_KEYS, "a choice", wrong)
        for error in wrong:
            error.path = error.path if whole else ()
    word = values["word"]
    if not word.strip() or not word.isprintable():
        raise BadInput(f"found {shown(word)}, expected a word or a few, on one line")
    return Choice(_code(text, kind), word, values["severity"])


def _code(text: str, kind: str) -> int | str | bool:
    if kind == "int" and WHOLE.match(str(text)):
        return int(text)
    if kind == "bool" and text in TRUTH:
        return TRUTH[text]
    if kind == "str":
        return text
    raise BadInput(f"is no {'whole number' if kind == 'int' else 'true or false'}, as the codes of type {kind} are")
