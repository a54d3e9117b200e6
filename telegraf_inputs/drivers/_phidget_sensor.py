"""One channel of one Phidget: what the native library calls back becomes readings, each with its own time."""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..reading import Reading
from ._phidget_classes import LOCALLY, LibraryEvent, SensorClass
from ._phidget_codes import EVENTS, FINE, LOST, NO_VALUE, NOT_ATTACHED, UNSUPPORTED
from ._phidget_handle import PhidgetHandle
from ._phidget_library import LibraryError, PhidgetLibrary
from ._phidget_values import TYPES, flat, plain

LIFECYCLE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
ERROR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
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
        self.channel, self.declared = channel, declared
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
        self._handle = PhidgetHandle(library, declared.name)
        self._handle.listen(
            {
                "Phidget_setOnAttachHandler": LIFECYCLE(self._guarded(self._on_attach)),
                "Phidget_setOnDetachHandler": LIFECYCLE(self._guarded(self._on_detach)),
                "Phidget_setOnErrorHandler": ERROR(self._guarded(self._on_error)),
            },
            {event.name: self._callback(event) for event in declared.events},
        )

    def address(self, *, serial: int | None, hub_port: int | None, channel: int, port_mode: bool, remote: bool) -> None:
        """Say which channel it is; None is any."""
        self._remote = remote
        self._handle.address(serial=serial, hub_port=hub_port, channel=channel, port_mode=port_mode, remote=remote)

    def open(self) -> None:
        """Begin to look for it; returns at once, and the search never ends."""
        self._handle.open()

    def reopen(self) -> None:
        """Let go of it, and look for it anew. Takes 5 s where its server does not answer."""
        self._handle.close()
        self.attached = False
        self.open()

    def silence(self) -> None:
        """Call back no more."""
        self._handle.silence()

    def model(self) -> str:
        """Tell which device it is on: SKU, version and serial number."""
        return self._handle.model()

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

    def _rests(self) -> bool:
        """Tell whether it has nothing to say: a frequency counter without pulses."""
        name = self.declared.resting
        getter = next((v.getter for v in self.declared.values if v.quantity.name == name), "")
        try:
            return bool(getter) and self._handle.get(getter) == 0
        except LibraryError:
            return False

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
                    value = self._handle.get(source.removeprefix(LOCALLY))
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
            self._set(self._handle.set, name, ctypes.c_int(number))
        if self.declared.trigger:  # a trigger would make a steady reading look like silence
            zero = ctypes.c_uint32(0) if self.declared.name == "DistanceSensor" else ctypes.c_double(0.0)
            self._set(self._handle.set, self.declared.trigger, zero, required=False)
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

    def _callback(self, event: LibraryEvent) -> Any:
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, *(TYPES[kind] for kind in event.types))
        return prototype(self._guarded(self._on_event(event)))

    def _on_event(self, event: LibraryEvent) -> Callable[..., None]:
        def on_event(now: int, *arguments: Any) -> None:
            if not self.attached:
                return
            if self._fresh:
                self._pace()
            said, reading = self._said(event.name, *plain(event.types, arguments)), None
            if not self.setup and event.only in (None, arguments[0] if arguments else None):
                reading = self._reading(now, *self._values(event.brings, flat(event.types, arguments)))
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
            self._set(self._handle.call, "Phidget_setDataInterval", ctypes.c_uint32(round(1000 * wanted)))
        self.interval = self._data_interval("") or self.interval

    def _data_interval(self, which: str) -> float | None:
        """Ask for its data interval (``which``: Min, Max or the present one) in seconds; None where it tells none."""
        try:
            return self._handle.data_interval(which)
        except LibraryError as error:
            self._note(error)
            return None

    def _set(self, set_it: Callable[..., None], name: str, number: Any, *, required: bool = True) -> None:
        try:
            set_it(name, number)
        except LibraryError as error:
            if required or error.code != UNSUPPORTED:
                self._note(error)

    def _note(self, error: LibraryError) -> None:
        """Note that a setting was refused, unless it is gone meanwhile."""
        if error.code != NOT_ATTACHED:
            self.setup = self.setup or str(error)
