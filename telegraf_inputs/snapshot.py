"""Pictures that are fetched one at a time, each anew: what is fetched from never holds up more than its timeout."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

from .errand import Errand
from .errors import BadAnswer, NoAnswer, Stopped
from .line import Tap
from .stop import Stop

LARGEST = 32 * 2**20  # bytes of a picture: what is longer is none


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
        errand = Errand(self._picture(), f"picture of {self.place}")
        if not errand.back_within(self.timeout, self.stop):
            self._cancel()
            raise Stopped if self.stop.is_set else self._late()
        (data,) = errand.brought()
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

    def _picture(self) -> Iterator[bytes]:
        yield self._get()

    def _late(self) -> NoAnswer:
        """Say that the timeout was over first."""
        return NoAnswer(f"{self.place}: no whole picture within {self.timeout:g} s")

    def _tell(self, direction: str, text: str) -> None:
        if self.tap is not None:
            self.tap(direction, f"{text}\n".encode())
