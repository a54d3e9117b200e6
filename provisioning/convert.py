"""From plain data to structs, key by key, so that one mistake hides no other; each is told in our words.

A message has the path, what was found, and what was expected. A key without a value is as one that is not there.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from telegraf_inputs.errors import BadInput, noted, shown, suggestion

from .site_file import fields, read_value

S = TypeVar("S", bound=msgspec.Struct)
PLACE = re.compile(r" - at `[^`]*`\Z")
WRONG_TYPE = re.compile(r"Expected `([^`]*)`, got `[^`]*`\Z")
LENGTH = re.compile(r"Expected `(?:array|str|float|int)`(?: of length)? (>=|<=) (\S+)\Z")
WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "nothing",
}


def convert(data: Any, kind: type[S], errors: list[BadInput]) -> S | None:
    """Make a struct of plain data. What is wrong goes to ``errors``, with its path inside ``data``; then there is none."""
    before = len(errors)
    values = read_keys(data, kind, errors)
    if len(errors) > before:
        return None
    made = kind(**values)
    if mistakes := getattr(made, "mistakes", None):
        errors += mistakes()
    return made if len(errors) == before else None


def read_keys(data: Any, kind: type[msgspec.Struct], errors: list[BadInput], where: str = "here") -> dict[str, Any]:
    """Read the keys of a struct; gives those that are well, or not written, by their names in the struct.

    ``where`` says whose keys they are.
    """
    if not isinstance(data, dict):
        errors.append(BadInput(f"found {shown(data)}, expected the keys {', '.join(fields(kind))}"))
        return {}
    known = fields(kind)
    for key in data:
        if key not in known:
            errors.append(BadInput(f"is not a key {where}; {suggestion(key, known)}", (key,)))
    values = {}
    for key, info in known.items():
        written = data.get(key)
        if written is not None:
            before = len(errors)
            with noted(errors, key) as found:
                value = _value(written, info.type, _told(info.type), found)
            if len(errors) == before:
                values[info.name] = value
        elif info.required:
            errors.append(BadInput(f"is missing; expected {_told(info.type).get('description', key)}", (key,)))
        else:
            values[info.name] = info.default if info.default_factory is msgspec.NODEFAULT else info.default_factory()
    return values


def _value(written: Any, kind: Any, told: dict[str, Any], errors: list[BadInput]) -> Any:
    """Read one value; ``told`` is what editors are told about its key."""
    struct = next((info.cls for info in _plain(kind) if isinstance(info, msgspec.inspect.StructType)), None)
    if struct is not None and isinstance(written, dict):
        return convert(written, struct, errors)
    item = _item(kind)
    read = written
    if item is not None and isinstance(written, list):
        read = []
        for index, each in enumerate(written):
            with noted(errors, index) as found:
                read.append(_value(each, item, told, found))
        if errors:
            return None
    try:
        return msgspec.convert(read, kind, dec_hook=read_value)
    except msgspec.ValidationError as error:
        meant = f": {told['description']}" if "description" in told else ""
        raise BadInput(f"{_worded(PLACE.sub('', str(error)), written, kind, told)}{meant}") from None


def _worded(text: str, written: Any, kind: Any, told: dict[str, Any]) -> str:
    """Say in our words what msgspec has against a value."""
    if text.startswith("found "):  # worded by read_value
        return text
    if match := WRONG_TYPE.match(text):
        words = [word.strip() for word in match[1].split("|") if word.strip() != "null"]
        expected = " or ".join(WORDS.get(word, word) for word in words)
    elif text.startswith("Invalid enum value"):
        expected = " or ".join(str(value) for info in _plain(kind) for value in getattr(info, "values", ()))
    elif match := LENGTH.match(text):
        expected = f"{'at least' if match[1] == '>=' else 'at most'} {match[2]}"
    elif "matching regex" in text:
        return f"found {shown(written)}, {told.get('patternErrorMessage', 'expected another form')}"
    else:
        return f"found {shown(written)}, {text[:1].lower()}{text[1:]}"
    return f"found {shown(written)}, expected {expected}"


def _told(kind: Any) -> dict[str, Any]:
    """Find what a key's declaration tells editors: its description, the words for its pattern."""
    return getattr(msgspec.inspect.type_info(kind), "extra_json_schema", None) or {}


def _plain(kind: Any) -> list[Any]:
    """Take the metadata and unions off a type."""
    found = [msgspec.inspect.type_info(kind)]
    while any(isinstance(info, (msgspec.inspect.Metadata, msgspec.inspect.UnionType)) for info in found):
        found = [
            inner
            for info in found
            for inner in (
                [info.type]
                if isinstance(info, msgspec.inspect.Metadata)
                else info.types
                if isinstance(info, msgspec.inspect.UnionType)
                else [info]
            )
        ]
    return found


def _item(kind: Any) -> Any:
    """Find the type of a list's items; None where it is no list."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_args(kind)[0] if get_origin(kind) in (list, tuple) else None
