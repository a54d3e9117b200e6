"""From a reading to its point: typed, in range, calibrated, with its status, and with a time that no other has."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

from .clock import Clock
from .configured import Channel, Stanza
from .point import BadPoint, Point
from .reading import Reading
from .spikes import QUALITY, SPIKE, Filter, Judge, gap_ns

MOST_SERIES = 2000  # that are remembered
REMEMBERED = (
    1000  # times of each channel: what comes again later than so many others is stored again, as the same point
)
FAULTS = ("warning", "critical")


class PointMaker:
    """Makes the points of one instrument's readings."""

    def __init__(self, stanza: Stanza, clock: Clock):
        self._stanza, self._clock = stanza, clock
        self.discarded = 0  # values that are not as their driver declares them
        # Series -> time -> what was said then; the series that spoke last is the last.
        self._recent: OrderedDict[tuple[str, ...], OrderedDict[int, int]] = OrderedDict()
        self.spikes = 0
        self._judges: dict[tuple[str, ...], Judge] = {}
        self._gap_ns = gap_ns(max(stanza.interval, stanza.driver.turn))

    def make(self, reading: Reading, channel: Channel) -> tuple[Point, bool]:
        """Make a reading's point, with its calibrated value beside the raw one; tells whether it is a repetition.

        What is out of range or has no calibration is no value, and becomes the reading's status. Two points of one
        channel and time would be one in the database: the second is moved by a nanosecond where it says something else.
        """
        if undeclared := set(reading.tags or ()) - set(channel.stream.tags):
            raise TypeError(f"tags {sorted(undeclared)} are not declared")
        marks: dict[str, str] = {}
        fields = self._fields(reading, channel, marks)
        own = {"instrument": self._stanza.name, "channel": channel.id, **self._stanza.tags}
        tags = {**(reading.tags or {}), **own}
        marked = {**fields, **marks, "status": reading.status}
        series = (channel.measurement, channel.id, *sorted(f"{k}={v}" for k, v in (reading.tags or {}).items()))
        time_ns, repeated = self._own_time(series, reading, marked)
        if channel.filter and self._spike(channel.filter, series, fields, time_ns):
            fields[channel.filter.spike.name] = fields.pop(channel.filter.of)
            marked = {**fields, **marks, "status": reading.status, QUALITY.name: SPIKE}
        if fault := self._clock.judge(reading.time_ns):
            marked["clock"] = fault
        try:
            return Point(channel.measurement, tags, marked, time_ns, len(fields)), repeated
        except BadPoint as error:  # an answer with a line break in a text, a number beyond 64 bits
            self.discarded += len(fields)
            reading.status, reading.detail = "bad_answer", str(error)
            return Point(channel.measurement, own, {"status": reading.status}, time.time_ns()), False

    def _fields(self, reading: Reading, channel: Channel, marks: dict[str, str]) -> dict[str, Any]:
        """Make the fields of a reading's values; what says something of them goes to ``marks``."""
        fields: dict[str, Any] = {}
        calibration = channel.calibration
        for name, value in reading.values.items():
            if value is None:
                continue
            made = calibration if calibration is not None and calibration.of == name else None
            stored_as = f"{name}_raw" if made is not None and made.to == name else name
            try:
                quantity = channel.quantities[stored_as]
                value = quantity.field(value)
            except (
                KeyError,
                TypeError,
                OverflowError,
            ) as error:  # one value that is not as declared must not take others along
                self.discarded += 1
                reading.status, reading.detail = "driver_fault", f"{type(error).__name__}: {error}"
                continue
            trouble = "" if quantity.possible(value) else "out_of_range"
            if not trouble:
                fields[stored_as] = value
                if quantity.choices:
                    choice = quantity.choice(value)
                    trouble = "unknown_code" if choice is None else choice.word if choice.severity in FAULTS else ""
                meant = None if made is None else made(float(value))
                if made is not None and meant is None:
                    trouble = "uncalibrated"
                elif made is not None and not channel.quantities[made.to].possible(meant):
                    trouble = "out_of_range"
                elif made is not None:
                    fields[made.to], marks["calibration"] = meant, made.version
            if trouble and reading.status == "ok":
                reading.status = trouble
        return fields

    def _spike(self, by: Filter, series: tuple[str, ...], fields: dict[str, Any], time_ns: int) -> bool:
        if by.of not in fields:
            return False
        if series not in self._judges and len(self._judges) >= MOST_SERIES:
            self._judges.pop(next(iter(self._judges)))
        spike = self._judges.setdefault(series, Judge(by)).spike(fields[by.of], time_ns, self._gap_ns)
        self.spikes += spike
        return spike

    def _own_time(self, series: tuple[str, ...], reading: Reading, fields: dict[str, Any]) -> tuple[int, bool]:
        recent = self._recent.setdefault(series, OrderedDict())
        self._recent.move_to_end(series)
        if len(self._recent) > MOST_SERIES:
            self._recent.popitem(last=False)
        said = hash(tuple(fields.items()))
        time_ns = reading.time_ns
        while time_ns in recent:
            if recent[time_ns] == said:
                return time_ns, True
            time_ns += 1
        recent[time_ns] = said
        if len(recent) > REMEMBERED:
            recent.popitem(last=False)
        return time_ns, False
