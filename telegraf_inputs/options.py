"""Reads the keys that are declared for a mapping that somebody wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import duration
from .declare import Option
from .errors import BadInput, shown, suggestion
from .letters import LONGEST_UNIT, normal

PYTHON = {
    "str": str,
    "unit": str,
    "float": float,
    "int": int,
    "bool": bool,
    "map": dict,
    "list": list,
    "duration": float,
}
WORDS = {
    "str": "a text",
    "unit": "a unit",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "map": "a mapping (key: value)",
    "list": "a list",
    "duration": "a duration",
}


def take(
    data: Mapping[str, Any],
    known: Iterable[Option],
    owner: str,
    errors: list[BadInput],
    elsewhere: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Read the declared keys of a mapping, with their defaults; the others, and wrong values, go to ``errors``.

    ``elsewhere`` says of keys that are none here where they belong.
    """
    options = {option.name: option for option in known}
    for key in data:
        if key not in options:
            hint = (elsewhere or {}).get(key) or suggestion(key, options)
            errors.append(BadInput(f"is not a key of {owner}; {hint}", (key,)))
    values = {name: option.default for name, option in options.items()}
    for name, option in options.items():
        if option.required or data.get(name) is not None:
            try:
                values[name] = value(data, option)
            except BadInput as error:
                errors.append(error)
    return values


def value(data: Mapping[str, Any], option: Option) -> Any:
    """Read one key: the value in its declared type, or the default where it is missing. Raises BadInput."""
    found = data.get(option.name)
    if found is None:
        if option.required:
            raise BadInput(f"is missing; expected {option.description}", (option.name,))
        return option.default
    if option.type == "duration":
        try:
            found = duration.read(found)
        except BadInput as error:
            raise BadInput(f"{error.message}: {option.description}", (option.name,)) from None
    elif option.type in ("str", "unit") and type(found) is int:
        found = str(found)  # 123456 is a fine serial number; people don't quote it
    elif option.type == "float" and type(found) is int:
        found = float(found)
    if not isinstance(found, PYTHON[option.type]) or isinstance(found, bool) != (option.type == "bool"):
        form = "; write it in quotes" if option.type in ("str", "unit") and isinstance(found, (float, bool)) else ""
        if option.type == "map" and isinstance(found, list) and all(isinstance(each, (str, int)) for each in found):
            form = f", such as {{{', '.join(f'{each}: {{}}' for each in found[:3])}}}"
        raise BadInput(
            f"found {shown(found)}, expected {WORDS[option.type]}{form}: {option.description}", (option.name,)
        )
    if isinstance(found, float) and found - found != 0.0:  # NaN or infinite
        raise BadInput(f"found {shown(found)}, expected {WORDS[option.type]}: {option.description}", (option.name,))
    if option.type == "unit":
        found = _unit(str(found), option)
    if option.choices and found not in option.choices:
        choices = ", ".join(map(str, option.choices))
        meant = next((choice for choice in option.choices if _plain(choice) == _plain(found)), None)
        hint = "" if meant is None else f"; did you mean {meant!r}?"
        raise BadInput(f"found {shown(found)}, expected one of {choices}: {option.description}{hint}", (option.name,))
    return found


def _plain(word: Any) -> str:
    """Leave out how a word is written: TPG 366 and tpg-366 are tpg366."""
    return "".join(filter(str.isalnum, str(word).casefold()))


def _unit(text: str, option: Option) -> str:
    unit = normal(text).strip()
    if len(unit) > LONGEST_UNIT or not unit.isprintable():
        raise BadInput(
            f"found {shown(text)}, expected a unit as people write it, {LONGEST_UNIT} characters at most",
            (option.name,),
        )
    return unit
