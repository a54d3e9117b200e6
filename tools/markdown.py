"""Pieces of the drivers' pages, in the Markdown that Telegraf's linters take: 80 columns, tables, fences."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from telegraf_inputs.declare import Choice, Option, Quantity

WIDTH = 80
FIELD_TYPES = {"str": "string"}  # as Telegraf writes a field's type, where it is another word than ours
KEY_TYPES = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "map": "mapping"}


def paragraph(text: str, first: str = "") -> str:
    """Fill a paragraph; code and links stay on one line."""
    text = re.sub(r"`[^`]+`|\[[^]]+\]\([^)]+\)", lambda match: match[0].replace(" ", "\0"), text)
    filled = textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace("\0", " ")


def item(text: str, indent: int) -> str:
    """Write an entry of a list."""
    return paragraph(text, f"{' ' * indent}- ")


def fence(language: str, text: str) -> str:
    """Write a block of code."""
    return f"```{language}\n{text.strip()}\n```"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def options(title: str, declared: Iterable[Option]) -> Iterator[str]:
    """Write a table of keys, if there are any."""
    if declared:
        yield table(
            (title, "Type", "Default", "Meaning"),
            (
                (
                    f"`{o.name}`",
                    KEY_TYPES.get(o.type, o.type),
                    "required" if o.required else "" if o.default in (None, []) else f"`{_plain(o.default)}`",
                    o.description
                    + (
                        f"; one of {', '.join(str(choice) for choice in o.choices if choice != '')}"
                        if o.choices
                        else ""
                    ),
                )
                for o in declared
            ),
        )


def field(quantity: Quantity) -> str:
    """Write an entry of the list of fields."""
    span = [f"{bound:g}" for bound in (quantity.low, quantity.high) if bound is not None]
    kind = ", ".join(filter(None, (FIELD_TYPES.get(quantity.type, quantity.type), quantity.unit)))
    text = f"{quantity.name} ({kind}): {quantity.description}"
    if quantity.choices:
        text += f": {', '.join(map(_meant, quantity.choices))}"
    elif len(span) == 2:
        text += f"; {span[0]} to {span[1]}"
    elif quantity.high is not None:
        text += f"; up to {span[0]}"
    return item(text, 4)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meant(choice: Choice) -> str:
    grave = f" ({choice.severity})" if choice.severity in ("warning", "critical") else ""
    return f"{_plain(choice.code)} {choice.word}{grave}"
