"""The contract with Telegraf's inputs.execd, once, for every program.

A program samples on absolute deadlines aligned to the wall clock (or on Telegraf's newlines, ``trigger: stdin``), and
hands each batch to a writer with a bounded queue, so that a reader that stalls never stalls sampling. It ends promptly
on the end of stdin, SIGTERM and SIGINT, with the last batch written. Log lines go to stderr with Telegraf's level
prefixes, on a change of state.
"""

from __future__ import annotations

import os
import select
import sys
import time

from .connection import Stop
from .errors import BadInput, Stopped
from .ticks import Ticks
from .writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .driver import Driver
    from .stanza import Stanza

LAST_WRITE_SECONDS = 2.0  # how long a stalled reader is waited for at the end; Telegraf sends SIGTERM after 5 s
LINGER_SECONDS = 0.05  # how long Telegraf has to read what is in the pipes when the process ends
USAGE = """usage: python -m {module} --config FILE [--once | --count N]

Reads a {title} and prints Influx line protocol; made to be run by Telegraf's inputs.execd.

  --config FILE   the instrument's stanza, in YAML with the keys it has in the site file
  --once          run one cycle, print it, and end: status 0 if all was read, 1 if not
  --count N       run N cycles by hand, to check for errors; the status tells
  --help          this text
"""


def log(level: str, text: str) -> None:
    """Write one line to stderr with the prefix that Telegraf takes for a level: E, W, I, D."""
    line = f"{level}! {' '.join(text.split())}".encode("utf-8", "replace")[:4000] + b"\n"
    try:
        if select.select([], [2], [], 0)[1]:  # whoever reads it may have stalled, and must not stall us
            os.write(2, line)
    except OSError:
        pass


def main(driver: type[Driver], argv: list[str] | None = None) -> int:
    """Run a driver as a program; returns its exit status: 0, 1 (a cycle by hand failed), 2 (wrong use)."""
    from . import stanza as stanzas

    _fill_descriptors()
    arguments: dict[str, str | None] = {"--config": None, "--count": None}
    words = iter(sys.argv[1:] if argv is None else argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word in ("--help", "-h"):
            print(USAGE.format(module=f"telegraf_inputs.drivers.{driver.name}", title=driver.title), end="")
            return 0
        if word == "--once":
            arguments["--count"] = "1"
        elif name in arguments:
            arguments[name] = value if equals else next(words, "")
        else:
            log("E", f"unknown argument {word!r}; try --help")
            return 2
    config, count = arguments["--config"], arguments["--count"]
    if not config:
        log("E", "--config FILE is missing; try --help")
        return 2
    if count is not None and not (count.isascii() and count.isdigit() and len(count) <= 18 and int(count)):
        log("E", f"--count {count[:20]!r} is no number of cycles (1 or more)")
        return 2
    try:
        stanza = stanzas.load(config, driver)
        return run(stanza, int(count) if count else None)
    except BadInput as error:
        error.file = error.file or config
        log("E", str(error))
        return 2


def _fill_descriptors() -> None:
    """Put nothing where stdin, stdout or stderr is missing, lest a socket gets its number.

    Then stdin is at its end; what is written to stdout fails, and so is told.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if fd == 2 else os.O_RDONLY)  # takes the lowest number that is free


def run(stanza: Stanza, count: int | None = None, out: int = 1) -> int:
    """Sample an instrument until asked to stop, or ``count`` times; by hand (with a count) stdin is left alone.

    Returns the exit status: 1 where a cycle by hand was not well, or not all was printed.
    """
    import signal

    from .instrument import Instrument
    from .ledger import Ledger
    from .stdin import Stdin

    def tell(level: str, text: str) -> None:
        log(level, f"[{stanza.name}] {text}")

    def finish() -> bool | None:
        written = ledger.close(LAST_WRITE_SECONDS)
        if written is not None and not by_hand:
            readings, dropped = instrument.readings, writer.dropped_readings
            tell("I", f"stopped after {cycles} cycles: {readings} readings, {dropped} dropped")
        return written

    def stuck() -> None:
        if finish() is not None:
            os._exit(int(by_hand))

    stop = Stop()
    instrument = Instrument(stanza, stop, tell)
    writer = Writer(out, on_closed=stop.set)
    ledger = Ledger(instrument, writer, tell)
    by_hand = count is not None
    cycles = good = 0
    stdin = Stdin(stop, stuck, None if by_hand else 0)
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    signal.set_wakeup_fd(stop.wakeup_fd)  # a signal wakes every wait, though a library may hold the main thread
    paced = by_hand or stanza.trigger == "self"
    ticks = None
    try:
        if not paced:
            stdin.take()
        while not stop.is_set:
            instrument.dropped = writer.dropped_readings
            points = instrument.sample()
            ledger.note()  # before they are written: what is written was made, whenever the program is killed
            writer.put(points)
            cycles += 1
            good += instrument.state == "ok"
            if cycles == count:
                break
            if paced:
                ticks = ticks or Ticks(stanza.interval)  # the first cycle, which connects, comes at once
                instrument.overruns += ticks.wait(stop)
            else:
                instrument.overruns += stdin.take()
    except Stopped:
        pass
    finally:
        instrument.close()
        written = finish()
        signal.set_wakeup_fd(-1)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if by_hand:
        return 0 if written and good == count else 1
    if written:
        writer.drain(LAST_WRITE_SECONDS)
    _let_go(out)
    return 0


def _let_go(out: int) -> None:
    """Let Telegraf see the end of stdout and stderr before that of the process, at which it throws away what is in them."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, out)
    os.dup2(nothing, 2)
    time.sleep(LINGER_SECONDS)
