"""Ends asked for from outside: Ctrl-C, SIGTERM, a closed terminal."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def orderly_end(say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Make SIGTERM and a closed terminal end a run as Ctrl-C does, by KeyboardInterrupt.

    Gives the function to call when stopping begins: from then on a second request is answered, and changes nothing.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def patience(*_: object) -> None:
        say("stopping already: what was read is being written")

    def begin() -> None:
        for number in numbers:
            signal.signal(number, patience)

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield begin
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
