"""Writes TOML, as the configurations of Telegraf and InfluxDB want it.

Telegraf puts the environment in for ``$NAME`` in what it has read, and takes ``$$`` for a ``$``: ``setting`` is for it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def value(found: Any) -> str:
    """Write a text, number, truth value, a list of them, or a mapping: on one line."""
    if isinstance(found, (list, tuple)):
        return "[" + ", ".join(value(item) for item in found) + "]"
    if isinstance(found, Mapping):
        return "{" + ", ".join(f"{key(name)} = {value(item)}" for name, item in found.items()) + "}"
    if isinstance(found, float) and not math.isfinite(found):
        return str(found)  # inf, -inf, nan
    # TOML's basic strings, numbers and truth values are written as JSON's, but for one character.
    return json.dumps(found, ensure_ascii=False).replace("\x7f", "\\u007f")


def setting(found: Any) -> str:
    """Write a value as Telegraf leaves it alone."""
    return value(found).replace("$", "$$")


def key(name: str) -> str:
    """Write a key; in quotes where it needs them."""
    # In a key Telegraf puts nothing in, but an old one looks at the text of the file.
    return name if BARE.match(name) else value(name).replace("$", "\\u0024")


def one_line(text: str) -> str:
    """Write a text for a comment, in which TOML allows no control characters."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def table(head: str, keys: Mapping[str, Any], indent: str = "  ", before: str = "\n") -> Iterator[str]:
    """Write a table without tables in it; one that begins with ``#``, and has no value, is a comment."""
    yield before + head
    for name, found in keys.items():
        yield f"{indent}{name}" if found is None else f"{indent}{key(name)} = {setting(found)}"


def nested(path: str, keys: Mapping[str, Any], *, many: bool = True, indent: str = "") -> Iterator[str]:
    """Write a table, and those in it: a mapping is one, a list of mappings several; one that begins with ``#``, and has no value, is a comment.

    ``many``: it is itself one of several.
    """
    yield f"{indent}[[{path}]]" if many else f"{indent}[{path}]"
    inner = indent + "  "
    tables = {name: found for name, found in keys.items() if _is_tables(found)}
    for name, found in keys.items():
        if name.startswith("#") and found is None:
            yield f"{inner}{name}"
        elif name not in tables:
            yield f"{inner}{key(name)} = {setting(found)}"
    for name, found in tables.items():
        for each in found if isinstance(found, list) else [found]:
            yield from nested(f"{path}.{key(name)}", each, many=isinstance(found, list), indent=inner)


def _is_tables(found: Any) -> bool:
    return isinstance(found, dict) or (
        isinstance(found, list) and bool(found) and all(isinstance(item, dict) for item in found)
    )
