"""Asks the person at the terminal."""

from __future__ import annotations

import sys


def agreed(question: str) -> bool:
    """Ask for a yes; without a terminal, or where nothing is said (Ctrl-D), it is a no."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False
