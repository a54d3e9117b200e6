"""Ends asked for from outside: Ctrl-C, SIGTERM, a closed terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Makes SIGTERM and a closed terminal end a run as Ctrl-C does, by KeyboardInterrupt.

    Call ``check`` now and then: an exception that a signal raises can be lost, where Python happens to be in a callback.
    ``be_patient`` when stopping begins: from then on a second request is answered, and changes nothing.
    """

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._asked = False

    def check(self) -> None:
        """Raise KeyboardInterrupt where the end was asked for."""
        if self._asked:
            raise KeyboardInterrupt

    def be_patient(self) -> None:
        """Begin to stop."""
        for number in SIGNALS:
            signal.signal(number, lambda *_: self._say("stopping already: what was read is being written"))

    def _stop(self, *_: int | FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def __enter__(self) -> Interrupts:
        self._before = {number: signal.signal(number, self._stop) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
