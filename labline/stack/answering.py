"""Parts that run and do not answer: asked in a thread of its own, because that may take its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PAUSE = 2.0  # seconds between two questions
UNANSWERED_SECONDS = 12.0  # one that answers nothing for as long hangs


class Answering:
    """Asks a part whether it answers, until ``close``; ``ask`` is True also where nothing is to be expected of it."""

    def __init__(self, ask: Callable[[], bool], pause: float = PAUSE):
        self._ask, self._pause = ask, pause
        self._since: float | None = None  # when the first question was asked that was not answered
        self._closed = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="answering").start()

    def why_not(self) -> str:
        """Tell for how long it has not answered, where that is too long; else ""."""
        if (since := self._since) is None:
            return ""
        seconds = time.monotonic() - since
        return f"it answers nothing over HTTP for {seconds:.0f} s" if seconds >= UNANSWERED_SECONDS else ""

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._pause):
            asked = time.monotonic()
            self._since = None if self._ask() else self._since or asked
