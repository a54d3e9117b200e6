"""A server of channel access: searches by UDP, circuits by TCP, in the words of caproto's protocol classes."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..drivers._epics_client import EPOCH, caproto

VERSION = caproto.DEFAULT_PROTOCOL_VERSION
OK = caproto.CAStatus.ECA_NORMAL
HOST = "127.0.0.1"
ATTEMPTS = 20  # to find a port that is free for both UDP and TCP


@dataclass
class Record:
    """A process variable: its type, what its record says of it, and its last event."""

    name: str
    native: caproto.ChannelType
    unit: str = ""
    words: tuple[str, ...] = ()  # of an enumeration
    precision: int = 3
    elements: int = 1
    value: Any = 0
    time_ns: int | None = None  # of that; 0: it was never processed; None: nothing can be told of it yet
    severity: int = 0
    alarm: int = 0
    refused: Any = None  # a status in the place of success: nobody may read it

    def data(self) -> list[Any]:
        """Give the value as it is sent."""
        if self.native == caproto.ChannelType.STRING:
            return [str(self.value).encode()]
        return [self.value] if self.elements == 1 else list(self.value)

    def metadata(self, kind: caproto.ChannelType) -> Any:
        """Give what comes with a value, as a client asks for it."""
        made = caproto.DBR_TYPES[kind]()
        if not hasattr(made, "severity"):
            return None
        made.status, made.severity = self.alarm, self.severity
        if hasattr(made, "stamp") and self.time_ns:
            seconds, made.stamp.nanoSeconds = divmod(self.time_ns, 10**9)
            made.stamp.secondsSinceEpoch = seconds - EPOCH
        if hasattr(made, "units"):
            made.units = self.unit.encode()
        if hasattr(made, "precision"):
            made.precision = self.precision
        if hasattr(made, "enum_strings"):
            made.enum_strings = [word.encode() for word in self.words]
        return made


@dataclass
class CaClient:
    """Somebody who is connected: the circuit, and what is subscribed to: (channel, its record, the type, the id)."""

    socket: socket.socket
    circuit: Any
    subscriptions: dict[int, tuple[Any, Record, caproto.ChannelType]] = field(default_factory=dict)


class CaServer:
    """Serves ``records`` at ``port``. ``mute`` names those about which nothing is answered; None in it: nothing at all."""

    def __init__(self, records: Iterable[Record]):
        self.records = {record.name: record for record in records}
        self.mute: set[str | None] = set()
        self.port = 0
        self._clients: list[CaClient] = []
        self._listener: socket.socket | None = None
        self._udp: socket.socket | None = None
        self._searches = caproto.Broadcaster(caproto.SERVER)
        for _ in range(ATTEMPTS):
            with contextlib.suppress(OSError):
                self._open()
                return
        raise OSError("no port is free for both UDP and TCP")

    def _open(self) -> None:
        listener = socket.create_server((HOST, self.port))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((HOST, listener.getsockname()[1]))
        except OSError:
            udp.close()
            listener.close()
            raise
        self._listener, self._udp, self.port = listener, udp, listener.getsockname()[1]
        self._searches.server_address = self._searches.client_address = (HOST, self.port)

    def plug(self, plugged: bool) -> None:
        """Plug the cable, or pull it."""
        if plugged and self._listener is None:
            with contextlib.suppress(OSError):  # the port may still be in its time of rest; next time
                self._open()
        elif not plugged and self._listener is not None and self._udp is not None:
            self._udp.close()
            self._listener.close()
            self._listener = self._udp = None
            for client in list(self._clients):
                self._drop(client)

    def attend(self, seconds: float) -> bool:
        """Wait at most so long for what clients ask, and answer; tells whether something was subscribed to."""
        open_now = [s for s in (self._listener, self._udp) if s is not None]
        ready = select.select([*open_now, *(c.socket for c in self._clients)], [], [], seconds)[0]
        if self._listener in ready:
            self._accept()
        if self._udp in ready:
            self._searched()
        subscribed = False
        for client in [c for c in self._clients if c.socket in ready]:
            subscribed |= self._serve(client)
        return subscribed

    def tell(self, record: Record) -> bool:
        """Tell all who listen what a record says; tells whether somebody did."""
        told = False
        for client in list(self._clients):
            commands = [
                self._event(channel, record, kind, number)
                for number, (channel, known, kind) in client.subscriptions.items()
                if known is record
            ]
            told |= bool(commands) and self._send(client, *commands)
        return told

    def spoil(self, data: bytes) -> None:
        """Send bytes that are no command."""
        for client in list(self._clients):
            self._send_bytes(client, data)

    def forget(self) -> None:
        """Lose all subscriptions without a word."""
        for client in self._clients:
            client.subscriptions.clear()

    def close(self) -> None:
        """Be gone for good."""
        self.plug(False)

    def _accept(self) -> None:
        assert self._listener is not None
        connection, address = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        circuit = caproto.VirtualCircuit(caproto.SERVER, address, None)
        self._clients.append(CaClient(connection, circuit))

    def _searched(self) -> None:
        assert self._udp is not None
        data, address = self._udp.recvfrom(65536)
        try:
            commands = self._searches.recv(data, address)
        except caproto.CaprotoError:
            return
        if None in self.mute:
            return
        found = [
            caproto.SearchResponse(self.port, None, each.cid, VERSION)
            for each in commands
            if isinstance(each, caproto.SearchRequest) and each.name in self.records
        ]
        if found:
            with contextlib.suppress(OSError):
                self._udp.sendto(self._searches.send(caproto.VersionResponse(VERSION), *found), address)

    def _serve(self, client: CaClient) -> bool:
        """Answer what came of one client; tells whether it subscribed to something."""
        subscribed = False
        try:
            data = client.socket.recv(65536)
            for command in client.circuit.recv(data)[0] if data else ():
                client.circuit.process_command(command)
                answers, listens = self._answers(client, command)
                subscribed |= listens
                if answers and None not in self.mute:
                    self._send(client, *answers)
        except (OSError, caproto.CaprotoError):
            data = b""
        if not data:
            self._drop(client)
        return subscribed

    def _answers(self, client: CaClient, command: Any) -> tuple[list[Any], bool]:
        circuit = client.circuit
        if isinstance(command, caproto.VersionRequest):
            return [caproto.VersionResponse(VERSION)], False
        if isinstance(command, caproto.EchoRequest):
            return [caproto.EchoResponse()], False
        if isinstance(command, caproto.CreateChanRequest):
            record = self.records.get(command.name)
            if record is None:
                return [caproto.CreateChFailResponse(cid=command.cid)], False
            rights = caproto.AccessRightsResponse(cid=command.cid, access_rights=caproto.AccessRights.READ)
            made = caproto.CreateChanResponse(record.native, record.elements, command.cid, circuit.new_channel_id())
            return [rights, made], False
        if isinstance(command, caproto.ReadNotifyRequest):
            channel = circuit.channels_sid[command.sid]
            record = self.records[channel.name]
            if record.name in self.mute or record.time_ns is None and command.data_type in caproto.time_types:
                return [], False  # nothing has happened yet that it could tell
            kind = command.data_type
            status = record.refused or OK if kind in caproto.time_types else OK
            metadata = record.metadata(kind)
            return [channel.read(record.data(), command.ioid, kind, record.elements, status, metadata=metadata)], False
        if isinstance(command, caproto.EventAddRequest):
            channel = circuit.channels_sid[command.sid]
            record, kind = self.records[channel.name], command.data_type
            client.subscriptions[command.subscriptionid] = channel, record, kind
            if record.name in self.mute or record.time_ns is None:
                return [], True
            return [self._event(channel, record, kind, command.subscriptionid)], True
        if isinstance(command, caproto.EventCancelRequest):
            channel = circuit.channels_sid[command.sid]
            _, _, kind = client.subscriptions.pop(command.subscriptionid, (None, None, command.data_type))
            return [channel.unsubscribe(command.subscriptionid, kind)], False
        if isinstance(command, caproto.ClearChannelRequest):
            return [circuit.channels_sid[command.sid].clear()], False
        return [], False

    def _event(self, channel: Any, record: Record, kind: caproto.ChannelType, number: int) -> Any:
        metadata = record.metadata(kind)
        return channel.subscribe(record.data(), number, kind, record.elements, record.refused or OK, metadata=metadata)

    def _send(self, client: CaClient, *commands: Any) -> bool:
        try:
            data = b"".join(bytes(each) for each in client.circuit.send(*commands))
        except caproto.CaprotoError:
            self._drop(client)
            return False
        return self._send_bytes(client, data)

    def _send_bytes(self, client: CaClient, data: bytes) -> bool:
        try:
            client.socket.sendall(data)
            return True
        except OSError:
            self._drop(client)
            return False

    def _drop(self, client: CaClient) -> None:
        client.socket.close()
        if client in self._clients:
            self._clients.remove(client)
