"""Connections: one URL says how an instrument is reached; a Line carries terminated text over it.

    tcp://host:port                         a socket, or a serial server behind one
    serial:///dev/ttyUSB0?baudrate=9600     pyserial; options bytesize, parity, stopbits, xonxoff, rtscts
    visa://TCPIP0::192.168.1.7::INSTR       pyvisa with pyvisa-py
    phidget://host:5661/serial, phidget://serial, phidget://
    file:///sys/bus/w1/devices              files below a folder
    sim:?seed=1&faults=silent@20+10         the driver's own simulator (simulators/base.py)
"""

from __future__ import annotations

import os
import re
import select
import socket
import time

from .errors import BadInput, Disconnected, NoAnswer, Stopped, suggestion

SCHEMES = ("tcp", "serial", "visa", "phidget", "file", "sim")
SERIAL_OPTIONS = {"baudrate": int, "bytesize": int, "parity": str, "stopbits": float, "xonxoff": bool, "rtscts": bool}
VISA_RESOURCE = re.compile(r"TCPIP\d*::[^:]+::\d+::SOCKET\Z|TCPIP\d*::[^:]+(::[^:]+)?::INSTR\Z|ASRL[^:]+(::INSTR)?\Z|(USB|GPIB|PRLGX)\S*::\S+\Z")
LONGEST_ANSWER = 65536


class Url:
    """A connection taken apart: ``scheme``, ``rest`` (what stands between it and the options) and ``options`` (texts)."""

    __slots__ = ("text", "scheme", "rest", "options")

    def __init__(self, text: str):
        if not isinstance(text, str):
            raise BadInput(f"found {text!r}, expected a URL such as tcp://192.168.1.5:7777")
        scheme, colon, rest = text.partition(":")
        if not colon or scheme not in SCHEMES:
            raise BadInput(f"{text!r} is no connection; expected a URL that begins with "
                           f"{', '.join(s + (':' if s == 'sim' else '://') for s in SCHEMES)}; {suggestion(scheme, SCHEMES)}")
        rest, _, query = rest.partition("?")
        self.text, self.scheme, self.rest, self.options = text, scheme, rest.removeprefix("//"), {}
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            self.options[name] = value

    def __str__(self):
        return self.text

    def host_port(self, default_port: int | None = None) -> tuple[str, int]:
        """Take host and port from ``tcp://host:port`` (IPv6 in brackets)."""
        host, _, port = self.rest.rstrip("/").rpartition(":")
        if not host or "]" in port:  # no port at all
            host, port = self.rest.rstrip("/"), str(default_port or "")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise BadInput(f"{self.text!r} must name a host and a port from 1 to 65535, as in {self.scheme}://192.168.1.5:7777")
        return host.strip("[]"), int(port)

    def visa_resource(self) -> str:
        """Take the resource from ``visa://RESOURCE``."""
        if not VISA_RESOURCE.match(self.rest):
            raise BadInput(f"{self.text!r} names no VISA resource; expected such as visa://TCPIP0::192.168.1.7::INSTR, "
                           "visa://TCPIP0::192.168.1.7::5025::SOCKET, visa://ASRL/dev/ttyUSB0::INSTR, visa://USB0::0x1234::0x5678::SERIAL::INSTR")
        return self.rest


class Wire:
    """How text travels to one kind of instrument: terminators, pauses, serial settings. One a driver, declared."""

    __slots__ = ("send", "receive", "encoding", "pause", "settle", "serial")

    def __init__(self, send: bytes = b"\n", receive: bytes = b"\n", *, encoding: str = "ascii", pause: float = 0.0,
                 settle: float = 0.0, serial: dict | None = None):
        """``send``, ``receive``: terminators. ``pause``: seconds of rest before each command. ``settle``: seconds the
        instrument needs after opening. ``serial``: defaults of the serial line, which a URL's options override."""
        self.send, self.receive, self.encoding, self.pause, self.settle = send, receive, encoding, pause, settle
        self.serial = {"baudrate": 9600, "bytesize": 8, "parity": "N", "stopbits": 1, **(serial or {})}


class Stop:
    """A request to stop that wakes every wait at once: a pipe, because a wait for an instrument is a ``select``."""

    def __init__(self):
        self._read, self._write = os.pipe()
        self.is_set = False

    def fileno(self) -> int:
        return self._read

    def set(self) -> None:
        """Ask to stop. Safe in a signal handler and from any thread."""
        if not self.is_set:
            self.is_set = True
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> bool:
        """Rest for ``seconds``, less when asked to stop; tells whether it was."""
        if seconds > 0 and not self.is_set:
            select.select([self._read], [], [], seconds)
        return self.is_set


class Line:
    """A two-way stream of bytes with the instrument, framed by terminators.

    Nothing unfinished is ever returned: an answer without its terminator within ``timeout`` seconds is NoAnswer.
    ``answered_ns`` is the time (ns, UTC) when the last answer was complete.
    """

    def __init__(self, url: Url, wire: Wire, timeout: float, stop: Stop):
        self.url, self.wire, self.timeout, self.stop = url, wire, timeout, stop
        self.answered_ns = 0
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
        self._guard(self._open)
        if self.wire.settle:
            self.pause(self.wire.settle)
            self.discard()

    def close(self) -> None:
        try:
            self._close()
        except OSError:
            pass  # it is gone already

    def pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped

    def send(self, text: str) -> None:
        """Send one command with its terminator, after the pause the instrument needs."""
        self.send_bytes(text.encode(self.wire.encoding) + self.wire.send)
        self._asked = text

    def send_bytes(self, data: bytes) -> None:
        if self.wire.pause:
            self.pause(self._last_sent + self.wire.pause - time.monotonic())
        self._guard(self._send, data)
        self._last_sent = time.monotonic()
        self._asked = repr(data)

    def receive(self, timeout: float | None = None) -> str:
        """Wait for one whole answer; returns it without its terminator. Raises NoAnswer, Disconnected, BadAnswer."""
        end = self.wire.receive
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while end not in self._buffer:
            if len(self._buffer) > LONGEST_ANSWER:
                from .errors import BadAnswer
                raise BadAnswer(f"more than {LONGEST_ANSWER} bytes without the end of a line")
            self._wait(deadline)
        answer, self._buffer = self._buffer.split(end, 1)
        self.answered_ns = time.time_ns()
        # A byte that is no text (garbage, wrong baud rate) must reach the driver's check, not end here.
        return answer.decode(self.wire.encoding, "replace")

    def receive_bytes(self, count: int, timeout: float | None = None) -> bytes:
        """Wait for exactly ``count`` bytes."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while len(self._buffer) < count:
            self._wait(deadline)
        answer, self._buffer = self._buffer[:count], self._buffer[count:]
        self.answered_ns = time.time_ns()
        return answer

    def query(self, text: str) -> str:
        """Ask one question and wait for its answer. What came unasked before it is thrown away."""
        self.discard()
        self.send(text)
        return self.receive()

    def waiting(self) -> bool:
        """Tell whether something more has arrived, without waiting for it."""
        return bool(self._buffer) or bool(select.select([self._fileno()], [], [], 0)[0])

    def discard(self, quiet: float = 0.0) -> int:
        """Throw away what has arrived, until nothing comes for ``quiet`` seconds; returns how many bytes that were."""
        thrown, self._buffer = len(self._buffer), b""
        deadline = time.monotonic() + max(10 * quiet, 1.0)  # an instrument that never rests must not hold us
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self._fileno(), self.stop], [], [], quiet)
            if self.stop.is_set:
                raise Stopped
            if not ready:
                break
            thrown += len(self._take())
        return thrown

    def _wait(self, deadline: float) -> None:
        ready, _, _ = select.select([self._fileno(), self.stop], [], [], max(0.0, deadline - time.monotonic()))
        if self.stop.is_set:
            raise Stopped
        if not ready:
            got = f", only the beginning {self._buffer[:40]!r}" if self._buffer else ""
            raise NoAnswer(f"no answer to {self._asked!r} within {self.timeout:g} s{got}" if self._asked
                           else f"nothing came within {self.timeout:g} s{got}")
        self._buffer += self._take()

    def _take(self) -> bytes:
        data = self._guard(self._receive)
        if not data:
            raise Disconnected(f"{self.url} was closed by the other side")
        return data

    def _guard(self, act, *args):
        try:
            return act(*args)
        except OSError as error:  # pyserial's errors are OSErrors too
            raise Disconnected(f"{self.url}: {error.strerror or error}") from None


class TcpLine(Line):
    """A line over a TCP socket."""

    def _open(self):
        self._socket = socket.create_connection(self.url.host_port(), self.timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A host that loses power sends no farewell; without this a listener would wait for ever.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._fileno = self._socket.fileno
        self._send = self._socket.sendall

    def _close(self):
        if hasattr(self, "_socket"):
            self._socket.close()

    def _receive(self):
        return self._socket.recv(65536)


class SerialLine(Line):
    """A line over a serial port."""

    def _open(self):
        import serial

        settings = serial_settings(self.url, self.wire)
        try:
            # Exclusive: two programs on one port would share out the answers between them.
            self._port = serial.Serial(self.url.rest, timeout=0, write_timeout=self.timeout, exclusive=True, **settings)
        except ValueError as error:
            raise BadInput(f"{self.url}: {error}", ("connection",)) from None
        self._port.reset_input_buffer()

    def _close(self):
        if hasattr(self, "_port"):
            self._port.close()

    def _fileno(self):
        return self._port.fileno()

    def _receive(self):
        return os.read(self._port.fileno(), 65536)

    def _send(self, data):
        self._port.write(data)


def serial_settings(url: Url, wire: Wire) -> dict:
    """Tell the settings of a serial port, as pyserial names them: the driver's, overridden by the URL's options."""
    settings = {**wire.serial}
    for name, value in url.options.items():
        if name not in SERIAL_OPTIONS:
            raise BadInput(f"serial option {name!r} of {url} is not known; {suggestion(name, SERIAL_OPTIONS)}", ("connection",))
        kind = SERIAL_OPTIONS[name]
        try:
            settings[name] = value.lower() in ("1", "true", "yes") if kind is bool else kind(value)
        except ValueError:
            raise BadInput(f"serial option {name}={value} of {url} is no number", ("connection",)) from None
    return settings


def line(url: Url, wire: Wire, timeout: float, stop: Stop) -> Line:
    """Choose the kind of line for a URL that carries text; it is opened by ``open()``."""
    if url.scheme == "tcp":
        url.host_port()
        return TcpLine(url, wire, timeout, stop)
    if url.scheme == "serial":
        return SerialLine(url, wire, timeout, stop)
    if url.scheme == "visa":
        from .visa import visa_line

        return visa_line(url, wire, timeout, stop)
    raise BadInput(f"{url} carries no text", ("connection",))
