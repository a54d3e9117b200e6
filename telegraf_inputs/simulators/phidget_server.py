"""A Phidget network server whose Phidgets are simulated: what its channels say, when, and what faults do to it."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from .base import GARBAGE
from .phidget_channels import Packet, SimulatedChannel, entries
from .phidget_devices import MODELS
from .phidget_protocol import ANSWER, ATTACH, DETACH, EVENT, HANDSHAKE_SERVER, KEEP_ALIVE, REPLY, Connection

ERROR_EVENT = 17
CHANGE_TRIGGERS = (46, 122)
OUT_OF_RANGE = 0x1007
NO_SUCH_CHANNEL = 2
KEEP_ALIVE_SECONDS = 2.0  # a client gives up after 8
BURST = 30  # times that a channel speaks at once
LONGEST_BACKLOG = 150  # packets of a channel; the library takes 200 at once


class PhidgetServer:
    """A Phidget network server with simulated devices. ``fault()`` tells what fault is due; ``port`` is where it is.

    Beside the faults of all simulators: ``unknown`` (readings without a value), ``detach`` (devices unplugged from
    the server) and ``deaf`` (a server that accepts connections and says nothing to whoever is new).
    """

    def __init__(
        self,
        devices: list[dict[str, Any]],
        classes: dict[int, dict[str, int]],
        wanted: list[tuple[int, str, int]],
        fault: Callable[[], str | None],
        seed: int = 0,
        password: str = "",
    ):
        """``classes``: by a device's phid, class name -> number of channels. ``wanted``: phid, class name and index of
        the channels that can be opened; to one without an address the library gives the first that can."""
        self.devices, self.password, self._fault = devices, password, fault
        self._by_phid = {d["phid"]: d for d in devices}
        self._classes = classes
        self.channels: dict[tuple[int, int, int], SimulatedChannel] = {}
        numbers: dict[str, int] = {}
        for phid, name, index in wanted:
            number = numbers[name] = numbers.get(name, -1) + 1
            self.channels[self.key(phid, name, index)] = SimulatedChannel(self._by_phid[phid], name, number, seed)
        self._connections: dict[Connection, bool] = {}
        self._held: defaultdict[Any, deque[Packet]] = defaultdict(partial(deque, maxlen=LONGEST_BACKLOG))
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.unplugged: set[int] = set()  # phids of devices that are not there, beside a ``detach``
        self._gone: set[int] = set()

    def start(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True, name="phidget server").start()
        self._thread = threading.Thread(target=self._run, daemon=True, name="phidget readings")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._unplug()

    def key(self, phid: int, name: str, index: int) -> tuple[int, int, int]:
        """Tell how the library calls a channel: phid, class number, and place among all channels of the device."""
        names = [each for each, count in self._classes[phid].items() for _ in range(count)]
        return phid, MODELS[name].number, names.index(name) + index

    # What a connection asks of its server.
    def ready(self, connection: Connection) -> None:
        """Tell a client that has logged in which devices there are."""
        for device in self.devices:
            if device["phid"] not in self._gone:
                connection.send(EVENT, ATTACH, device)
        with self._lock:
            self._connections[connection] = True

    def gone(self, connection: Connection) -> None:
        with self._lock:
            self._connections.pop(connection, None)

    def open(self, connection: Connection, phid: int, class_number: int, index: int, sequence: int) -> None:
        """Open a channel; ``index`` is its place among all channels of the device, of whatever class."""
        key = (phid, class_number, index)
        channel = self.channels.get(key)
        if channel is None:
            connection.send(REPLY, ANSWER, {"E": NO_SUCH_CHANNEL}, answered=sequence)
            return
        with self._lock:
            channel.due = time.monotonic() + channel.interval
            content = channel.status(known=self._fault() not in ("over_range", "unknown", "lost", "backlog"))
            connection.opened[key] = channel
        connection.packet(channel.device, class_number, index, 0, content, answered=sequence)

    def shut(self, connection: Connection, body: dict[str, Any]) -> None:
        with self._lock:
            for key in [k for k in connection.opened if (k[0], k[2]) == (body["phid"], body["index"])]:
                del connection.opened[key]

    def request(self, connection: Connection, body: dict[str, Any]) -> None:
        """Take a setting."""
        number = body["p"]
        if number in CHANGE_TRIGGERS:
            return
        with self._lock:
            for (phid, _, index), channel in connection.opened.items():
                if (phid, index) == (body["I"], body["X"]):
                    channel.take(number, body["e"]["0"]["v"])

    def spoilt(self, frame: bytes, message: tuple[int, int]) -> bytes:
        """Do to a frame what the fault does to it. A silent server keeps its connections alive: that is the worst
        kind."""
        fault = self._fault()
        if fault == "silent" and message != KEEP_ALIVE:
            return b""
        if fault == "deaf" and message == HANDSHAKE_SERVER:
            return b""
        if fault == "truncated":
            return frame[: len(frame) // 2]
        if fault == "garbage":
            return GARBAGE * (len(frame) // len(GARBAGE))
        return frame

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            connection = Connection(self, sock)
            with self._lock:
                self._connections[connection] = False
            threading.Thread(target=connection.serve, daemon=True, name="phidget client").start()

    def _unplug(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            try:
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            except OSError:
                pass
            listener.close()
        for connection in list(self._connections):
            connection.close()

    def _plug(self) -> None:
        try:
            self._listener = socket.create_server(("127.0.0.1", self.port))
        except OSError:
            return  # the port is still in its time of rest; next time
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True, name="phidget server").start()

    def _run(self) -> None:
        alive_at = 0.0
        while not self._stopping.wait(0.01):
            fault, now = self._fault(), time.monotonic()
            if (fault == "disconnect") == (self._listener is not None):
                self._unplug() if fault == "disconnect" else self._plug()
            with self._lock:
                connections = [c for c, ready in self._connections.items() if ready]
                due = [
                    (c, key, channel)
                    for c in connections
                    for key, channel in c.opened.items()
                    if channel.due <= now and key[0] not in self._gone
                ]
            self._announce(connections, set(self._by_phid) if fault == "detach" else self.unplugged)
            if now - alive_at > KEEP_ALIVE_SECONDS:
                alive_at = now
                for connection in connections:
                    connection.send(EVENT, KEEP_ALIVE)
            if fault == "lost":
                self._forget(connections)
            elif fault != "backlog":
                self._catch_up()
            for connection, key, channel in due:
                for packet in self._said(channel, now, fault):
                    if fault == "backlog":
                        self._held[connection, key].append(packet)
                    elif fault != "lost":
                        self._deliver(connection, key, packet)

    def _said(self, channel: SimulatedChannel, now: float, fault: str | None) -> Iterable[Packet]:
        """Yield what a channel says, as often as the fault will have it."""
        known = fault not in ("over_range", "unknown")
        if fault == "over_range":
            yield ERROR_EVENT, entries("ds", [OUT_OF_RANGE, "Out of range."])
        for _ in range(BURST if fault == "burst" else 1):
            for packet in channel.speak(now, known, restless=True) if fault == "burst" else channel.speak(now, known):
                yield packet
                if fault == "duplicate":
                    yield packet

    def _deliver(self, connection: Connection, key: tuple[int, int, int], packet: Packet) -> None:
        _, class_number, index = key
        if channel := connection.opened.get(key):
            connection.packet(channel.device, class_number, index, *packet)

    def _forget(self, connections: Iterable[Connection]) -> None:
        """Drop all that was subscribed to, without a word."""
        with self._lock:
            for connection in connections:
                connection.opened.clear()

    def _catch_up(self) -> None:
        """Say what was held back."""
        while self._held:
            (connection, key), packets = self._held.popitem()
            for packet in packets:
                self._deliver(connection, key, packet)

    def _announce(self, connections: Iterable[Connection], gone: set[int]) -> None:
        """Tell which devices went, what is on a hub before the hub, and which came."""
        for phid in sorted(self._gone ^ gone, key=lambda phid: phid if phid in self._gone else -phid):
            for connection in connections:
                connection.send(EVENT, ATTACH if phid in self._gone else DETACH, self._by_phid[phid])
        with self._lock:
            for connection in connections:
                connection.opened = {k: c for k, c in connection.opened.items() if k[0] not in gone}
        self._gone = set(gone)
