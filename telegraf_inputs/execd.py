"""The contract with Telegraf's inputs.execd, once, for every program.

A program reads one or several instruments of a driver, each in a thread of its own, on absolute deadlines aligned to
the wall clock (or on Telegraf's newlines, ``trigger: stdin``), and hands each batch to a writer with a bounded queue, so
that a reader that stalls never stalls sampling. It ends promptly on the end of stdin, SIGTERM and SIGINT, with the last
batch written. Log lines go to stderr with Telegraf's level prefixes, on a change of state.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import NoReturn

from . import memory, plugins, watchdog, yamlfile
from . import stanza as stanzas
from .configured import Stanza
from .crew import Crew
from .errors import BadInput
from .letters import visible
from .source import Source
from .stanza_folder import StanzaFolder
from .stdin import Stdin
from .stop import Stop
from .writer import Writer

LAST_WRITE_SECONDS = 2.0  # how long a stalled reader is waited for at the end; Telegraf sends SIGTERM after 5 s
LINGER_SECONDS = 0.05  # how long Telegraf has to read what is in the pipes when the process ends
WATCH_SECONDS = 0.5  # between two looks at whether a read hangs


def log(level: str, text: str) -> None:
    """Write one line to stderr with the prefix that Telegraf takes for a level: E, W, I, D."""
    line = f"{level}! {visible(' '.join(text.split()))}".encode("utf-8", "replace")[:4000] + b"\n"
    try:
        if select.select([], [2], [], 0)[1]:  # whoever reads it may have stalled, and must not stall us
            os.write(2, line)
    except OSError:
        pass


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in a line that Telegraf takes for an error."""

    def error(self, message: str) -> NoReturn:
        log("E", f"{message}; try --help")
        sys.exit(2)


def parser(driver: type[Source]) -> Parser:
    """Declare the arguments of a driver's program."""
    made = Parser(
        prog=f"python -m telegraf_inputs.drivers.{driver.name}",
        usage="%(prog)s --config FILE [--config FILE …] [--once | --count N] [--trace]",
        allow_abbrev=False,
        description=f"Reads a {driver.title} and prints Influx line protocol; made to be run by Telegraf's inputs.execd.",
    )
    made.add_argument(
        "--config",
        metavar="FILE",
        action="append",
        required=True,
        help="an instrument's stanza, in YAML with the keys it has in the site file; may be repeated. A folder: all that are "
        "there, *.yml, of this driver; they may come, change and go while it runs",
    )
    count = made.add_mutually_exclusive_group()
    count.add_argument(
        "--once",
        dest="count",
        action="store_const",
        const=1,
        help="run one cycle, print it, and end: status 0 if all was read, 1 if not",
    )
    count.add_argument("--count", metavar="N", type=_cycles, help="run N cycles by hand; the status tells")
    made.add_argument("--trace", action="store_true", help="tell on stderr what is sent and received, with times")
    return made


def _cycles(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text)):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of cycles (1 or more)")
    return int(text)


def main(driver: type[Source], argv: Sequence[str] | None = None) -> int:
    """Run a driver as a program; returns its exit status: 0, 1 (a cycle by hand failed), 2 (wrong use)."""
    _fill_descriptors()
    try:
        arguments = parser(driver).parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        plugins.check()
    except BadInput as trouble:
        log("E", str(trouble))
        return 2
    found: list[Stanza] = []
    bad: list[BadInput] = []
    folder = None
    for file in arguments.config:
        if os.path.isdir(file):
            folder = StanzaFolder(file, driver)
            there = folder.begin()
            found += there.came
            bad += there.bad
            if not there.came and not there.bad:
                bad.append(BadInput(f"has no instrument of driver {driver.name!r}", file=file))
            continue
        stanza = stanzas.load_all(file, bad, driver)
        if stanza is None:
            continue
        if any(stanza.name == other.name for other in found):  # their points would be the same ones
            bad.append(yamlfile.load(file).located(BadInput(f"{stanza.name!r} is there already", ("name",))))
        else:
            found.append(stanza)
    for error in bad:
        log("E", str(error))
    by_hand = arguments.count is not None
    # In a lab that runs, one bad file must not silence the driver's other instruments.
    if not found or (bad and by_hand):
        return 2
    if by_hand:  # what Telegraf's program remembers is left alone
        os.environ[memory.VARIABLE] = ""
    return run(found, arguments.count, trace=arguments.trace, folder=None if by_hand else folder)


def _fill_descriptors() -> None:
    """Put nothing where stdin, stdout or stderr is missing, lest a socket gets its number.

    Then stdin is at its end; what is written to stdout fails, and so is told.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if fd == 2 else os.O_RDONLY)  # takes the lowest number that is free


def run(
    found: Sequence[Stanza],
    count: int | None = None,
    out: int = 1,
    *,
    trace: bool = False,
    folder: StanzaFolder | None = None,
) -> int:
    """Sample instruments until asked to stop, or each ``count`` times; by hand (with a count) stdin is left alone.

    With a ``folder``, those that come there are read as well, and those that go are let go.
    Returns the exit status: 1 where a cycle by hand was not well, or not all was printed.
    """
    stop = Stop()
    writer = Writer(out, on_closed=stop.set)
    by_hand = count is not None
    crew = Crew(writer, log, stop, count=count, trace=trace)
    begin = [stanza for stanza in found if not crew.pauses(stanza)]
    samplers = [sampler for stanza in begin if (sampler := crew.hire(stanza)) is not None]
    if (begin and not samplers and folder is None) or (by_hand and len(samplers) < len(found)):
        crew.disband()
        return 2
    ending = _Ending(crew, writer, by_hand)
    stdin = Stdin(stop, ending.stuck, None if by_hand else 0)
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    signal.set_wakeup_fd(stop.wakeup_fd)  # a signal wakes every wait, though a library may hold the main thread
    burning = contextlib.ExitStack()
    burning.enter_context(watchdog.watching())
    try:
        crew.stdin = stdin
        for sampler in samplers:
            sampler.paced_by(stdin)
        stdin.start()
        for sampler in samplers:
            sampler.start()
        while crew.working or folder is not None:
            if stop.wait(WATCH_SECONDS):
                break
            watchdog.alive()
            if folder is not None:
                crew.change(folder.look())
            crew.watch()
        crew.dismiss()
    finally:
        stop.set()
        written = ending.finish()
        burning.close()
        signal.set_wakeup_fd(-1)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if writer.failed or crew.fault:
        return 1
    if by_hand:
        return 0 if written and all(sampler.good == count for sampler in samplers) else 1
    if written:
        writer.drain(LAST_WRITE_SECONDS)
    _let_go(out)
    return 0


class _Ending:
    """Ends a program once, though it may be asked to from two threads."""

    def __init__(self, crew: Crew, writer: Writer, by_hand: bool):
        self._crew, self._writer, self._by_hand = crew, writer, by_hand
        self._lock = threading.Lock()
        self._ended = False

    def finish(self) -> bool | None:
        """Wait for the last lines to be written; tells whether all were. None: it was done before."""
        with self._lock:
            if self._ended:
                return None
            self._ended = True
            written = self._writer.finish(LAST_WRITE_SECONDS)
            for sampler in self._crew.samplers:
                sampler.tell_the_end(silently=self._by_hand)
            return written

    def stuck(self) -> None:
        """End the process: something that can't be interrupted holds it up."""
        if self.finish() is not None:
            os._exit(int(self._by_hand))


def _let_go(out: int) -> None:
    """Let Telegraf see the end of stdout and stderr before that of the process, at which it throws away what is in them."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, out)
    os.dup2(nothing, 2)
    time.sleep(LINGER_SECONDS)
