"""A driver's example stanza, made into that of an instrument that was found."""

from __future__ import annotations

from collections.abc import Container


def with_keys(example: str, **keys: str) -> str:
    """Put top-level keys, written as YAML, into an example: in the place of its own, or behind ``driver``."""
    lines = []
    for line in example.rstrip().splitlines():
        key = line.partition(":")[0]
        lines.append(f"{key}: {keys.pop(key)}" if key in keys else line)
    place = next(i for i, line in enumerate(lines) if line.startswith("driver:"))
    lines[place + 1 : place + 1] = [f"{key}: {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def with_channels(example: str, names: Container[str]) -> str:
    """Leave out the channels of an example that are none of ``names``."""
    lines = example.splitlines(keepends=True)
    return "".join(line for line in lines if line[:2] != "  " or line.strip().partition(":")[0].strip('"') in names)
