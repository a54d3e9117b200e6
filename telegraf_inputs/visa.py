"""VISA: lines over pyvisa with pyvisa-py, whose traps end here.

pyvisa-py opens a refused port without a word, spins where the other side has closed, throws away the beginning of an
answer that is not whole when its timeout comes, and gives a late answer to the next question. So a stream
(TCPIP…::SOCKET, ASRL) is read only when the system says that there is something, and exactly as much as there is; and a
message (…::INSTR: VXI-11, HiSLIP, USBTMC, GPIB) is read in one piece with the whole timeout, by a thread that a request
to stop need not wait for.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import struct
import termios
import threading
import time

from .connection import Line, Stop, Url, Wire, serial_settings
from .errors import Disconnected, NoAnswer, Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SPARE_SECONDS = 1.0  # how much later than its timeout pyvisa-py may come back
GLANCE_SECONDS = 0.05  # how long a request to stop waits at most


class VisaLine(Line):
    """What both kinds have: opening, closing and sending by a VISA resource."""

    _resource: Any = None

    def _open(self) -> None:
        # Standard output is Telegraf's, and pyvisa-py prints hints there.
        with contextlib.redirect_stdout(io.StringIO()):
            manager = self._visa(_manager)
            milliseconds = _milliseconds(self.timeout)
            self._resource = self._visa(manager.open_resource, self.url.visa_resource(), open_timeout=milliseconds)
        self._resource.timeout = milliseconds

    def _close(self) -> None:
        if self._resource is not None:
            resource, self._resource = self._resource, None
            with contextlib.suppress(Disconnected):
                self._visa(resource.close)

    def _send(self, data: bytes) -> None:
        self._visa(self._resource.write_raw, data)

    def _visa(self, act: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Do something with pyvisa-py, which fails with VisaIOError, OSError, ValueError, RuntimeError or Exception."""
        try:
            return act(*args, **named)
        except ImportError as error:
            raise Disconnected(f"{self.url} needs the Python package {error.name!r}: install labline[visa]") from None
        except Exception as error:
            raise Disconnected(f"{self.url}: {' '.join(str(error).split())[:200] or type(error).__name__}") from None


class VisaStream(VisaLine):
    """A raw socket or a serial port, by way of VISA."""

    _interface: Any = None

    def _open(self) -> None:
        super()._open()
        interface = self._interface = self._resource.visalib.sessions[self._resource.session].interface
        if _is_serial(self.url):
            for name, value in {**serial_settings(self.url, self.wire), "exclusive": True}.items():
                self._visa(setattr, interface, name, value)
            self._visa(interface.reset_input_buffer)
        else:
            interface.getpeername()  # an OSError where the port was refused
            import socket

            interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            interface.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def _fileno(self) -> int:
        return int(self._interface.fileno())

    def _receive(self) -> bytes:
        waiting = struct.unpack("i", fcntl.ioctl(self._fileno(), termios.FIONREAD, b"\0\0\0\0"))[0]
        if not waiting:
            return b""  # readable, and nothing there: the other side has closed
        return bytes(self._visa(self._resource.read_bytes, waiting))


class VisaMessages(VisaLine):
    """An instrument that answers in messages, each with an end of its own, and says nothing unasked."""

    _owed = False  # an answer may still come that nobody waits for any more

    def receive(self, timeout: float | None = None) -> str:
        seconds = self.timeout if timeout is None else timeout
        self._resource.timeout = _milliseconds(seconds)
        self._owed = True
        outcome: list[bytes | Exception] = []
        reader = threading.Thread(target=self._read, args=(self._resource, outcome), daemon=True, name="visa")
        reader.start()
        deadline = time.monotonic() + seconds + SPARE_SECONDS
        while reader.is_alive() and time.monotonic() < deadline:
            reader.join(GLANCE_SECONDS)
            if self.stop.is_set:
                raise Stopped
        if not outcome:
            raise Disconnected(f"{self.url}: a read does not come back after its timeout")
        answer = outcome[0]
        if isinstance(answer, Exception):
            raise answer
        self._owed = False
        self.answered_ns = time.time_ns()
        return answer.removesuffix(b"\n").removesuffix(b"\r").decode(self.wire.encoding, "replace")

    def _read(self, resource: Any, outcome: list[bytes | Exception]) -> None:
        from pyvisa.constants import StatusCode
        from pyvisa.errors import VisaIOError

        try:
            outcome.append(self._visa(resource.read_raw))
        except Disconnected as error:
            cause = error.__context__
            late = isinstance(cause, VisaIOError) and cause.error_code == StatusCode.error_timeout
            outcome.append(NoAnswer(f"no answer to {self._asked!r} within {self.timeout:g} s") if late else error)

    def waiting(self) -> bool:
        return False

    def discard(self, quiet: float = 0.0) -> int:
        """Clear the device where an answer stayed out, so that it does not come to the next question."""
        if self._owed:
            self._visa(self._resource.clear)
            self._owed = False
        return 0


def visa_line(url: Url, wire: Wire, timeout: float, stop: Stop) -> VisaLine:
    """Choose the kind of line for a VISA resource."""
    stream = _is_serial(url) or url.visa_resource().endswith("::SOCKET")
    return (VisaStream if stream else VisaMessages)(url, wire, timeout, stop)


def _manager() -> Any:
    """Import pyvisa and pyvisa-py without what they load to tell their versions and to search networks, which is 3 MB."""
    import sys

    versions: Any = type(sys)("importlib.metadata")
    versions.version, versions.PackageNotFoundError = (lambda package: "not asked for"), LookupError
    spared: dict[str, Any] = {"importlib.metadata": versions, "psutil": None, "zeroconf": None}
    spared = {name: module for name, module in spared.items() if name not in sys.modules}
    sys.modules.update(spared)
    try:
        import pyvisa

        return pyvisa.ResourceManager("@py")
    finally:
        for name in spared:
            del sys.modules[name]


def _is_serial(url: Url) -> bool:
    return url.visa_resource().startswith("ASRL")


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
