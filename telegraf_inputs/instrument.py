"""One instrument, kept alive: connects, reads, calibrates, reports its state, comes back by itself after any fault."""

from __future__ import annotations

import re
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import opening, plugins
from .clock import MEANINGS, Clock
from .configured import Channel, Stanza
from .errors import BadInput, InstrumentError, NoAnswer, Stopped
from .inbox import Inbox
from .line import Line, Tap
from .point import Point
from .point_maker import PointMaker
from .reading import Reading
from .source import Polled, Pushed
from .sparing import Sparing
from .stop import Stop
from .url import Url

FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0  # seconds between attempts to connect, doubling
NO_CHANNEL = "what it said"  # in the place of a channel, where it is not known of which it is
MOST_CHANNELS = 1000  # of one instrument, where the data say which there are
MOST_NOTES = 100  # that are told of one instrument
VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")  # in a reason that is the same one nevertheless
HUNG_SECONDS = 5.0  # and three timeouts: a read that is not back by then is told to hang


@dataclass
class Made:
    """What was made of one channel: how many readings, and the times of the first and the last (ns, UTC).

    What is of before ``since_ns``, when the program began, has a span of its own, ``earlier``: the database may have
    readings there that others made.
    """

    measurement: str
    channel: str
    readings: int = 0
    first_ns: int = 0
    last_ns: int = 0
    since_ns: int = 0
    earlier: Made | None = None

    def add(self, readings: int, time_ns: int) -> None:
        if time_ns < self.since_ns:
            self.earlier = self.earlier or Made(self.measurement, self.channel)
            self.earlier.add(readings, time_ns)
        elif self.readings == (self.earlier.readings if self.earlier else 0):
            self.first_ns = self.last_ns = time_ns
        else:
            self.first_ns, self.last_ns = min(self.first_ns, time_ns), max(self.last_ns, time_ns)
        self.readings += readings

    @property
    def spans(self) -> list[tuple[int, int, int]]:
        """List how many readings there are in each span, and its times: first that since the program began."""
        if self.earlier is None:
            return [(self.readings, self.first_ns, self.last_ns)]
        since = (self.readings - self.earlier.readings, self.first_ns, self.last_ns)
        return [since, *self.earlier.spans] if self.last_ns else self.earlier.spans


class Instrument:
    """Reads an instrument cycle by cycle; ``sample()`` never raises for what an instrument does, and invents no value.

    Counters are cumulative since the start of the program: ``errors`` (failed cycles and faulty readings),
    ``reconnects``, ``made`` (readings, which are values of declared quantities, by channel), ``discarded`` (readings
    that could not be believed, or have no place). ``overruns`` and ``dropped`` (by a writer that stalls) are kept by
    the caller.
    """

    def __init__(
        self,
        stanza: Stanza,
        stop: Stop,
        log: Callable[[str, str], None],
        tap: Tap | None = None,
        inbox: Inbox | None = None,
    ):
        self.stanza, self.stop, self.log, self._tap = stanza, stop, log, tap
        self.url = stanza.connection
        self.simulator: Any = None
        if stanza.simulated:
            from . import simulators

            self.simulator = simulators.start(stanza)
            self.url = Url(self.simulator.url)
        self.state, self.detail, self._kind = "starting", "", ""
        self.well = False  # the last cycle was read whole
        self.errors = self.reconnects = self.overruns = self.dropped = 0
        self._thrown_away = 0
        self.inbox = inbox or Inbox()
        self.source: Polled | Pushed | None = None
        self._clock = Clock()
        self._maker = PointMaker(stanza, self._clock)
        self._filters = any(channel.filter for channel in stanza.declared)
        # By what readings call them: their stream, where they name it, and the channel.
        self._places: dict[tuple[str, str], Channel] = {}
        self.channels: list[Channel] = []  # those of the stanza, and those that were found in the data
        self.made: dict[str, Made] = {}
        self._since_ns = time.time_ns()
        for channel in stanza.channels:
            self._take_up(channel)
        self._connections = 0
        self._left: list[Point] = []  # what was made of a cycle that the end interrupted
        self._failing = False  # the last look at it failed
        self._away = False  # a source that comes back by itself has not yet
        self._wait, self._next_attempt = 0.0, 0.0
        self._statuses: dict[str, str] = {}  # channel -> the last status that it had
        self._worst: dict[str, str] = {}  # channel -> what was wrong with it since the last report
        self._details: dict[str, str] = {}  # channel -> what else was told of it
        self._unknown: set[str] = set()  # what was told to have no place
        self._noted: set[str] = set()  # what was told of it once
        self._clocks: dict[str, str] = {}  # channel -> what was wrong with the time of its last reading
        self._told: dict[str, str] = {}  # the faults of channels that were told last
        self._sparing = Sparing(log)
        self._unheard = False  # it was opened anew because it was silent or garbled, and nothing has come since
        self._began: float | None = None  # of the cycle that runs, in monotonic seconds
        self._beat = 0.0  # when it last got on
        self._sampling = 0  # the thread that does
        self._hangs = False

    @property
    def readings(self) -> int:
        """Tell how many readings were made."""
        return sum(made.readings for made in self.made.values())

    @property
    def spikes(self) -> int:
        """Tell how many readings were taken for spikes; they are made, too."""
        return self._maker.spikes

    @property
    def _up(self) -> bool:
        return self.state in ("ok", "degraded", "clock")

    @property
    def lost(self) -> int:
        """Tell how many readings were made and not delivered: too many came at once, or nobody took them."""
        return self.dropped + self.inbox.dropped

    @property
    def discarded(self) -> int:
        """Tell how many readings were not believed, came twice or had no place; one out of range has a status instead."""
        return self._thrown_away + self._maker.discarded

    def sample(self) -> list[Point]:
        """Run one cycle; returns the points of the channels and, last, the instrument's own. Raises Stopped only."""
        began = self._began = self._beat = time.monotonic()
        self._sampling = threading.get_ident()
        points: list[Point] = []
        try:
            for point in self._cycle():
                points.append(point)
        except (Stopped, KeyboardInterrupt):
            self._left = points
            raise
        except BaseException as error:  # a fault in a driver must not end the program: Telegraf would see a lab go dark
            points += self._failed(self._explained(error))
        finally:
            self._began, self._hangs = None, False
        # An odd clock is the machine's fault.
        self.well = self.state == "ok" or (self.state == "clock" and not self._faulty())
        self._worst = {}
        return [*points, self.report(time.monotonic() - began)]

    def collect(self) -> list[Point]:
        """Take what a source has said by itself since the last time."""
        points = list(self._heard())
        if points and not self._failing:
            self._judge()
        return points

    def finish(self) -> list[Point]:
        """Listen no more, and take what was said and not taken yet."""
        self._disconnect()
        return [*self._left, *self._points(self.inbox.take())]

    def receipt(self) -> Callable[[bool], None] | None:
        """Give what is to be called once all that was read until now is printed, or will not be; None: nobody need know."""
        return self.source.receipt() if isinstance(self.source, Pushed) else None

    def hangs(self) -> Point | None:
        """Report, from another thread, a cycle that does not come back; None where all is well."""
        began, quiet = self._began, time.monotonic() - self._beat
        if began is None or quiet < HUNG_SECONDS + 3 * self.stanza.timeout:
            return None
        if not self._hangs:
            self._hangs = True
            self.errors += 1
            self._enter("hung", f"a read does not come back for {quiet:.0f} s")
        return self.report(time.monotonic() - began)

    def close(self) -> None:
        """Let go of the instrument, and of its simulator."""
        self._disconnect()
        self._sparing.end()
        self.inbox.close()
        if self.simulator is not None:
            self.simulator.stop()

    def _cycle(self) -> Iterator[Point]:
        """Yield the points of one cycle; what was yielded before an exception holds."""
        if self.source is None:
            if time.monotonic() < self._next_attempt:
                return
            self.source = self._connect()
            self._failing = False
        if isinstance(self.source, Pushed):
            yield from self._heard()
            for reading in self.source.look():
                yield from self._points([reading])
            yield from self._heard()
            self._tell(self.source)
        else:
            yield from self._asked(self.source)
        self._failing = False
        if not self._unheard:
            self._wait = 0.0
            self._judge()

    def _heard(self) -> Iterator[Point]:
        """Take what a source has said by itself."""
        readings = self.inbox.take()
        if any(reading.channel for reading in readings):
            self._unheard = False
        yield from self._points(readings)

    def _asked(self, source: Polled) -> Iterator[Point]:
        """Read a polled instrument; nothing is believed before it is seen that question and answer are in step."""
        readings: list[Reading] = []
        fault: BaseException | None = None
        try:
            for reading in source.read():
                readings.append(reading)
                self._beat = time.monotonic()
        except (Stopped, KeyboardInterrupt):  # a cycle that was only begun is none
            raise
        except InstrumentError:  # the driver says that what it read is not to be believed
            self._discard(readings)
            raise
        except BaseException as error:  # a fault in the driver does not make false what was read before it
            fault = error
        try:
            source.verify()
        except (Stopped, KeyboardInterrupt):
            raise
        except BaseException:
            self._discard(readings)
            raise
        self._tell(source)
        if self._mute(source, readings):
            raise NoAnswer(f"nothing is answered: {readings[0].detail}")
        yield from self._points(readings)
        if fault is not None:
            raise fault

    def _mute(self, source: Polled, readings: list[Reading]) -> bool:
        """Tell whether nothing at all was answered by one that has no identity by which it would be missed."""
        if self.stanza.identity or not isinstance(source.link, Line) or not readings:
            return False
        return all(reading.status == "no_answer" and not reading.values for reading in readings)

    def _points(self, readings: Iterable[Reading]) -> Iterator[Point]:
        """Make the points of readings, and note how each channel is; every faulty reading is counted."""
        for reading in readings:
            if not reading.channel:
                self._thrown_away += 1
                self._note(reading)
                continue
            channel = self._places.get((reading.stream, reading.channel)) or self._found(reading)
            if channel is None:
                self._no_place(reading.channel)
                self._discard([reading])
                continue
            try:
                point, repeated = self._maker.make(reading, channel)
            except Exception as error:  # one reading that is none must not take those after it along
                reading.status, reading.detail = "driver_fault", f"{type(error).__name__}: {error}"
                self._thrown_away += 1
                self._note(reading, channel)
                continue
            if repeated:
                self._thrown_away += point.readings
                continue
            self._note(reading, channel)
            name = self._called(channel)
            self._clocks[name] = self._clock.oddity(reading.time_ns) if "clock" in point.values else ""
            self.made[name].add(point.readings, point.timestamp)
            yield point

    def _note(self, reading: Reading, of: Channel | None = None) -> None:
        channel, status = self._called(of) if of else NO_CHANNEL, reading.status
        if of:
            self._statuses[channel] = status
        self._details[channel] = f" ({reading.detail})" if reading.detail else ""
        if status != "ok":
            self.errors += 1
            self._worst[channel] = status

    def _found(self, reading: Reading) -> Channel | None:
        """Take up a channel that is found in the data; None where there are none such, or too many."""
        if len(self.channels) >= max(MOST_CHANNELS, len(self.stanza.channels)):
            return None
        channel = self.stanza.find(reading.channel, reading.stream)
        return self._take_up(channel) if channel is not None else None

    def _take_up(self, channel: Channel) -> Channel:
        known = self._places.setdefault((channel.measurement, channel.id), channel)
        self._places.setdefault(("", channel.id), known)
        if known is channel:
            self.channels.append(channel)
            self.made[self._called(channel)] = Made(channel.measurement, channel.id, since_ns=self._since_ns)
        return known

    def _called(self, channel: Channel) -> str:
        """Name a channel among all of the instrument: one that is found in the data may be in several streams."""
        return f"{channel.measurement} {channel.id}" if len(self.stanza.others) > 1 else channel.id

    def _no_place(self, channel: str) -> None:
        if channel not in self._unknown and len(self._unknown) < MOST_CHANNELS:
            self._unknown.add(channel)
            told = f"a reading of channel {channel!r} came, which the stanza does not name; it is not stored"
            self._sparing.say("place", "W", told, [""])

    def _discard(self, readings: Iterable[Reading]) -> None:
        self._thrown_away += sum(value is not None for reading in readings for value in reading.values.values())

    def _connect(self) -> Polled | Pushed:
        """Open the way, learn who is there, prepare it. Raises InstrumentError."""
        stanza = self.stanza
        source, identity = opening.opened(stanza, self.url, self.stop, self.inbox, self._pulse)
        if stanza.identity and identity and identity != stanza.identity:
            self.log("W", f"another instrument answers now: {identity!r}, before it was {stanza.identity!r}")
        stanza.identity = identity
        if isinstance(source, Polled):
            try:
                source.connected()
            except BaseException:
                self._let_go(source)
                raise
            self._tell(source)
        self.reconnects += bool(self._connections)
        self._connections += 1
        return source

    def _tell(self, source: Polled | Pushed) -> None:
        """Log what a driver takes for granted of its instrument, once, however often it connects."""
        for what, told in source.notes.items():
            if what not in self._noted and len(self._noted) < MOST_NOTES:
                self._noted.add(what)
                self.log("I", told)
        source.notes.clear()

    def _pulse(self, direction: str, data: bytes) -> None:
        """Note that something was sent or received: whoever waits here is alive."""
        if threading.get_ident() == self._sampling:  # that a source speaks is no sign of it
            self._beat = time.monotonic()
        if self._tap is not None:
            self._tap(direction, data)

    def _faulty(self) -> dict[str, str]:
        """Tell what is wrong with channels: in this cycle, or since their last reading."""
        lasting = {channel: status for channel, status in self._statuses.items() if status != "ok"}
        return lasting | self._worst

    def _judge(self) -> None:
        """Note a cycle that was read; channels without news keep the status they had."""
        self.reconnects += self._away
        self._away = False
        faulty = self._faulty()
        detail = ", ".join(f"{channel}: {status}{self._details[channel]}" for channel, status in faulty.items())
        told, self._told = self._told, faulty
        changed = [channel for channel in {**told, **faulty} if told.get(channel) != faulty.get(channel)]
        if self.state in ("degraded", "clock") and faulty and changed:
            self._sparing.say("state", "W", f"degraded: {detail}", changed)
        clock = next(filter(None, self._clocks.values()), "" if self._clock.synchronised else "unsynchronised")
        if clock:
            self._enter("clock", "; ".join(filter(None, (MEANINGS[clock], detail))), reason=clock)
        else:
            self._enter("degraded" if faulty else "ok", detail, changed)
        self._sparing.look()

    def _explained(self, error: BaseException) -> InstrumentError:
        if isinstance(error, InstrumentError):
            return error
        if isinstance(error, BadInput):  # what is seen only on opening: a password's file, a setting the port refuses
            return InstrumentError(str(error))
        if isinstance(error, ImportError):
            extra, own = self.stanza.driver.extra, plugins.outside(self.stanza.driver)
            how = "install it" if own and not extra else f"pip install 'labline[{extra or 'all'}]'"
            return InstrumentError(f"needs the Python package {error.name or error}: {how}")
        self.log("D", _trace(error))
        return InstrumentError(f"fault in driver {self.stanza.driver.name!r}: {type(error).__name__}: {error}")

    def _failed(self, error: InstrumentError) -> list[Point]:
        """Note a failed cycle and let the connection go: opening anew is the one cure that helps every fault.

        Returns the points of what a source has said before it was let go.
        """
        self.errors += 1
        self._failing = True
        if isinstance(self.source, Pushed) and not self.source.reopen:
            self._away = self._away or self._up
        else:
            kind = self.stanza.driver
            self._unheard = issubclass(kind, Pushed) and not kind.rests and error.state in ("silent", "garbled")
            self._disconnect()
            self._next_attempt = time.monotonic() + self._wait
            self._wait = min(max(FIRST_WAIT, 2 * self._wait), LONGEST_WAIT)
        self._statuses, self._clocks = {}, {}
        self._told = {}
        self._enter(error.state, str(error), reason=str(error))
        self._sparing.look()
        return list(self._points(self.inbox.take()))

    def _disconnect(self) -> None:
        source, self.source = self.source, None
        if source is not None:
            self._let_go(source)

    def _let_go(self, source: Polled | Pushed) -> None:
        try:
            opening.close(source)
        except Exception as error:  # whatever is wrong with it, it is let go
            self.log("D", _trace(error))

    def _enter(self, state: str, detail: str, changed: Sequence[str] = (), reason: str = "") -> None:
        """Note the state; a change of it, or of its ``reason``, is logged, once. ``changed``: the channels by which it did."""
        before, self.state, self.detail = self.state, state, detail
        kind, self._kind = self._kind, VARYING.sub("", reason)
        if state == before and kind == self._kind:
            return
        level = "I" if state == "ok" else "W" if state in ("degraded", "clock") else "E"
        again = " again" if state == "ok" and before != "starting" else ""
        named = f" ({self.stanza.identity})" if state == "ok" and self.stanza.identity else ""
        self._sparing.say("state", level, f"{state}{again}{named}{': ' + detail if detail else ''}", changed or [""])

    def report(self, seconds: float) -> Point:
        """Make the instrument's own point; ``seconds`` is how long the cycle took."""
        tags = {"instrument": self.stanza.name, "driver": self.stanza.driver.name, **self.stanza.tags}
        fields = {
            "up": int(self._up),
            "read_seconds": seconds,
            "errors": self.errors,
            "reconnects": self.reconnects,
            "overruns": self.overruns,
            "dropped": self.lost,
            "discarded": self.discarded,
            "readings": self.readings,
            "state": self.state,
            **({"spikes": self.spikes} if self._filters else {}),
        }
        return Point("instrument", tags, fields, time.time_ns())


def _trace(error: BaseException) -> str:
    return " | ".join(line.strip() for line in traceback.format_exception(error)).replace("\n", " | ")
