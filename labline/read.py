"""Read one instrument by hand.

Connects as its program would, reads it a number of times, and shows what it says; nothing is stored. A port that a
running lab uses can't be read beside it."""

from __future__ import annotations

import argparse
import itertools
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from . import arguments as shared
from .stack import streams
from .stack.progress import say
from .words import counted

if TYPE_CHECKING:
    from telegraf_inputs.instrument import Instrument
    from telegraf_inputs.line import Tap
    from telegraf_inputs.point import Point
    from telegraf_inputs.stanza import Stanza

    from .recording import Recorder

EXAMPLES = """\
  labline read cryostat                       one instrument of the demo lab
  labline read gauge my-lab.yml --count 10    ten times, at its own interval
  labline read gauge my-lab.yml --lines       what Telegraf would get
  labline read gauge my-lab.yml --simulate    its simulator instead of the hardware
  labline read gauge my-lab.yml --trace       and what is sent and received
  labline read gauge my-lab.yml --record too_warm --count 3
                                              keep the dialogue as a case for tests
"""
LINE = 43  # characters of a screen's 80 that are left for a channel and its quantity, beside `ok`
LONGEST_SCAN = 60.0  # seconds; what a scanner may need to come round


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    action = parser.add_argument("instrument", metavar="INSTRUMENT", help="the instrument's name in the site file")
    action.completer = shared.complete_instrument  # type: ignore[attr-defined]
    shared.add_site(parser)
    parser.add_argument(
        "--count", metavar="N", type=shared.positive, help="how many times (default: until it brought something)"
    )
    parser.add_argument("--lines", action="store_true", help="print line protocol")
    parser.add_argument("--trace", action="store_true", help="tell what is sent and received, with times")
    parser.add_argument(
        "--record", metavar="FOLDER", type=Path, help="keep what is said, and what comes of it, as a case for tests"
    )
    parser.add_argument("--simulate", action="store_true", help="read the driver's simulator, not the hardware")
    shared.add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read it; 0 where every cycle went well, 1 where not."""
    from provisioning import native_config
    from provisioning import site as sites
    from telegraf_inputs import clock, memory
    from telegraf_inputs.errors import BadInput, suggestion
    from telegraf_inputs.instrument import Instrument
    from telegraf_inputs.stop import Stop
    from telegraf_inputs.url import Url

    from .places import Places
    from .recording import Recorder

    site = sites.load(sites.find(arguments.site))
    entry = next((i for i in site.instruments if i.name == arguments.instrument), None)
    if entry is None:
        known = [i.name for i in site.instruments]
        raise BadInput(
            f"there is no instrument {arguments.instrument!r} in {site.file}; {suggestion(arguments.instrument, known)}"
        )
    stanza = entry.stanza
    if native_config.computes(stanza):
        several = ", ".join(sorted({each.instrument for each in stanza.computation.inputs.values()} - {stanza.name}))
        raise BadInput(f"{stanza.name!r} is computed, while the lab runs, of what is read of {several}: read that")
    if native_config.is_native(stanza):
        if arguments.trace or arguments.record:
            raise BadInput(f"Telegraf itself reads {stanza.name!r}: what is said can't be traced or recorded from here")
        return _read_native(stanza, Places(arguments.state, site).secrets, arguments)
    if arguments.simulate and not stanza.simulated:
        stanza.connection = Url("sim:")
    shared.find_libraries(stanza.libraries)
    os.environ[memory.VARIABLE] = ""  # that of a lab which runs is left alone
    recorder = Recorder(arguments.record, entry) if arguments.record else None
    if recorder:
        os.environ[clock.VARIABLE] = "unchecked"  # a case is about the instrument
    instrument = Instrument(
        stanza,
        Stop(),
        lambda *_: None,
        _both(_trace if arguments.trace else None, recorder.tap if recorder else None),
        recorder.inbox if recorder else None,
    )
    try:
        if recorder is None:
            return _read(instrument, None, arguments.count, arguments.lines)
        recorder.check(instrument.url)
        try:
            return _read(instrument, recorder, arguments.count, arguments.lines)
        finally:  # also where somebody has seen enough: Ctrl-C
            cycles = recorder.write(instrument.url)
            say(f"{arguments.record}: a case of {counted('cycle', cycles)}")
    finally:
        instrument.close()


def _read(instrument: Instrument, recorder: Recorder | None, count: int | None, as_lines: bool) -> int:
    """Read it ``count`` times, or until it brought something; returns the exit status."""
    stanza = instrument.stanza
    if not as_lines:
        kind = " (simulated)" if stanza.simulated else ""
        print(f"{stanza.name}: {stanza.driver.title}{kind}, at {instrument.url}")
    began, said, good = time.monotonic(), "", 0
    for cycle in itertools.count(1):
        if recorder:
            recorder.begin()
        points = instrument.sample()
        good += instrument.state == "ok"
        if stanza.identity != said and not as_lines:
            said = stanza.identity
            print(f"  it says it is {said}")
        _print(instrument, points, as_lines)
        up, seconds = points[-1].values["up"], time.monotonic() - began
        if recorder and not recorder.end(instrument, points):
            say("  nothing is said any more; the recording ends here")
            break
        if cycle == count:
            break
        if count is None and (instrument.readings or not up or seconds > LONGEST_SCAN):
            _print_rest(instrument, as_lines)
            break
        if up and cycle == 1 and not instrument.readings:
            say(f"  nothing new yet: {_why_not_yet(stanza)}")
        for points in _meanwhile(instrument, cycle * stanza.interval - seconds, bool(recorder)):
            _print(instrument, points, as_lines)
            if count is None and instrument.readings:
                _print_rest(instrument, as_lines)
                return 0 if good == cycle else 1
    return 0 if good == cycle and instrument.readings else 1


def _print_rest(instrument: Instrument, as_lines: bool) -> None:
    """Print what comes with the first word of a source that speaks by itself."""
    from telegraf_inputs.sampler import TOGETHER
    from telegraf_inputs.source import Pushed

    if isinstance(instrument.source, Pushed) and instrument.readings:
        for points in _meanwhile(instrument, min(instrument.stanza.interval, TOGETHER), False):
            _print(instrument, points, as_lines)


def _why_not_yet(stanza: Stanza) -> str:
    from telegraf_inputs.source import Pushed

    if issubclass(stanza.driver, Pushed):
        return "it speaks by itself, when it has something to say"
    return "a scanner that is elsewhere, or settling"


def _meanwhile(instrument: Instrument, seconds: float, withheld: bool) -> Iterator[list[Point]]:
    """Wait for the next cycle, and yield what a source says by itself until then, as it comes."""
    deadline, inbox = time.monotonic() + seconds, instrument.inbox
    while not withheld and (rest := deadline - time.monotonic()) > 0:
        if select.select([inbox], [], [], rest)[0]:
            yield instrument.collect()
    instrument.stop.wait(deadline - time.monotonic())


def _both(one: Tap | None, other: Tap | None) -> Tap | None:
    """Tell two what is said, or one."""
    if not (one and other):
        return one or other

    def tap(direction: str, data: bytes) -> None:
        one(direction, data)
        other(direction, data)

    return tap


def _trace(direction: str, data: bytes) -> None:
    from telegraf_inputs import trace

    print(f"  {trace.said(direction, data)}", file=sys.stderr, flush=True)


def _read_native(stanza: Stanza, secrets: Path, arguments: argparse.Namespace) -> int:
    """Read what Telegraf reads itself; each time with a Telegraf of its own."""
    from . import native_read

    kind = " (simulated)" if arguments.simulate or stanza.simulated else ""
    if not arguments.lines:
        print(f"{stanza.name}: {stanza.driver.title}{kind}, read by Telegraf itself")
    good = count = arguments.count or 1
    for _ in range(count):
        points, why = native_read.read(stanza, secrets, simulate=arguments.simulate)
        if arguments.lines:
            _lines(points)
        else:
            _print_table(stanza, points)
        sys.stdout.flush()
        if why or not points:
            print(f"{stanza.name} does not answer{f': {why}' if why else ''}", file=sys.stderr)
        good -= bool(why) or not points or any(point.values["status"] != "ok" for point in points)
    return 0 if good == count else 1


def _lines(points: list[Point]) -> None:
    """Write line protocol; for a program it stays what it is."""
    out = sys.stdout if sys.stdout.isatty() else streams.terminal(sys.stdout)
    out.write("".join(point.line() for point in points))


def _print(instrument: Instrument, points: list[Point], as_lines: bool) -> None:
    """Print one cycle; what went wrong goes to stderr."""
    from .live.advice import explained

    if as_lines:
        _lines(points)
    else:
        _print_table(instrument.stanza, points)
    sys.stdout.flush()
    if instrument.state not in ("ok", "degraded", "clock"):
        scheme = instrument.url.scheme
        print(explained(instrument.stanza.name, instrument.state, instrument.detail, scheme=scheme), file=sys.stderr)
    elif instrument.state != "ok":
        print(f"  {instrument.detail}", file=sys.stderr)


def _print_table(stanza: Stanza, points: list[Point]) -> None:
    from .live.numbers import shown

    # The instrument's own has no channel.
    named_in = [stanza.find(point.tags["channel"], point.measurement) for point in points if "channel" in point.tags]
    channels = [channel for channel in (*stanza.channels, *named_in) if channel is not None]
    called = {c.id: c.id if c.label == c.id else f"{c.id} ({c.label})" for c in channels}
    second = max((len(name) for c in channels for name in c.stored), default=0)
    first = min(max(map(len, called.values()), default=0), LINE - second)
    for point in points:
        if "channel" not in point.tags or not (channel := stanza.find(point.tags["channel"], point.measurement)):
            continue
        when = (
            time.strftime("%H:%M:%S", time.localtime(point.timestamp / 1e9)) + f".{point.timestamp // 10**6 % 1000:03}"
        )
        named = called[channel.id]
        named = named if len(named) <= first else f"{named[: first - 1]}…"
        values = {name: value for name, value in point.values.items() if name in channel.stored}
        if not values:
            print(f"  {when}  {named:{first}} {'–':>{second + 11}}       {point.values['status'].replace('_', ' ')}")
        for name, value in values.items():
            number, unit = shown(value, channel.stored[name])
            print(
                f"  {when}  {named:{first}} {name:{second}} {number:>10} {unit:4}  {point.values['status'].replace('_', ' ')}"
            )
