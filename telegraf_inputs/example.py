"""A driver's example stanza, made into that of an instrument that was found."""

from __future__ import annotations


def with_keys(example: str, **keys: str) -> str:
    """Put top-level keys, written as YAML, into an example: in the place of its own, or behind ``driver``."""
    lines = []
    for line in example.rstrip().splitlines():
        key = line.partition(":")[0]
        lines.append(f"{key}: {keys.pop(key)}" if key in keys else line)
    place = next(i for i, line in enumerate(lines) if line.startswith("driver:"))
    lines[place + 1 : place + 1] = [f"{key}: {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"
