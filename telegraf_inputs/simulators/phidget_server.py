"""A Phidget network server whose Phidgets are simulated: what its channels say, when, and what faults do to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from .base import GARBAGE, Signal
from .phidget_devices import MODELS, UNKNOWN
from .phidget_protocol import ANSWER, ATTACH, DETACH, EVENT, KEEP_ALIVE, REPLY, Connection, entries

Packet = tuple[int, str, list[Any]]  # its number, and its entries' types and values

ERROR_EVENT, SET_DATA_INTERVAL, ALGORITHM_DATA, SET_ALGORITHM = 17, 54, 148, 149
CHANGE_TRIGGERS = (46, 122)
HEADING_CHANGE, FIX_CHANGE, TAG_LOST, TOUCH_END = 110, 30, 93, 137
OUT_OF_RANGE = 0x1007
NO_SUCH_CHANNEL = 2
ARRAY = {"G": 3, "U": 8}
OCTAVES = 10
NO_NUMBER: dict[str, Any] = {**UNKNOWN, "G": UNKNOWN["g"], "U": UNKNOWN["u"]}
KEEP_ALIVE_SECONDS = 2.0  # a client gives up after 8
TAG = "1a00c0ffee"
SPACING = 3
QUATERNION = (0.0, 0.0, 0.25881904510252074, 0.9659258262890683)  # turned by 30° about the vertical


class Channel:
    """One simulated channel, the ``number``-th of its class; ``due`` is when it speaks next (monotonic s)."""

    def __init__(self, device: dict[str, Any], class_name: str, number: int, seed: int):
        self.device, self.class_name = device, class_name
        self.model = MODELS[class_name]
        self.signals = []
        for i, (center, swing, noise) in enumerate(self.model.signals):
            center += number * SPACING * (swing + 10 * noise)  # no two channels have a value in common
            self.signals.append(Signal(center, swing, noise, 60.0 + 17 * i, seed + 100 * number + i))
        self.interval = 0.25
        self.due = 0.0
        self.algorithm = False  # of a Spatial: whether it tells its attitude
        self.readings = self.measure()
        self.said = list(self.readings)

    def measure(self) -> list[Any]:
        """Take the present reading: one number a signal."""
        values = [signal() for signal in self.signals]
        if self.class_name in ("DistanceSensor", "Encoder"):
            return [round(values[0])]
        if self.class_name == "DigitalInput":
            return [int(values[0] > 0)]
        return values

    def status(self, known: bool) -> dict[str, Any]:
        """Say what the channel is and reads, as the answer to its opening."""
        self.readings = self.said = self.measure()
        self.interval, self.algorithm = 0.25, False
        result = {"_class_version_": {"t": "u", "v": self.model.version}}
        for word in self.model.status.split():
            key, _, text = word.partition("=")
            name, _, kind = key.partition(":")
            values = text.split(",")
            type_, names = kind.rstrip("~"), [name]
            if kind.endswith("~"):
                capital = name[0].upper() + name[1:]
                names += [f"min{capital}", f"max{capital}"]
            for each, text in zip(names, values, strict=True):
                result[each] = {
                    "t": type_,
                    "v": self._value(type_, text, known, OCTAVES if name == "octaves" else ARRAY.get(type_, 0)),
                }
        return result

    def _value(self, kind: str, text: str, known: bool, length: int) -> Any:
        if text.startswith("@"):
            first = int(text[1:])
            if known:
                return self.readings[first : first + length] if length else self.readings[first]
            text = ""
        number = NO_NUMBER[kind] if text == "" else text if kind == "s" else float(text) if kind in "gG" else int(text)
        return [number] * length if length else number

    def speak(self, now: float, known: bool) -> list[Packet]:
        """Say what is due: packets (number, types, values). An unknown reading is what the library takes for one."""
        self.due = now + self.interval
        self.readings = self.measure()
        number, types = self.model.event
        special: Callable[[int, str, bool], list[Packet]] | None = getattr(self, f"_speak_{self.class_name}", None)
        if special is not None:
            return special(number, types, known)
        return [(number, types, self._arguments(types, known))]

    def _arguments(self, types: str, known: bool) -> list[Any]:
        values: list[Any] = []
        first = 0
        for kind in types:
            length = OCTAVES if self.class_name == "SoundSensor" and kind == "G" else ARRAY.get(kind, 0)
            if first >= len(self.readings):
                values.append(1000.0 * time.monotonic())  # the device's own clock, in ms
            elif known:
                values.append(self.readings[first : first + length] if length else self.readings[first])
            else:
                values.append([NO_NUMBER[kind]] * length if length else NO_NUMBER[kind])
            first += length or 1
        return values

    def _speak_Spatial(self, number: int, types: str, known: bool) -> list[Packet]:
        packets: list[Packet] = [(number, types, self._arguments(types, known))]
        if self.algorithm and known:
            packets.append((ALGORITHM_DATA, "Gg", [QUATERNION, 1000.0 * time.monotonic()]))
        return packets

    # Classes that speak when something changes.
    def _speak_DigitalInput(self, number: int, types: str, known: bool) -> list[Packet]:
        changed, self.said = self.readings != self.said, self.readings
        return [(number, types, [self.readings[0] if known else 2])] if changed or not known else []

    def _speak_Encoder(self, number: int, types: str, known: bool) -> list[Packet]:
        moved, self.said = self.readings[0] - self.said[0], self.readings
        return [(number, types, [moved, 1000.0 * self.interval, 0, 0])] if moved else []

    def _speak_FrequencyCounter(self, number: int, types: str, known: bool) -> list[Packet]:
        pulses = round(self.readings[0] * self.interval) if known else 0
        if not pulses:
            return [(number, types, [1000.0 * self.interval, 0, 0.0])]
        milliseconds = 1000.0 * pulses / self.readings[0]  # from the first pulse to the last
        return [(number, types, [milliseconds, pulses, milliseconds])]

    def _speak_GPS(self, number: int, types: str, known: bool) -> list[Packet]:
        self.due += 1.0 - self.interval
        values = self.readings if known else [UNKNOWN["g"]] * 5
        return [(FIX_CHANGE, "d", [int(known)]), (number, types, values[:3]), (HEADING_CHANGE, "gg", values[3:])]

    def _speak_RFID(self, number: int, types: str, known: bool) -> list[Packet]:
        there = known and time.time() % 10 < 3
        changed, self.said = there != bool(self.said), [there] if there else []
        if there:
            return [(number, types, [TAG, 1])]
        return [(TAG_LOST, types, [TAG, 1])] if changed else []

    def _speak_CapacitiveTouch(self, number: int, types: str, known: bool) -> list[Packet]:
        there = known and time.time() % 5 < 1
        changed, self.said = there != bool(self.said), [there] if there else []
        if there:
            return [(number, types, self.readings)]
        return [(TOUCH_END, "", [])] if changed else []


class PhidgetServer:
    """A Phidget network server with simulated devices. ``fault()`` tells what fault is due; ``port`` is where it is.

    Beside the faults of all simulators: ``unknown`` (readings without a value) and ``detach`` (devices unplugged from
    the server).
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
        self.channels: dict[tuple[int, int, int], Channel] = {}
        numbers: dict[str, int] = {}
        for phid, name, index in wanted:
            number = numbers[name] = numbers.get(name, -1) + 1
            self.channels[self.key(phid, name, index)] = Channel(self._by_phid[phid], name, number, seed)
        self._connections: dict[Connection, bool] = {}
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
            content = channel.status(known=self._fault() not in ("over_range", "unknown"))
            connection.opened[key] = channel
        connection.packet(channel.device, class_number, index, 0, content, answered=sequence)

    def shut(self, connection: Connection, body: dict[str, Any]) -> None:
        with self._lock:
            for key in [k for k in connection.opened if (k[0], k[2]) == (body["phid"], body["index"])]:
                del connection.opened[key]

    def request(self, connection: Connection, body: dict[str, Any]) -> None:
        """Take a setting. The data interval shows; after one that changes what is measured the channel measures anew,
        at once."""
        number = body["p"]
        if number in CHANGE_TRIGGERS:
            return
        with self._lock:
            for (phid, _, index), channel in connection.opened.items():
                if (phid, index) != (body["I"], body["X"]):
                    continue
                if number == SET_DATA_INTERVAL:
                    channel.interval = body["e"]["0"]["v"] / 1000.0
                    channel.due = time.monotonic() + channel.interval
                else:
                    channel.algorithm = number == SET_ALGORITHM and body["e"]["0"]["v"] > 0
                    channel.due = time.monotonic()

    def spoilt(self, frame: bytes, message: tuple[int, int]) -> bytes:
        """Do to a frame what the fault does to it. A silent server keeps its connections alive: that is the worst
        kind."""
        fault = self._fault()
        if fault == "silent" and message != KEEP_ALIVE:
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
            for connection, (_, class_number, index), channel in due:
                if fault == "over_range":
                    connection.packet(
                        channel.device, class_number, index, ERROR_EVENT, entries("ds", [OUT_OF_RANGE, "Out of range."])
                    )
                for number, types, values in channel.speak(now, known=fault not in ("over_range", "unknown")):
                    connection.packet(channel.device, class_number, index, number, entries(types, values))

    def _announce(self, connections: Iterable[Connection], gone: set[int]) -> None:
        """Tell which devices went, what is on a hub before the hub, and which came."""
        for phid in sorted(self._gone ^ gone, key=lambda phid: phid if phid in self._gone else -phid):
            for connection in connections:
                connection.send(EVENT, ATTACH if phid in self._gone else DETACH, self._by_phid[phid])
        with self._lock:
            for connection in connections:
                connection.opened = {k: c for k, c in connection.opened.items() if k[0] not in gone}
        self._gone = set(gone)
