"""I²C buses of this machine: ``i2c:///dev/i2c-1``. Chips on it are asked by SMBus messages.

Source: Linux Documentation/i2c/dev-interface.rst and smbus-protocol.rst; the package smbus2.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import Any

from ..errors import BadInput, Disconnected, NoAnswer, Stopped
from ..line import Tap, Wire
from ..stop import Stop
from ..transport import Transport
from ..url import Url

GONE = (errno.EBADF, errno.EPIPE)
ENABLE = "is I²C enabled? On a Raspberry Pi: sudo raspi-config nonint do_i2c 0"
HINTS = {
    errno.EACCES: "; add this user to the group that owns it (i2c), and log in anew",
    errno.ENOENT: f"; {ENABLE}",
}


class Bus:
    """The way to the chips on a bus. ``answered_ns`` is the time (ns, UTC) of the last answer."""

    tap: Tap | None = None

    def __init__(self, path: str, bus: Any, stop: Stop):
        self.path, self.stop = path, stop
        self._bus = bus
        self.answered_ns = 0

    def write(self, address: int, byte: int) -> None:
        """Send one byte to a chip. Raises NoAnswer where none takes it, Disconnected."""
        self._tell(">", f"0x{address:02x} {byte:02x}")
        self._talk(address, self._bus.write_byte, byte)

    def read(self, address: int, command: int, length: int) -> bytes:
        """Send a chip a command byte, and read ``length`` bytes from it. Raises NoAnswer, Disconnected."""
        self._tell(">", f"0x{address:02x} {command:02x} {length}")
        data = bytes(self._talk(address, self._bus.read_i2c_block_data, command, length))
        self.answered_ns = time.time_ns()
        self._tell("<", data.hex(" "))
        return data

    def pause(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        if self.stop.wait(seconds):
            raise Stopped

    def discard(self, quiet: float = 0.0) -> int:
        """Do nothing: a transfer is one exchange, and nothing comes late."""
        return 0

    def close(self) -> None:
        self._bus.close()

    def _talk(self, address: int, act: Any, *args: int) -> Any:
        try:
            return act(address, *args)
        except OSError as error:
            # ENODEV is said of a bus that was pulled out (at USB), and by some of a chip that is not there.
            if error.errno in GONE or error.errno == errno.ENODEV and not os.path.exists(self.path):
                raise Disconnected(f"{self.path}: {error.strerror}") from None
            self._tell("<", "!")
            raise NoAnswer(f"nothing answers at address 0x{address:02x} of {self.path}: {error.strerror}") from None

    def _tell(self, direction: str, text: str) -> None:
        if self.tap is not None:
            self.tap(direction, f"{text}\n".encode())


class I2c(Transport):
    """Reaches chips on an I²C bus."""

    scheme = "i2c"
    extra = "i2c"
    example = "i2c:///dev/i2c-1"
    tells_dialogue = True

    def check(self, url: Url, wire: Wire) -> None:
        if url.options or not url.rest.startswith("/") or not url.rest.strip("/"):
            raise BadInput(f"{url.text!r} names no bus; expected such as {self.example} (three slashes)")

    def place(self, url: Url) -> str:
        return os.path.realpath(url.rest)

    def device(self, url: Url) -> str:
        return url.rest

    def open(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Bus:
        path = url.rest
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                from ..simulators.i2c_bus import SocketBus

                return Bus(path, SocketBus(path), stop)
            from smbus2 import SMBus  # only here: a program on a socket needs none

            return Bus(path, SMBus(path), stop)
        except OSError as error:
            raise Disconnected(f"{path}: {error.strerror}{HINTS.get(error.errno or 0, '')}") from None

    def page(self, wire: Wire) -> str:
        return (
            "`i2c:///dev/i2c-1`: an I²C bus. On a Raspberry Pi it is switched on by `sudo raspi-config nonint do_i2c 0`, or by "
            "`dtparam=i2c_arm=on` in `/boot/firmware/config.txt` and a restart, with `i2c-dev` in `/etc/modules`; its user "
            "has to be in the group `i2c` (`sudo usermod -aG i2c telegraf`). `sudo apt install i2c-tools`, "
            "`i2cdetect -y 1` shows which addresses answer"
        )


TRANSPORT = I2c()
