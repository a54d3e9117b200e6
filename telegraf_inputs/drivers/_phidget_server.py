"""A Phidget network server, and the native library's connection to it, which all instruments of a program share.

The library connects by itself, again and again, and tells nobody how it fares. What it does was tried with version
1.26 against the simulated server (and can be read in the network code of the version that Phidgets published):

- A server that refuses is tried again after 2 s, then ever more slowly up to 16 s; ``PhidgetNet_enableServer`` wakes
  it, and it tries at once.
- One that stops to speak altogether is given up after 8 s (its keep-alive), and tried again.
- One that accepts and then says nothing holds the library for ever: it waits for the answer to its greeting without a
  limit, and neither ``disableServer`` nor ``enableServer`` nor a healthy server helps it out. The same server *under
  another name* has a connection of its own, which attaches within milliseconds; the old one is removed, and its thread
  (0.2 MB) ends when the server closes that socket.
- ``disableServer`` of a connection that is well detaches its channels within 0.5 s. ``enableServer`` a millisecond
  later leaves the library without any connection (for a minute at least); a new name has no such trap.
- A channel whose subscription the server has dropped without a word stays attached; closing and opening it anew mends
  it in 10 ms. On a server that does not answer, closing takes 5 s.

So a server is asked for a greeting of our own before the library is told anything: one that says nothing is left alone,
for each attempt would hang; one that speaks though nothing attaches is connected to under another name.
"""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from .. import transports
from ..errors import InstrumentError, NoAnswer
from ..line import Wire
from ..stop import Stop
from ..url import Url

MAGIC = b"0IHP"  # with it begins whatever a Phidget network server says
GREETING, GREETING_TYPE, REQUEST = {"type": "phid22device", "pmajor": 2, "pminor": 4}, (10, 10), 1
LOOK_SECONDS = 1.0  # between two greetings, whoever wants to know
FIRST_WAIT, LONGEST_WAIT = 10.0, 600.0  # seconds until the library is told again that nothing comes, doubling


class Behind(Protocol):
    """A channel of a Phidget that is behind a server."""

    attached: bool

    def speaks(self) -> bool:
        """Tell whether it is attached, and sends readings all the time."""


class NetworkServer:
    """One network server, as all instruments see it that are behind it."""

    def __init__(self, call: Callable[..., None], names: Iterator[bytes], host: str, port: int, password: bytes):
        """``names``: those that no server of this library has had."""
        self._call, self._names, self._host, self._port, self._password = call, names, host, port, password
        self._sensors: list[Behind] = []
        self._lock = threading.RLock()
        self._name = b""
        self._looked_at = 0.0
        self._trouble: InstrumentError | None = None
        self._stale = False  # the library's connection leads nowhere
        self._tries, self._next_try = 0, 0.0

    def expect(self, sensors: Iterable[Behind]) -> None:
        """Note channels that are behind it."""
        with self._lock:
            self._sensors += sensors

    def forget(self, sensors: Iterable[Behind]) -> None:
        """Expect channels no longer."""
        gone = set(sensors)
        with self._lock:
            self._sensors = [sensor for sensor in self._sensors if sensor not in gone]

    def speaks(self) -> bool:
        """Tell whether a channel that should speak all the time does."""
        with self._lock:
            return any(sensor.speaks() for sensor in self._sensors)

    def greet(self, timeout: float, stop: Stop) -> None:
        """Ask the server whether it speaks. Raises Disconnected, NoAnswer, BadAnswer where it does not, Stopped."""
        with self._lock:
            if time.monotonic() - self._looked_at > LOOK_SECONDS:
                try:
                    self._greet(timeout, stop)
                    self._trouble = None
                except InstrumentError as error:
                    self._trouble = error
                    self._stale |= isinstance(error, NoAnswer)  # the library hangs, if it has tried meanwhile
                    self._tries, self._next_try = 0, 0.0  # as soon as it speaks, the library is to connect
                self._looked_at = time.monotonic()
            if self._trouble is not None:
                raise type(self._trouble)(str(self._trouble))

    def urge(self) -> bool:
        """Have the library connect to a server that speaks, and try at once where it has: first by a nudge, then anew.

        Tells whether that was done: the more often it was in vain, the more seldom it is.
        """
        with self._lock:
            if time.monotonic() < self._next_try or any(sensor.attached for sensor in self._sensors):
                return False
            if not self._name or self._tries or self._stale:
                self._renew()
            else:
                self._call("PhidgetNet_enableServer", self._name)
            self._rest()
            return True

    def drop(self) -> None:
        """Hang up on a server that does not speak: what it has attached is not known any more."""
        with self._lock:
            self._stale = True
            self._call("PhidgetNet_disableServer", self._name, 0)

    def renew(self) -> None:
        """Connect anew, in place of a connection over which nothing comes."""
        with self._lock:
            self._renew()

    def is_well(self) -> None:
        """Note that something is attached."""
        with self._lock:
            self._tries, self._next_try = 0, 0.0

    def _renew(self) -> None:
        before, self._name = self._name, next(self._names)
        # First the new one: with its last server the library ends its networking.
        self._call("PhidgetNet_addServer", self._name, self._host.encode(), self._port, self._password, 0)
        if before:
            self._call("PhidgetNet_removeServer", before)
        self._stale = False

    def _rest(self) -> None:
        self._next_try = time.monotonic() + min(FIRST_WAIT * 2**self._tries, LONGEST_WAIT)
        self._tries += 1

    def _greet(self, timeout: float, stop: Stop) -> None:
        host = f"[{self._host}]" if ":" in self._host else self._host
        url = Url(f"phidget://{host}:{self._port}")
        line = transports.load("tcp").open(url, Wire(receive=MAGIC), timeout, stop)
        try:
            line.send_bytes(_greeting())
            line.receive()
        except NoAnswer:
            raise NoAnswer(
                f"{url} accepts connections, and says nothing that a Phidget network server would within {timeout:g} s; "
                "check the port, and restart the server"
            ) from None
        finally:
            line.close()


def _greeting() -> bytes:
    """Write the first message of a client: a header of 16 bytes, and what it speaks in JSON."""
    body = json.dumps(GREETING, separators=(",", ":")).encode()
    return struct.pack("<4sIHHHBB", MAGIC, len(body), REQUEST, 0, 0, *GREETING_TYPE) + body
