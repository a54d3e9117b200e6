"""One channel of the Phidget22 library: addressed, opened, asked and set by the C functions of its class."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

from ._phidget_codes import UNSUPPORTED
from ._phidget_library import LibraryError, PhidgetLibrary
from ._phidget_values import ARRAYS, LONGEST_TEXT, TYPES, known


class PhidgetHandle:
    """A channel of a class (``TemperatureSensor``), as the library knows it. Its methods raise LibraryError."""

    def __init__(self, library: PhidgetLibrary, name: str):
        self._library, self._prefix = library, f"Phidget{name}_"
        self._handle = ctypes.c_void_p()
        self.handlers: dict[str, Any] = {}  # they must outlive the handle
        self._library.call(f"{self._prefix}create", ctypes.byref(self._handle))

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of all classes."""
        self._library.call(name, self._handle, *arguments)

    def listen(self, handlers: Mapping[str, Any], events: Mapping[str, Any]) -> None:
        """Have these called back: ``handlers`` by the function of all classes that sets one, ``events`` of this class by name."""
        self.handlers = {**handlers, **{f"{self._prefix}setOn{name}Handler": each for name, each in events.items()}}
        for name, handler in self.handlers.items():
            self.call(name, handler, None)

    def silence(self) -> None:
        """Have nobody called back any more."""
        for name in self.handlers:
            self.call(name, None, None)

    def address(self, *, serial: int | None, hub_port: int | None, channel: int, port_mode: bool, remote: bool) -> None:
        """Say which channel it is; None is any."""
        self.call("Phidget_setChannel", channel)
        if serial is not None:
            self.call("Phidget_setDeviceSerialNumber", serial)
        if hub_port is not None:
            self.call("Phidget_setHubPort", hub_port)
        self.call("Phidget_setIsHubPortDevice", int(port_mode))
        self.call("Phidget_setIsRemote" if remote else "Phidget_setIsLocal", 1)

    def open(self) -> None:
        """Begin to look for it; returns at once, and the search never ends."""
        self.call("Phidget_open")

    def close(self) -> None:
        """Let go of it. Takes 5 s where its server does not answer."""
        self.call("Phidget_close")

    def model(self) -> str:
        """Tell which device it is on: SKU, version and serial number."""
        sku, version, serial = ctypes.c_char_p(), ctypes.c_int(), ctypes.c_int()
        self.call("Phidget_getDeviceSKU", ctypes.byref(sku))
        self.call("Phidget_getDeviceVersion", ctypes.byref(version))
        self.call("Phidget_getDeviceSerialNumber", ctypes.byref(serial))
        return f"{(sku.value or b'?').decode()} v{version.value} serial {serial.value}"

    def get(self, getter: str) -> Any:
        """Ask a getter for the present value; raises LibraryError, with the codes of NO_VALUE where there is none."""
        name, _, kind = getter.partition(":")
        if kind[0] == "D":
            numbers = (ctypes.c_double * ARRAYS["D"])()
            self.call(f"{self._prefix}get{name}", numbers)
            return known("d", numbers[int(kind[1:])])
        if kind == "s":
            text, further = ctypes.create_string_buffer(LONGEST_TEXT), ctypes.c_int()
            self.call(f"{self._prefix}get{name}", text, ctypes.c_size_t(LONGEST_TEXT), ctypes.byref(further))
            return text.value.decode("utf-8", "replace")
        result = TYPES[kind]()
        self.call(f"{self._prefix}get{name}", ctypes.byref(result))
        return known(kind, result.value)

    def set(self, name: str, number: Any) -> None:
        """Set what is called so in its class."""
        self.call(f"{self._prefix}set{name}", number)

    def data_interval(self, which: str) -> float | None:
        """Ask for its data interval (``which``: Min, Max or the present one) in seconds; None where it has none."""
        result = ctypes.c_uint32()
        try:
            self.call(f"Phidget_get{which}DataInterval", ctypes.byref(result))
        except LibraryError as error:
            if error.code == UNSUPPORTED:
                return None
            raise
        return result.value / 1000.0
