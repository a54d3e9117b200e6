"""Another program's log files, which grow in a folder as it writes them."""

from __future__ import annotations

import datetime
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from ..configured import Channel, Stanza
from ..drivers._lines_form import IGNORED
from ..drivers._log_form import EXACTLY, LogForm, read
from ..drivers._log_settings import settings
from ..drivers._log_times import LABVIEW_SECONDS, zone_of
from .base import GARBAGE, Signal
from .feed import UNREADABLE, Event, FeedSimulator
from .scratch import Scratch

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
UNSUBSCRIBED = "whoever reads a file has no subscription that could be lost"
BEYOND = "9.9E+99"  # more than anything can be
DECIMALS = 6
APART = 200  # readings of a channel that are all different: lines of one time are told apart by what they say


class _File:
    """The files of one path: which channels are in them, and how a line is written."""

    def __init__(self, stanza: Stanza, keys: dict[str, Any]):
        self.keys, self.form = keys, LogForm(keys)
        self._zone = zone_of(stanza.options["zone"]) or datetime.UTC
        self.channels: list[Channel] = []

    @property
    def names(self) -> list[str]:
        """The names of its columns, as its header has them, or as they are declared."""
        if not self.form.header:
            return list(self.form.columns)
        wanted = [each.where["from"] or name for c in self.channels for name, each in read(c).items()]
        return [*self.keys["time"], *dict.fromkeys(wanted)]

    def path(self, time_ns: int) -> str:
        return self._local(time_ns).strftime(self.keys["files"]).replace("*", "x").replace("?", "x")

    def head(self) -> str:
        return (
            "\n".join([*["-"] * (self.form.header - 1), self.form.separator.join(self.names), ""])
            if self.form.header
            else ""
        )

    def line(self, time_ns: int, said: Mapping[str, str]) -> str:
        """Write a line; ``said`` by column."""
        times = dict(zip(self.keys["time"], self._times(time_ns), strict=True))
        known = {**said, **times}
        cells = [
            name[1:] if name[0] == EXACTLY else "0" if name == IGNORED else known.get(name, "") for name in self.names
        ]
        if self.form.pairs:
            cells += [text for name, value in said.items() if name not in self.names for text in (name, value)]
        return self.form.separator.join(cells)

    def _times(self, time_ns: int) -> list[str]:
        """Write a time, in as many columns as it has."""
        form, count = self.keys["time_form"], len(self.keys["time"])
        seconds = time_ns / 1e9
        if form == "iso":
            return [self._local(time_ns).isoformat()]
        if form in ("unix", "unix_ms", "labview"):
            return [f"{ {'unix': seconds, 'unix_ms': seconds * 1e3, 'labview': seconds + LABVIEW_SECONDS}[form]:.6f}"]
        forms = form.split(" ") if count > 1 else [form]
        return [self._local(time_ns).strftime(each) for each in forms]

    def _local(self, time_ns: int) -> datetime.datetime:
        return (EPOCH + datetime.timedelta(microseconds=time_ns // 1000)).astimezone(self._zone)


class LogfileSimulator(FeedSimulator):
    """Writes lines into files of the paths that the stanza names, a line of all channels of a file at each time."""

    period = 5.0
    brisk = {"period": 0.02}
    resolution_ns = 1000
    not_faults = {"lost": UNSUBSCRIBED}
    channel_faults = ("silent", "garbage")

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float | None = None):
        super().__init__(stanza, seed, plan, period)
        self._files: dict[str, _File] = {}
        self._signals: dict[tuple[str, str], Signal] = {}
        for number, channel in enumerate(stanza.channels):
            keys = settings(stanza, channel)
            self._files.setdefault(keys["files"], _File(stanza, keys)).channels.append(channel)
            for place, (name, quantity) in enumerate(channel.quantities.items()):
                if quantity.numeric:
                    low = quantity.low if quantity.low is not None else 0.0
                    span = quantity.high - low if quantity.high is not None else 100.0
                    center = low + span * (number + 1) / (len(stanza.channels) + 1)
                    reach = span / (4 * (len(stanza.channels) + 1))
                    self._signals[channel.id, name] = Signal(center, reach / 2, reach / 16, 60 + place, seed + number)
        self._said: dict[tuple[str, str], list[float]] = {}

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        half = 10.0**-DECIMALS
        bands = {key: signal.band() for key, signal in self._signals.items()}
        return {key: (low - half, high + half) for key, (low, high) in bands.items()}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        every = ((c, q) for c in self.stanza.channels for q in c.quantities.values() if not q.numeric)
        return {(c.id, q.name): set(_harmless(q)) for c, q in every}

    def happen(self, channel: Channel) -> Mapping[str, Any]:
        if self.current_fault() == "over_range":
            return {}
        return {
            q.name: self._new(channel.id, q.name) if q.numeric else _harmless(q)[0] for q in channel.quantities.values()
        }

    def _new(self, channel: str, quantity: str) -> float:
        """Draw a value that has not been said lately."""
        recent = self._said.setdefault((channel, quantity), [])
        while (value := round(self._signals[channel, quantity](), DECIMALS)) in recent:
            pass
        self._said[channel, quantity] = [*recent, value][-APART:]
        return value

    def open(self) -> None:
        self._scratch = Scratch()
        self._root = os.path.join(self._scratch.path, "logs")
        os.mkdir(self._root)
        self.url = f"file://{self._root}"
        self.subscribed = True

    def plug(self, plugged: bool) -> None:
        away = f"{self._root}.away"
        if not plugged and os.path.isdir(self._root):
            os.rename(self._root, away)
        elif plugged and os.path.isdir(away):
            os.rename(away, self._root)

    def attend(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def say(self, events: Sequence[Event], fault: str | None) -> list[Event]:
        if not os.path.isdir(self._root):  # the cable has just been pulled
            return []
        for path, text, encoding in self._lines(events, fault):
            data = text.encode(encoding)
            if fault == "garbage":
                data = GARBAGE + b"\n"
            elif fault == "truncated":
                data = data[: len(data) // 2]
            file = os.path.join(self._root, path)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "ab") as opened:
                opened.write(data)
        return [] if fault in UNREADABLE else [e for e in events if self.faulty.get(e.channel) not in UNREADABLE]

    def _lines(self, events: Sequence[Event], fault: str | None) -> Iterator[tuple[str, str, str]]:
        """Yield path, text and encoding of each line; the events of one time are in one line a file."""
        for file in self._files.values():
            names = {channel.id: channel for channel in file.channels}
            mine = [event for event in events if event.channel in names]
            lines: list[tuple[int, dict[str, Event]]] = []
            for event in mine:
                fitting = (found for time_ns, found in lines if time_ns == event.time_ns and event.channel not in found)
                found = next(fitting, None)
                if found is None:
                    lines.append((event.time_ns, found := {}))
                found[event.channel] = event
            for time_ns, found in lines:
                said: dict[str, str] = {}
                for name, event in found.items():
                    said |= self._columns(names[name], event)
                path = file.path(time_ns)
                head = "" if os.path.exists(os.path.join(self._root, path)) else file.head()
                yield path, f"{head}{file.line(time_ns, said)}\n", file.keys["encoding"]

    def _columns(self, channel: Channel, event: Event) -> dict[str, str]:
        said: dict[str, Any] = {}
        for name, each in read(channel).items():
            value = event.values.get(name)
            text = (
                BEYOND
                if value is None
                else f"{value / each.scale:.{DECIMALS}f}"
                if isinstance(value, float)
                else str(value)
            )
            if isinstance(value, bool):
                text = str(int(value))
            if self.faulty.get(channel.id) == "garbage":
                text = "?~#"
            said |= {**(each.where["valid_when"] or {}), each.where["from"] or name: text}
        return {column: str(text) for column, text in said.items()}

    def close(self) -> None:
        self._scratch.remove()


def _harmless(quantity: Any) -> list[Any]:
    return quantity.harmless or [{"bool": True, "int": 1, "str": "simulated"}[quantity.type]]


SIMULATOR = LogfileSimulator
