"""One channel of one Phidget: what the native library calls back becomes readings, each with its own time."""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..reading import Reading
from ._phidget_classes import LOCALLY, LibraryEvent, SensorClass
from ._phidget_library import LibraryError, PhidgetLibrary

TYPES: Mapping[str, Any] = {
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
LARGEST = 1e300  # what the library says for a number that it does not know, and so on for the other types
UNKNOWN = {"b": 2, "u": 0xFFFFFFFF, "i": 0x7FFFFFFF, "q": 0x7FFFFFFFFFFFFFFF, "Q": 0xFFFFFFFFFFFFFFFF}
LONGEST_TEXT = 256  # bytes; no tag is longer
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
    5: "failure",
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
# Queue full, overrun, packet lost: these tell of readings that were lost on the way, not that the next one is wrong.
LOST = (4, 0x1002, 0x1003)
ATTACHED, DETACHED = "attached", "detached"  # in what is said of a channel
SILENT_INTERVALS, SILENT_SECONDS = 3, 2.0  # without a reading for both of these: silent
RETURN_SECONDS = 2.0  # what was opened anew is given so long to attach


class Sensor:
    """One channel of one Phidget, opened once and attached whenever it is there.

    ``deliver`` takes what the library says, in words, and the readings that come of it; ``lost`` how many values it says that
    it could not deliver. Both are called from the library's threads, and must not block. ``attached`` says whether the Phidget is there, ``setup``
    what could not be set; while it says something there are no readings. ``absence`` is what the library said of why it
    is not attached. ``doubted``: it was silent, and has said nothing new since.
    """

    def __init__(
        self,
        library: PhidgetLibrary,
        channel: str,
        declared: SensorClass,
        quantities: Iterable[str],
        deliver: Callable[[str, list[Reading]], None],
        lost: Callable[[int], None],
    ):
        self._library, self.channel, self.declared = library, channel, declared
        self._quantities = frozenset(quantities)
        self._needed = {v.quantity.name for v in declared.values if v.needed} & self._quantities
        self._deliver, self._lost = deliver, lost
        self.attached, self.setup, self.interval = False, "", 0.25  # seconds between its readings
        self.wanted_interval: float | None = None
        self.settings: list[tuple[str, int]] = []
        self._remote = False
        self._heard_at = 0.0  # monotonic seconds: when it was attached, or last said something
        self._last: dict[str, Any] = {}  # the values that were delivered last
        self.doubted, self._doubted_at = False, 0.0
        self._fresh = False  # attached, and nothing came yet
        self._told: set[str] = set()  # what was delivered since the last look: "status", and quantities
        self.absence = ""  # what the library said of why it is not attached
        self._trouble = ""  # the status that an error event told of, and that no value has followed
        self._prefix = f"Phidget{declared.name}_"
        self._handle = ctypes.c_void_p()
        self._library.call(f"{self._prefix}create", ctypes.byref(self._handle))
        self._handlers: dict[str, Any] = {  # they must outlive the handle
            "Phidget_setOnAttachHandler": LIFECYCLE(self._guarded(self._on_attach)),
            "Phidget_setOnDetachHandler": LIFECYCLE(self._guarded(self._on_detach)),
            "Phidget_setOnErrorHandler": ERROR(self._guarded(self._on_error)),
        }
        for event in declared.events:
            prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, *(TYPES[kind] for kind in event.types))
            callback = prototype(self._guarded(self._on_event(event)))
            self._handlers[f"{self._prefix}setOn{event.name}Handler"] = callback
        for name, handler in self._handlers.items():
            self._library.call(name, self._handle, handler, None)

    def address(self, *, serial: int | None, hub_port: int | None, channel: int, port_mode: bool, remote: bool) -> None:
        """Say which channel it is; None is any."""
        self._remote = remote
        self._call("Phidget_setChannel", channel)
        if serial is not None:
            self._call("Phidget_setDeviceSerialNumber", serial)
        if hub_port is not None:
            self._call("Phidget_setHubPort", hub_port)
        self._call("Phidget_setIsHubPortDevice", int(port_mode))
        self._call("Phidget_setIsRemote" if remote else "Phidget_setIsLocal", 1)

    def open(self) -> None:
        """Begin to look for it; returns at once, and the search never ends."""
        self._call("Phidget_open")

    def reopen(self) -> None:
        """Let go of it, and look for it anew. Takes 5 s where its server does not answer."""
        self._call("Phidget_close")
        self.attached = False
        self.open()

    def silence(self) -> None:
        """Call back no more."""
        for name in self._handlers:
            self._library.call(name, self._handle, None, None)

    def model(self) -> str:
        """Tell which device it is on: SKU, version and serial number."""
        sku, version, serial = ctypes.c_char_p(), ctypes.c_int(), ctypes.c_int()
        self._call("Phidget_getDeviceSKU", ctypes.byref(sku))
        self._call("Phidget_getDeviceVersion", ctypes.byref(version))
        self._call("Phidget_getDeviceSerialNumber", ctypes.byref(serial))
        return f"{(sku.value or b'?').decode()} v{version.value} serial {serial.value}"

    @property
    def settled(self) -> bool:
        """Tell whether it is attached, and has said what it has to say at once."""
        return self.attached and not (self._fresh and self.declared.paced and not self.setup)

    def silent(self) -> bool:
        """Tell whether it is attached and should have sent a reading long ago."""
        if not (self.attached and self.declared.paced) or self.setup:
            return False
        quiet = time.monotonic() - self._heard_at
        return quiet > max(SILENT_SECONDS, SILENT_INTERVALS * self.interval) and not self._rests()

    def speaks(self) -> bool:
        """Tell whether it is attached, and sends readings all the time."""
        return self.attached and self.declared.paced and not self.silent()

    @property
    def mending(self) -> bool:
        """Tell whether it was opened anew only just."""
        return self.doubted and time.monotonic() - self._doubted_at < RETURN_SECONDS

    def doubt(self) -> None:
        """Note that it is silent, before it is opened anew."""
        self.doubted, self._doubted_at = True, time.monotonic()

    def present(self) -> Reading | None:
        """Tell what holds as of now, or what is wrong; None where that was told, or comes by itself."""
        now = time.time_ns()  # before the values are asked for: none may be later than it says
        told, self._told = self._told, set()
        if not self.attached:
            return Reading(self.channel, {}, now, "silent" if self.mending else "detached", self.absence)
        if self.setup:
            return Reading(self.channel, {}, now, f"setup_failed: {self.setup}")
        if self.silent() or self.doubted:
            return Reading(self.channel, {}, now, "silent")
        if self._trouble:
            return None if told else Reading(self.channel, {}, now, self._trouble)
        if self._needed <= told or self.declared.paced and not self._rests():
            return None
        getters = {v.quantity.name: v.getter for v in self.declared.values if v.getter}
        values, status = self._values(getters, ())
        if values.get(self.declared.holds) is False:
            values = {self.declared.holds: False}
        return Reading(self.channel, values, now, status)

    def _call(self, name: str, *arguments: Any) -> None:
        self._library.call(name, self._handle, *arguments)

    def _rests(self) -> bool:
        """Tell whether it has nothing to say: a frequency counter without pulses."""
        name = self.declared.resting
        getter = next((v.getter for v in self.declared.values if v.quantity.name == name), "")
        try:
            return bool(getter) and self._get(getter) == 0
        except LibraryError:
            return False

    def _get(self, getter: str) -> Any:
        """Ask a getter for the present value; raises LibraryError, with the codes of NO_VALUE where there is none."""
        name, _, kind = getter.partition(":")
        if kind[0] == "D":
            numbers = (ctypes.c_double * ARRAYS["D"])()
            self._call(f"{self._prefix}get{name}", numbers)
            return _known("d", numbers[int(kind[1:])])
        if kind == "s":
            text, further = ctypes.create_string_buffer(LONGEST_TEXT), ctypes.c_int()
            self._call(f"{self._prefix}get{name}", text, ctypes.c_size_t(LONGEST_TEXT), ctypes.byref(further))
            return text.value.decode("utf-8", "replace")
        result = TYPES[kind]()
        self._call(f"{self._prefix}get{name}", ctypes.byref(result))
        return _known(kind, result.value)

    def _values(
        self, sources: Mapping[str, int | bool | str], arguments: tuple[Any, ...]
    ) -> tuple[dict[str, Any], str]:
        """Take values from where they are; the status says what is wrong with one that is needed."""
        values, status = {}, "ok"
        for name, source in sources.items():
            if name not in self._quantities:
                continue
            value, reason = None, "unknown"
            if isinstance(source, bool):
                value = source
            elif isinstance(source, int):
                value = arguments[source]
            elif source.startswith(LOCALLY) and self._remote:
                continue
            else:
                try:
                    value = self._get(source.removeprefix(LOCALLY))
                except LibraryError as error:
                    if error.code not in NO_VALUE and error.code not in (NOT_ATTACHED, UNSUPPORTED):
                        raise
                    reason = NO_VALUE.get(error.code, reason)
            if value is not None:
                values[name] = value
            elif name in self._needed and status == "ok":
                status = reason
        return values, status

    # What the library's threads call.
    def _guarded(self, act: Callable[..., None]) -> Callable[..., None]:
        """Keep an exception from the library, which could do nothing with it."""

        def called(handle: int, context: int, *arguments: Any) -> None:
            now = time.time_ns()
            try:
                act(now, *arguments)
            except Exception as error:
                self._tell("", Reading(self.channel, {}, now, "driver_fault", f"{type(error).__name__}: {error}"))

        return called

    def _tell(self, said: str, reading: Reading) -> None:
        self._heard_at = time.monotonic()
        self._told.update(("status", *reading.values))
        self._last |= reading.values
        self._deliver(said, [reading])

    def _said(self, what: str, *arguments: Any) -> str:
        """Write what the library says, for people and recordings: ``oven TemperatureChange [21.5]``."""
        return f"{self.channel} {what}{f' {json.dumps(arguments)}' if arguments else ''}"

    def _on_attach(self, now: int) -> None:
        self._trouble, self.absence, self.setup = "", "", ""
        for name, number in self.settings:
            self._set(name, ctypes.c_int(number))
        if self.declared.trigger:  # a trigger would make a steady reading look like silence
            zero = ctypes.c_uint32(0) if self.declared.name == "DistanceSensor" else ctypes.c_double(0.0)
            self._set(self.declared.trigger, zero, required=False)
        self.interval = self._data_interval("") or self.interval
        self._fresh, self._heard_at = True, time.monotonic()
        self.attached = True
        self._deliver(self._said(ATTACHED), [])

    def _on_detach(self, now: int) -> None:
        self.attached, self._trouble = False, ""
        self._deliver(self._said(DETACHED), [])

    def _on_error(self, now: int, code: int, description: bytes) -> None:
        why = (description or b"").decode("utf-8", "replace")
        said = self._said("Error", code, why)
        if not self.attached:
            self.absence = why  # it was found, but not opened
            self._deliver(said, [])
        elif code in LOST:
            # The library says that there were some, not how many.
            self._lost(len(self._quantities.intersection(self.declared.events[0].brings)))
            self._tell(said, Reading(self.channel, {}, now, "readings_lost", why))
        elif code == FINE:
            self._trouble = ""
            self._deliver(said, [])
        else:
            self._trouble = EVENTS.get(code, f"error_{code}")
            self._tell(said, Reading(self.channel, {}, now, self._trouble, why))

    def _on_event(self, event: LibraryEvent) -> Callable[..., None]:
        def on_event(now: int, *arguments: Any) -> None:
            if not self.attached:
                return
            if self._fresh:
                self._pace()
            said, reading = self._said(event.name, *_plain(event.types, arguments)), None
            if not self.setup and event.only in (None, arguments[0] if arguments else None):
                reading = self._reading(now, *self._values(event.brings, _flat(event.types, arguments)))
            if reading is not None:
                self._tell(said, reading)
            else:
                self._deliver(said, [])
            self._fresh = False

        return on_event

    def _reading(self, now: int, values: dict[str, Any], status: str) -> Reading | None:
        """Make the reading of what an event brought, unless it was told before."""
        if status != "ok" and self._trouble:
            self._heard_at = time.monotonic()
            return None
        if self._fresh and self.doubted and status == "ok" and values.items() <= self._last.items():
            return None  # to whoever comes anew a server tells what it was told last, however long ago
        self.doubted = False
        if values and status == "ok":
            self._trouble = ""
        return Reading(self.channel, values, now, status) if values or status != "ok" else None

    def _pace(self) -> None:
        """Set its data interval; only now, so that the first reading need not wait for so long."""
        if self.wanted_interval is None:
            return
        now = self._data_interval("")
        if now is None:
            return  # a class without a data interval
        shortest, longest = self._data_interval("Min"), self._data_interval("Max")
        wanted = min(max(self.wanted_interval, shortest or 0.0), longest or self.wanted_interval)
        if wanted != now:
            self._set("", ctypes.c_uint32(round(1000 * wanted)), function="Phidget_setDataInterval")
        self.interval = self._data_interval("") or self.interval

    def _data_interval(self, which: str) -> float | None:
        """Ask for its data interval (``which``: Min, Max or the present one) in seconds; None where it has none."""
        result = ctypes.c_uint32()
        try:
            self._call(f"Phidget_get{which}DataInterval", ctypes.byref(result))
        except LibraryError as error:
            self._note(error, UNSUPPORTED)
            return None
        return result.value / 1000.0

    def _set(self, name: str, number: Any, *, required: bool = True, function: str = "") -> None:
        try:
            self._call(function or f"{self._prefix}set{name}", number)
        except LibraryError as error:
            self._note(error, None if required else UNSUPPORTED)

    def _note(self, error: LibraryError, expected: int | None) -> None:
        """Note that a setting was refused, unless that was ``expected``, or it is gone meanwhile."""
        if error.code not in (expected, NOT_ATTACHED):
            self.setup = self.setup or str(error)


def _known(kind: str, value: Any) -> Any:
    """Give a number, or None for what the library says where it knows none."""
    if kind == "d":
        return value if -LARGEST < value < LARGEST else None  # false for NaN, too
    if kind == "b":
        return bool(value) if value in (0, 1) else None
    return None if value == UNKNOWN.get(kind) else value


def _plain(types: str, arguments: tuple[Any, ...]) -> list[Any]:
    """Give the arguments of an event as plain data: lists for arrays, texts."""
    result: list[Any] = []
    for kind, argument in zip(types, arguments, strict=True):
        if kind in ARRAYS:
            result.append(list(argument[: ARRAYS[kind]]))
        elif kind == "s":
            result.append((argument or b"").decode("utf-8", "replace"))
        elif kind != "*":
            result.append(argument)
    return result


def _flat(types: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Unfold the arguments of an event: arrays in place, unknown values as None."""
    result: list[Any] = []
    for kind, argument in zip(types, arguments, strict=True):
        if kind in ARRAYS:
            result += [_known("d", number) for number in argument[: ARRAYS[kind]]]
        elif kind == "s":
            result.append((argument or b"").decode("utf-8", "replace"))
        elif kind != "*":
            result.append(_known(kind, argument))
    return tuple(result)
