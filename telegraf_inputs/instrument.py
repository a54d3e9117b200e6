"""One instrument, kept alive: connects, reads, calibrates, reports its own state, and comes back by itself after any fault."""

from __future__ import annotations

import time

from . import connection
from .errors import BadInput, InstrumentError, NoAnswer, OutOfStep, Stopped, WrongDevice
from .point import Point

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds between attempts to connect, doubling
IDENTIFY_ATTEMPTS = 3  # the first contact after power-up often fails (Lake Shore 240)


class Instrument:
    """Reads an instrument cycle by cycle; ``sample()`` never raises for what an instrument does, and never invents a value.

    Counters are cumulative since the start of the program: ``errors`` (failed cycles and failed channels), ``reconnects``,
    ``readings`` (values of declared quantities). ``overruns`` and ``dropped`` are kept by the caller.
    """

    def __init__(self, stanza, stop: connection.Stop, log):
        self.stanza, self.stop, self.log = stanza, stop, log
        self.url = stanza.connection
        self.simulator = None
        if self.url.scheme == "sim":
            from .simulators import start

            self.simulator = start(stanza)
            self.url = connection.Url(self.simulator.url)
        self.state, self.detail = "starting", ""
        self.errors = self.reconnects = self.overruns = self.dropped = self.readings = 0
        self.driver = None
        self._connections = 0
        self._wait, self._next_attempt = 0.0, 0.0
        self._faulty: dict[str, str] = {}  # channel -> its status, as last told

    def sample(self) -> list[Point]:
        """Run one cycle; returns the points of the channels and, last, the instrument's own. Raises Stopped only."""
        began = time.monotonic()
        readings = []
        try:
            if self.driver is None and not self._connect():
                return [self._status(time.monotonic() - began, up=0)]
            readings = list(self.driver.read())
            self.driver.verify()
        except Stopped:
            raise
        except InstrumentError as error:
            readings = []
            self._failed(error)
        except Exception as error:  # a fault in a driver must not end the program: Telegraf would see a lab go dark
            readings = []
            self.log("D", _trace(error))
            self._failed(InstrumentError(f"fault in driver {self.stanza.driver.name!r}: {type(error).__name__}: {error}"))
        points = [point for reading in readings for point in self._points(reading)]
        if self.driver is not None:
            faulty = {r.channel: r.status for r in readings if r.status != "ok"}
            self._tell(faulty, {r.channel for r in readings})
            self._enter("degraded" if self._faulty else "ok", ", ".join(f"{c}: {s}" for c, s in self._faulty.items()))
        points.append(self._status(time.monotonic() - began, up=int(self.driver is not None)))
        return points

    def close(self) -> None:
        """Let go of the instrument, and of its simulator."""
        self._disconnect()
        if self.simulator is not None:
            self.simulator.stop()

    def _connect(self) -> bool:
        if time.monotonic() < self._next_attempt:
            return False
        stanza = self.stanza
        try:
            link = stanza.driver.open_link(self.url, stanza, self.stop)
        except InstrumentError as error:
            self._failed(error)
            return False
        driver = stanza.driver(stanza, link)
        try:
            for attempt in range(IDENTIFY_ATTEMPTS):
                try:
                    identity = driver.identify()
                    break
                except (WrongDevice, NoAnswer, OutOfStep, InstrumentError) as error:
                    if attempt == IDENTIFY_ATTEMPTS - 1 or error.state == "disconnected":
                        raise
                    link.discard(quiet=0.05)
            if stanza.identity and identity != stanza.identity:
                self.log("W", f"another instrument answers now: {identity!r}, before it was {stanza.identity!r}")
            stanza.identity = identity
            driver.connected()
        except BaseException as error:
            link.close()
            if not isinstance(error, InstrumentError):
                raise
            self._failed(error)
            return False
        self.driver, self._wait = driver, 0.0
        self.reconnects += bool(self._connections)
        self._connections += 1
        return True

    def _failed(self, error: InstrumentError) -> None:
        """Note a failed cycle and let the connection go: opening anew is the one cure that helps every kind of fault."""
        self.errors += 1
        self._disconnect()
        self._next_attempt = time.monotonic() + self._wait
        self._wait = min(max(FIRST_WAIT, 2 * self._wait), LONGEST_WAIT)
        self._faulty = {}
        self._enter(error.state, str(error))

    def _disconnect(self) -> None:
        if self.driver is not None:
            self.driver.link.close()
            self.driver = None

    def _enter(self, state: str, detail: str) -> None:
        """Log a change of state, once."""
        if state == self.state:
            return
        level = "I" if state == "ok" else "W" if state == "degraded" else "E"
        again = " again" if state == "ok" and self.state != "starting" else ""
        named = f" ({self.stanza.identity})" if state == "ok" and self.stanza.identity else ""
        self.state, self.detail = state, detail
        self.log(level, f"{state}{again}{named}{': ' + detail if detail else ''}")

    def _tell(self, faulty: dict, read: set) -> None:
        """Keep the channels' faults, and log those that came or went while the state stays degraded."""
        now = {c: s for c, s in self._faulty.items() if c not in read} | faulty
        self.errors += len(faulty)
        if self.state == "degraded" and now and now != self._faulty:
            self.log("W", "degraded: " + ", ".join(f"{c}: {s}" for c, s in now.items()))
        self._faulty = now

    def _points(self, reading):
        stanza = self.stanza
        channel = next((c for c in stanza.channels if c.id == reading.channel), None)
        if channel is None:
            return  # the stanza does not ask for this one
        fields, status = {}, reading.status
        for name, value in reading.values.items():
            quantity = channel.quantities.get(name)
            if value is None or quantity is None:
                continue
            if quantity.type == "float":
                value = float(value)
            calibration = channel.calibration
            raw_name = name
            if calibration is not None and calibration.of == name:
                calibrated = calibration(value)
                if calibrated is None:
                    status = "uncalibrated" if status == "ok" else status
                else:
                    fields[calibration.to] = calibrated
                if calibration.to == name:
                    raw_name = f"{name}_raw"
                    quantity = channel.quantities[raw_name]
            if not _possible(value, quantity):
                fields.pop(calibration.to, None) if calibration is not None and calibration.of == name else None
                status = "out_of_range" if status == "ok" else status
                continue
            fields[raw_name] = value
        reading.status = status
        self.readings += len(fields)
        fields["status"] = status
        yield Point(stanza.driver.name, {"instrument": stanza.name, "channel": channel.id, **stanza.tags}, fields, reading.time_ns)

    def _status(self, seconds: float, up: int) -> Point:
        return Point("instrument", {"instrument": self.stanza.name, "driver": self.stanza.driver.name, **self.stanza.tags},
                     {"up": up, "read_seconds": seconds, "errors": self.errors, "reconnects": self.reconnects, "overruns": self.overruns,
                      "dropped": self.dropped, "readings": self.readings, "state": self.state}, time.time_ns())


def _possible(value, quantity) -> bool:
    """Tell whether a value lies in the range that the instrument can deliver (NaN does not)."""
    if quantity.type in ("bool", "str"):
        return True
    return value == value and (quantity.low is None or value >= quantity.low) and (quantity.high is None or value <= quantity.high)


def _trace(error: BaseException) -> str:
    import traceback

    return " | ".join(line.strip() for line in traceback.format_exception(error)).replace("\n", " | ")
