"""Whoever reads what a run prints, at their own pace: a terminal that is held, or a pipe that is full, holds up nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

MOST_WAITING = 1000  # messages that nobody has read; then the oldest are left out


class Voice:
    """Says things; from ``begin`` to ``end`` from a thread of its own, so that whoever has something to say never waits."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._waiting: SimpleQueue[str | None] = SimpleQueue()  # a signal's handler may put something in at any time
        self._thread: threading.Thread | None = None

    def say(self, text: str) -> None:
        """Say something, in a moment."""
        if self._thread is None:
            self._say(text)
            return
        self._waiting.put(text)
        if self._waiting.qsize() > MOST_WAITING:
            try:
                self._waiting.get_nowait()
            except Empty:
                pass

    def begin(self) -> None:
        """Say things from another thread from now on."""
        self._thread = threading.Thread(target=self._run, daemon=True, name="voice")
        self._thread.start()

    def end(self) -> None:
        """Wait until all was said."""
        if self._thread:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            self._say(text)


class Left(Exception):
    """The show is over: raised where it is drawn."""


class Audience:
    """Runs ``show``, which draws again and again, in a thread of its own; ``over`` is set when it has ended.

    ``show`` calls ``check`` between two drawings: it raises Left once ``leave`` was called.
    """

    def __init__(self, show: Callable[[], None]):
        self._show = show
        self.over = threading.Event()
        self.error: BaseException | None = None
        self._leaving = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="audience")

    def start(self) -> None:
        """Begin the show."""
        self._thread.start()

    def check(self) -> None:
        """Raise Left where nobody wants to see more."""
        if self._leaving:
            raise Left

    def leave(self) -> None:
        """Ask for the end of the show."""
        self._leaving = True

    def join(self) -> None:
        """Wait until it has ended, however long nobody reads."""
        self.leave()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._show()
        except Left:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.over.set()
