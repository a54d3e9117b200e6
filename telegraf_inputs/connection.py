"""Connections: one URL says how an instrument is reached; a Line carries terminated text over it.

tcp://host:port                         a socket, or a serial server behind one
serial:///dev/ttyUSB0?baudrate=9600     pyserial; options bytesize, parity, stopbits, xonxoff, rtscts
visa://TCPIP0::192.168.1.7::INSTR       pyvisa with pyvisa-py; sockets and serial ports need none of it
phidget://host:5661/serial, phidget://serial, phidget://
file:///sys/bus/w1/devices              files below a folder
sim, sim:?seed=1&faults=silent@20+10    the driver's own simulator (simulators/base.py)
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import termios
import time

from .errors import BadAnswer, BadInput, Disconnected, NoAnswer, OutOfStep, Stopped, suggestion

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

SCHEMES = ("tcp", "serial", "visa", "phidget", "file", "sim")
TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
# option -> what may be written, and what pyserial gets; None: a whole number
SERIAL_OPTIONS: dict[str, dict[str, Any] | None] = {
    "baudrate": None,
    "bytesize": {"5": 5, "6": 6, "7": 7, "8": 8},
    "parity": {"N": "N", "E": "E", "O": "O", "M": "M", "S": "S"},
    "stopbits": {"1": 1, "1.5": 1.5, "2": 2},
    "xonxoff": TRUTH,
    "rtscts": TRUTH,
}
HOST = re.compile(r"[\w.-]+\Z|\[[\w.:%]+\]\Z", re.ASCII)
FASTEST_BAUD = 20_000_000  # no port is faster
WHOLE = re.compile(r"\d{1,9}\Z", re.ASCII)
MAY_HAVE_AT = ("sim", "serial", "file")  # a fault's time, a path
VISA_SOCKET = re.compile(r"TCPIP\d*::([^:]+)::(\d+)::SOCKET\Z")
VISA_PORT = re.compile(r"ASRL(/[^:]+)(?:::INSTR)?\Z")
VISA_MESSAGES = re.compile(r"TCPIP\d*::[^:]+(::[^:]+)?::INSTR\Z|(USB|GPIB|PRLGX)\S*::\S+\Z")
LONGEST_ANSWER = 65536
HINTS = {  # for serial ports
    errno.EACCES: "; add this user to the group that owns the port (dialout), and log in anew",
    errno.EAGAIN: "; another program has it open",
}


class Url:
    """A connection taken apart: ``scheme``, ``rest`` (what is between it and the options) and ``options`` (texts)."""

    __slots__ = ("text", "scheme", "rest", "options")

    def __init__(self, text: str):
        if not isinstance(text, str):
            raise BadInput(f"found {text!r}, expected a URL such as tcp://192.168.1.5:7777")
        # A bare sim: would need quotes in YAML, where a colon at the end begins a mapping.
        scheme, colon, rest = "sim:".partition(":") if text == "sim" else text.partition(":")
        if "@" in text and scheme not in MAY_HAVE_AT:
            # What stands before it may be a password: it is not said again.
            raise BadInput(
                f"found a user or password before '@' and {text.rpartition('@')[2]!r}; expected no more than the place, "
                "such as tcp://192.168.1.5:7777"
            )
        if not colon or scheme not in SCHEMES:
            raise BadInput(
                f"{text!r} is no connection; expected sim, or a URL that begins with "
                f"{', '.join(f'{s}://' for s in SCHEMES[:-1])}; "
                f"{suggestion(scheme, SCHEMES)}"
            )
        rest, _, query = rest.partition("?")
        self.text, self.scheme, self.rest = text, scheme, rest.removeprefix("//")
        self.options: dict[str, str] = {}
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            if name in self.options:
                raise BadInput(f"{text!r} has the option {name!r} twice; leave one out")
            self.options[name] = value

    def __str__(self) -> str:
        return self.text

    def check(self, wire: Wire) -> None:
        """Refuse (BadInput) what can't be reached this way; phidget: is its driver's to check."""
        if self.scheme == "tcp":
            self.host_port()
            if self.options:
                raise BadInput(f"{self.text!r} has options; a socket has none")
        elif self.scheme == "visa":
            self.visa_resource()
            if self.plain() is not self:
                self.plain().check(wire)
            elif self.options:
                raise BadInput(f"{self.text!r} has options; only a serial port has some")
        elif self.scheme == "serial":
            if not self.rest.startswith("/") or not self.rest.strip("/"):
                raise BadInput(f"{self.text!r} names no port; expected such as serial:///dev/ttyUSB0 (three slashes)")
            serial_settings(self, wire)
        elif self.scheme == "file" and (self.options or not self.rest.startswith("/")):
            raise BadInput(
                f"{self.text!r} is no folder's URL; expected such as file:///sys/bus/w1/devices (three slashes)"
            )

    def host_port(self, default_port: int | None = None) -> tuple[str, int]:
        """Take host and port from ``tcp://host:port`` (IPv6 in brackets)."""
        host, _, port = self.rest.rstrip("/").rpartition(":")
        if not host or "]" in port:  # no port at all
            host, port = self.rest.rstrip("/"), str(default_port or "")
        if not (HOST.match(host) and WHOLE.match(port)) or not 0 < int(port) < 65536:
            raise BadInput(
                f"{self.text[:80]!r} must name a host and a port from 1 to 65535, as in {self.scheme}://192.168.1.5:7777"
            )
        return host.strip("[]"), int(port)

    def visa_resource(self) -> str:
        """Take the resource from ``visa://RESOURCE``."""
        if not any(kind.match(self.rest) for kind in (VISA_SOCKET, VISA_PORT, VISA_MESSAGES)):
            raise BadInput(
                f"{self.text!r} names no VISA resource; expected such as visa://TCPIP0::192.168.1.7::INSTR, "
                "visa://TCPIP0::192.168.1.7::5025::SOCKET, visa://ASRL/dev/ttyUSB0::INSTR, "
                "visa://USB0::0x1234::0x5678::SERIAL::INSTR"
            )
        return self.rest

    def place(self) -> str:
        """Name the port, socket or resource however it is written: whoever shares it gets the other's answers. "": none."""
        url = self.plain()
        if url.scheme == "serial":
            return os.path.realpath(url.rest)
        if url.scheme == "tcp":
            host, port = url.host_port()
            return f"{host.lower()}:{port}"
        if url.scheme == "visa":
            # GPIB::12 is GPIB0::12::INSTR, and a device's inst0 is what it has unsaid.
            resource = re.sub(r"^([A-Z]+)::", r"\g<1>0::", url.rest.upper())
            return resource.removesuffix("::INSTR").removesuffix("::INST0")
        return ""

    def plain(self) -> Url:
        """Give the tcp: or serial: URL of a VISA resource that is but a socket or a serial port; itself for any other.

        pyvisa has nothing to add to these, and would take 7 MB of memory.
        """
        if self.scheme == "visa" and (match := VISA_SOCKET.match(self.rest)):
            return Url(f"tcp://{match[1]}:{match[2]}")
        if self.scheme == "visa" and (match := VISA_PORT.match(self.rest)):
            return Url(f"serial://{match[1]}?{self.text.partition('?')[2]}")
        return self


class Wire:
    """How text travels to one kind of instrument: terminators, pauses, serial settings. One a driver, declared."""

    __slots__ = ("send", "receive", "encoding", "pause", "settle", "serial")

    def __init__(
        self,
        send: bytes = b"\n",
        receive: bytes = b"\n",
        *,
        encoding: str = "ascii",
        pause: float = 0.0,
        settle: float = 0.0,
        serial: dict[str, Any] | None = None,
    ):
        """``send``, ``receive``: terminators. ``pause``: seconds of rest before each command. ``settle``: seconds the
        instrument needs after opening. ``serial``: settings of the serial line, which a URL's options override."""
        self.send, self.receive, self.encoding, self.pause, self.settle = send, receive, encoding, pause, settle
        self.serial = {"baudrate": 9600, "bytesize": 8, "parity": "N", "stopbits": 1, **(serial or {})}


class Stop:
    """A request to stop that wakes every wait at once: a pipe, because a wait for an instrument is a ``select``."""

    def __init__(self) -> None:
        self._read, self.wakeup_fd = os.pipe()
        os.set_blocking(self.wakeup_fd, False)  # as signal.set_wakeup_fd asks for
        self.is_set = False

    def fileno(self) -> int:
        return self._read

    def set(self) -> None:
        """Ask to stop. Safe in a signal handler and from any thread."""
        if not self.is_set:
            self.is_set = True
            os.write(self.wakeup_fd, b"!")

    def wait(self, seconds: float) -> bool:
        """Rest for ``seconds``, less when asked to stop; tells whether it was."""
        if seconds > 0 and not self.is_set:
            select.select([self._read], [], [], seconds)
        return self.is_set


class Line:
    """A two-way stream of bytes with the instrument, framed by terminators.

    Nothing unfinished is ever returned: an answer without its terminator within ``timeout`` seconds is NoAnswer.
    ``answered_ns`` is the time (ns, UTC) when the last answer was complete. ``in_step``: that answer is known to belong
    to its question, so that what comes unasked until the next question is of no concern. Every wait ends at once, with
    Stopped, when the program is asked to stop.
    """

    def __init__(self, url: Url, wire: Wire, timeout: float, stop: Stop):
        self.url, self.wire, self.timeout, self.stop = url, wire, timeout, stop
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
        self._buffer = b""
        self.in_step = True
        self._guard(self._open)
        if self.wire.settle:
            self.pause(self.wire.settle)
            self.discard()

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
            thrown += len(self._take())
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

    def _take(self) -> bytes:
        data: bytes = self._guard(self._receive)
        if not data:
            raise Disconnected(f"{self.url} was closed by the other side")
        return data

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
            hint = HINTS.get(error.errno or 0, "") if self.url.scheme == "serial" else ""
            raise Disconnected(f"{self.url}: {error.strerror or error}{hint}") from None


class TcpLine(Line):
    """A line over a TCP socket."""

    _socket: socket.socket

    def _open(self) -> None:
        import socket  # only here: it is half a megabyte that other lines do without

        host, port = self.url.host_port()
        deadline = time.monotonic() + self.timeout
        trouble: OSError | None = None
        # As bytes: of a text its international form would be worked out, by a module of 1 MB.
        for family, kind, protocol, _, address in socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM):
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            code = self._socket.connect_ex(address)
            if code == errno.EINPROGRESS:
                in_time = self._ready(deadline - time.monotonic(), to_send=True)
                code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if in_time else errno.ETIMEDOUT
            if code == 0:
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # A host that loses power sends no farewell; without this a listener would wait for ever.
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return
            self._socket.close()
            trouble = OSError(code, os.strerror(code))
        raise trouble or OSError("has no address")

    def _close(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close()

    def _fileno(self) -> int:
        return self._socket.fileno()

    def _receive(self) -> bytes:
        return self._socket.recv(LONGEST_ANSWER)

    def _send(self, data: bytes) -> None:
        self._push(data, self._socket.send)


class SerialLine(Line):
    """A line over a serial port."""

    _port: Any

    def _open(self) -> None:
        import serial

        settings = serial_settings(self.url, self.wire)
        # Exclusive: two programs on one port would share out the answers between them.
        self._port = serial.Serial(self.url.rest, timeout=0, exclusive=True, **settings)
        self._port.reset_input_buffer()

    def _close(self) -> None:
        if hasattr(self, "_port"):
            try:
                self._port.reset_output_buffer()  # what can't be sent (handshake) would hold up the closing for 30 s
            finally:
                self._port.close()

    def _fileno(self) -> int:
        return int(self._port.fileno())

    def _receive(self) -> bytes:
        return os.read(self._fileno(), LONGEST_ANSWER)

    def _send(self, data: bytes) -> None:
        self._push(data, lambda rest: os.write(self._fileno(), rest))


def serial_settings(url: Url, wire: Wire) -> dict[str, Any]:
    """Tell the settings of a serial port, as pyserial names them: the driver's, overridden by the URL's options."""
    settings = {**wire.serial}
    for name, text in url.options.items():
        if name not in SERIAL_OPTIONS:
            raise BadInput(f"serial option {name!r} of {url} is not known; {suggestion(name, SERIAL_OPTIONS)}")
        choices = SERIAL_OPTIONS[name]
        if choices is None:
            if not (WHOLE.match(text) and 0 < int(text) <= FASTEST_BAUD):
                raise BadInput(
                    f"found {name}={text[:40]} in {str(url)[:80]}, expected a number from 1 to {FASTEST_BAUD}"
                )
            settings[name] = int(text)
        elif text not in choices:
            raise BadInput(f"found {name}={text} in {url}, expected {' or '.join(choices)}")
        else:
            settings[name] = choices[text]
    return settings


def line(url: Url, wire: Wire, timeout: float, stop: Stop) -> Line:
    """Choose the kind of line for a URL that carries text; it is opened by ``open()``."""
    url = url.plain()
    if url.scheme == "tcp":
        return TcpLine(url, wire, timeout, stop)
    if url.scheme == "serial":
        return SerialLine(url, wire, timeout, stop)
    if url.scheme == "visa":
        from .visa import VisaLine

        return VisaLine(url, wire, timeout, stop)
    raise BadInput(f"{url} carries no text", ("connection",))
