"""Work that may be held up for long, by a file server in the kernel, by a camera: whoever waits for it waits no longer than it will."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from .stop import Stop

GLANCE_SECONDS = 0.05  # how long a request to stop waits at most
Found = TypeVar("Found")


class Errand(Generic[Found]):
    """Goes through ``work`` in a thread of its own, so that whoever sent it need not wait for as long as it takes."""

    def __init__(self, work: Iterable[Found], name: str):
        self._work = work
        self._found: list[Found] = []
        self._error: Exception | None = None
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Tell how long ago it was sent."""
        return time.monotonic() - self._began

    def back_within(self, seconds: float, stop: Stop) -> bool:
        """Wait until it is back, or was sent so long ago, or all is to stop; tells whether it is back."""
        while self._thread.is_alive() and (rest := seconds - self.seconds) > 0 and not stop.is_set:
            self._thread.join(min(GLANCE_SECONDS, rest))
        return not self._thread.is_alive()

    def brought(self) -> Iterator[Found]:
        """Yield what it found, once it is back; then raise what ended it, if something did."""
        yield from self._found
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for each in self._work:
                self._found.append(each)
        except Exception as error:  # it is told by whoever sent it
            self._error = error
