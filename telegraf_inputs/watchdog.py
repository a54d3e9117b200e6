"""Ends a program whose Python is held up by what burns a core: no thread of it can, and it would not see a SIGTERM.

A timer of the kernel's counts the processor's time alone, so that neither a machine that sleeps nor one that is busy
with others sets it off. What it sends ends the program, whatever Python does; before that the program tells on stderr
where it is.
"""

from __future__ import annotations

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager

BURNT_SECONDS = 10.0  # of the processor, without the main thread's being heard of


@contextmanager
def watching() -> Iterator[None]:
    """Watch the program until the block ends; ``alive`` has to be called again and again."""
    faulthandler.register(signal.SIGVTALRM, file=2, chain=True)
    try:
        alive()
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        faulthandler.unregister(signal.SIGVTALRM)


def alive() -> None:
    """Tell the timer that Python goes on."""
    signal.setitimer(signal.ITIMER_VIRTUAL, BURNT_SECONDS)
