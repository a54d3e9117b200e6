"""What all simulators have: a plausible signal, a transport, and faults on demand."""

from __future__ import annotations

import math
import os
import pty
import random
import select
import socket
import tempfile
import termios
import threading
import time
import tty

from . import check_plan

CONTROL = 2  # the index of the control flags among a terminal's settings
GARBAGE = b"\xfe\x13?~\x80#"


class Signal:
    """A slow swing with a little noise, the same for the same seed and time: ``center`` ± ``swing``, noise ``noise`` (1 σ, cut at 4)."""

    def __init__(self, center: float, swing: float = 0.0, noise: float = 0.0, period: float = 300.0, seed: int = 0):
        self.center, self.swing, self.noise, self.period = center, swing, noise, period
        self._random = random.Random(seed)
        self._phase = self._random.uniform(0, 2 * math.pi)

    def __call__(self) -> float:
        swing = self.swing * math.sin(2 * math.pi * time.time() / self.period + self._phase)
        return self.center + swing + self.noise * max(-4.0, min(4.0, self._random.gauss(0, 1)))

    def band(self) -> tuple[float, float]:
        """Tell between which values the signal always lies."""
        reach = abs(self.swing) + 4.0 * self.noise
        return self.center - reach, self.center + reach


class FaultPlan:
    """Faults by the clock: ``silent@20+10/120`` is silent from the 20th second for 10 s, every 120 s; several with commas."""

    def __init__(self, text: str):
        self._entries = check_plan(text)
        self._began = time.monotonic()

    def now(self) -> str | None:
        """Tell which fault is due."""
        elapsed = time.monotonic() - self._began
        for kind, start, length, period in self._entries:
            if start <= (elapsed % period if math.isfinite(period) else elapsed) < start + length:
                return kind
        return None


class Simulator:
    """Stands in for one instrument. ``url`` is where it is; ``fault`` (a key of FAULTS, or None) may be set at any time.

    A subclass for a text protocol defines ``answer``; the transport (``tcp``, ``serial``, or ``visa``, which is a socket too)
    is the first of the driver's schemes unless ``transport`` says otherwise.
    """

    transport = ""
    not_faults: dict = {}  # fault -> why this instrument can't have it
    states: dict = {}  # fault -> states it may lead to, where these are others than for most instruments, for the fault matrix
    spared: dict = {}  # fault -> channels that it leaves as they are
    variants: dict = {}  # name -> keys of a stanza with which it is spoken to in another way
    brisk: dict = {}  # settings with which it is as fast as its protocol allows, for tests

    def __init__(self, stanza, seed: int = 0, plan: str = ""):
        self.stanza, self.seed = stanza, seed
        self.fault: str | None = None
        self.url = ""
        self._plan = FaultPlan(plan)

    def current_fault(self) -> str | None:
        return self.fault or self._plan.now()

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Tell the truth: ``(channel, quantity) -> (low, high)`` for each number that the stanza's channels can deliver.

        No two bands of one quantity overlap, so that a value that lands on another channel can be told from its own.
        """
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError


class TextSimulator(Simulator):
    """Stands in for an instrument that answers text on a socket or a pty."""

    send_terminator: bytes | None = None  # what ends an answer; default: the driver's wire

    def answer(self, request: str) -> str | bytes | None:
        """Answer one question; None where the instrument says nothing. ``over_range`` is the device's own fault: see ``self.fault``."""
        raise NotImplementedError

    def unasked(self) -> str | bytes | None:
        """Say something by oneself; called every ``unasked_seconds`` where that is set."""
        return None

    unasked_seconds = 0.0

    def start(self) -> None:
        transport = self.transport or self.stanza.driver.schemes[0]
        self._end = PtyEnd() if transport == "serial" else TcpEnd()
        self.url = self._end.visa_url if transport == "visa" else self._end.url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True, name=f"simulator {self.stanza.name}")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._end.close()

    def split(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Cut what has arrived into requests and an unfinished rest."""
        *requests, rest = data.split(self.stanza.driver.wire.send)
        return requests, rest

    def _serve(self) -> None:
        data, previous, held = b"", b"", b""
        next_unasked = time.monotonic() + self.unasked_seconds
        while not self._stopping.is_set():
            fault = self.current_fault()
            self._end.plug(fault != "disconnect")
            arrived = self._end.receive(0.02)
            if arrived is None:  # a new connection: what was on the way of the old one is gone
                data = b""
                continue
            if fault != "late" and held:
                self._end.send(held)  # it was late, but it comes
                held = b""
            requests, data = self.split(data + arrived)
            replies = [self._reply(r) for r in requests]
            if self.unasked_seconds and time.monotonic() >= next_unasked:
                next_unasked += self.unasked_seconds
                replies.append(self._framed(self.unasked()))
            for reply in replies:
                if reply is None:
                    continue
                if fault == "late":
                    reply, held = held, reply
                elif fault == "swapped":
                    reply, previous = previous, reply
                else:
                    previous = reply
                self._end.send(self._spoilt(reply, fault))

    def _reply(self, request: bytes) -> bytes | None:
        return self._framed(self.answer(request.decode(self.stanza.driver.wire.encoding, "replace").strip()))

    def _framed(self, answer) -> bytes | None:
        if answer is None or isinstance(answer, bytes):
            return answer
        return answer.encode(self.stanza.driver.wire.encoding) + (self.send_terminator or self.stanza.driver.wire.receive)

    def _spoilt(self, reply: bytes, fault: str | None) -> bytes:
        if fault == "silent":
            return b""
        if fault == "truncated":
            return reply[: max(1, len(reply.rstrip()) // 2)]
        if fault == "garbage":
            return GARBAGE + self.stanza.driver.wire.receive
        return reply


class TcpEnd:
    """A listening socket with one client at a time; unplugged, it refuses."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._address = self._listener.getsockname()
        host, port = self._address
        self.url = f"tcp://{host}:{port}"
        self.visa_url = f"visa://TCPIP0::{host}::{port}::SOCKET"
        self._client = None

    def plug(self, plugged: bool) -> None:
        if not plugged and self._listener is not None:
            self._drop()
            self._listener.close()
            self._listener = None
        elif plugged and self._listener is None:
            try:
                self._listener = socket.create_server(self._address)
            except OSError:  # the port is still in its time of rest; next time
                pass

    def receive(self, timeout: float) -> bytes | None:
        """Take what came; b"" for nothing, None where another client has come."""
        waiting = [s for s in (self._listener, self._client) if s is not None]
        ready = select.select(waiting, [], [], timeout)[0]
        if self._listener in ready:
            self._drop()
            self._client, _ = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return None
        if self._client in ready:
            try:
                if data := self._client.recv(65536):
                    return data
            except OSError:
                pass
            self._drop()
        return b""

    def send(self, data: bytes) -> None:
        if self._client is not None:
            try:
                self._client.sendall(data)
            except OSError:
                self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def close(self) -> None:
        self.plug(False)


class PtyEnd:
    """A pseudo-terminal behind a link that stays; unplugged, the device vanishes, and comes back as another one."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="labline-sim-")
        self._path = os.path.join(self._folder, "tty")
        self.url = f"serial://{self._path}"
        self._master = self._slave = None
        self.plug(True)

    def plug(self, plugged: bool) -> None:
        if plugged and self._master is None:
            self._master, self._slave = pty.openpty()
            tty.setraw(self._slave)
            os.symlink(os.ttyname(self._slave), self._path)
        elif not plugged and self._master is not None:
            os.unlink(self._path)
            os.close(self._slave)
            os.close(self._master)
            self._master = self._slave = None

    def receive(self, timeout: float) -> bytes | None:
        if self._master is None:
            time.sleep(timeout)
            return b""
        # A pty has no parity and no seven bits, and glibc refuses settings of which nothing takes effect: leave it something to set.
        settings = termios.tcgetattr(self._slave)
        if settings[CONTROL] & termios.CLOCAL:
            settings[CONTROL] &= ~termios.CLOCAL
            termios.tcsetattr(self._slave, termios.TCSANOW, settings)
        if not select.select([self._master], [], [], timeout)[0]:
            return b""
        return os.read(self._master, 65536)

    def send(self, data: bytes) -> None:
        # A port that nobody reads must not hold us: what does not fit is lost, as on a real line.
        if self._master is not None and select.select([], [self._master], [], 0)[1]:
            os.write(self._master, data)

    def close(self) -> None:
        self.plug(False)
        os.rmdir(self._folder)
