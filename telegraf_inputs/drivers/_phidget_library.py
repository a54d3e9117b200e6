"""The native Phidget22 library, by its C interface: one a process, whatever the number of its instruments.

Source: phidget22.h; Phidget22 API reference, C; library 1.26. It is taken from the wheel of PyPI's `Phidget22`, or from
the system.
"""

from __future__ import annotations

import ctypes
import importlib.util
import itertools
import os
import threading
from typing import Any

from ..errors import BadInput, InstrumentError
from ._phidget_server import NetworkServer

WAYS_TO_LIBUSB = (
    "the Phidget library needs libusb 1.0: apt install libusb-1.0-0 (or set LABLINE_LIBUSB to the folder "
    "that holds libusb-1.0.so.0)"
)
LARGEST_GROWTH = 64 * 2**20  # bytes; the library loses 0.3 MB each time that a server hangs up on it


class LibraryError(InstrumentError):
    """The library refused; ``code`` is its return code."""

    def __init__(self, text: str, code: int):
        super().__init__(text)
        self.code = code


class PhidgetLibrary:
    """Holds what is the library's own: itself, the network servers that it knows, the memory that it has lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._native: ctypes.CDLL | None = None
        self._servers: dict[tuple[str, int, bytes], NetworkServer] = {}
        self._names = map(b"labline%d".__mod__, itertools.count(1))
        self._began_with = 0  # bytes of memory

    def load(self) -> ctypes.CDLL:
        """Load it, once. Raises BadInput that says what to install."""
        with self._lock:
            if self._native is None:
                self._native = _native()
                self._began_with = _resident()
            return self._native

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the library; raises LibraryError where it refuses."""
        code = getattr(self.load(), name)(*arguments)
        if code:
            text = ctypes.c_char_p()
            self.load().Phidget_getErrorDescription(code, ctypes.byref(text))
            raise LibraryError(f"{name}: {(text.value or b'?').decode('utf-8', 'replace')} (code {code})", code)

    def server(self, host: str, port: int, password: bytes) -> NetworkServer:
        """Give the network server at an address: one, and one connection to it, for all who ask."""
        key = (host, port, password)
        with self._lock:
            return self._servers.setdefault(key, NetworkServer(self.call, self._names, host, port, password))

    def growth(self) -> int:
        """Tell by how many bytes the program has grown since the library was loaded."""
        return _resident() - self._began_with


LIBRARY = PhidgetLibrary()


def _native() -> ctypes.CDLL:
    folder = os.environ.get("LABLINE_LIBUSB")
    try:
        ctypes.CDLL(os.path.join(folder, "libusb-1.0.so.0") if folder else "libusb-1.0.so.0", ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise BadInput(f"{WAYS_TO_LIBUSB}; {error}") from None
    try:
        return ctypes.CDLL(_path())
    except OSError as error:
        raise BadInput(
            f"the Phidget library is missing: pip install 'labline[phidget]' (or apt install libphidget22); {error}"
        ) from None


def _path() -> str:
    """Find the library inside the package, whose Python classes are not needed."""
    package = importlib.util.find_spec("Phidget22")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = os.path.join(folder, ".libs", "libphidget22.so")
        if os.path.exists(path):
            return path
    return "libphidget22.so.0"


def _resident() -> int:
    """Tell how many bytes of memory the program holds; 0 where the system doesn't say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
