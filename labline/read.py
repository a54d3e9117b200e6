"""Read one instrument by hand.

Connects as its program would, reads it a number of times, and shows what it says; nothing is stored. A port that a
running lab uses can't be read beside it."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from typing import TYPE_CHECKING, Any

from . import arguments as shared
from .stack.progress import say

if TYPE_CHECKING:
    from telegraf_inputs.instrument import Instrument
    from telegraf_inputs.stanza import Stanza

EXAMPLES = """\
  labline read cryostat                       one instrument of the demo lab
  labline read gauge my-lab.yml --count 10    ten times, at its own interval
  labline read gauge my-lab.yml --lines       what Telegraf would get
  labline read gauge my-lab.yml --simulate    its simulator instead of the hardware
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
    parser.add_argument("--simulate", action="store_true", help="read the driver's simulator, not the hardware")


def run(arguments: argparse.Namespace) -> int:
    """Read it; 0 where every cycle went well, 1 where not."""
    from provisioning import site as sites
    from telegraf_inputs.errors import BadInput, suggestion
    from telegraf_inputs.instrument import Instrument
    from telegraf_inputs.stop import Stop
    from telegraf_inputs.url import Url

    site = sites.load(sites.find(arguments.site))
    stanza = next((i.stanza for i in site.instruments if i.name == arguments.instrument), None)
    if stanza is None:
        known = [i.name for i in site.instruments]
        raise BadInput(
            f"there is no instrument {arguments.instrument!r} in {site.file}; {suggestion(arguments.instrument, known)}"
        )
    if arguments.simulate and not stanza.simulated:
        stanza.connection = Url("sim:")
    if "libusb-1.0" in stanza.libraries:
        shared.find_libusb()
    stop = Stop()
    instrument = Instrument(stanza, stop, lambda *_: None)
    good = 0
    try:
        if not arguments.lines:
            kind = " (simulated)" if stanza.simulated else ""
            print(f"{stanza.name}: {stanza.driver.title}{kind}, at {instrument.url}")
        began, said = time.monotonic(), ""
        for cycle in itertools.count(1):
            points = instrument.sample()
            good += instrument.state == "ok"
            if stanza.identity != said and not arguments.lines:
                said = stanza.identity
                print(f"  it says it is {said}")
            _print(stanza, instrument, points, arguments.lines)
            up, seconds = points[-1].values["up"], time.monotonic() - began
            if cycle == arguments.count:
                break
            if arguments.count is None and (instrument.readings or not up or seconds > LONGEST_SCAN):
                break
            if up and cycle == 1 and not instrument.readings:
                say("  nothing new yet: a scanner that is elsewhere, or settling")
            stop.wait(cycle * stanza.interval - seconds)
    finally:
        instrument.close()
    return 0 if good == cycle and instrument.readings else 1


def _print(stanza: Stanza, instrument: Instrument, points: list[Any], as_lines: bool) -> None:
    """Print one cycle; what went wrong goes to stderr."""
    from .live.advice import explained

    if as_lines:
        sys.stdout.write("".join(point.line() for point in points))
    else:
        _print_table(stanza, points)
    sys.stdout.flush()
    if instrument.state not in ("ok", "degraded", "clock"):
        print(explained(stanza.name, instrument.state, instrument.detail), file=sys.stderr)


def _print_table(stanza: Stanza, points: list[Any]) -> None:
    from .live.numbers import shown

    channels = {c.id: c for c in stanza.channels}
    called = {c.id: c.id if c.label == c.id else f"{c.id} ({c.label})" for c in stanza.channels}
    second = max(len(name) for c in stanza.channels for name in c.quantities)
    first = min(max(map(len, called.values())), LINE - second)
    for point in points[:-1]:
        channel = channels[point.tags["channel"]]
        when = (
            time.strftime("%H:%M:%S", time.localtime(point.timestamp / 1e9)) + f".{point.timestamp // 10**6 % 1000:03}"
        )
        named = called[channel.id]
        named = named if len(named) <= first else f"{named[: first - 1]}…"
        values = {name: value for name, value in point.values.items() if name != "status"}
        if not values:
            print(f"  {when}  {named:{first}} {'–':>{second + 11}}       {point.values['status'].replace('_', ' ')}")
        for name, value in values.items():
            number, unit = shown(value, channel.quantities[name])
            print(
                f"  {when}  {named:{first}} {name:{second}} {number:>10} {unit:4}  {point.values['status'].replace('_', ' ')}"
            )
