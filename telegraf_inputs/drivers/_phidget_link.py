"""The way to Phidgets: the channels of one stanza, opened once, over USB or a Phidget network server."""

from __future__ import annotations

import atexit
import itertools
import os
import select
import socket
import stat
import time
from collections.abc import Callable

from ..configured import Stanza
from ..errors import BadInput, Disconnected, InstrumentError, NoAnswer, Stopped
from ..stop import Stop
from ..transports.phidget import target
from ..url import Url
from ._phidget_classes import SENSORS
from ._phidget_library import Sensor, call

DATA_INTERVAL = 0.25  # seconds; what most Phidgets have by themselves
AGAIN_SECONDS = 1.0  # the library looks for what is missing all the time; a second look need not wait long
LARGEST_GROWTH = 64 * 2**20  # bytes; the library loses 0.3 MB each time that it connects to a server anew
CHECK = "check serial number, hub port, channel and class"

_parked: dict[tuple[Stop, str], Phidgets] = {}
_left: list[bytes] = []  # servers that are not needed any more
_numbers = itertools.count(1)
_began_with: list[int] = []  # bytes of memory


class Phidgets:
    """The channels of one stanza, opened together; each attaches by itself whenever it is there, and comes back by
    itself.

    ``sensors`` are in the order of the stanza's channels.
    """

    def __init__(self, key: tuple[Stop, str], url: Url, stanza: Stanza, stop: Stop):
        self._key, self.url, self.stop = key, url, stop
        self.server, serial = target(url)
        self._password = _password(stanza.options["password_file"])
        self._name = b"labline%d" % next(_numbers)
        self._opened, self._since = False, 0.0
        self.sensors: list[Sensor] = []
        for channel in stanza.channels:
            options, declared = channel.options, SENSORS[channel.options["class"]]
            sensor = Sensor(declared, self._changed)
            self.sensors.append(sensor)
            sensor.wanted_interval = options["data_interval"] or min(stanza.interval, DATA_INTERVAL)
            sensor.settings = [
                (name, choices[options[option]])
                for option, (name, choices) in declared.settings.items()
                if options[option]
            ]
            sensor.address(
                serial=options["serial"] or serial,
                hub_port=options["hub_port"],
                channel=options["channel"],
                port_mode=options["is_hub_port"],
                remote=self.server is not None,
            )
        self._read, self._write = os.pipe()  # wakes whoever waits; the library's threads write
        os.set_blocking(self._write, False)

    def open(self, seconds: float) -> None:
        """Attach what is there, for at most ``seconds``. Raises Disconnected or NoAnswer where that is nothing."""
        self.check_growth()
        if self.server is not None and not any(s.attached for s in self.sensors):
            try:  # the library tries for ever and doesn't tell; this tells
                socket.create_connection(self.server, seconds).close()
            except OSError as error:
                self._since = 0.0
                raise Disconnected(f"{self.url}: {error.strerror or error}") from None
            if self._opened and time.monotonic() - self._since > seconds:
                self._call_again()
        if self._opened:
            seconds = min(seconds, AGAIN_SECONDS)
        else:
            self._opened, self._since = True, time.monotonic()
            if self.server is not None:
                host, port = self.server
                call("PhidgetNet_addServer", self._name, host.encode(), port, self._password, 0)
            for sensor in self.sensors:
                sensor.open()
            while self.server is not None and _left:
                call("PhidgetNet_removeServer", _left.pop())
        if self._wait(lambda: all(s.attached and not s.silent() for s in self.sensors), seconds):
            return
        if any(s.attached and not s.silent() for s in self.sensors):
            return
        if self.server is None:
            raise Disconnected(
                f"no such Phidget is on USB; {CHECK}, that no other program holds it, and that this user may (udev)"
            )
        if any(s.attached for s in self.sensors):
            raise NoAnswer("attached, but no reading comes")
        # The library tells by no event whether the server refuses the password.
        password = "the password" if self._password else "whether the server wants a password (password_file)"
        raise NoAnswer(f"{self.url}: the server is there, but attaches no such Phidget; {CHECK}, and {password}")

    def check_growth(self) -> None:
        """End the program, and say so, where the library has lost too much memory: Telegraf starts it anew."""
        now = _resident()
        if not _began_with:
            _began_with.append(now)
        if now - _began_with[0] > LARGEST_GROWTH:
            self.stop.set()
            raise InstrumentError(
                f"the Phidget library loses memory with each new connection; the program has {now >> 20} MB and ends, "
                "so that Telegraf starts it anew"
            )

    def settle(self, seconds: float) -> None:
        """Wait for the first reading of what is attached."""
        self._wait(
            lambda: all(
                s.news > s.old_news or s.trouble or not (s.attached and s.declared.paced) for s in self.sensors
            ),
            seconds,
        )

    def close(self) -> None:
        """Let go of all that answers.

        From what does not, the library can't be parted: it waits 10 s for each channel, and breaks where something is
        asked of it meanwhile. That stays open, and ``open_link`` finds it again.
        """
        if not self._opened or all(s.attached and not s.silent() for s in self.sensors):
            self._release()
        else:
            _parked[self._key] = self

    def _release(self) -> None:
        for sensor in self.sensors:
            sensor.close()
        if self._opened and self.server is not None:
            # With its last channel the library ends its networking, and would stumble over a removal.
            _left.append(self._name)
        for fd in (self._read, self._write):
            os.close(fd)

    def discard(self, quiet: float = 0.0) -> int:
        """Do nothing: a Phidget has no late answers."""
        return 0

    def _call_again(self) -> None:
        """Have the library connect anew, at once.

        By itself it waits up to 18 s between attempts, and for ever for a server that accepts and then says nothing.
        """
        assert self.server is not None
        self._since = time.monotonic()
        call("PhidgetNet_disableServer", self._name, 0)
        host, port = self.server
        addresses = {address[:2] for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        for name in os.listdir("/proc/self/fd"):
            try:
                if not stat.S_ISSOCK(os.stat(int(name)).st_mode):
                    continue
                with socket.socket(fileno=os.dup(int(name))) as each:
                    if each.getpeername()[:2] in addresses:
                        each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed meanwhile, or is not connected
        call("PhidgetNet_enableServer", self._name)

    def _changed(self) -> None:
        try:
            os.write(self._write, b"!")
        except OSError:
            pass  # full: whoever waits is awake already

    def _wait(self, fulfilled: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not fulfilled():
            ready, _, _ = select.select([self._read, self.stop.fileno()], [], [], max(0.0, deadline - time.monotonic()))
            if self.stop.is_set:
                raise Stopped
            if not ready:
                return False
            os.read(self._read, 4096)
        return True


def open_link(url: Url, stanza: Stanza, stop: Stop) -> Phidgets:
    """Open the channels of a stanza, or find them open."""
    key = (stop, url.text)
    link = _parked.pop(key, None) or Phidgets(key, url, stanza, stop)
    try:
        link.open(stanza.timeout)
    except BaseException:
        link.close()
        raise
    return link


@atexit.register
def _silence() -> None:
    """Keep the library's threads from calling into an interpreter that has ended."""
    for link in _parked.values():
        for sensor in link.sensors:
            sensor.silence()


def _resident() -> int:
    """Tell how many bytes of memory the program holds; 0 where the system doesn't say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _password(path: str | None) -> bytes:
    if not path:
        return b""
    try:
        with open(path, "rb") as file:
            return file.read().strip()
    except OSError as error:
        raise BadInput(f"can't read {path}: {error.strerror}", ("password_file",)) from None
