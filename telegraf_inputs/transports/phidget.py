"""Phidgets, on USB or behind a network server: ``phidget://``, ``phidget://serial``, ``phidget://host:5661/serial``."""

from __future__ import annotations

from ..errors import BadInput, shown
from ..line import Wire
from ..transport import Library, Transport
from ..url import HERE, Url

LARGEST_SERIAL = 2**31 - 1  # of a larger one the library would take the lowest 32 bits
PORT = 5661  # of a Phidget network server


def target(url: Url) -> tuple[tuple[str, int] | None, int | None]:
    """Take a URL apart: (host, port) of a network server or None for USB, serial number or None for any."""
    place, slash, serial = url.rest.partition("/")
    if place.isdigit() and not serial:
        place, serial = "", place
    if serial and not _is_serial(serial) or slash and not place:
        raise BadInput(
            f"found {shown(url.text)}, expected phidget://, phidget://SERIAL or phidget://HOST:{PORT}/SERIAL, "
            "with the serial number on the label"
        )
    server = Url(f"phidget://{place}").host_port(PORT) if place else None
    return server, int(serial) if serial else None


def _is_serial(text: str) -> bool:
    return (
        text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_SERIAL)) and 0 < int(text) <= LARGEST_SERIAL
    )


class PhidgetTransport(Transport):
    """Reaches Phidgets; their driver opens them, channel by channel."""

    scheme = "phidget"
    extra = "phidget"
    example = "phidget://192.168.1.9:5661/561234"
    libraries = (Library("libusb-1.0.so.0", "libusb-1.0-0", "LABLINE_LIBUSB"),)

    def check(self, url: Url, wire: Wire) -> None:
        target(url)

    def shared(self, url: Url) -> bool:
        server, _ = target(url)
        return server is not None and server[0].lower() not in HERE

    def page(self, wire: Wire) -> str:
        return (
            "`phidget://` for Phidgets at this machine's USB, `phidget://SERIAL` for one of them, "
            "`phidget://HOST:PORT/SERIAL` for one behind a Phidget network server"
        )


TRANSPORT = PhidgetTransport()
