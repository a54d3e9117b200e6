"""The native Phidget22 library, by its C interface: its Python classes would cost each program 3 MB more.

Source: phidget22.h; Phidget22 API reference, C. The library is taken from the wheel of PyPI's `Phidget22`, or from the
system.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

from ..errors import BadInput, InstrumentError
from . import _phidget_classes

UNKNOWN = {"d": 1e300, "u": 0xFFFFFFFF, "i": 0x7FFFFFFF, "q": 0x7FFFFFFFFFFFFFFF, "Q": 0xFFFFFFFFFFFFFFFF}
TYPES: dict[str, Any] = {
    "d": ctypes.c_double,
    "D": ctypes.POINTER(ctypes.c_double),
    "i": ctypes.c_int,
    "b": ctypes.c_int,
    "u": ctypes.c_uint32,
    "q": ctypes.c_int64,
    "Q": ctypes.c_uint64,
    "s": ctypes.c_char_p,
    "O": ctypes.POINTER(ctypes.c_double),
    "*": ctypes.c_void_p,
}
ARRAYS = {"D": 3, "O": 10}
LIFECYCLE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
ERROR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
# Return codes of the library that say why there is no value (ErrorCode), and what its error events mean
# (ErrorEventCode).
NOT_ATTACHED, UNSUPPORTED = 52, 20
NO_VALUE = {
    51: "unknown",
    60: "over_range",
    61: "under_range",
    62: "bad_power",
    65: "bad_current",
    66: "bad_connection",
}
FINE = 0x1000
EVENTS = {
    1: "bad_version",
    2: "busy",
    3: "network",
    4: "queue_full",
    5: "failure",
    0x1002: "overrun",
    0x1003: "packet_lost",
    0x1004: "wrapped",
    0x1005: "over_temperature",
    0x1006: "over_current",
    0x1007: "out_of_range",
    0x1008: "bad_power",
    0x1009: "saturated",
    0x100B: "over_voltage",
    0x100C: "failsafe",
    0x100D: "voltage_error",
    0x1010: "invalid_state",
    0x1011: "bad_connection",
    0x1012: "over_range",
    0x1013: "under_range",
    0x1014: "fault",
    0x1016: "bad_current",
}
# These tell of readings that were lost on the way, not that the next one is wrong.
LOST = (4, 0x1002, 0x1003)
SILENT_INTERVALS, SILENT_SECONDS = 5, 2.0  # without a reading for both of these: silent
WAYS_TO_LIBUSB = (
    "the Phidget library needs libusb 1.0: apt install libusb-1.0-0 (or set LABLINE_LIBUSB to the folder "
    "that holds libusb-1.0.so.0)"
)

M_ARENA_MAX = -8  # malloc.h

_library: ctypes.CDLL | None = None


def library() -> ctypes.CDLL:
    """Load the native library, once. Raises BadInput that says what to install."""
    global _library
    if _library is None:
        folder = os.environ.get("LABLINE_LIBUSB")
        try:
            ctypes.CDLL(os.path.join(folder, "libusb-1.0.so.0") if folder else "libusb-1.0.so.0", ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise BadInput(f"{WAYS_TO_LIBUSB}; {error}") from None
        if hasattr(
            libc := ctypes.CDLL(None), "mallopt"
        ):  # an arena of memory for each of the library's threads would cost 0.7 MB
            libc.mallopt(M_ARENA_MAX, 1)
        try:
            _library = ctypes.CDLL(_path())
        except OSError as error:
            raise BadInput(
                f"the Phidget library is missing: pip install 'labline[phidget]' (or apt install libphidget22); {error}"
            ) from None
    return _library


def _path() -> str:
    """Find the library inside the package, without importing it."""
    from importlib.machinery import PathFinder

    package = PathFinder.find_spec("Phidget22")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = os.path.join(folder, ".libs", "libphidget22.so")
        if os.path.exists(path):
            return path
    return "libphidget22.so.0"


class LibraryError(InstrumentError):
    """The library refused; ``code`` is its return code."""

    def __init__(self, what: str, code: int):
        text = ctypes.c_char_p()
        library().Phidget_getErrorDescription(code, ctypes.byref(text))
        super().__init__(f"{what}: {(text.value or b'?').decode('utf-8', 'replace')} (code {code})")
        self.code = code


def call(name: str, *arguments: Any) -> None:
    """Call a function of the library; raises LibraryError where it refuses."""
    code = getattr(library(), name)(*arguments)
    if code:
        raise LibraryError(name, code)


class Sensor:
    """One channel of one Phidget, opened once and attached whenever it is there.

    The library calls back from threads of its own. What they leave behind: ``attached``; ``news``, how many events
    came, of them ``old_news`` before the attachment, ``news_ns`` and ``news_at`` (ns, UTC, and monotonic seconds), when
    the last did; ``arguments`` of the last main event; ``trouble``, the status that an error event told of and no
    reading has followed; ``lost``, how many error events told of lost readings; ``setup``, what could not be set.
    ``changed()`` is called after each of these.
    """

    def __init__(self, declared: _phidget_classes.Sensor, changed: Callable[[], None]):
        self.declared, self._changed = declared, changed
        self.attached, self.attached_at, self.setup = False, 0.0, ""
        self.news, self.old_news, self.news_ns, self.news_at, self.lost = 0, 0, 0, 0.0, 0
        self.arguments: tuple[Any, ...] = ()
        self.trouble: str | None = None
        self.data_interval = 0.25  # seconds
        self.wanted_interval: float | None = None
        self.settings: list[tuple[str, int]] = []
        self._prefix = f"Phidget{declared.name}_"
        self._handle = ctypes.c_void_p()
        call(f"{self._prefix}create", ctypes.byref(self._handle))
        self._callbacks: list[Any] = [LIFECYCLE(self._on_attach), LIFECYCLE(self._on_detach), ERROR(self._on_error)]
        for name, callback in zip(("Attach", "Detach", "Error"), self._callbacks, strict=True):
            call(f"Phidget_setOn{name}Handler", self._handle, callback, None)
        for index, (name, types) in enumerate(declared.events.items()):
            prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, *(TYPES[kind] for kind in types))
            callback = prototype(self._on_news(types if index == 0 else None))
            self._callbacks.append(callback)  # it must outlive the handle
            call(f"{self._prefix}setOn{name}Handler", self._handle, callback, None)

    def address(self, *, serial: int | None, hub_port: int | None, channel: int, port_mode: bool, remote: bool) -> None:
        """Say which channel it is; None is any."""
        call("Phidget_setChannel", self._handle, channel)
        if serial is not None:
            call("Phidget_setDeviceSerialNumber", self._handle, serial)
        if hub_port is not None:
            call("Phidget_setHubPort", self._handle, hub_port)
        call("Phidget_setIsHubPortDevice", self._handle, int(port_mode))
        call("Phidget_setIsRemote" if remote else "Phidget_setIsLocal", self._handle, 1)

    def open(self) -> None:
        """Begin to look for it; returns at once, and the search never ends."""
        call("Phidget_open", self._handle)

    def silence(self) -> None:
        """Call back no more."""
        for name in ("Attach", "Detach", "Error"):
            call(f"Phidget_setOn{name}Handler", self._handle, None, None)
        for name in self.declared.events:
            call(f"{self._prefix}setOn{name}Handler", self._handle, None, None)

    def close(self) -> None:
        """Let go of it. Takes as long as a request to a server that is silent: 10 s."""
        call("Phidget_close", self._handle)
        call(f"{self._prefix}delete", ctypes.byref(self._handle))
        self._callbacks.clear()

    def get(self, name: str, kind: str) -> Any:
        """Ask a getter for the present value; raises LibraryError, with the codes of NO_VALUE where there is none."""
        if kind[0] == "D":
            results = (ctypes.c_double * ARRAYS["D"])()
            call(f"{self._prefix}get{name}", self._handle, results)
            return results[int(kind[1:])]
        result = TYPES[kind]()
        call(f"{self._prefix}get{name}", self._handle, ctypes.byref(result))
        return bool(result.value) if kind == "b" else result.value

    def silent(self) -> bool:
        """Tell whether it is attached and should have sent a reading long ago."""
        if not (self.attached and self.declared.paced):
            return False
        quiet = time.monotonic() - max(self.attached_at, self.news_at)
        return quiet > max(SILENT_SECONDS, SILENT_INTERVALS * self.data_interval) and not self.rests()

    def rests(self) -> bool:
        """Tell whether it has nothing to say: a frequency counter without pulses."""
        try:
            return self.declared.resting is not None and self.get(self.declared.resting, "d") == 0.0
        except LibraryError:
            return False

    def model(self) -> str:
        """Tell which device it is on: SKU, version and serial number."""
        sku, version, serial = ctypes.c_char_p(), ctypes.c_int(), ctypes.c_int()
        call("Phidget_getDeviceSKU", self._handle, ctypes.byref(sku))
        call("Phidget_getDeviceVersion", self._handle, ctypes.byref(version))
        call("Phidget_getDeviceSerialNumber", self._handle, ctypes.byref(serial))
        return f"{(sku.value or b'?').decode()} v{version.value} serial {serial.value}"

    # What the library's threads call.
    def _on_attach(self, handle: int, context: int) -> None:
        self.old_news, self.arguments, self.trouble, self.setup = self.news, (), None, ""
        for name, number in self.settings:
            self._set(name, ctypes.c_int(number))
        if self.declared.trigger:  # a trigger would make a steady reading look like silence
            zero = ctypes.c_uint32(0) if self.declared.name == "DistanceSensor" else ctypes.c_double(0.0)
            self._set(self.declared.trigger, zero, required=False)
        self._set_interval()
        self.attached_at = time.monotonic()
        self.attached = True
        self._changed()

    def _set_interval(self) -> None:
        shortest, now = ctypes.c_uint32(), ctypes.c_uint32()
        try:
            call("Phidget_getDataInterval", self._handle, ctypes.byref(now))
            if self.wanted_interval is not None and round(1000 * self.wanted_interval) != now.value:
                call("Phidget_getMinDataInterval", self._handle, ctypes.byref(shortest))
                call(
                    "Phidget_setDataInterval",
                    self._handle,
                    ctypes.c_uint32(max(shortest.value, round(1000 * self.wanted_interval))),
                )
                call("Phidget_getDataInterval", self._handle, ctypes.byref(now))
        except LibraryError as error:
            if error.code != UNSUPPORTED:
                self.setup = self.setup or str(error)
            return  # a class without a data interval
        self.data_interval = now.value / 1000.0

    def _set(self, name: str, number: Any, required: bool = True) -> None:
        code = getattr(library(), f"{self._prefix}set{name}")(self._handle, number)
        if code and (required or code != UNSUPPORTED):
            self.setup = self.setup or str(LibraryError(f"{self._prefix}set{name}", code))

    def _on_detach(self, handle: int, context: int) -> None:
        self.attached, self.arguments, self.trouble = False, (), None
        self._changed()

    def _on_error(self, handle: int, context: int, code: int, description: bytes) -> None:
        self.news_at = time.monotonic()
        if code in LOST:
            self.lost += 1
        else:
            self.trouble = None if code == FINE else EVENTS.get(code, f"error_{code}")
        self._changed()

    def _on_news(self, types: str | None) -> Callable[..., None]:
        def on_news(handle: int, context: int, *arguments: Any) -> None:
            self.news_ns, self.news_at = time.time_ns(), time.monotonic()
            if types is not None:
                self.arguments = _flat(types, arguments)
                if self.arguments and self.arguments[0] is not None:
                    self.trouble = None
            self.news += 1  # last: whoever sees it sees the rest
            self._changed()

        return on_news


def _flat(types: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Unfold the arguments of an event: arrays in place, unknown values as None."""
    result: list[Any] = []
    for kind, argument in zip(types, arguments, strict=True):
        if kind in ARRAYS:
            result += [None if v >= UNKNOWN["d"] else v for v in argument[: ARRAYS[kind]]]
        elif kind == "s":
            result.append((argument or b"").decode("utf-8", "replace"))
        elif kind != "*":
            result.append(None if argument == UNKNOWN.get(kind) else argument)
    return tuple(result)
