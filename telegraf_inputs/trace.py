"""Shows people what is said between a program and its instrument."""

from __future__ import annotations

import time


def said(direction: str, data: bytes) -> str:
    """Write what a Line's tap is told: sent (">"), received ("<"), thrown away ("~"), closed ("!"); with the time."""
    now = time.time()
    clock = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03}"
    return f"{clock} {direction} {data!r}" if data else f"{clock} {direction} closed"
