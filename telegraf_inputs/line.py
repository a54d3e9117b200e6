"""Text with an instrument: a Line carries terminated text both ways; a Wire says how one kind of instrument wants it."""

from __future__ import annotations

import contextlib
import select
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import BadAnswer, Disconnected, NoAnswer, OutOfStep, Stopped
from .stop import Stop
from .url import Url

LONGEST_ANSWER = 65536
SERIAL = {"baudrate": 9600, "bytesize": 8, "parity": "N", "stopbits": 1}
Tap = Callable[[str, bytes], None]  # is told what is sent (">"), received ("<") or thrown away ("~"), and the end ("!")


@dataclass
class Wire:
    """How text travels to one kind of instrument. One a driver, declared.

    ``send``, ``receive``: terminators. ``pause``: seconds of rest before each command. ``settle``: seconds the
    instrument needs after opening. ``serial``: settings of the serial line, which a URL's options override.
    """

    send: bytes = b"\n"
    receive: bytes = b"\n"
    encoding: str = field(default="ascii", kw_only=True)
    pause: float = field(default=0.0, kw_only=True)
    settle: float = field(default=0.0, kw_only=True)
    serial: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def serial_line(self) -> dict[str, Any]:
        """The settings of the serial line, as pyserial names them."""
        return {**SERIAL, **self.serial}


class Line:
    """A two-way stream of bytes with the instrument, framed by terminators.

    Nothing unfinished is ever returned: an answer without its terminator within ``timeout`` seconds is NoAnswer.
    ``answered_ns`` is the time (ns, UTC) when the last answer was complete. ``in_step``: that answer is known to belong
    to its question, so that what comes unasked until the next question is of no concern. Every wait ends at once, with
    Stopped, when the program is asked to stop.
    """

    hints: Mapping[int, str] = {}  # errno of the operating system -> what to do, for messages
    whole_messages = False  # what is received are messages whose end is no byte

    def __init__(self, url: Url, wire: Wire, timeout: float, stop: Stop):
        self.url, self.wire, self.timeout, self.stop = url, wire, timeout, stop
        self.tap: Tap | None = None
        self.answered_ns = 0
        self.in_step = True
        self._buffer = b""
        self._last_sent = float("-inf")
        self._asked = ""

    # What a kind of line does by itself.
    def _open(self) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def _fileno(self) -> int:
        raise NotImplementedError

    def _receive(self) -> bytes:
        """Take what is there, at least a byte; the empty bytes where the other side has gone."""
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        raise NotImplementedError

    # What all lines have.
    def open(self) -> None:
        """Open the way. Raises Disconnected, Stopped; then nothing is left open."""
        self._buffer = b""
        self.in_step = True
        try:
            self._guard(self._open)
            if self.wire.settle:
                self.pause(self.wire.settle)
                self.discard()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with contextlib.suppress(OSError, termios.error):  # it may be gone already
            self._close()

    def pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped

    def send(self, text: str) -> None:
        """Send one command with its terminator, after the pause the instrument needs."""
        self.send_bytes(text.encode(self.wire.encoding) + self.wire.send, text)

    def send_bytes(self, data: bytes, name: str | None = None) -> None:
        """Send exactly these bytes; ``name`` is what messages call them."""
        self._rest()
        self._asked = name or repr(data)
        self._guard(self._send, data)
        self._last_sent = time.monotonic()
        if self.tap:
            self.tap(">", data)

    def receive(self, timeout: float | None = None) -> str:
        """Wait for one whole answer; returns it without its terminator. Raises NoAnswer, Disconnected, BadAnswer."""
        end = self.wire.receive
        wait = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + wait
        while end not in self._buffer:
            if len(self._buffer) > LONGEST_ANSWER:
                raise BadAnswer(f"more than {LONGEST_ANSWER} bytes without the end of a line")
            self._wait(deadline, wait)
        answer, self._buffer = self._buffer.split(end, 1)
        self.answered_ns = time.time_ns()
        # A byte that is no text (garbage, wrong baud rate) must reach the driver's check, not end here.
        return answer.decode(self.wire.encoding, "replace")

    def query(self, text: str) -> str:
        """Ask one question and wait for its answer. What came unasked before it is thrown away.

        Raises OutOfStep where it came after a question: then it may be that question's answer, and what was taken for
        it somebody else's.
        """
        self._rest()  # first: what comes during the pause must not pass for the answer
        if self.in_step:
            self.discard()
        else:
            self.refuse_surplus()
        self.in_step = False
        self.send(text)
        return self.receive()

    def refuse_surplus(self) -> None:
        """Throw away what has arrived; raises OutOfStep where that is more than the end of a line."""
        if (surplus := self.discard()) > len(self.wire.receive):
            raise OutOfStep(f"{surplus} bytes came that were not asked for: an answer too many")

    def waiting(self) -> bool:
        """Tell whether something more has arrived, without waiting for it."""
        return bool(self._buffer) or bool(select.select([self._fileno()], [], [], 0)[0])

    def discard(self, quiet: float = 0.0) -> int:
        """Throw away what has arrived, until nothing comes for ``quiet`` seconds; returns how many bytes that were."""
        thrown, self._buffer = len(self._buffer), b""
        deadline = time.monotonic() + max(10 * quiet, 1.0)  # an instrument that never rests must not hold us
        while time.monotonic() < deadline and self._ready(quiet):
            thrown += len(self._take("~"))
        return thrown

    def _rest(self) -> None:
        if self.wire.pause:
            self.pause(self._last_sent + self.wire.pause - time.monotonic())

    def _ready(self, seconds: float, to_send: bool = False) -> bool:
        """Wait until there is something to take (or room to send), for at most ``seconds``; tells whether there is."""
        here = [self._fileno()]
        incoming, outgoing = ([], here) if to_send else (here, [])
        ready, free, _ = select.select([self.stop.fileno(), *incoming], outgoing, [], max(0.0, seconds))
        if self.stop.is_set:
            raise Stopped
        return bool(ready or free)

    def _wait(self, deadline: float, seconds: float) -> None:
        if not self._ready(deadline - time.monotonic()):
            got = f", only the beginning {self._buffer[:40]!r}" if self._buffer else ""
            asked = f"no answer to {self._asked!r}" if self._asked else "nothing came"
            raise NoAnswer(f"{asked} within {seconds:g} s{got}")
        self._buffer += self._take()

    def _take(self, direction: str = "<") -> bytes:
        data: bytes = self._guard(self._receive)
        if not data:
            if self.tap:
                self.tap("!", b"")
            raise Disconnected(f"{self.url} was closed by the other side")
        self._received(data, direction)
        return data

    def _received(self, data: bytes, direction: str = "<") -> None:
        if self.tap:
            self.tap(direction, data)

    def _push(self, data: bytes, write: Callable[[bytes], int]) -> None:
        """Send all of ``data`` by a ``write`` that doesn't block and tells how much it took."""
        deadline = time.monotonic() + self.timeout
        while data:
            if not self._ready(deadline - time.monotonic(), to_send=True):
                raise NoAnswer(f"it takes nothing for {self.timeout:g} s; check handshake (rtscts, xonxoff) and cable")
            data = data[write(data) :]

    def _guard(self, act: Callable[..., Any], *args: Any) -> Any:
        try:
            return act(*args)
        except termios.error as error:  # pyserial lets it through; it is no OSError
            raise Disconnected(f"{self.url}: {error.args[-1]}") from None
        except OSError as error:  # pyserial's own are OSErrors too
            raise Disconnected(f"{self.url}: {error.strerror or error}{self.hints.get(error.errno or 0, '')}") from None
