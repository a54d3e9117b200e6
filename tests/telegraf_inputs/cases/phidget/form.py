"""Plays cases of Phidgets: a transcript shows what a network server sends, cycle by cycle, to the unmodified library.

    oven opens [21.5]                   what the channel reads when it is attached; null: nothing yet
    oven 95 g [21.5]                    a packet of the channel: its number, its entries' types, their values in JSON
    oven 17 ds [4103, "Out of range."]
    oven gone, oven back                its device is unplugged from the server, and plugged in again
    server gone, server back            the server is
    ---, --- 30s, # …                   as in every transcript

What `labline read --record` writes is what the library said, in words; it is played as the packets that make it say so:

    oven attached, oven detached        as opens and back, and gone
    oven TemperatureChange [21.5]       an event, with its arguments
    oven Error [4103, "Out of range."]

Packets come while the instrument is looked after, so that their times are those of the cycle; each must be heard.
The library calls back for several channels at once: what it says is put in the order of the stanza, behind what a look finds.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from telegraf_inputs import stanza
from telegraf_inputs.drivers._phidget_classes import SENSORS
from telegraf_inputs.simulators import load
from telegraf_inputs.simulators.phidget_channels import TAG_LOST, TOUCH_END, entries
from telegraf_inputs.simulators.phidget_devices import MODELS
from tests.parts import transcript

PATIENCE = 10.0
LATER = ("SoundSensor", "Spatial")  # say nothing when they are attached, though it is known what they read
ERROR = (17, "ds")
OTHERS = {  # packets of events beside the first one of a class
    "TagLost": (TAG_LOST, "sd"),
    "TouchEnd": (TOUCH_END, "d"),
    "Error": ERROR,
}
# The real clock: a case lets time pass on the other.
now = time.perf_counter


class Form:
    """A simulated server that says what the transcript says, and nothing by itself."""

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self._channels = {c.id: c for c in checked.channels}
        self._simulator = load("phidget")(checked)
        self._server = self._simulator.server
        self._opens: dict[str, list | None] = dict.fromkeys(self._channels)
        self._came: Counter[str] = Counter()  # events of each channel that were heard
        self._before: Counter[str] = Counter()  # and until it was unplugged
        for name, channel in self._channels.items():
            standing = self._simulator.channel(channel)[1]
            standing.speak = lambda now, known: []
            standing.status = self._status(name, standing, type(standing).status)
        self._simulator.start()
        self.url = self._simulator.url
        self.pauses, self._cycles = transcript.cycles(folder, checked.interval)
        self._cycles = [self._packets(lines, first=not n) for n, lines in enumerate(self._cycles)]

    def _packets(self, lines: list[str], *, first: bool) -> list[str]:
        """Write what the library said in words as what makes it say so; what is written otherwise stays."""
        opens: dict[str, list | None] = {}
        played = []
        for line in lines:
            name, what, *rest = line.split(maxsplit=2)
            if what == "attached":
                opens[name] = None
                played += [] if first else [f"{name} back"]
            elif what == "detached":
                played.append(f"{name} gone")
            elif what in ("opens", "gone", "back") or what.isdigit():
                played.append(line)
            else:
                number, types, values = self._packet(name, what, json.loads(rest[0]) if rest else [])
                if name in opens and opens[name] is None and name in self._speak_at_once():
                    signals = MODELS[self._channels[name].options["class"]].signals
                    opens[name] = [each for v in values for each in (v if isinstance(v, list) else [v])][: len(signals)]
                else:
                    played.append(f"{name} {number} {types} {json.dumps(values)}")
        return [*(f"{name} opens {json.dumps(known)}" for name, known in opens.items()), *played]

    def _packet(self, name: str, event: str, arguments: list) -> tuple[int, str, list]:
        """Find the packet of which the library makes an event."""
        kind = self._channels[name].options["class"]
        if event in OTHERS:
            return *OTHERS[event], arguments or [0]  # a packet is never empty
        assert event == SENSORS[kind].events[0].name, f"nobody knows of which packet a {kind} makes {event}"
        return *MODELS[kind].event, arguments

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
            self._count(instrument, [line for line in lines if line.split()[1] != "opens"])
            for line in lines:
                if line.split()[1] == "opens":
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

    def _count(self, instrument, lines: list[str]) -> None:
        """Count what is heard, and play ``lines`` once the channels are there."""
        inbox = instrument.inbox
        put_said, take, order = inbox.put_said, inbox.take, list(self._channels)

        def counted(said, readings):
            put_said(said, readings)
            name, what, *_ = said.split()
            if what not in ("attached", "detached"):
                self._came[name] += 1

        def ordered():
            return sorted(take(), key=lambda reading: order.index(reading.channel))

        def first():
            """Wait for what the channels say when they are attached, all of it."""
            inbox.take, self._source = ordered, instrument.source
            self._wait(lambda: all(self._came[name] for name in self._greeters()), "opens")
            for line in lines:
                self._play(line)
            return []

        inbox.put_said, inbox.take = counted, first

    def _greeters(self) -> list[str]:
        """List the channels that say what they read when they are attached."""
        return [name for name in self._speak_at_once() if self._opens[name] is not None]

    def _speak_at_once(self) -> list[str]:
        kinds = {name: channel.options["class"] for name, channel in self._channels.items()}
        return [
            name
            for name, kind in kinds.items()
            if (SENSORS[kind].paced or kind == "DigitalInput") and kind not in LATER
        ]

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
        sensor = self._source._sensors[list(self._channels).index(name)]
        before = self._came[name]
        if what == "gone":
            self._server.unplugged = self._server.unplugged | {key[0]}
            self._wait(lambda: not sensor.attached, line)
            self._before[name] = self._came[name]
            return
        if what == "back":
            self._server.unplugged = self._server.unplugged - {key[0]}
            self._wait(lambda: sensor.attached, line)
            if name in self._greeters():
                self._wait(lambda: self._came[name] > self._before[name], line)
            return
        for connection in [c for c, ready in list(self._server._connections.items()) if ready]:
            connection.packet(standing.device, key[1], key[2], int(what), entries(rest[0], json.loads(rest[1])))
        self._wait(lambda: self._came[name] > before, line)

    def _wait(self, fulfilled, line: str) -> None:
        deadline = now() + PATIENCE
        while not fulfilled():
            assert now() < deadline, f"this did not arrive: {line}"
            time.sleep(0.002)
