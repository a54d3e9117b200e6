"""What leaves for a terminal: texts of others, such as an instrument's answer, can't drive it.

Between the beginning and the end of a verb, what is printed passes ``Plain``. What draws goes to the ``terminal`` itself.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from telegraf_inputs.letters import visible


class Plain:
    """A stream that writes what is no printable character as an escape, ``\\x1b``; it is the ``stream`` in all else."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(visible(text, "\n\t"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def terminal(stream: Any) -> Any:
    """Get what a stream writes to, for control characters of our own."""
    return stream.stream if isinstance(stream, Plain) else stream


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Let nothing but printable text out, until the block ends."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (Plain(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
