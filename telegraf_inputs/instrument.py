"""One instrument, kept alive: connects, reads, calibrates, reports its state, comes back by itself after any fault."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import opening, plugins
from .channel_book import ChannelBook
from .clock import Clock
from .configured import Channel, Stanza
from .errors import BadInput, InstrumentError, NoAnswer, Stopped
from .inbox import Inbox
from .instrument_state import InstrumentState
from .line import Line, Tap
from .made import Made
from .point import Point
from .point_maker import PointMaker
from .reading import Reading
from .source import Polled, Pushed
from .sparing import Sparing
from .stop import Stop
from .url import Url

FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0  # seconds between attempts to connect, doubling
NO_CHANNEL = "what it said"  # in the place of a channel, where it is not known of which it is
MOST_UNKNOWN = 1000  # channels that are told to be unknown to the stanza
MOST_NOTES = 100  # that are told of one instrument
HUNG_SECONDS = 5.0  # and three timeouts: a read that is not back by then is told to hang


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
        self.well = False  # the last cycle was read whole
        self.errors = self.reconnects = self.overruns = self.dropped = 0
        self._thrown_away = 0
        self.inbox = inbox or Inbox()
        self.source: Polled | Pushed | None = None
        self._clock = Clock()
        self._maker = PointMaker(stanza, self._clock)
        self._filters = any(channel.filter for channel in stanza.declared)
        self._book = ChannelBook(stanza)
        self._connections = 0
        self._left: list[Point] = []  # what was made of a cycle that the end interrupted
        self._failing = False  # the last look at it failed
        self._away = False  # a source that comes back by itself has not yet
        self._wait, self._next_attempt = 0.0, 0.0
        self._unknown: set[str] = set()  # what was told to have no place
        self._noted: set[str] = set()  # what was told of it once
        self._sparing = Sparing(log)
        self._state = InstrumentState(self._sparing)
        self._unheard = False  # it was opened anew because it was silent or garbled, and nothing has come since
        self._began: float | None = None  # of the cycle that runs, in monotonic seconds
        self._beat = 0.0  # when it last got on
        self._sampling = 0  # the thread that does
        self._hangs = False

    @property
    def state(self) -> str:
        """Tell how it is, in a word."""
        return self._state.state

    @property
    def detail(self) -> str:
        """Tell what there is to say of its state."""
        return self._state.detail

    @property
    def channels(self) -> list[Channel]:
        """List its channels: those of the stanza, and those that were found in the data."""
        return self._book.channels

    @property
    def made(self) -> dict[str, Made]:
        """Tell what was made of each channel."""
        return self._book.made

    @property
    def readings(self) -> int:
        """Tell how many readings were made."""
        return sum(made.readings for made in self.made.values())

    @property
    def spikes(self) -> int:
        """Tell how many readings were taken for spikes; they are made, too."""
        return self._maker.spikes

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
        self.well = self._state.well
        self._state.reported()
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
            self._state.enter("hung", f"a read does not come back for {quiet:.0f} s")
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
            channel = self._book.channel_of(reading)
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
            name = self._book.called(channel)
            self._state.note_clock(name, self._clock.oddity(reading.time_ns) if "clock" in point.values else "")
            self.made[name].add(point.readings, point.timestamp)
            yield point

    def _note(self, reading: Reading, of: Channel | None = None) -> None:
        self.errors += reading.status != "ok"
        name = self._book.called(of) if of else NO_CHANNEL
        self._state.note(name, reading.status, reading.detail, lasts=of is not None)

    def _no_place(self, channel: str) -> None:
        if channel not in self._unknown and len(self._unknown) < MOST_UNKNOWN:
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
        stanza.identity = self._state.identity = identity
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

    def _judge(self) -> None:
        """Tell how it is after a cycle that was read."""
        self.reconnects += self._away
        self._away = False
        self._state.judge(self._clock.doubt)

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
            self._away = self._away or self._state.up
        else:
            kind = self.stanza.driver
            self._unheard = issubclass(kind, Pushed) and not kind.rests and error.state in ("silent", "garbled")
            self._disconnect()
            self._next_attempt = time.monotonic() + self._wait
            self._wait = min(max(FIRST_WAIT, 2 * self._wait), LONGEST_WAIT)
        self._state.fail(error.state, str(error))
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

    def report(self, seconds: float) -> Point:
        """Make the instrument's own point; ``seconds`` is how long the cycle took."""
        tags = {"instrument": self.stanza.name, "driver": self.stanza.driver.name, **self.stanza.tags}
        fields = {
            "up": int(self._state.up),
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
