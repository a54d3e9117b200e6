"""From plain data to structs, key by key, so that one mistake hides no other; each is told in our words.

A message has the path, what was found, and what was expected. A key without a value is as one that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from telegraf_inputs import names
from telegraf_inputs.errors import BadInput, noted, shown, suggestion

from .site_file import SiteFile, fields, read_value

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
        what = "nothing" if data is None else shown(data)
        errors.append(BadInput(f"found {what}, expected the keys {', '.join(fields(kind))}"))
        return {}
    known = _keys(kind)
    for key in data:
        if key not in known:
            hint = _otherwise(str(key), known) or _elsewhere(key, known) or suggestion(key, known)
            errors.append(BadInput(f"is not a key {where}; {hint}", (key,)))
    values = {}
    for name, key in known.items():
        written = data.get(name)
        if written is not None:
            before = len(errors)
            with noted(errors, name) as found:
                value = _value(written, key.kind, found)
            if len(errors) == before:
                values[key.field] = value
        elif key.required:
            form = _such_as(key.kind.item, "NAME")
            such = f", such as {name}: [{form}]" if form else ""
            errors.append(BadInput(f"is missing; expected {key.kind.told.get('description', name)}{such}", (name,)))
        else:
            values[key.field] = key.default()
    return values


MOST_HOMES = 4  # of a key that is told where it belongs
# Keys whose value may stand for all of a mapping, where people write only that.
FOR_ALL = ("name", "raw", "above", "below", "url")
A_CONTACT = (
    "who is told is a contact point, as notifications: {contact_points: [{name: …, type: email, addresses: […]}]}"
)
# What other programs call a key -> what it is here.
OTHERWISE = {
    **dict.fromkeys(("max", "maximum", "high", "hi", "upper", "over", "gt"), "above"),
    **dict.fromkeys(("min", "minimum", "low", "lo", "lower", "under", "lt"), "below"),
    **dict.fromkeys(("alarm", "alert", "error", "severe"), "critical"),
    **dict.fromkeys(("warn", "minor"), "warning"),
    **dict.fromkeys(("devices", "sensors", "inputs"), "instruments"),
    **dict.fromkeys(("machines", "hosts", "node"), "nodes"),
    **dict.fromkeys(("email", "mail", "emails", "contacts", "slack", "telegram"), "contact_points"),
}
SIDE = re.compile(r"\s*([<>])=?\s*(.+)")


@dataclass(frozen=True)
class _Kind:
    """A type, taken apart once: the ``struct`` that it may be, the kind of its ``item`` where it is a list.

    ``told`` is what editors are told about its key; ``plain`` its parts without metadata and unions.
    """

    type: Any
    told: dict[str, Any]
    plain: list[Any]
    struct: type[msgspec.Struct] | None
    item: _Kind | None


@dataclass(frozen=True)
class _Key:
    """One key of a struct; ``field`` is its name there."""

    field: str
    kind: _Kind
    required: bool
    default: Callable[[], Any]


@cache
def _keys(struct: type[msgspec.Struct]) -> dict[str, _Key]:
    """List a struct's keys as they are written."""
    found = {}
    for name, info in fields(struct).items():
        default = (
            (lambda value=info.default: value) if info.default_factory is msgspec.NODEFAULT else info.default_factory
        )
        found[name] = _Key(info.name, _kind(info.type, _told(info.type)), info.required, default)
    return found


def _kind(kind: Any, told: dict[str, Any]) -> _Kind:
    plain, item = _plain(kind), _item(kind)
    struct = next((info.cls for info in plain if isinstance(info, msgspec.inspect.StructType)), None)
    return _Kind(kind, told, plain, struct, None if item is None else _kind(item, told))


def _value(written: Any, kind: _Kind, errors: list[BadInput]) -> Any:
    if kind.struct is not None and isinstance(written, dict):
        return convert(written, kind.struct, errors)
    read = written
    if kind.item is not None and isinstance(written, list):
        read = []
        for index, each in enumerate(written):
            with noted(errors, index) as found:
                read.append(_value(each, kind.item, found))
        if errors:
            return None
    try:
        return msgspec.convert(read, kind.type, dec_hook=read_value)
    except msgspec.ValidationError as error:
        meant = f": {kind.told['description']}" if "description" in kind.told else ""
        raise BadInput(f"{_worded(PLACE.sub('', str(error)), written, kind)}{meant}") from None


def _otherwise(name: str, known: Iterable[str]) -> str:
    """Say what a key is here that other programs call otherwise."""
    meant = OTHERWISE.get(name.lower(), "")
    if meant in known and meant != "contact_points":
        return f"here it is {meant!r}"
    return A_CONTACT if meant == "contact_points" else ""


def _such_as(kind: _Kind | None, written: Any) -> str:
    """Give the mapping that was meant by one value; "" where that is not clear."""
    if kind is None or kind.struct is None or not isinstance(written, (str, int, float)) or isinstance(written, bool):
        return ""
    key = next(iter(_keys(kind.struct)))
    if key == "above" and isinstance(written, str) and (match := SIDE.match(written)):
        key, written = "above" if match[1] == ">" else "below", match[2]
    return f"{{{key}: {written}}}" if key in FOR_ALL and "\n" not in str(written) else ""


def _elsewhere(key: Any, known: Iterable[str]) -> str:
    """Say where a key belongs that is none of those ``known`` here; "" where it is one of nothing, or of too much."""
    if suggestion(key, known).startswith("did you mean"):
        return ""
    homes = _homes().get(str(key), [])
    return f"it belongs to {' or '.join(homes)}" if 0 < len(homes) <= MOST_HOMES else ""


@cache
def _homes() -> dict[str, list[str]]:
    """List, for each key of a site file, what it is a key of: ``influxdb``, ``notifications.contact_points[]``."""
    found: dict[str, list[str]] = {}

    def walk(struct: type[msgspec.Struct], path: str) -> None:
        for name, key in _keys(struct).items():
            if path:
                found.setdefault(name, []).append(f"{path}:")
            below, ending = key.kind, ""
            if below.item is not None:
                below, ending = below.item, "[]"
            if below.struct is not None:
                walk(below.struct, f"{path}.{name}{ending}".lstrip("."))

    walk(SiteFile, "")
    for name in ("above", "below", "alarm_when"):
        found.setdefault(name, []).append(f"warning or critical, as warning: {{{name}: …}}")
    for name in ("limits", "channels", "interval", "connection", "driver"):
        found.setdefault(name, []).append("an instrument, in instruments[]:")
    return found


def _worded(text: str, written: Any, kind: _Kind) -> str:
    """Say in our words what msgspec has against a value."""
    if text.startswith("found "):  # worded by read_value
        return text
    if match := WRONG_TYPE.match(text):
        words = [word.strip() for word in match[1].split("|") if word.strip() != "null"]
        expected = " or ".join(WORDS.get(word, word) for word in words)
        if words == ["object"] and kind.struct is not None:
            expected = f"the keys {', '.join(fields(kind.struct))}"
            if form := _such_as(kind, written):
                expected += f", such as {form}"
        elif words == ["array"] and isinstance(written, dict):
            expected += ", each of which begins with '- '"
        elif words == ["array"] and (form := _such_as(kind.item, written)):
            expected += f", such as [{form}]"
        elif words == ["array"] and isinstance(written, str) and kind.item and kind.item.struct is None:
            expected += f", such as [{shown(written)}]"
    elif text.startswith("Invalid enum value"):
        expected = " or ".join(str(value) for info in kind.plain for value in getattr(info, "values", ()))
    elif match := LENGTH.match(text):
        expected = f"{'at least' if match[1] == '>=' else 'at most'} {match[2]}"
    elif "matching regex" in text:
        expected = kind.told.get("patternErrorMessage", "expected another form")
        if expected == f"expected {names.NAME_WORDS}":
            return names.not_a_name(written)
        return f"found {shown(written)}, {expected}"
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
