"""Servers that close the connection after each answer: whoever asks again calls anew."""

from __future__ import annotations

from .errors import BadAnswer, NoAnswer
from .line import Line, Tap


class Visits:
    """A way to such a server: each question has a connection of its own, whose end is the end of the answer.

    So no answer can be late, or belong to another question. ``answered_ns`` is when the last one ended (ns, UTC).
    """

    in_step = True

    def __init__(self, line: Line):
        self._line = line

    @property
    def tap(self) -> Tap | None:
        return self._line.tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        self._line.tap = tap

    @property
    def answered_ns(self) -> int:
        return self._line.answered_ns

    def query(self, text: str) -> str:
        """Ask one question; returns the answer without its terminator. Raises NoAnswer, BadAnswer, Disconnected."""
        end = self._line.wire.receive
        said = self.ask(text)
        if not said.endswith(end):
            raise BadAnswer(
                f"asked {text!r}, found {said[:60]!r}, closed before the end of a line, {end!r} (wire: receive)"
            )
        return self._line.text(said.removesuffix(end))

    def ask(self, text: str) -> bytes:
        """Ask one question, or with "" none; returns all bytes of the answer. Raises NoAnswer, BadAnswer, Disconnected."""
        self._line.open()
        try:
            if text:
                self._line.send(text)
            if not (said := self._line.receive_all()):
                raise NoAnswer(f"asked {text!r}, it was closed without an answer")
            return said
        finally:
            self._line.close()

    def refuse_surplus(self) -> None:
        """Do nothing: what else it may say has no connection to come by."""

    def discard(self, quiet: float = 0.0) -> int:
        """Find nothing to throw away, for the same reason."""
        return 0

    def close(self) -> None:
        self._line.close()
