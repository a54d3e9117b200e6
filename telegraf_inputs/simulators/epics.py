"""An IOC that exists only on this machine: it serves the process variables of a stanza by channel access."""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ..configured import Channel, Stanza
from ..declared import Declared
from ..drivers._epics_client import caproto
from ..drivers.epics import Epics, variable_name
from .base import GARBAGE, Signal
from .ca_server import CaServer, Record
from .declared_signal import declared_signal
from .feed import Event, FeedSimulator

TEXT = "as it was set"
TRUTH = ("Off", "On")
NOTHING = ("silent", "lost", "backlog", "disconnect", "truncated", "garbage")  # faults in which no value comes


class EpicsSimulator(FeedSimulator):
    """Stands in for an IOC: of each channel, one PV after the other has an event."""

    brisk = {"period": 0.01}
    channel_faults = ("silent",)
    states = {
        "silent": {"silent", "disconnected"},  # who looks for it anew gets no answer either
        "truncated": {"disconnected", "silent"},  # the client hangs up on what it does not understand
        "garbage": {"disconnected", "silent"},
    }

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None):
        super().__init__(stanza, seed, plan, period)
        self._signals: dict[tuple[str, str], Signal] = {}
        self._records: dict[tuple[str, str], Record] = {}
        self._declared: dict[tuple[str, str], Declared] = {}
        self._turns: dict[str, itertools.cycle[str]] = {}
        self._channels = {channel.id: channel for channel in stanza.channels}
        for channel in stanza.channels:
            declared = Epics.declared(channel)
            self._turns[channel.id] = itertools.cycle(declared)
            for name, each in declared.items():
                key = channel.id, name
                self._declared[key] = each
                self._records[key] = _record(variable_name(channel, each.where["pv"]), each)
                if each.quantity.numeric:
                    self._signals[key] = declared_signal(each.quantity, len(self._signals), len(stanza.channels), seed)
        self._server = CaServer(self._records.values())
        self.url = f"ca://127.0.0.1:{self._server.port}"

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        codes: dict[tuple[str, str], tuple[float, float]] = {
            key: (min(map(int, each.quantity.harmless)), max(map(int, each.quantity.harmless)))
            for key, each in self._declared.items()
            if each.quantity.type == "int" and each.quantity.choices
        }
        return {key: signal.band() for key, signal in self._signals.items()} | codes

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {
            key: {True, False} if each.quantity.type == "bool" else set(each.quantity.harmless or (TEXT,))
            for key, each in self._declared.items()
            if each.quantity.type in ("bool", "str")
        }

    def happen(self, channel: Channel) -> Mapping[str, Any]:
        if self.current_fault() == "over_range":
            return {}
        name = next(self._turns[channel.id])
        key = channel.id, name
        if key in self._signals:
            return {name: self._signals[key]()}
        quantity = self._declared[key].quantity
        if quantity.type == "bool":
            return {name: next(self._turn) % 2 == 0}
        return {name: quantity.harmless[0] if quantity.choices else TEXT}

    _turn = itertools.count()

    def open(self) -> None:
        self._server.plug(True)

    def plug(self, plugged: bool) -> None:
        self._server.plug(plugged)

    def attend(self, seconds: float) -> None:
        fault = self.current_fault()
        mute = {name for name, _ in self._records if self.faulty.get(name) == "silent"}
        silent = {None} if fault == "silent" else set()
        all_of_them = self._records if fault in NOTHING else ()
        self._server.mute = silent | {
            record.name for key, record in self._records.items() if key in all_of_them or key[0] in mute
        }
        self.subscribed |= self._server.attend(seconds)

    def say(self, events: Sequence[Event], fault: str | None) -> list[Event]:
        if fault in ("truncated", "garbage"):
            self._server.spoil(GARBAGE * (1 if fault == "truncated" else 20))
            return []
        return [event for event in events if self._say(event)]

    def _happened(self, count: int) -> list[Event]:
        """Let records process, whether somebody listens or not."""
        events = super()._happened(count)
        for event in events:
            self._process(event)
        return events

    def _say(self, event: Event) -> bool:
        told = [self._server.tell(record) for record in self._process(event)]
        return any(told)

    def _process(self, event: Event) -> list[Record]:
        """Give records what an event says; one without values is that nothing can be measured."""
        names = list(event.values) or list(Epics.declared(self._channels[event.channel]))
        records = [self._records[event.channel, name] for name in names]
        for name, record in zip(names, records, strict=True):
            if event.values:
                record.value = _raw(event.values[name], record, self._declared[event.channel, name].scale)
                record.severity = record.alarm = 0
            else:
                record.severity, record.alarm = caproto.AlarmSeverity.INVALID_ALARM, caproto.AlarmStatus.HWLIMIT
            record.time_ns = event.time_ns
        return records

    def close(self) -> None:
        self._server.close()


def _record(name: str, declared: Declared) -> Record:
    quantity = declared.quantity
    unit = declared.where["ioc_unit"] or (quantity.unit if declared.scale == 1.0 else "")
    if quantity.type == "bool":
        return Record(name, caproto.ChannelType.ENUM, words=TRUTH)
    if quantity.type == "str" and quantity.choices:
        return Record(name, caproto.ChannelType.ENUM, words=tuple(str(choice.code) for choice in quantity.choices))
    if quantity.type == "str":
        return Record(name, caproto.ChannelType.STRING, value="")
    kind = caproto.ChannelType.LONG if quantity.type == "int" else caproto.ChannelType.DOUBLE
    return Record(name, kind, unit, precision=quantity.decimals or 0)


def _raw(value: Any, record: Record, scale: float) -> Any:
    """Give what the record has in it, for a value of the quantity."""
    if record.native == caproto.ChannelType.ENUM:
        return record.words.index(value) if isinstance(value, str) else int(value)
    if record.native == caproto.ChannelType.LONG:
        return int(value)
    return value / scale if record.native == caproto.ChannelType.DOUBLE else value


SIMULATOR = EpicsSimulator
