"""What all simulators have: a plausible signal, a transport, and faults on demand."""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Container, Mapping
from typing import Any

from .. import transports
from ..configured import Channel, Stanza
from .faults import ANY, EXCHANGE, FaultPlan

DIGITS = re.compile(rb"\d+")
NOTE = "note:"  # how a line begins that says what a simulator can't do here
GARBAGE = b"\xfe\x13?~\x80#"


class Signal:
    """A slow swing with a little noise, the same for the same seed and time.

    It is ``center`` ± ``swing`` in ``period`` seconds, with noise of 1 σ ``noise``, cut at 4 σ.
    """

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


class Simulator:
    """Stands in for one instrument. ``url`` is where it is; ``fault`` (one of FAULTS, or None) may be set at any time.

    The transport is the first of the driver's schemes unless ``transport`` says otherwise. What stands below is for the tests that walk all simulators.
    """

    transport = ""
    faults: Mapping[str, str] = {**ANY, **EXCHANGE}  # which there are for its kind of source
    not_faults: dict[str, str] = {}  # fault -> why this instrument can't have it
    not_transports: dict[str, str] = {}  # scheme of its driver -> why it can't be reached so
    states: dict[str, Any] = {}  # fault -> states it may lead to, where these are others than for most instruments
    spared: dict[str, Any] = {}  # fault -> channels that it leaves as they are
    variants: dict[str, Any] = {}  # name -> keys of a stanza with which it is spoken to in another way
    brisk: dict[str, Any] = {}  # settings with which it is as fast as its protocol allows
    channel_faults: tuple[str, ...] = ()  # the faults that one channel alone can have
    optional: tuple[str, ...] = ()  # beginnings of the questions without whose answers it can be read
    found: Mapping[str, str] = {}  # channel that its driver is to find in the data -> the measurement that it is in
    sharing: dict[str, Any] = {}  # channel -> others that are asked the same question, and have its faults too

    @classmethod
    def kinds(cls) -> tuple[type[Simulator], ...]:
        """List the classes that stand in for instruments of its driver: more than one where the stanza decides who speaks first."""
        return (cls,)

    @classmethod
    def of(cls, stanza: Stanza) -> type[Simulator]:
        """Tell the one of them that stands in for this stanza's."""
        return cls

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        self.stanza, self.seed = stanza, seed
        self.fault: str | None = None
        # A channel, or one question of it, (channel, question; channel "" for one about none) -> a fault of
        # channel_faults; may be set at any time.
        self.faulty: dict[str | tuple[str, str], str] = {}
        self.questions: set[tuple[str, str]] = set()  # the questions about one channel that came
        self.url = ""
        self.trouble = ""  # what it can't do on this machine
        self._plan = FaultPlan(plan)

    @property
    def channels(self) -> list[Channel]:
        """List the channels that it has: those of the stanza, and what its driver is to find."""
        found = (self.stanza.find(name, measurement) for name, measurement in self.found.items())
        return [*self.stanza.channels, *(c for c in found if c is not None and c not in self.stanza.channels)]

    def current_fault(self) -> str | None:
        """Tell the fault that it has now: what was set, or what is planned."""
        return self.fault or self._plan.now()

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Tell the truth: ``(channel, quantity) -> (low, high)`` for each number that the channels can deliver.

        No two bands of one quantity overlap, so that a value on another channel can be told from its own.
        """
        return {}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        """Tell the truth of what is no number: ``(channel, quantity) -> values`` that the channels can deliver."""
        return {}

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError


class TextSimulator(Simulator):
    """Stands in for an instrument that answers text on a socket or a pty. A subclass defines ``answer``."""

    send_terminator: bytes | None = None  # what ends an answer; default: the driver's wire
    channel_faults: tuple[str, ...] = ("silent", "garbage")

    def answer(self, request: str) -> str | bytes | None:
        """Answer one question; None where the instrument says nothing. The fault ``over_range`` is for this to show."""
        raise NotImplementedError

    def channel_of(self, request: str) -> str:
        """Tell which channel a question, which was answered just now, is about; "" where it is about none, or several."""
        return ""

    def unasked(self) -> str | bytes | None:
        """Say something by oneself; called every ``unasked_seconds`` where that is set."""
        return None

    unasked_seconds = 0.0
    closes = False  # it closes the connection after each answer
    greets = False  # it speaks when somebody has come, and is not asked

    def start(self) -> None:
        transport = self.transport or self.stanza.driver.schemes[0]
        self._end = transports.load(transport).end()
        self.url = self._end.url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True, name=f"simulator {self.stanza.name}")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._end.close()

    def split(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Cut what has arrived into requests and an unfinished rest."""
        end = self.stanza.wire.send
        *requests, rest = data.split(end) if end else (data, b"")
        return [request for request in requests if request or end], rest

    def _serve(self) -> None:
        data, previous, held = b"", b"", b""
        forms: dict[bytes, dict[bytes, bytes]] = {}  # the form of an answer -> request -> the last answer
        next_unasked = time.monotonic() + self.unasked_seconds
        while not self._stopping.is_set():
            fault = self.current_fault()
            self._end.plug(fault != "disconnect")
            arrived = self._end.receive(0.02)
            if arrived is None and not self.greets:  # a new connection: what was on the way of the old one is gone
                data = b""
                continue
            if fault != "late" and held:
                self._end.send(held)  # it was late, but it comes
                held = b""
            requests, data = ([b""], b"") if arrived is None else self.split(data + arrived)
            replies: list[tuple[bytes, bytes | None]] = [(r, self._reply(r)) for r in requests]
            if self.unasked_seconds and time.monotonic() >= next_unasked:
                next_unasked += self.unasked_seconds
                replies.append((b"", self._framed(self.unasked())))
            for request, reply in replies:
                if reply is None:
                    continue
                if fault == "late":
                    reply, held = held, reply
                elif fault == "swapped":
                    reply, previous = previous, reply
                else:
                    previous = reply
                    others = forms.setdefault(DIGITS.sub(b"0", reply), {})
                    others[request] = reply
                    if fault == "stray":
                        reply = b"".join([a for r, a in others.items() if r != request][-1:]) + reply
                said = self._spoilt(reply, fault)
                self._end.send(said)
                if said and self.closes:
                    self._end.hang_up()

    def _reply(self, request: bytes) -> bytes | None:
        wire = self.stanza.wire
        text = request.decode(wire.encoding, "replace").strip()
        if not text.startswith(wire.prefix):
            return None  # that was for another one on this line
        text = text.removeprefix(wire.prefix)
        reply = self._framed(self.answer(text))
        if reply is not None:
            channel = self.channel_of(text)
            if channel:
                self.questions.add((channel, text))
            reply = self._spoilt(reply, self.faulty.get((channel, text)) or self.faulty.get(channel))
        if not wire.echo and not wire.prompt:
            return reply
        return (request + wire.send if wire.echo else b"") + (reply or b"") + wire.prompt.encode(wire.encoding)

    def _framed(self, answer: str | bytes | None) -> bytes | None:
        if answer is None or isinstance(answer, bytes):
            return answer
        wire = self.stanza.wire
        own_end = self.send_terminator if wire.receive == self.stanza.driver.wire.receive else None
        return f"{wire.answer_prefix}{answer}".encode(wire.encoding) + (own_end or wire.receive)

    def _spoilt(self, reply: bytes, fault: str | None) -> bytes:
        if fault == "silent":
            return b""
        if fault == "truncated":
            return reply[: max(1, len(reply.rstrip()) // 2)]
        if fault == "doubled":
            return 2 * reply
        if fault == "garbage":
            return GARBAGE + bytes(self.stanza.wire.receive)
        return reply
