"""The server's side of the Phidget network protocol: enough for the unmodified native library to attach and read.

A frame is a header of 16 bytes (magic 0IHP, length, flags, sequence, answered sequence, type, subtype) and a JSON body.
Undocumented; observed with library 1.26 (protocol 2.4).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import socket
import struct
import threading
from typing import Any, Protocol

from .phidget_channels import SimulatedChannel

HEADER = struct.Struct("<4sIHHHBB")
MAGIC = b"0IHP"
REQUEST, REPLY, EVENT = 1, 2, 4
# (type, subtype)
HANDSHAKE_CLIENT, HANDSHAKE_SERVER = (10, 10), (10, 11)
AUTH_CLIENT_0, AUTH_SERVER_0, AUTH_CLIENT_1 = (10, 30), (10, 31), (10, 32)
ANSWER, KEEP_ALIVE = (20, 40), (20, 41)
ATTACH, DETACH, OPEN, CLOSE, PACKET = (30, 50), (30, 55), (30, 60), (30, 65), (30, 70)
BAD_PASSWORD = 37
NONCE, SALT = "L4UPiaAM398eLSX", "6ECflxxnSql5L9/"
IDENTITY = "phidgetclient"


class Closed(ConnectionError):
    """The client has gone, or is no Phidget client."""


class Host(Protocol):
    """What a connection asks of its server."""

    password: str

    def ready(self, connection: Connection) -> None:
        """Tell a client that has logged in which devices there are."""

    def gone(self, connection: Connection) -> None:
        """Forget a client."""

    def open(self, connection: Connection, phid: int, class_number: int, index: int, sequence: int) -> None:
        """Open a channel; ``index`` is its place among all channels of the device, of whatever class."""

    def shut(self, connection: Connection, body: dict[str, Any]) -> None:
        """Close a channel."""

    def request(self, connection: Connection, body: dict[str, Any]) -> None:
        """Take a setting."""

    def spoilt(self, frame: bytes, message: tuple[int, int]) -> bytes:
        """Do to a frame what the fault does to it."""


class Connection:
    """One client. ``opened`` holds the channels that it opened, by phid, class number and index."""

    def __init__(self, server: Host, sock: socket.socket):
        self.server, self.socket = server, sock
        self.opened: dict[tuple[int, int, int], SimulatedChannel] = {}
        self._sequence = itertools.count(5)
        self._lock = threading.Lock()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        """Talk with the client until it goes."""
        try:
            while True:
                magic, length, flags, sequence, _, kind, subkind = HEADER.unpack(self._take(HEADER.size))
                if magic != MAGIC:
                    raise Closed
                body = json.loads(self._take(length)) if length else {}
                self._handle(flags, sequence, (kind, subkind), body)
        except OSError:
            pass
        finally:
            self.close()
            self.server.gone(self)

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def send(
        self,
        flags: int,
        message: tuple[int, int],
        body: dict[str, Any] | None = None,
        *,
        sequence: int | None = None,
        answered: int = 0,
    ) -> None:
        data = json.dumps(body, separators=(",", ":")).encode() if body is not None else b""
        number = next(self._sequence) & 0xFFFF if sequence is None else sequence
        frame = HEADER.pack(MAGIC, len(data), flags, number, answered, *message) + data
        with self._lock:
            if frame := self.server.spoilt(frame, message):
                try:
                    self.socket.sendall(frame)
                except OSError:
                    self.close()

    def packet(
        self,
        device: dict[str, Any],
        class_number: int,
        index: int,
        number: int,
        content: dict[str, Any],
        *,
        answered: int | None = None,
    ) -> None:
        """Send a bridge packet to a channel: its status as the answer to OPEN, or an event."""
        vint = device["type"] == "VINT"
        flags = 2 * vint + (vint and device["isHubPort"])
        port = device["hubPort"] if vint else 0
        handle = device["serialNumber"] | flags << 32 | class_number << 40 | port << 48 | index << 56
        body = {
            "v": 0,
            "s": 1,
            "f": 1 if answered is None else 4,
            "p": number,
            "I": device["phid"],
            "O": handle,
            "X": index,
            "c": len(content),
            "e": content,
        }
        if answered is None:
            self.send(EVENT, PACKET, body)
        else:
            self.send(REPLY, PACKET, body, answered=answered)

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise Closed
            data += part
        return data

    def _handle(self, flags: int, sequence: int, message: tuple[int, int], body: dict[str, Any]) -> None:
        if message == HANDSHAKE_CLIENT:
            self.send(
                REQUEST,
                HANDSHAKE_SERVER,
                {"type": body["type"], "pmajor": body["pmajor"], "pminor": body["pminor"], "result": 0},
                sequence=1,
            )
        elif message == AUTH_CLIENT_0:
            self.send(
                REQUEST,
                AUTH_SERVER_0,
                {
                    "srvname": "simulator",
                    "result": 0,
                    "nonceC": body["nonceC"],
                    "nonceS": NONCE,
                    "salt": SALT,
                    "count": 1,
                },
                sequence=2,
            )
        elif message == AUTH_CLIENT_1:
            proof = hashlib.sha256(f"{IDENTITY}{self.server.password}{body['nonceC']}{NONCE}{SALT}".encode()).digest()
            good = base64.b64encode(proof).decode() == body["proof"]
            self.send(REPLY, ANSWER, {"E": 0 if good else BAD_PASSWORD}, sequence=3, answered=sequence)
            if not good:
                raise Closed
            self.server.ready(self)
        elif message == OPEN:
            self.server.open(self, body["phid"], body["class"], body["index"], sequence)
        elif flags == REQUEST:
            if message == PACKET:
                self.server.request(self, body)
            elif message == CLOSE:
                self.server.shut(self, body)
            self.send(REPLY, ANSWER, {"E": 0}, answered=sequence)
