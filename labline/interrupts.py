"""Ends asked for from outside: Ctrl-C, SIGTERM, a closed terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PRESSES = 2  # of Ctrl-C, beside the one that began the end


class Interrupts:
    """Makes SIGTERM and a closed terminal end a run as Ctrl-C does, by KeyboardInterrupt.

    Call ``check`` now and then: an exception that a signal raises can be lost, where Python happens to be in a callback.
    ``be_patient`` when stopping begins: from then on the next Ctrl-C is answered, and changes nothing; the one after it
    calls ``kill``, which has to end whatever is waited for. A closed terminal counts for no Ctrl-C. Under nohup it ends nothing.
    """

    def __init__(self, say: Callable[[str], None], kill: Callable[[], None]):
        self._say, self._kill = say, kill
        self._asked = False
        self._presses = 0

    def check(self) -> None:
        """Raise KeyboardInterrupt where the end was asked for."""
        if self._asked:
            raise KeyboardInterrupt

    def be_patient(self) -> None:
        """Begin to stop."""
        for number in self._before:
            signal.signal(number, self._already)

    def _stop(self, *_: int | FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def _already(self, number: int, _: FrameType | None) -> None:
        self._presses += number == signal.SIGINT
        if self._presses < PRESSES:
            self._say(
                "stopping already: what was read is being written. "
                "Ctrl-C again ends all at once; what is not written then is lost"
            )
        else:
            self._say("ending all at once")
            self._kill()

    def __enter__(self) -> Interrupts:
        ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
        self._before = {number: signal.signal(number, self._stop) for number in SIGNALS if number not in ignored}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
