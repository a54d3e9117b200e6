"""Words for people that several modules need."""

from __future__ import annotations


def counted(word: str, count: int) -> str:
    """Write a number of things: ``1 instrument``, ``2 instruments``."""
    return f"{count} {word}{'s' * (count != 1)}"
