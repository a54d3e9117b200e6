"""Pictures that are fetched one at a time, each anew: what is fetched from never holds up more than its timeout."""

from __future__ import annotations

import hashlib
import threading
import time

from .errors import BadAnswer, NoAnswer, Stopped
from .line import Tap
from .stop import Stop

LARGEST = 32 * 2**20  # bytes of a picture: what is longer is none
GLANCE_SECONDS = 0.05  # how long a request to stop waits at most


class Snapshots:
    """The way to a camera. A subclass defines ``_get`` and ``_cancel``, which makes a ``_get`` of another thread end.

    ``answered_ns`` is the time (ns, UTC) when the last picture was whole; ``tap`` is told, in words, what is asked for, and
    the length and the digest of what came.
    """

    tap: Tap | None = None

    def __init__(self, place: str, timeout: float, stop: Stop):
        self.place, self.timeout, self.stop = place, timeout, stop
        self.answered_ns = 0

    def fetch(self) -> bytes:
        """Fetch one picture, within ``timeout`` seconds. Raises NoAnswer, BadAnswer, Disconnected, Stopped."""
        self._tell(">", f"a picture of {self.place}")
        getting = _Getting(self)
        getting.start()
        deadline = time.monotonic() + self.timeout
        while getting.is_alive() and (rest := deadline - time.monotonic()) > 0:
            getting.join(min(GLANCE_SECONDS, rest))
            if self.stop.is_set:
                self._cancel()
                raise Stopped
        if getting.is_alive():
            self._cancel()
            raise self._late()
        if getting.error is not None:
            raise getting.error
        data = getting.data
        self.answered_ns = time.time_ns()
        self._tell("<", f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()[:12]}")
        if not data:
            raise NoAnswer(f"{self.place}: the answer is empty")
        if len(data) > LARGEST:
            raise BadAnswer(f"{self.place}: more than {LARGEST // 2**20} MB came; that is no picture")
        return data

    def discard(self, quiet: float = 0.0) -> int:
        """Do nothing: each picture is fetched over a way of its own."""
        return 0

    def close(self) -> None:
        """Let go of what may be fetched still."""
        self._cancel()

    def _get(self) -> bytes:
        """Fetch, and wait for as long as it takes; at most one byte more than LARGEST."""
        raise NotImplementedError

    def _cancel(self) -> None:
        """Make it end."""
        raise NotImplementedError

    def _late(self) -> NoAnswer:
        """Say that the timeout was over first."""
        return NoAnswer(f"{self.place}: no whole picture within {self.timeout:g} s")

    def _tell(self, direction: str, text: str) -> None:
        if self.tap is not None:
            self.tap(direction, f"{text}\n".encode())


class _Getting(threading.Thread):
    """One picture on its way."""

    def __init__(self, way: Snapshots):
        super().__init__(daemon=True, name=f"picture of {way.place}")
        self._way = way
        self.data = b""
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.data = self._way._get()
        except Exception as error:  # it is told by whoever waits
            self.error = error
