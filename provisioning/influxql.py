"""InfluxQL's quoting: of names, texts and numbers, wherever a statement is written."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from telegraf_inputs.errors import BadInput, shown


def identifier(*parts: str) -> str:
    """Quote a name, or the parts of one: ``"raw"."julabo"`` is a measurement in a retention policy."""
    return ".".join(f'"{_escaped(part, chr(34))}"' for part in parts)


def text(value: str) -> str:
    """Quote a text."""
    return f"'{_escaped(value, chr(39))}'"


def number(value: float) -> str:
    """Write a number: InfluxQL knows no exponents."""
    return format(Decimal(repr(value)), "f")


@lru_cache(100_000)
def _escaped(text: str, quote: str) -> str:
    if "\0" in text or "\r" in text:
        raise BadInput(f"found {shown(text)}, expected a text without null and \\r: InfluxQL has no way to write them")
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
