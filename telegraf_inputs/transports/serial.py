"""Serial ports: ``serial:///dev/ttyUSB0?baudrate=9600``; options bytesize, parity, stopbits, xonxoff, rtscts."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, suggestion
from ..line import LONGEST_ANSWER, Line, Wire
from ..stop import Stop
from ..transport import Place, Transport
from ..url import WHOLE, Url

if TYPE_CHECKING:
    from ..simulators.ends import PtyEnd

TRUTH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
# option -> what may be written, and what pyserial gets; None: a whole number
OPTIONS: dict[str, dict[str, Any] | None] = {
    "baudrate": None,
    "bytesize": {"5": 5, "6": 6, "7": 7, "8": 8},
    "parity": {"N": "N", "E": "E", "O": "O", "M": "M", "S": "S"},
    "stopbits": {"1": 1, "1.5": 1.5, "2": 2},
    "xonxoff": TRUTH,
    "rtscts": TRUTH,
}
BY_ID = "/dev/serial/by-id"
NUMBERED = ("/dev/ttyUSB", "/dev/ttyACM")  # in the order in which ports are found
SLOWEST_BAUD = 50  # of those that Linux knows
FASTEST_BAUD = 20_000_000  # no port is faster


class SerialLine(Line):
    """A line over a serial port."""

    hints = {
        errno.EACCES: "; add this user to the group that owns the port (dialout), and log in anew",
        errno.EAGAIN: "; another program has it open",
    }
    _port: Any

    def _open(self) -> None:
        import serial  # only here: a program on a socket needs no pyserial

        settings = settings_of(self.url, self.wire)
        # Exclusive: two programs on one port would share out the answers between them.
        self._port = serial.Serial(self.url.rest, timeout=0, exclusive=True, **settings)
        self._port.reset_input_buffer()

    def _close(self) -> None:
        if hasattr(self, "_port"):
            try:
                self._port.reset_output_buffer()  # what can't be sent (handshake) would hold up the closing for 30 s
            finally:
                self._port.close()

    def _fileno(self) -> int:
        return int(self._port.fileno())

    def _receive(self) -> bytes:
        return os.read(self._fileno(), LONGEST_ANSWER)

    def _send(self, data: bytes) -> None:
        self._push(data, lambda rest: os.write(self._fileno(), rest))


def settings_of(url: Url, wire: Wire) -> dict[str, Any]:
    """Tell the settings of a serial port, as pyserial names them: the driver's, overridden by the URL's options."""
    settings = wire.serial_line
    for name, text in url.options.items():
        if name not in OPTIONS:
            raise BadInput(f"serial option {name!r} of {url} is not known; {suggestion(name, OPTIONS)}")
        choices = OPTIONS[name]
        if choices is None:
            if not (WHOLE.match(text) and 0 < int(text) <= FASTEST_BAUD):
                raise BadInput(
                    f"found {name}={text[:40]} in {str(url)[:80]}, expected a number from 1 to {FASTEST_BAUD}"
                )
            settings[name] = int(text)
        elif text not in choices:
            raise BadInput(f"found {name}={text} in {url}, expected {' or '.join(choices)}")
        else:
            settings[name] = choices[text]
    return settings


class Serial(Transport):
    """Reaches instruments at serial ports."""

    scheme = "serial"
    extra = "serial"
    example = "serial:///dev/ttyUSB0?baudrate=9600"
    may_have_at = True
    carries_text = True
    found = "serial port"

    def find(self) -> Iterator[Place | str]:
        try:
            from serial.tools import list_ports
        except ImportError:
            yield "serial ports were not looked at: pip install 'labline[serial]'"
            return
        for port in sorted(list_ports.comports()):
            number = f"serial number {port.serial_number}" if port.serial_number else ""
            known = (port.description, port.manufacturer, number)
            yield Place(
                f"serial://{_lasting(port.device)}", ", ".join(text for text in known if text and text != "n/a")
            )

    def check(self, url: Url, wire: Wire) -> None:
        if not url.rest.startswith("/") or not url.rest.strip("/"):
            raise BadInput(f"{url.text!r} names no port; expected such as serial:///dev/ttyUSB0 (three slashes)")
        port, mark, speed = url.rest.partition(",") if "," in url.rest else url.rest.rpartition(":")
        if mark and speed.isdecimal() and int(speed) >= SLOWEST_BAUD and not os.path.exists(url.rest):
            raise BadInput(
                f"{url.text!r} has a speed where none stands; did you mean 'serial://{port}?baudrate={speed}'?"
            )
        settings_of(url, wire)

    def hint(self, url: Url) -> tuple[str, str] | None:
        if not url.rest.startswith(NUMBERED):
            return None
        lasting = _lasting(url.rest)
        known = f"serial://{lasting}" if lasting != url.rest else f"serial://{BY_ID}/…, which `labline scan` lists,"
        return f"{url.rest} may be another port after a restart", f"{known} stays the same"

    def place(self, url: Url) -> str:
        return os.path.realpath(url.rest)

    def device(self, url: Url) -> str:
        return url.rest

    def line(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> SerialLine:
        return SerialLine(url, wire, timeout, stop)

    def page(self, wire: Wire) -> str:
        line = wire.serial_line
        return (
            f"`serial:///dev/ttyUSB0`: a serial port, by default {line['baudrate']} baud, {line['bytesize']} data bits, "
            f"parity {line['parity']}, {line['stopbits']} stop bit (another speed: `?baudrate=19200` behind it)"
        )

    def end(self) -> PtyEnd:
        from ..simulators.ends import PtyEnd

        return PtyEnd()


def _lasting(device: str) -> str:
    """Prefer the name by which a USB port stays the same after unplugging and restarting."""
    links = sorted(os.listdir(BY_ID)) if os.path.isdir(BY_ID) else []
    paths = (os.path.join(BY_ID, link) for link in links)
    return next((path for path in paths if os.path.realpath(path) == os.path.realpath(device)), device)


TRANSPORT = Serial()
