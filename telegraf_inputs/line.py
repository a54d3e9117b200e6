"""Text with an instrument: a Line carries terminated text both ways, as a Wire says that the instrument wants it."""

from __future__ import annotations

import contextlib
import errno
import select
import termios
import time
from collections.abc import Callable, Mapping
from typing import Any

from .errors import BadAnswer, Disconnected, NoAnswer, OutOfStep, Stopped
from .stop import Stop
from .url import Url
from .wires import Wire as Wire  # whoever declares one finds it beside the line

LONGEST_ANSWER = 65536  # bytes that are taken at once, at most
# By which the system says that the other side has gone: a port unplugged, a socket reset.
GONE = (errno.EIO, errno.ENXIO, errno.ENODEV, errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN)
RESTLESS_SECONDS = 1.0  # after which one that goes on sending is told so
QUIET_SECONDS = 0.2  # what comes from an instrument whose answers have no end is whole when nothing follows for so long
LINE_ENDS = b"\r\n"
Tap = Callable[[str, bytes], None]  # is told what is sent (">"), received ("<") or thrown away ("~"), and the end ("!")


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
        self._unanswered = ""  # the question whose answer is the next that comes
        self._echo = b""  # what has still to come back of the last command
        self._echoed = False  # the echo came, and perhaps not yet the end of its line

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
        self._forget()
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
        self.send_bytes(f"{self.wire.prefix}{text}".encode(self.wire.encoding) + self.wire.send, text)
        self._unanswered = text

    def command(self, text: str) -> None:
        """Send one command that has no answer, and wait for what comes all the same: its echo, a prompt."""
        if self.in_step:
            self.discard()
        self.send(text)
        self._unanswered = ""
        if self.wire.prompt and (said := self.receive().strip()):
            raise BadAnswer(f"{text!r} has no answer, found {said[:60]!r}")
        deadline = time.monotonic() + self.timeout
        while not self._echo_taken():
            self._wait(deadline, self.timeout)

    def unasked(self) -> None:
        """Note that what comes next answers nothing that was asked."""
        self._unanswered = ""

    def send_bytes(self, data: bytes, name: str | None = None) -> None:
        """Send exactly these bytes; ``name`` is what messages call them."""
        self._rest()
        self._asked = name or repr(data)
        self._guard(self._talk, self._send, data)
        self._last_sent = time.monotonic()
        self._echo = data.rstrip(LINE_ENDS) if self.wire.echo else b""
        self._echoed = False
        if self.tap:
            self.tap(">", data)

    def receive(self, timeout: float | None = None) -> str:
        """Wait for one whole answer; returns it without its terminator. Raises NoAnswer, Disconnected, BadAnswer."""
        wait = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + wait
        while (answer := self._whole()) is None:
            if len(self._buffer) > self.wire.longest:
                raise BadAnswer(f"more than {self.wire.longest} bytes without the end of a line")
            self._wait(deadline, wait)
        self.answered_ns = time.time_ns()
        return self.text(answer)

    def receive_all(self) -> bytes:
        """Take what comes until the other side closes, by which it ends. Raises NoAnswer, Disconnected, BadAnswer."""
        deadline = time.monotonic() + self.timeout
        said = b""
        while len(said) <= LONGEST_ANSWER:
            if not self._ready(deadline - time.monotonic()):
                got = f", only {said[:40]!r}, and it was not closed" if said else ""
                raise NoAnswer(f"no answer to {self._asked!r} within {self.timeout:g} s{got}")
            data: bytes = self._guard(self._talk, self._receive)
            if not data:
                self.answered_ns = time.time_ns()
                if self.tap:
                    self.tap("!", b"")
                return said
            self._received(data)
            said += data
        raise BadAnswer(f"more than {LONGEST_ANSWER} bytes, and it was not closed")

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
        answer = self.receive()
        if self.wire.prompt and not answer.strip():
            raise NoAnswer(f"no answer to {text!r}, only the prompt")
        return answer

    def refuse_surplus(self) -> None:
        """Throw away what has arrived; raises OutOfStep where that is more than the end of a line."""
        allowed = max(len(self.wire.receive), len(LINE_ENDS) if self.wire.echo else 0)
        if (surplus := self.discard()) > allowed:
            raise OutOfStep(f"{surplus} bytes came that were not asked for: an answer too many")

    def waiting(self) -> bool:
        """Tell whether something more has arrived, without waiting for it."""
        return bool(self._buffer) or bool(select.select([self._fileno()], [], [], 0)[0])

    def quiet(self, seconds: float) -> bool:
        """Tell whether nothing comes for so long; what comes is kept."""
        return not self._buffer and not self._ready(seconds)

    def discard(self, quiet: float = 0.0) -> int:
        """Throw away what has arrived, until nothing comes for ``quiet`` seconds; returns how many bytes that were.

        Raises OutOfStep where it does not stop: such an instrument must not hold us.
        """
        thrown = len(self._buffer)
        self._forget()
        began = time.monotonic()
        while self._ready(quiet):
            if time.monotonic() > began + max(10 * quiet, RESTLESS_SECONDS):
                raise OutOfStep(
                    f"it does not stop sending: {thrown} bytes in {time.monotonic() - began:.1f} s that nobody asked for; "
                    "check its mode (continuous output?) and the line's speed"
                )
            thrown += len(self._take("~"))
        return thrown

    def _whole(self) -> bytes | None:
        """Take one whole answer off what has arrived; None where it is not all there."""
        if not self._echo_taken() or self._skipping():
            return None
        end, prompt = self.wire.receive, self.wire.prompt.encode(self.wire.encoding)
        if prompt and self._buffer.startswith(prompt):
            self._buffer = self._buffer.removeprefix(prompt)
            return b""
        if not self.wire.answers_end:
            return self._unended()
        answer, found, rest = self._buffer.partition(end + prompt)
        if not found:
            return None
        self._buffer = rest
        return answer

    def _unended(self) -> bytes | None:
        """Take an answer that has no end: it is whole when nothing more follows."""
        if not self._buffer or len(self._buffer) <= LONGEST_ANSWER and self._ready(QUIET_SECONDS):
            return None
        answer, self._buffer = self._buffer, b""
        return answer

    def _echo_taken(self) -> bool:
        """Take the echo of the last command off what has arrived; tells whether there is none to be waited for."""
        if not self._echo:
            return True
        prompt = self.wire.prompt.encode(self.wire.encoding)
        if prompt:  # of its greeting
            self._buffer = self._buffer.lstrip(LINE_ENDS).removeprefix(prompt)
        arrived = self._buffer[: len(self._echo)]
        if not self._echo.startswith(arrived):
            raise OutOfStep(f"sent {self._asked!r}, found {self._buffer[:60]!r}, expected its echo (wire: echo)")
        if arrived != self._echo:
            return False
        self._buffer, self._echo, self._echoed = self._buffer[len(self._echo) :], b"", True
        return True

    def _skipping(self) -> bool:
        """Throw away the end of the echo's line, however it is written; tells whether that may still go on."""
        if self._echoed:
            self._buffer = self._buffer.lstrip(LINE_ENDS)
            self._echoed = not self._buffer
        return self._echoed

    def text(self, answer: bytes) -> str:
        """Read an answer as text: without what stands before each one. Raises BadAnswer where it is none."""
        # A byte that is no text (garbage, wrong baud rate) must reach the driver's check, not end here.
        text = answer.decode(self.wire.encoding, "replace")
        asked, self._unanswered = self._unanswered, ""
        if asked and text.strip() in (asked.strip(), f"{self.wire.prefix}{asked}".strip()):
            raise BadAnswer(
                f"asked {asked!r}, found the same again: an echo, of the instrument or of its cable. Switch it off "
                "there, or say wire: {echo: true}"
            )
        nothing = self.wire.prompt and not text.strip()
        if (prefix := self.wire.answer_prefix) and not nothing:
            if not text.lstrip().startswith(prefix):
                raise BadAnswer(
                    f"{f'asked {asked!r}, ' if asked else ''}found {text[:60]!r}, expected {prefix!r} before it"
                )
            text = text.lstrip().removeprefix(prefix)
        return text

    def _forget(self) -> None:
        """Forget what has arrived, and what was still to come."""
        self._buffer, self._echo, self._echoed = b"", b"", False

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
        data: bytes = self._guard(self._talk, self._receive)
        if not data:
            raise self._closed()
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

    def _closed(self) -> Disconnected:
        if self.tap:
            self.tap("!", b"")
        return Disconnected(f"{self.url} was closed by the other side")

    def _talk(self, act: Callable[..., Any], *args: Any) -> Any:
        """Send or receive; that the other side has gone is one thing, however the system says it."""
        try:
            return act(*args)
        except OSError as error:
            if error.errno not in GONE:
                raise
        raise self._closed()

    def _guard(self, act: Callable[..., Any], *args: Any) -> Any:
        try:
            return act(*args)
        except termios.error as error:  # pyserial lets it through; it is no OSError
            raise Disconnected(f"{self.url}: {error.args[-1]}") from None
        except OSError as error:  # pyserial's own are OSErrors too
            raise Disconnected(f"{self.url}: {error.strerror or error}{self.hints.get(error.errno or 0, '')}") from None
