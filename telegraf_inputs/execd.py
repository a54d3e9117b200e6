"""The contract with Telegraf's inputs.execd, once, for every program.

A program samples on absolute deadlines aligned to the wall clock (or on Telegraf's newlines, ``trigger: stdin``), and hands each
batch to a writer with a bounded queue, so that a reader that stalls never stalls sampling. It ends promptly on the end of stdin,
SIGTERM and SIGINT, with the last batch written. Log lines go to stderr with Telegraf's level prefixes, on a change of state.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections import deque

from .connection import Stop
from .errors import BadInput, Stopped

QUEUE_LINES = 10000  # as Telegraf's own metric_buffer_limit
LAST_WRITE_SECONDS = 2.0  # how long a stalled reader is waited for at the end; Telegraf sends SIGTERM after 5 s
LINGER_SECONDS = 0.05  # Telegraf closes the pipe when the process ends, and what is still in it can vanish
CLOCK_STEP_NS = 20_000_000
USAGE = """usage: python -m {module} --config FILE [--once | --count N]

Reads a {title} and prints Influx line protocol; made to be run by Telegraf's inputs.execd.

  --config FILE   the instrument's stanza, in YAML with the keys it has in the site file
  --once          run one cycle, print it, and end: status 0 if all was read, 1 if not
  --count N       run N cycles by hand, to check for errors; the status tells
  --help          this text
"""


class Ticks:
    """Deadlines at whole multiples of the interval on the wall clock, kept on the monotonic clock so that they don't drift."""

    def __init__(self, interval: float, wall_ns=time.time_ns, monotonic_ns=time.monotonic_ns):
        self.interval_ns = max(1, round(interval * 1e9))
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        self._offset = wall_ns() - monotonic_ns()
        self._next = 0
        self._align()

    def _align(self) -> None:
        now = self._monotonic_ns()
        self._next = now + self.interval_ns - (now + self._offset) % self.interval_ns

    def wait(self, stop: Stop) -> int:
        """Wait for the next deadline; returns how many were missed before it. They are counted, not made up for.

        A deadline that passed less than one interval ago is kept, late; those before it are missed.
        """
        now = self._monotonic_ns()
        offset = self._wall_ns() - now
        if abs(offset - self._offset) > CLOCK_STEP_NS:  # the wall clock was set: align to it anew
            self._offset = offset
            self._align()
        missed = max(0, (now - self._next) // self.interval_ns)
        self._next += missed * self.interval_ns
        stop.wait((self._next - self._monotonic_ns()) / 1e9)
        self._next += self.interval_ns
        return missed


class Writer:
    """Writes batches to a file descriptor from a thread of its own; when the reader stalls, the oldest wait is given up, and counted."""

    def __init__(self, fd: int, on_closed, limit: int = QUEUE_LINES):
        self._fd, self._on_closed, self._limit = fd, on_closed, limit
        self._queue: deque = deque()
        self._lines = 0
        self._busy = False
        self._changed = threading.Condition()
        self.dropped_lines = self.dropped_readings = 0
        self.closed = False
        threading.Thread(target=self._run, daemon=True, name="writer").start()

    def put(self, lines: list[str], readings: int) -> None:
        """Queue one batch; it is written whole, in one piece. Never blocks."""
        with self._changed:
            self._queue.append(("".join(lines).encode(), len(lines), readings))
            self._lines += len(lines)
            while self._lines > self._limit and len(self._queue) > 1:
                _, old, lost = self._queue.popleft()
                self._lines -= old
                self.dropped_lines += old
                self.dropped_readings += lost
            self._changed.notify_all()

    def finish(self, seconds: float) -> bool:
        """Wait until all is written, for at most ``seconds``; what remains is counted as dropped. Tells whether all was written."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or not (self._queue or self._busy), seconds)
            while self._queue:
                _, old, lost = self._queue.popleft()
                self.dropped_lines += old
                self.dropped_readings += lost
            return not self._busy and not self.closed

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                data, lines, readings = self._queue.popleft()
                self._lines -= lines
                self._busy = True
            try:
                while data:
                    data = data[os.write(self._fd, data):]
            except OSError:
                with self._changed:
                    self.closed, self._busy = True, False
                    self.dropped_lines += lines
                    self.dropped_readings += readings
                    self._changed.notify_all()
                self._on_closed()  # nobody reads any more
                return
            with self._changed:
                self._busy = False
                self._changed.notify_all()


class Stdin:
    """Watches stdin: its end stops the program; in between, newlines (many count as one) set off a cycle."""

    def __init__(self, stop: Stop, fd: int = 0):
        self._stop, self._fd = stop, fd
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        threading.Thread(target=self._run, daemon=True, name="stdin").start()

    def fileno(self) -> int:
        return self._read

    def take(self) -> None:
        """Wait for a newline, or the request to stop; newlines that queued up meanwhile are taken with it."""
        select.select([self._read, self._stop], [], [])
        if not self._stop.is_set:
            os.read(self._read, 65536)

    def _run(self) -> None:
        try:
            while data := os.read(self._fd, 65536):
                if b"\n" in data:
                    try:
                        os.write(self._write, b"\n")
                    except BlockingIOError:
                        pass
        except OSError:
            pass
        self._stop.set()


class Ledger:
    """Keeps count of what a process made and dropped in a small file of its own, for whoever started it (LABLINE_LEDGER, a folder).

    It is up to date after every cycle, so that even a process that is killed has its readings counted.
    """

    def __init__(self, folder: str, instrument: str):
        self._fd = os.open(os.path.join(folder, f"{instrument}.{os.getpid()}.{time.time_ns()}"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def note(self, made: int, dropped: int, overruns: int, errors: int) -> None:
        os.pwrite(self._fd, b"%-20d %-20d %-20d %-20d\n" % (made, dropped, overruns, errors), 0)


def log(level: str, text: str) -> None:
    """Write one line to stderr with the prefix that Telegraf takes for a level: E, W, I, D."""
    text = " ".join(text.split())[:2000]  # Telegraf gives up on stderr at a line over 64 KiB
    try:
        os.write(2, f"{level}! {text}\n".encode("utf-8", "replace"))
    except OSError:
        pass


def main(driver, argv: list[str] | None = None) -> int:
    """Run a driver as a program; returns its exit status: 0, 1 (a cycle by hand failed), 2 (wrong use)."""
    from . import stanza as stanzas

    argv = sys.argv[1:] if argv is None else argv
    arguments = {"--config": None, "--count": None}
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word in ("--help", "-h"):
            print(USAGE.format(module=f"telegraf_inputs.drivers.{driver.name}", title=driver.title), end="")
            return 0
        if word == "--once":
            arguments["--count"] = "1"
        elif name in arguments:
            arguments[name] = value if equals else next(words, None)
        else:
            log("E", f"unknown argument {word!r}; try --help")
            return 2
    if not arguments["--config"]:
        log("E", "--config FILE is missing; try --help")
        return 2
    count = arguments["--count"]
    if count is not None and not (count.isdigit() and int(count)):
        log("E", f"--count {count!r} is no number of cycles (1 or more)")
        return 2
    try:
        stanza = stanzas.load(arguments["--config"])
        if stanza.driver.name != driver.name:
            raise BadInput(f"found {stanza.driver.name!r}, but this program is {driver.name!r}", ("driver",), arguments["--config"])
        return run(stanza, int(count) if count else None)
    except BadInput as error:
        error.file = error.file or arguments["--config"]
        log("E", str(error))
        return 2


def run(stanza, count: int | None = None, out: int = 1) -> int:
    """Sample an instrument until asked to stop, or ``count`` times. By hand (with a count) stdin is left alone."""
    import signal

    from .instrument import Instrument

    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    writer = Writer(out, on_closed=stop.set)
    stdin = Stdin(stop) if count is None else None
    instrument = Instrument(stanza, stop, lambda level, text: log(level, f"[{stanza.name}] {text}"))
    ledger = Ledger(folder, stanza.name) if (folder := os.environ.get("LABLINE_LEDGER")) else None
    paced = stanza.trigger == "self" or count is not None
    ticks = None
    cycles = good = 0
    told_drops = 0
    try:
        if not paced:
            stdin.take()
        while not stop.is_set:
            before = instrument.readings
            instrument.dropped = writer.dropped_readings
            points = instrument.sample()
            writer.put([point.line() for point in points], instrument.readings - before)
            cycles += 1
            good += instrument.state == "ok"
            if writer.dropped_readings and not told_drops:
                log("W", f"[{stanza.name}] Telegraf does not take what is printed; the oldest readings are dropped and counted")
            told_drops = writer.dropped_readings
            if ledger:
                ledger.note(instrument.readings, writer.dropped_readings, instrument.overruns, instrument.errors)
            if cycles == count:
                break
            if paced:
                ticks = ticks or Ticks(stanza.interval)  # the first cycle, which connects, comes at once
                instrument.overruns += ticks.wait(stop)
            else:
                stdin.take()
    except Stopped:
        pass
    finally:
        instrument.close()
    written = writer.finish(LAST_WRITE_SECONDS)
    if ledger:
        ledger.note(instrument.readings, writer.dropped_readings, instrument.overruns, instrument.errors)
    if count is None:
        log("I", f"[{stanza.name}] stopped after {cycles} cycles: {instrument.readings} readings, {writer.dropped_readings} dropped")
        time.sleep(LINGER_SECONDS)
    if not written:
        os._exit(0 if count is None else 1)  # the writer still holds a pipe that nobody reads
    return 0 if count is None or good == cycles else 1
