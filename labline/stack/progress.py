"""What a long step is doing: on stderr, in place on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time

from telegraf_inputs.letters import visible

from . import streams

EVERY = 15.0  # seconds between two lines where there is no terminal


def say(message: str) -> None:
    """Tell the user something, on stderr: a verb's own output stays clean."""
    # Where the terminal is gone, or a signal comes amid another message, what is being done is still more important.
    with contextlib.suppress(OSError, RuntimeError):
        print(visible(str(message), "\n\t"), file=sys.stderr, flush=True)


class Progress:
    """One long step, as a context manager; ``update("41 of 60 MB")`` as often as you like."""

    def __init__(self, what: str):
        self.what, self._start, self._shown = what, time.monotonic(), 0.0
        self._tty = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        say(f"{self.what} …")
        return self

    def update(self, how_far: str = "") -> None:
        """Show how far it is, and the seconds since it began."""
        now = time.monotonic()
        seconds = now - self._start
        text = f"{self.what} … {f'{how_far}, ' if how_far else ''}{seconds:.0f} s"
        if self._tty and now - self._shown > 0.2:
            print(f"\r\x1b[K{visible(text)}", end="", file=streams.terminal(sys.stderr), flush=True)
        elif not self._tty and now - max(self._shown, self._start) > EVERY:
            say(text)
        else:
            return
        self._shown = now

    def __exit__(self, kind: type | None, *_: object) -> None:
        seconds = time.monotonic() - self._start
        if self._tty and self._shown:
            print("\r\x1b[K", end="", file=streams.terminal(sys.stderr))
        if kind is None:
            say(f"{self.what}: done in {seconds:.0f} s")
