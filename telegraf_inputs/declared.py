"""Quantities as a stanza declares them, for sources that have none of their own: ``read: {temperature: {unit: K, …}}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from .declare import Choice, FieldType, Option, Quantity, Severity
from .errors import BadInput, shown
from .names import check_field
from .options import take

MOST_DECIMALS = 15  # a float has no more digits
WHOLE = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
TRUTH = {"true": True, "false": False}
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


def read(given: Mapping[str, Any], where: tuple[Option, ...]) -> dict[str, Declared]:
    """Check the mapping below ``read``, by quantity; ``where`` are the source's own keys. Raises BadInput."""
    if not given:
        raise BadInput("is empty; name at least one quantity", ("read",))
    found = {}
    for name, data in given.items():
        path = ("read", name)
        check_field(name, path)
        if not isinstance(data, dict):
            keys = ", ".join(option.name for option in (*where, *KEYS))
            raise BadInput(f"found {shown(data)}, expected the quantity's keys: {keys}", path)
        try:
            found[name] = _declared(name, data, where)
        except BadInput as error:
            error.path = (*path, *error.path)
            raise
    return found


def _declared(name: str, data: dict[str, Any], where: tuple[Option, ...]) -> Declared:
    errors: list[BadInput] = []
    values = take(data, (*where, *KEYS), "a quantity", errors)
    if errors:
        raise errors[0]
    kind = values["type"]
    for key in ("scale", "low", "high", "decimals"):
        if key in data and (kind not in ("float", "int") or (kind == "int" and key in ("scale", "decimals"))):
            raise BadInput(f"is for type float{' or int' if key in ('low', 'high') else ''}, this is {kind}", (key,))
    if values["scale"] == 0:
        raise BadInput("is 0, with which every reading is 0; expected another factor", ("scale",))
    if values["low"] is not None and values["high"] is not None and values["low"] >= values["high"]:
        raise BadInput(f"is {values['low']:g}, which is not below 'high' ({values['high']:g})", ("low",))
    if not 0 <= (values["decimals"] or 0) <= MOST_DECIMALS:
        raise BadInput(f"found {values['decimals']}, expected a whole number from 0 to {MOST_DECIMALS}", ("decimals",))
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


def _choices(given: Mapping[str, Any] | None, kind: str) -> tuple[Choice, ...]:
    if given is None:
        return ()
    if kind == "float":
        raise BadInput("needs a type whose values are codes: int, bool or str", ("choices",))
    found = []
    for text, said in given.items():
        path = ("choices", text)
        errors: list[BadInput] = []
        values = take(said if isinstance(said, dict) else {"word": said}, CHOICE_KEYS, "a choice", errors)
        if errors:
            errors[0].path = (*path, *(errors[0].path if isinstance(said, dict) else ()))
            raise errors[0]
        word = values["word"]
        if not word.strip() or not word.isprintable():
            raise BadInput(f"found {shown(word)}, expected a word or a few, on one line", path)
        found.append(Choice(_code(text, kind, path), word, values["severity"]))
    return tuple(found)


def _code(text: str, kind: str, path: tuple[str, ...]) -> int | str | bool:
    if kind == "int" and WHOLE.match(str(text)):
        return int(text)
    if kind == "bool" and text in TRUTH:
        return TRUTH[text]
    if kind == "str":
        return text
    raise BadInput(
        f"is no {'whole number' if kind == 'int' else 'true or false'}, as the codes of type {kind} are", path
    )
