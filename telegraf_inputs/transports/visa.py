"""VISA: instruments that answer in messages (VXI-11, HiSLIP, USBTMC, GPIB), over pyvisa with pyvisa-py.

pyvisa-py throws away the beginning of an answer that is not whole when its timeout comes, gives a late answer to the next
question, and can't be interrupted. So a message is read in one piece with the whole timeout, by a thread that a request to
stop need not wait for. Resources that are but a socket or a serial port are reached as such: pyvisa has nothing to add.
"""

from __future__ import annotations

import contextlib
import io
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .. import lookup
from ..errors import BadAnswer, BadInput, Disconnected, NoAnswer, Stopped
from ..line import LONGEST_ANSWER, Line, Wire
from ..stop import Stop
from ..transport import Place, Transport
from ..url import Url
from . import load

if TYPE_CHECKING:
    from ..simulators.ends import VisaEnd

SOCKET = re.compile(r"TCPIP\d*::([^:]+)::(\d+)::SOCKET\Z")
HOST = re.compile(r"TCPIP\d*::([^:]+)::")
PORT = re.compile(r"ASRL(/[^:]+)(?:::INSTR)?\Z")
MESSAGES = re.compile(r"TCPIP\d*::[^:]+(::[^:]+)?::INSTR\Z|(USB|GPIB|PRLGX)\S*::\S+\Z")

DISCOVERY_SECONDS = 8.0  # it has no end of its own on the network
SPARE_SECONDS = 1.0  # how much later than its timeout pyvisa-py may come back
GLANCE_SECONDS = 0.05  # how long a request to stop waits at most


class VisaLine(Line):
    """A way to an instrument that answers in messages, each with an end of its own, and says nothing unasked."""

    whole_messages = True
    _resource: Any = None
    _owed = False  # an answer may still come that nobody waits for any more

    def _open(self) -> None:
        if host := HOST.match(self.url.rest):  # pyvisa-py would wait for a name for as long as the system does
            lookup.addresses(host[1], None, self.timeout, self.stop)
        # Standard output is Telegraf's, and pyvisa-py prints hints there.
        with contextlib.redirect_stdout(io.StringIO()):
            manager = self._visa(_manager)
            milliseconds = _milliseconds(self.timeout)
            self._resource = self._visa(manager.open_resource, _resource(self.url), open_timeout=milliseconds)
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
        except BadAnswer:
            raise
        except ImportError as error:
            raise Disconnected(f"{self.url} needs the Python package {error.name!r}: install labline[visa]") from None
        except Exception as error:
            raise Disconnected(f"{self.url}: {' '.join(str(error).split())[:200] or type(error).__name__}") from None

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
        self._received(answer)
        self.answered_ns = time.time_ns()
        return self.text(answer.removesuffix(self.wire.receive).removesuffix(b"\n").removesuffix(b"\r"))

    def _read(self, resource: Any, outcome: list[bytes | Exception]) -> None:
        from pyvisa.constants import StatusCode
        from pyvisa.errors import VisaIOError

        try:
            outcome.append(self._visa(_message, resource))
        except BadAnswer as error:
            outcome.append(error)
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


def _message(resource: Any) -> bytes:
    """Read one message. Raises BadAnswer where it has no end: pyvisa itself would read for as long as something comes."""
    from pyvisa.constants import StatusCode

    data = bytearray()
    with resource.ignore_warning(StatusCode.success_device_not_present, StatusCode.success_max_count_read):
        while True:
            part, status = resource.visalib.read(resource.session, resource.chunk_size)
            data += part
            if status != StatusCode.success_max_count_read:
                return bytes(data)
            if len(data) > LONGEST_ANSWER:
                raise BadAnswer(f"more than {LONGEST_ANSWER} bytes without the end of a message")


def _manager() -> Any:
    import pyvisa

    return pyvisa.ResourceManager("@py")


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _resource(url: Url) -> str:
    """Take the resource from ``visa://RESOURCE``."""
    if not any(kind.match(url.rest) for kind in (SOCKET, PORT, MESSAGES)):
        raise BadInput(
            f"{url.text!r} names no VISA resource; expected such as visa://TCPIP0::192.168.1.7::INSTR, "
            "visa://TCPIP0::192.168.1.7::5025::SOCKET, visa://ASRL/dev/ttyUSB0::INSTR, "
            "visa://USB0::0x1234::0x5678::SERIAL::INSTR"
        )
    return url.rest


def _plain(url: Url) -> Url | None:
    """Give the tcp: or serial: URL of a resource that is but a socket or a serial port."""
    if match := SOCKET.match(url.rest):
        return Url(f"tcp://{match[1]}:{match[2]}")
    if match := PORT.match(url.rest):
        return Url(f"serial://{match[1]}?{url.text.partition('?')[2]}")
    return None


class Visa(Transport):
    """Reaches what pyvisa-py reaches."""

    scheme = "visa"
    extra = "visa"
    example = "visa://TCPIP0::192.168.1.7::INSTR"
    carries_text = True
    found = "VISA resource"

    def find(self) -> Iterator[Place | str]:
        """List the USB and network instruments that pyvisa-py finds; serial ports are another transport's."""
        try:
            import pyvisa
        except ImportError:
            yield "VISA resources were not looked at: pip install 'labline[visa]'"
            return
        found: list[str] = []
        failed: list[str] = []

        def look() -> None:
            try:
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):  # hints
                    found.extend(pyvisa.ResourceManager("@py").list_resources("?*"))
            except Exception as error:  # its backends fail in many ways, and none may end the scan
                failed.append(str(error) or type(error).__name__)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(DISCOVERY_SECONDS)
        if thread.is_alive():
            yield (
                f"VISA: discovery did not end within {DISCOVERY_SECONDS:.0f} s; name a resource yourself: "
                f"--port {self.example}"
            )
        if failed:
            yield f"VISA: {failed[0]}"
        for resource in sorted(found):
            if "ASRL" not in resource.upper() and resource.upper().endswith(("::INSTR", "::SOCKET")):
                yield Place(f"visa://{resource}")

    def check(self, url: Url, wire: Wire) -> None:
        _resource(url)
        if plain := _plain(url):
            load(plain.scheme).check(plain, wire)
        elif url.options:
            raise BadInput(f"{url.text!r} has options; only a serial port has some")
        elif wire.echo or wire.prompt:
            raise BadInput(f"{url.text!r} carries whole messages; an echo or a prompt (wire) has only a line of text")

    def hint(self, url: Url) -> tuple[str, str] | None:
        plain = _plain(url)
        return load(plain.scheme).hint(plain) if plain else None

    def place(self, url: Url) -> str:
        if plain := _plain(url):
            return load(plain.scheme).place(plain)
        # GPIB::12 is GPIB0::12::INSTR, and a device's inst0 is what it has unsaid.
        resource = re.sub(r"^([A-Z]+)::", r"\g<1>0::", url.rest.upper())
        return resource.removesuffix("::INSTR").removesuffix("::INST0")

    def device(self, url: Url) -> str:
        plain = _plain(url)
        return load(plain.scheme).device(plain) if plain else ""

    def shared(self, url: Url) -> bool:
        plain = _plain(url)
        return load(plain.scheme).shared(plain) if plain else url.rest.upper().startswith("TCPIP")

    def line(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Line:
        if plain := _plain(url):
            return load(plain.scheme).line(plain, wire, timeout, stop)
        return VisaLine(url, wire, timeout, stop)

    def page(self, wire: Wire) -> str:
        return (
            "`visa://RESOURCE`: a VISA resource, such as `visa://TCPIP0::192.168.1.7::INSTR` or "
            "`visa://TCPIP0::192.168.1.7::5025::SOCKET`"
        )

    def end(self) -> VisaEnd:
        from ..simulators.ends import VisaEnd

        return VisaEnd()


TRANSPORT = Visa()
