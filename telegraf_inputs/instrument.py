"""One instrument, kept alive: connects, reads, calibrates, reports its state, comes back by itself after any fault."""

from __future__ import annotations

import re
import time

from . import connection
from .driver import PINNED
from .errors import BadInput, InstrumentError, Stopped, WrongDevice
from .point import BadPoint, Point

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .driver import Driver, Reading
    from .stanza import Channel, Stanza

FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0  # seconds between attempts to connect, doubling
IDENTIFY_ATTEMPTS = 3  # the first contact after power-up often fails (Lake Shore 240)


class Instrument:
    """Reads an instrument cycle by cycle; ``sample()`` never raises for what an instrument does, and invents no value.

    Counters are cumulative since the start of the program: ``errors`` (failed cycles and failed channels),
    ``reconnects``, ``made`` (readings, which are values of declared quantities, by channel). ``overruns`` and
    ``dropped`` are kept by the caller.
    """

    def __init__(self, stanza: Stanza, stop: connection.Stop, log: Callable[[str, str], None]):
        self.stanza, self.stop, self.log = stanza, stop, log
        self.url = stanza.connection
        self.simulator: Any = None
        if self.url.scheme == "sim":
            from .simulators import start

            self.simulator = start(stanza)
            self.url = connection.Url(self.simulator.url)
        self.state, self.detail = "starting", ""
        self.errors = self.reconnects = self.overruns = self.dropped = 0
        self.driver: Driver | None = None
        self._channels = {c.id: c for c in stanza.channels}
        self.made = dict.fromkeys(self._channels, 0)
        self._connections = 0
        self._wait, self._next_attempt = 0.0, 0.0
        self._faulty: dict[str, str] = {}  # channel -> its status, as last told
        self._details: dict[str, str] = {}  # channel -> what else was told of it

    @property
    def readings(self) -> int:
        """Tell how many readings were made."""
        return sum(self.made.values())

    def sample(self) -> list[Point]:
        """Run one cycle; returns the points of the channels and, last, the instrument's own. Raises Stopped only."""
        began = time.monotonic()
        points: list[Point] = []
        try:
            if self.driver is None:
                if time.monotonic() < self._next_attempt:
                    return [self._status(time.monotonic() - began)]
                self.driver = self._connect()
            # A driver may deliver channels that the stanza does not ask for.
            readings = [r for r in self.driver.read() if r.channel in self._channels]
            self.driver.verify()
            points = [self._point(reading, self._channels[reading.channel]) for reading in readings]
        except Stopped:
            raise
        except InstrumentError as error:
            self._failed(error)
        except BadInput as error:  # what is seen only on opening: a password's file, a setting the port refuses
            self._failed(InstrumentError(str(error)))
        except ImportError as error:
            extra = self.stanza.driver.extra or "all"
            self._failed(InstrumentError(f"needs the Python package {error.name}: pip install 'labline[{extra}]'"))
        except Exception as error:  # a fault in a driver must not end the program: Telegraf would see a lab go dark
            self.log("D", _trace(error))
            fault = f"fault in driver {self.stanza.driver.name!r}: {type(error).__name__}: {error}"
            self._failed(InstrumentError(fault))
        else:
            self._went_well(readings)
        for point in points:
            self.made[point.tags["channel"]] += point.readings
        return [*points, self._status(time.monotonic() - began)]

    def close(self) -> None:
        """Let go of the instrument, and of its simulator."""
        self._disconnect()
        if self.simulator is not None:
            self.simulator.stop()

    def _connect(self) -> Driver:
        """Open the way, learn who is there, prepare it. Raises InstrumentError."""
        stanza = self.stanza
        link = stanza.driver.open_link(self.url, stanza, self.stop)
        try:
            driver: Driver = stanza.driver(stanza, link)
            identity = self._identify(driver)
            wanted = stanza.options[PINNED.name] if PINNED in stanza.driver.options_known else None
            if wanted and not re.search(wanted, identity):
                raise WrongDevice(f"this is {identity!r}, expected {wanted!r} in what it says of itself (identity)")
            if stanza.identity and identity != stanza.identity:
                self.log("W", f"another instrument answers now: {identity!r}, before it was {stanza.identity!r}")
            stanza.identity = identity
            driver.connected()
        except BaseException:
            self._close(link)
            raise
        self.reconnects += bool(self._connections)
        self._connections += 1
        return driver

    def _identify(self, driver: Driver) -> str:
        for _ in range(IDENTIFY_ATTEMPTS - 1):
            try:
                return driver.identify()
            except InstrumentError as error:
                if error.state == "disconnected":
                    raise
                driver.link.discard(quiet=0.05)
        return driver.identify()

    def _went_well(self, readings: list[Reading]) -> None:
        """Note a cycle that was read; channels without news keep the status they had."""
        self._wait = 0.0
        statuses = {r.channel: r.status for r in readings}
        self._details |= {r.channel: f" ({r.detail})" if r.detail else "" for r in readings}
        faulty = {channel: status for channel, status in statuses.items() if status != "ok"}
        self.errors += len(faulty)
        before, self._faulty = self._faulty, {c: s for c, s in self._faulty.items() if c not in statuses} | faulty
        detail = ", ".join(f"{channel}: {status}{self._details[channel]}" for channel, status in self._faulty.items())
        if self.state == "degraded" and self._faulty and self._faulty != before:
            self.log("W", f"degraded: {detail}")
        self._enter("degraded" if self._faulty else "ok", detail)

    def _failed(self, error: InstrumentError) -> None:
        """Note a failed cycle and let the connection go: opening anew is the one cure that helps every fault."""
        self.errors += 1
        self._disconnect()
        self._next_attempt = time.monotonic() + self._wait
        self._wait = min(max(FIRST_WAIT, 2 * self._wait), LONGEST_WAIT)
        self._faulty = {}
        self._enter(error.state, str(error))

    def _disconnect(self) -> None:
        driver, self.driver = self.driver, None
        if driver is not None:
            self._close(driver.link)

    def _close(self, link: Any) -> None:
        try:
            link.close()
        except Exception as error:  # whatever is wrong with it, it is let go
            self.log("D", _trace(error))

    def _enter(self, state: str, detail: str) -> None:
        """Note the state; a change of it is logged, once."""
        before, self.state, self.detail = self.state, state, detail
        if state == before:
            return
        level = "I" if state == "ok" else "W" if state == "degraded" else "E"
        again = " again" if state == "ok" and before != "starting" else ""
        named = f" ({self.stanza.identity})" if state == "ok" and self.stanza.identity else ""
        self.log(level, f"{state}{again}{named}{': ' + detail if detail else ''}")

    def _point(self, reading: Reading, channel: Channel) -> Point:
        """Make a reading's point, with its calibrated value beside the raw one, and its status."""
        fields: dict[str, Any] = {}
        calibration = channel.calibration
        for name, value in reading.values.items():
            if value is None or name not in channel.quantities:
                continue
            made = calibration if calibration is not None and calibration.of == name else None
            stored_as = f"{name}_raw" if made is not None and made.to == name else name
            quantity = channel.quantities[stored_as]
            value = quantity.field(value)
            trouble = "" if quantity.possible(value) else "out_of_range"
            if not trouble:
                fields[stored_as] = value
                if made is not None and (meant := made(float(value))) is not None:
                    fields[made.to] = meant
                elif made is not None:
                    trouble = "uncalibrated"
            if trouble and reading.status == "ok":
                reading.status = trouble
        measurement = self.stanza.driver.name
        tags = {"instrument": self.stanza.name, "channel": channel.id, **self.stanza.tags}
        try:
            return Point(measurement, tags, fields | {"status": reading.status}, reading.time_ns, len(fields))
        except BadPoint as error:  # an answer with a line break in a text, a number beyond 64 bits
            self.log("D", str(error))
            reading.status = "bad_answer"
            return Point(measurement, tags, {"status": reading.status}, time.time_ns())

    def _status(self, seconds: float) -> Point:
        """Make the instrument's own point; ``seconds`` is how long the cycle took."""
        tags = {"instrument": self.stanza.name, "driver": self.stanza.driver.name, **self.stanza.tags}
        fields = {
            "up": int(self.driver is not None),
            "read_seconds": seconds,
            "errors": self.errors,
            "reconnects": self.reconnects,
            "overruns": self.overruns,
            "dropped": self.dropped,
            "readings": self.readings,
            "state": self.state,
        }
        return Point("instrument", tags, fields, time.time_ns())


def _trace(error: BaseException) -> str:
    import traceback

    return " | ".join(line.strip() for line in traceback.format_exception(error)).replace("\n", " | ")
