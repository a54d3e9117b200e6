"""InfluxQL's quoting: of names and of texts, wherever a statement is written."""

from __future__ import annotations


def identifier(*parts: str) -> str:
    """Quote a name, or the parts of one: ``"raw"."julabo"`` is a measurement in a retention policy."""
    return ".".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)


def text(value: str) -> str:
    """Quote a text."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
