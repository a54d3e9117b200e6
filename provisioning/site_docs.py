"""The tables of docs/site-file.md, made from the declarations: ``python -m provisioning.site_docs`` writes them anew in place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from telegraf_inputs import calibration, duration, spikes, stanza, wires
from telegraf_inputs.declare import Option

from . import json_schema, site_file
from .site_file import Keep, Seconds, fields

FILE = Path(__file__).parent.parent / "docs" / "site-file.md"
TABLE = re.compile(r"(<!-- keys: (\w+) -->\n).*?(<!-- end -->)", re.S)
WORDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "map": "mapping",
    "list": "list",
}
Cells = tuple[str, str, str, str]


def fill(text: str) -> str:
    """Put the present tables between their marks."""
    return TABLE.sub(lambda match: f"{match[1]}{_table(match[2])}{match[3]}", text)


def _table(name: str) -> str:
    if name == "Form":
        head: tuple[str, ...] = ("form", "parameters (**needed**)")
        rows: Iterable[tuple[str, ...]] = (
            (f"`{form}`", ", ".join(f"**{key}**" if key in needed else key for key in kinds))
            for form, (_, kinds, needed) in calibration.FORMS.items()
        )
    else:
        head = ("key", "what it is", "value", "default")
        rows = {
            "Instrument": lambda: _options(stanza.KEYS),
            "Wire": lambda: _options(wires.OPTIONS),
            "Channel": lambda: _options(stanza.CHANNEL_KEYS),
            "Calibration": lambda: _options(calibration.COMMON),
            "Filter": lambda: _options(spikes.KEYS),
        }.get(name, lambda: _struct(getattr(site_file, name)))()
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _options(options: Iterable[Option]) -> Iterable[Cells]:
    for option in options:
        default = "**needed**" if option.required else "" if option.default is None else f"`{option.default}`"
        yield f"`{option.name}`", option.description, WORDS.get(option.type, option.type), default


def _struct(struct: type[msgspec.Struct]) -> Iterable[Cells]:
    (top,), parts = msgspec.json.schema_components((struct,), schema_hook=json_schema.own_type, ref_template="{name}")
    schema = parts[top["$ref"]]
    for name, info in fields(struct).items():
        told = schema["properties"][name]
        yield f"`{name}`", told["description"], _kind(info.type, told), _default(info)


def _kind(kind: Any, told: dict[str, Any]) -> str:
    text = str(kind)
    if "Keep" in text:
        return "duration, or `forever`"
    if "Seconds" in text:
        return "duration"
    if "enum" in told:
        return " or ".join(f"`{choice}`" for choice in told["enum"])
    if "anyOf" in told or told.get("type") == ["string", "number"]:
        return "see below" if any("$ref" in each for each in told.get("anyOf", [])) else "value with its unit"
    if "$ref" in told or told.get("type") == "object":
        return "see below"
    return {
        "string": "text",
        "number": "number",
        "integer": "whole number",
        "array": "list",
        "boolean": "true or false",
    }.get(str(told.get("type")), "")


def _default(info: msgspec.structs.FieldInfo) -> str:
    if info.required:
        return "**needed**"
    value = info.default if info.default_factory is msgspec.NODEFAULT else info.default_factory()
    if isinstance(value, (Seconds, Keep)):
        return f"`{duration.exact(value) if value else 'forever'}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return (
        f"`{value:g}`" if isinstance(value, (int, float)) else f"`{value}`" if isinstance(value, str) and value else ""
    )


if __name__ == "__main__":
    FILE.write_text(fill(FILE.read_text(encoding="utf-8")), encoding="utf-8")
