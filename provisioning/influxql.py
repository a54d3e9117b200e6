"""InfluxQL's quoting: of names, texts and numbers, wherever a statement is written."""

from __future__ import annotations

from decimal import Decimal


def identifier(*parts: str) -> str:
    """Quote a name, or the parts of one: ``"raw"."julabo"`` is a measurement in a retention policy."""
    return ".".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)


def text(value: str) -> str:
    """Quote a text."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def number(value: float) -> str:
    """Write a number: InfluxQL knows no exponents."""
    return format(Decimal(repr(value)), "f")
