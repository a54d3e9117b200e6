"""From plain data to structs, with errors in our words: the path, what was found, what was expected."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import msgspec

from telegraf_inputs.errors import BadInput, shown, suggestion

from .site_file import fields, read_value

PLACE = re.compile(r"(.*) - at `\$(.*)`\Z", re.S)
STEP = re.compile(r"\[(\d+)\]|\.([^.\[]+)")
UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z")
MISSING = re.compile(r"Object missing required field `(.*)`\Z")
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


def convert(data: Any, kind: type[msgspec.Struct]) -> Any:
    """Make a struct of plain data. Raises BadInput with the path inside ``data``."""
    try:
        return msgspec.convert(data, kind, dec_hook=read_value)
    except msgspec.ValidationError as error:
        _explain(str(error), data, kind)


def _explain(text: str, data: Any, kind: type[msgspec.Struct]) -> NoReturn:
    path: tuple[Any, ...] = ()
    if match := PLACE.match(text):
        text = match[1]
        path = tuple(int(index) if index else name for index, name in STEP.findall(match[2]))
    found, struct = _follow(data, kind, path)
    if match := UNKNOWN.match(text):
        raise BadInput(
            f"is not a key here; {suggestion(match[1], fields(struct) if struct else ())}", (*path, match[1])
        ) from None
    if match := MISSING.match(text):
        raise BadInput(f"{match[1]!r} is missing; expected {_description(struct, match[1])}", path) from None
    meant = f": {_description(*_owner(data, kind, path))}" if path else ""
    if match := WRONG_TYPE.match(text):
        expected = " or ".join(
            WORDS.get(word.strip(), word.strip()) for word in match[1].split("|") if word.strip() != "null"
        )
        raise BadInput(f"found {shown(found)}, expected {expected}{meant}", path) from None
    if text.startswith("found "):  # worded by read_value
        raise BadInput(f"{text}{meant}", path) from None
    if text.startswith("Invalid enum value"):
        choices = _choices(*_owner(data, kind, path))
        raise BadInput(f"found {shown(found)}, expected {' or '.join(choices)}{meant}", path) from None
    if match := LENGTH.match(text):
        least, number = match[1] == ">=", match[2]
        raise BadInput(
            f"found {shown(found)}, expected {'at least' if least else 'at most'} {number}{meant}", path
        ) from None
    if "matching regex" in text:
        words = _schema(*_owner(data, kind, path)).get("patternErrorMessage", "expected another form")
        raise BadInput(f"found {shown(found)}, {words}{meant}", path) from None
    raise BadInput(f"found {shown(found)}, {text[:1].lower()}{text[1:]}{meant}", path) from None


def _follow(data: Any, kind: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    """Go down ``path``: the value there, and the struct it should be (None where it is none)."""
    for part in path:
        data = data[part]
        if isinstance(part, int):
            kind = _item(kind)
        else:
            struct = _struct(kind)
            kind = fields(struct)[part].type if struct is not None and part in fields(struct) else None
    return data, _struct(kind)


def _owner(data: Any, kind: Any, path: tuple[Any, ...]) -> tuple[Any, str]:
    """Find the struct whose key the value at ``path`` is (of, or an item of), and that key's name."""
    last = max((i for i, part in enumerate(path) if isinstance(part, str)), default=0)
    return _follow(data, kind, path[:last])[1], str(path[last])


def _type(kind: Any) -> Any:
    return msgspec.inspect.type_info(kind)


def _unwrapped(info: Any) -> list[Any]:
    """Take the metadata and unions off a type."""
    if isinstance(info, msgspec.inspect.Metadata):
        return _unwrapped(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return [inner for each in info.types for inner in _unwrapped(each)]
    return [info]


def _struct(kind: Any) -> Any:
    if kind is None:
        return None
    return next((info.cls for info in _unwrapped(_type(kind)) if isinstance(info, msgspec.inspect.StructType)), None)


def _item(kind: Any) -> Any:
    for info in _unwrapped(_type(kind)):
        inner = getattr(info, "item_type", None)
        for each in _unwrapped(inner) if inner is not None else ():
            if isinstance(each, msgspec.inspect.StructType):
                return each.cls
    return None


def _description(struct: Any, key: str) -> str:
    return str(_schema(struct, key).get("description", key))


def _schema(struct: Any, key: str) -> dict[str, Any]:
    """Find what is declared for editors about one key."""
    info = _type(fields(struct)[key].type) if struct is not None and key in fields(struct) else None
    return getattr(info, "extra_json_schema", None) or {}


def _choices(struct: Any, key: str) -> list[str]:
    found = []
    for info in _unwrapped(_type(fields(struct)[key].type)):
        for each in _unwrapped(getattr(info, "item_type", info)):
            found += [str(v) for v in getattr(each, "values", ())]
    return found
