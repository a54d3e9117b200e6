"""What the channels of simulated Phidgets say: their readings, as packets of the network protocol."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

from .base import Signal
from .phidget_devices import MODELS, UNKNOWN

Packet = tuple[int, dict[str, Any]]  # its number, and its entries

SET_DATA_INTERVAL, SET_SENSOR_TYPE, SET_ALGORITHM = 54, 79, 149
ALGORITHM_DATA, HEADING_CHANGE, FIX_CHANGE, TAG_LOST, TOUCH_END, SENSOR_CHANGE = 148, 110, 30, 93, 137, 115
ARRAY = {"G": 3, "U": 8}
OCTAVES = 10
NO_NUMBER: dict[str, Any] = {**UNKNOWN, "G": UNKNOWN["g"], "U": UNKNOWN["u"]}
TAGS = ("1a00c0ffee", "0100f00d42", "2c00decade")
SPACING = 3
QUATERNION = (0.0, 0.0, 0.25881904510252074, 0.9659258262890683)  # turned by 30° about the vertical
CONVERTED = 10.0  # times the reading: what a server that was told a sensor's type makes of it
UNIT = {
    "UnitInfo.unit": {"t": "d", "v": 0},
    "UnitInfo.name": {"t": "s", "v": ""},
    "UnitInfo.symbol": {"t": "s", "v": ""},
}


def entries(types: str, values: Iterable[Any]) -> dict[str, Any]:
    """Write the numbered entries of a packet: one type letter a value."""
    return {str(i): {"t": t, "v": v} for i, (t, v) in enumerate(zip(types, values, strict=True))}


class SimulatedChannel:
    """One simulated channel, the ``number``-th of its class; ``due`` is when it speaks next (monotonic s)."""

    def __init__(self, device: dict[str, Any], class_name: str, number: int, seed: int):
        self.device, self.class_name = device, class_name
        self.model = MODELS[class_name]
        self.signals = []
        for i, (center, swing, noise) in enumerate(self.model.signals):
            center += number * SPACING * (swing + 10 * noise)  # no two channels have a value in common
            self.signals.append(Signal(center, swing, noise, 60.0 + 17 * i, seed + 100 * number + i))
        self.interval = 0.25
        self.due = 0.0
        self.algorithm = False  # of a Spatial: whether it tells its attitude
        self.converts = False  # of a voltage: whether it is told as what a sensor means by it
        self.present = False  # of a tag or a finger: whether it is there
        self._tags = itertools.cycle(TAGS)
        self._tag = ""
        self.readings = self.measure()
        self.said = list(self.readings)

    def measure(self) -> list[Any]:
        """Take the present reading: one number a signal."""
        values = [signal() for signal in self.signals]
        if self.class_name in ("DistanceSensor", "Encoder"):
            return [round(values[0])]
        if self.class_name == "DigitalInput":
            return [int(values[0] > 0)]
        return values

    def status(self, known: bool) -> dict[str, Any]:
        """Say what the channel is and reads, as the answer to its opening."""
        self.readings = self.said = self.measure()
        self.interval, self.algorithm, self.converts, self.present = 0.25, False, False, False
        result = {"_class_version_": {"t": "u", "v": self.model.version}}
        for word in self.model.status.split():
            key, _, text = word.partition("=")
            name, _, kind = key.partition(":")
            values = text.split(",")
            type_, names = kind.rstrip("~"), [name]
            if kind.endswith("~"):
                capital = name[0].upper() + name[1:]
                names += [f"min{capital}", f"max{capital}"]
            for each, text in zip(names, values, strict=True):
                result[each] = {
                    "t": type_,
                    "v": self._value(type_, text, known, OCTAVES if name == "octaves" else ARRAY.get(type_, 0)),
                }
        return result

    def take(self, number: int, value: Any) -> None:
        """Take a setting. After one that changes what is measured the channel measures anew, at once."""
        now = time.monotonic()
        if number == SET_DATA_INTERVAL:
            self.interval = value / 1000.0
            self.due = now + self.interval
            return
        self.algorithm = number == SET_ALGORITHM and value > 0
        self.converts = number == SET_SENSOR_TYPE and value > 0
        self.due = now

    def speak(self, now: float, known: bool, restless: bool = False) -> list[Packet]:
        """Say what is due. An unknown reading is what the library takes for one.

        ``restless``: what speaks when something changes has changed.
        """
        self.due = now + self.interval
        self.readings = self.measure()
        special: Callable[[bool, bool], list[Packet]] | None = getattr(self, f"_speak_{self.class_name}", None)
        if special is not None:
            return special(known, restless)
        if self.converts:
            value = CONVERTED * self.readings[0] if known else UNKNOWN["g"]
            return [(SENSOR_CHANGE, entries("g", [value]) | UNIT)]
        return [self._event(known)]

    def _value(self, kind: str, text: str, known: bool, length: int) -> Any:
        if text.startswith("@"):
            first = int(text[1:])
            if known:
                return self.readings[first : first + length] if length else self.readings[first]
            text = ""
        number = NO_NUMBER[kind] if text == "" else text if kind == "s" else float(text) if kind in "gG" else int(text)
        return [number] * length if length else number

    def _event(self, known: bool) -> Packet:
        number, types = self.model.event
        values: list[Any] = []
        first = 0
        for kind in types:
            length = OCTAVES if self.class_name == "SoundSensor" and kind == "G" else ARRAY.get(kind, 0)
            if first >= len(self.readings):
                values.append(1000.0 * time.monotonic())  # the device's own clock, in ms
            elif known:
                values.append(self.readings[first : first + length] if length else self.readings[first])
            else:
                values.append([NO_NUMBER[kind]] * length if length else NO_NUMBER[kind])
            first += length or 1
        return number, entries(types, values)

    def _main(self, *values: Any) -> Packet:
        number, types = self.model.event
        return number, entries(types, values)

    def _speak_Spatial(self, known: bool, restless: bool) -> list[Packet]:
        packets = [self._event(known)]
        if self.algorithm and known:
            packets.append((ALGORITHM_DATA, entries("Gg", [QUATERNION, 1000.0 * time.monotonic()])))
        return packets

    def _speak_FrequencyCounter(self, known: bool, restless: bool) -> list[Packet]:
        pulses = round(self.readings[0] * self.interval) if known else 0
        if not pulses:
            return [self._main(1000.0 * self.interval, 0, 0.0)]
        milliseconds = 1000.0 * pulses / self.readings[0]  # from the first pulse to the last
        return [self._main(milliseconds, pulses, milliseconds)]

    # Classes that speak when something changes.
    def _speak_DigitalInput(self, known: bool, restless: bool) -> list[Packet]:
        if not known:
            return [self._main(2)]
        if restless:
            self.readings = [1 - self.said[0]]
        changed, self.said = self.readings != self.said, self.readings
        return [self._main(self.readings[0])] if changed else []

    def _speak_Encoder(self, known: bool, restless: bool) -> list[Packet]:
        if restless:  # to and fro
            self.present = not self.present
            self.readings = [self.said[0] + (1 if self.present else -1)]
        moved, self.said = self.readings[0] - self.said[0], self.readings
        return [self._main(moved, 1000.0 * self.interval, 0, 0)] if moved else []

    def _speak_GPS(self, known: bool, restless: bool) -> list[Packet]:
        self.due += 1.0 - self.interval
        values = self.readings if known else [UNKNOWN["g"]] * 5
        return [
            (FIX_CHANGE, entries("d", [int(known)])),
            self._main(*values[:3]),
            (HEADING_CHANGE, entries("gg", values[3:])),
        ]

    def _speak_RFID(self, known: bool, restless: bool) -> list[Packet]:
        before, self.present = self.present, self._is_there(known, restless, 10.0, 3.0)
        if self.present == before:
            return []
        if not self.present:
            return [(TAG_LOST, entries("sd", [self._tag, 1]))]
        self._tag = next(self._tags)
        return [self._main(self._tag, 1)]

    def _speak_CapacitiveTouch(self, known: bool, restless: bool) -> list[Packet]:
        before, self.present = self.present, self._is_there(known, restless, 5.0, 1.0)
        if self.present:
            return [self._main(*self.readings)]
        return [(TOUCH_END, {})] if before else []

    def _is_there(self, known: bool, restless: bool, period: float, length: float) -> bool:
        return known and (not self.present if restless else time.time() % period < length)
