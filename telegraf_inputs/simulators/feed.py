"""What simulators of sources that speak by themselves have: events, a clock of their own, and the faults of a feed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import transports
from ..configured import Channel, Stanza
from ..line import Wire
from .base import GARBAGE, Simulator
from .faults import ANY, FEED

BURST = 50  # events of each channel at once
DISORDERED = 3  # events of each channel, which come the last one first
CLOCK_OFF_NS = 3600 * 10**9  # so far ahead is a clock that is off
MOST_HELD = 100_000  # events of a backlog; a source forgets older ones
UNREADABLE = ("truncated", "garbage")
LOOK_SECONDS = 0.02  # between two looks at the fault and at who is there


@dataclass(frozen=True)
class Event:
    """Something that happened: on which channel, what was so then, and when (ns, UTC, by the source's clock)."""

    channel: str
    values: Mapping[str, Any]
    time_ns: int


class FeedSimulator(Simulator):
    """Stands in for a source that speaks by itself. A subclass defines ``happen``, and how it is reached.

    Something happens on each channel every ``period`` seconds. A subscription that was ``lost`` is back for who
    subscribes anew (a new connection), and for nobody else. A test that wants to know all that was said puts a list in ``said``.
    """

    faults = {**ANY, **FEED}
    period = 0.5
    resolution_ns = 1  # how fine the times are that it says

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None):
        super().__init__(stanza, seed, plan)
        self.period = period or self.period
        self.subscribed = False
        self.said: list[Event] | None = None
        self.held: deque[Event] = deque(maxlen=MOST_HELD)  # happened, and not said yet
        self._last_ns = time.time_ns()
        self._saying = threading.Lock()

    def happen(self, channel: Channel) -> Mapping[str, Any] | None:
        """Tell what is so on a channel now, by quantity; None: nothing happened. ``over_range`` is for this to show."""
        raise NotImplementedError

    def telling(self, event: Event) -> Hashable:
        """Tell what an event is told from others by: two that say the same of one time can't be."""
        return event.channel, event.time_ns, tuple(event.values.items())

    # How it is reached.
    def open(self) -> None:
        """Be there, at ``url``."""
        raise NotImplementedError

    def plug(self, plugged: bool) -> None:
        """Plug the cable, or pull it."""
        raise NotImplementedError

    def attend(self, seconds: float) -> None:
        """Wait at most so long for somebody; who subscribes sets ``subscribed``."""
        raise NotImplementedError

    def say(self, events: Sequence[Event], fault: str | None) -> list[Event]:
        """Say events in one piece, ``truncated`` or as ``garbage`` where that is the fault; returns those that are out, whole."""
        raise NotImplementedError

    def close(self) -> None:
        """Be gone for good."""
        raise NotImplementedError

    # What all have.
    def start(self) -> None:
        self.open()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True, name=f"simulator {self.stanza.name}")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self.close()

    def hush(self) -> None:
        """Say nothing from here on (the fault is ``silent``): what is in ``said`` is all there is."""
        with self._saying:
            self.fault = "silent"

    def _serve(self) -> None:
        next_event = time.monotonic()
        while not self._stopping.is_set():
            self.plug(self.current_fault() != "disconnect")
            self.attend(max(0.0, min(LOOK_SECONDS, next_event - time.monotonic())))
            if time.monotonic() >= next_event:
                next_event += self.period
                with self._saying:
                    self._go_on(self.current_fault())

    def _go_on(self, fault: str | None) -> None:
        """Let happen what happens in a period, and say it, by the rules of the fault."""
        events = self._happened(BURST if fault == "burst" else 1)
        if fault == "lost":
            self.subscribed = False
        if fault in ("silent", "disconnect") or not (self.subscribed or fault == "backlog" or self.held):
            return
        if fault == "clock_off":
            events = [replace(event, time_ns=event.time_ns + CLOCK_OFF_NS) for event in events]
        if fault == "duplicate":
            events = [event for event in events for _ in range(2)]
        self.held += events
        full = len(self.held) >= DISORDERED * len(self.channels)
        if fault == "backlog" or not self.subscribed or (fault == "disorder" and not full):
            return
        events = [*self.held]
        self.held.clear()
        out = self.say(events[::-1] if fault == "disorder" else events, fault)
        if self.said is not None:
            self.said += out

    def _happened(self, count: int) -> list[Event]:
        """Let something happen ``count`` times on each channel, spread over the time since the last of it."""
        since, self._last_ns = self._last_ns, time.time_ns()
        made = []
        for n in range(1, count + 1):
            when = (since + (self._last_ns - since) * n // count) // self.resolution_ns * self.resolution_ns
            for channel in self.channels:
                values = self.happen(channel) if self.faulty.get(channel.id) != "silent" else None
                if values is not None:
                    made.append(Event(channel.id, values, when))
        return made


class LineFeedSimulator(FeedSimulator):
    """Stands in for a source that speaks in lines, on a socket or a pty. A subclass defines ``happen`` and ``line``."""

    channel_faults: tuple[str, ...] = ("silent", "garbage")

    def line(self, event: Event) -> str:
        """Write an event as the source says it."""
        raise NotImplementedError

    def telling(self, event: Event) -> Hashable:
        return self.line(event)

    def answer(self, request: str) -> str | None:
        """Answer what a client asks, or subscribes to; None where there is nothing to say."""
        return None

    def called(self) -> None:
        """Take note that another client has come: what the one before had subscribed to is not its."""

    def open(self) -> None:
        self._end = transports.load(self.transport or self.stanza.driver.schemes[0]).end()
        self.url = self._end.url
        self.subscribed = not self._end.tells_clients
        self._asked = b""

    def plug(self, plugged: bool) -> None:
        self._end.plug(plugged)

    def attend(self, seconds: float) -> None:
        wire = self.stanza.wire
        arrived = self._end.receive(seconds)
        if arrived is None:
            self.subscribed, self._asked = True, b""
            self.called()
            return
        if not self._end.tells_clients and self.current_fault() != "lost":
            self.subscribed = True
        if not wire.send:  # it is never asked
            return
        *requests, self._asked = (self._asked + arrived).split(wire.send)
        for request in requests:
            self.subscribed = True
            if (reply := self.answer(request.decode(wire.encoding, "replace"))) is not None:
                self._end.send(reply.encode(wire.encoding) + wire.receive)

    def say(self, events: Sequence[Event], fault: str | None) -> list[Event]:
        faults = [fault if fault in UNREADABLE else self.faulty.get(event.channel) for event in events]
        data = b"".join(self._framed(event, each) for event, each in zip(events, faults, strict=True))
        out = self._end.send(data)
        return [event for event, each in zip(events, faults, strict=True) if out and each not in UNREADABLE]

    def _framed(self, event: Event, fault: str | None) -> bytes:
        wire: Wire = self.stanza.wire
        if fault == "garbage":
            return GARBAGE + bytes(wire.receive)
        line = self.line(event).encode(wire.encoding)
        return line[: max(1, len(line) // 2)] if fault == "truncated" else line + wire.receive

    def close(self) -> None:
        self._end.close()
