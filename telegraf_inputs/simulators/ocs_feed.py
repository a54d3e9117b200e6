"""An agent of OCS behind a router of WAMP that exists only on this machine: it publishes what a stanza names."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Container, Hashable, Mapping, Sequence
from typing import Any

from ..configured import Channel, Stanza
from ..declared import Declared
from ..drivers import _wamp
from ..drivers.ocs_feed import NUMBERS, TEXTS, OcsFeed
from .base import Signal
from .declared_signal import declared_signal
from .feed import UNREADABLE, Event, FeedSimulator, LineFeedSimulator

FEED = "temperatures"
RUNNING = 3
WORDS = ("observing", "idle")
FOUND = {"Channel_06_R": NUMBERS.measurement, "mode": TEXTS.measurement}


class OcsFeedSimulator(LineFeedSimulator):
    """Publishes samples of each channel, and of two fields that no channel names; its heart beats each second."""

    brisk = {"period": 0.01, "beats": 0.0}
    found = FOUND
    spared = {"over_range": ("mode",)}
    not_transports = {"wss": "it has no certificate: TLS is tried against a real router"}
    resolution_ns = 1000  # its times are seconds, as floats

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None, beats: float = 1.0):
        super().__init__(stanza, seed, plan, period)
        self._beats, self._next_beat = beats, 0.0
        self._numbers, self._turns = itertools.count(1), itertools.count()
        self._subscription: int | None = None
        self._declared: dict[tuple[str, str], Declared] = {}
        self._signals: dict[tuple[str, str], Signal] = {}
        for channel in self.channels:
            if channel.id in FOUND:
                if FOUND[channel.id] == NUMBERS.measurement:
                    self._signals[channel.id, "value"] = Signal(5000.0, 20.0, 1.0, seed=seed)
                continue
            for name, each in OcsFeed.declared(channel).items():
                self._declared[channel.id, name] = each
                if each.quantity.numeric:
                    self._signals[channel.id, name] = declared_signal(
                        each.quantity, len(self._signals), len(stanza.channels), seed
                    )

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        return {key: signal.band() for key, signal in self._signals.items()}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        told: dict[tuple[str, str], Container[Any]] = {
            key: {True, False} if each.quantity.type == "bool" else set(each.quantity.harmless or WORDS)
            for key, each in self._declared.items()
            if not each.quantity.numeric
        }
        return {**told, ("mode", "text"): set(WORDS)}

    def happen(self, channel: Channel) -> Mapping[str, Any]:
        turn = next(self._turns)
        if channel.id == "mode":
            return {"text": WORDS[turn % 2]}
        if self.current_fault() == "over_range":
            return {}
        names = ["value"] if channel.id in FOUND else list(OcsFeed.declared(channel))
        made = {name: self._signals[channel.id, name]() for name in names if (channel.id, name) in self._signals}
        others = {name: self._constant(channel.id, name, turn) for name in names if name not in made}
        return {**made, **others}

    def _constant(self, channel: str, name: str, turn: int) -> Any:
        quantity = self._declared[channel, name].quantity
        if quantity.type == "bool":
            return turn % 2 == 0
        return quantity.harmless[0] if quantity.choices else WORDS[turn % 2]

    def line(self, event: Event) -> str:
        return self._block(event.channel, [event])

    def _block(self, channel: str, events: list[Event]) -> str:
        """Write events of one channel as the samples of a block; one without values says that there are none."""
        data = {
            self._field(channel, name): [self._raw(channel, name, event.values.get(name)) for event in events]
            for name in self._names(channel)
        }
        times = [event.time_ns / 1e9 for event in events]
        block = {"block_name": FEED, "data": data, "timestamps": times, "influxdb_tags": None}
        return self._event(FEED, {FEED: block}, record=True)

    def telling(self, event: Event) -> Hashable:
        return FeedSimulator.telling(self, event)  # its messages are numbered

    def called(self) -> None:
        self._subscription = None

    def attend(self, seconds: float) -> None:
        super().attend(seconds)
        self.subscribed = self.subscribed and self._subscription is not None

    def answer(self, request: str) -> str | None:
        kind, *rest = json.loads(request)
        if kind == _wamp.HELLO:
            return json.dumps([_wamp.WELCOME, next(self._numbers), {"realm": rest[0], "roles": {"broker": {}}}])
        if kind == _wamp.SUBSCRIBE:
            if self.current_fault() == "silent":
                return None
            self._subscription = next(self._numbers)
            return json.dumps([_wamp.SUBSCRIBED, rest[0], self._subscription])
        return None

    def say(self, events: Sequence[Event], fault: str | None) -> list[Event]:
        if self._beats and fault not in UNREADABLE and time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + self._beats
            self._end.send(f"{self._event('heartbeat', {'acq': RUNNING}, record=False)}\n".encode())
        if fault in UNREADABLE or any(self.faulty.get(event.channel) in UNREADABLE for event in events):
            return super().say(events, fault)
        channels = dict.fromkeys(event.channel for event in events)
        blocks = [self._block(name, [event for event in events if event.channel == name]) for name in channels]
        return list(events) if self._end.send("".join(f"{each}\n" for each in blocks).encode()) else []

    def _framed(self, event: Event, fault: str | None) -> bytes:
        data = super()._framed(event, fault)
        # A torn message is torn by its maker: the WebSocket carries it whole.
        return data.decode("latin-1").encode() + b"\n" if fault in ("truncated", "garbage") else data

    def _names(self, channel: str) -> list[str]:
        own = [name for each, name in self._declared if each == channel]
        return own or ["text" if FOUND[channel] == TEXTS.measurement else "value"]

    def _field(self, channel: str, name: str) -> str:
        if (channel, name) not in self._declared:
            return channel
        return self._declared[channel, name].where["field"] or channel

    def _raw(self, channel: str, name: str, value: Any) -> Any:
        each = self._declared.get((channel, name))
        return value / each.scale if each and isinstance(value, float) else value

    def _event(self, feed: str, message: Mapping[str, Any], record: bool) -> str:
        options = self.stanza.options
        address = f"{options['address']}.{options['agent']}"
        about = {
            "agent_address": address, "agg_params": {}, "feed_name": feed, "address": f"{address}.feeds.{feed}",
            "record": record, "session_id": "1.0", "agent_class": "Simulated",
        }  # fmt: skip
        topic = {"topic": about["address"]}
        return json.dumps([_wamp.EVENT, self._subscription, next(self._numbers), topic, [[message, about]]])


SIMULATOR = OcsFeedSimulator
