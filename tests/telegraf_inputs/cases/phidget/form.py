"""Plays cases of Phidgets: a transcript shows what a network server sends, cycle by cycle, to the unmodified library.

    oven opens [21.5]                   what the channel reads when it is attached; null: nothing yet
    oven 95 g [21.5]                    a packet of the channel: its number, its entries' types, their values in JSON
    oven 17 ds [4103, "Out of range."]
    oven gone, oven back                its device is unplugged from the server, and plugged in again
    server gone, server back            the server is
    ---, --- 30s, # …                   as in every transcript

Packets come while the instrument is looked after, so that their times are those of the cycle; each must become a reading.
The library calls back for several channels at once: what it says is put in the order of the stanza.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from telegraf_inputs import duration, stanza
from telegraf_inputs.drivers._phidget_classes import SENSORS
from telegraf_inputs.simulators import load
from telegraf_inputs.simulators.phidget_channels import entries

PATIENCE = 10.0
# The real clock: a case lets time pass on the other.
now = time.perf_counter


class Form:
    """A simulated server that says what the transcript says, and nothing by itself."""

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self._channels = {c.id: c for c in checked.channels}
        self._simulator = load("phidget")(checked)
        self._server = self._simulator.server
        self._opens: dict[str, list | None] = dict.fromkeys(self._channels)
        self._came: Counter[str] = Counter()
        for name, channel in self._channels.items():
            standing = self._simulator.channel(channel)[1]
            standing.speak = lambda now, known: []
            standing.status = self._status(name, standing, type(standing).status)
        self._simulator.start()
        self.url = self._simulator.url
        self.pauses: list[float] = [0.0]
        self._cycles: list[list[str]] = [[]]
        for line in (folder / "transcript").read_text(encoding="utf-8").splitlines():
            if line.startswith("---"):
                self.pauses.append(duration.read(line[3:].strip()) if line[3:].strip() else checked.interval)
                self._cycles.append([])
            elif line.strip() and not line.startswith("#"):
                self._cycles[-1].append(line)

    def _status(self, name, standing, original):
        def status(known):
            readings = self._opens[name]
            standing.measure = lambda: readings if readings is not None else [0.0] * len(standing.signals)
            return original(standing, readings is not None)

        return status

    def begin(self, cycle: int, instrument) -> None:
        lines = self._cycles[cycle]
        self._source = instrument.source
        if self._source is None:
            self._count(instrument.inbox)
            for line in lines:
                self._play(line)
            return
        look = self._source.look

        def look_after_the_packets():
            self._source.look = look
            for line in lines:
                self._play(line)
            return look()

        self._source.look = look_after_the_packets

    def end(self, cycle: int) -> list[str]:
        return []

    def close(self) -> None:
        self._simulator.stop()

    def _count(self, inbox) -> None:
        put, take, order = inbox.put, inbox.take, list(self._channels)

        def counted(reading):
            put(reading)
            self._came[reading.channel] += 1

        def ordered():
            return sorted(take(), key=lambda reading: order.index(reading.channel))

        def first():
            """Take what the channels say when they are attached, all of it."""
            inbox.take = ordered
            self._wait(lambda: all(self._came[name] for name in self._greeters()), "opens")
            return ordered()

        inbox.put, inbox.take = counted, first

    def _greeters(self) -> list[str]:
        """List the channels that say what they read when they are attached."""
        kinds = {
            name: self._channels[name].options["class"] for name, known in self._opens.items() if known is not None
        }
        return [name for name, kind in kinds.items() if SENSORS[kind].paced or kind == "DigitalInput"]

    def _play(self, line: str) -> None:
        name, what, *rest = line.split(maxsplit=3)
        if name == "server":
            before = dict(self._came)
            speak = self._greeters() if what == "back" else []
            self._simulator.fault = "disconnect" if what == "gone" else None
            self._wait(lambda: (self._server._listener is None) == (what == "gone"), line)
            self._wait(lambda: all(s.attached == (what == "back") for s in self._source._sensors), line)
            self._wait(lambda: all(self._came[name] > before.get(name, 0) for name in speak), line)
            return
        if what == "opens":
            self._opens[name] = json.loads(line.split(maxsplit=2)[2])
            return
        standing = self._simulator.channel(self._channels[name])[1]
        key = next(key for key, each in self._server.channels.items() if each is standing)
        if self._source is None:
            raise ValueError(f"nothing is attached yet that could take: {line}")
        sensor = self._source._sensors[list(self._channels).index(name)]
        before = self._came[name]
        if what in ("gone", "back"):
            self._server.unplugged = self._server.unplugged ^ {key[0]}
            self._wait(lambda: sensor.attached == (what == "back"), line)
            if what == "back" and self._opens[name] is not None:
                self._wait(lambda: self._came[name] > before, line)
            return
        for connection in [c for c, ready in list(self._server._connections.items()) if ready]:
            connection.packet(standing.device, key[1], key[2], int(what), entries(rest[0], json.loads(rest[1])))
        self._wait(lambda: self._came[name] > before, line)

    def _wait(self, fulfilled, line: str) -> None:
        deadline = now() + PATIENCE
        while not fulfilled():
            assert now() < deadline, f"this did not arrive: {line}"
            time.sleep(0.002)
