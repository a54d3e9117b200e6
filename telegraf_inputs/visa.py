"""VISA: instruments that answer in messages (VXI-11, HiSLIP, USBTMC, GPIB), over pyvisa with pyvisa-py.

pyvisa-py throws away the beginning of an answer that is not whole when its timeout comes, gives a late answer to the next
question, and can't be interrupted. So a message is read in one piece with the whole timeout, by a thread that a request to
stop need not wait for. Resources that are but a socket or a serial port don't come here: connection.Url.plain().
"""

from __future__ import annotations

import contextlib
import io
import threading
import time

from .connection import Line
from .errors import Disconnected, NoAnswer, Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SPARE_SECONDS = 1.0  # how much later than its timeout pyvisa-py may come back
GLANCE_SECONDS = 0.05  # how long a request to stop waits at most


class VisaLine(Line):
    """A way to an instrument that answers in messages, each with an end of its own, and says nothing unasked."""

    _resource: Any = None
    _owed = False  # an answer may still come that nobody waits for any more

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


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
