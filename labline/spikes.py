"""Tell which stored readings a filter takes for spikes.

It changes nothing. A filter marks spikes when they come. This judges what is stored, by the filter of the site file,
or by other numbers that are to be tried: so it is seen what a filter would do before it is written down."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from .arguments import add_secrets, add_site, add_state, complete_instrument, positive, span
from .words import counted

if TYPE_CHECKING:
    from provisioning.influxdb_spikes import StoredSpikes
    from telegraf_inputs.configured import Channel
    from telegraf_inputs.spikes import Filter

EXAMPLES = """\
  labline spikes 7d my-lab.yml                         by the filters in the file
  labline spikes 7d my-lab.yml --median 15 --mad 8     by others, to try them
  labline spikes 2026-11-01/2026-11-08 my-lab.yml --instrument apparatus --channel source
"""
SHOWN = 5  # of a series


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("span", metavar="SPAN", help="the last 7d, or 2026-11-01/2026-11-08 (UTC)")
    add_site(parser)
    instrument = parser.add_argument("--instrument", metavar="NAME", help="this one alone")
    instrument.completer = complete_instrument  # type: ignore[attr-defined]
    parser.add_argument("--channel", metavar="NAME", help="this channel alone; it need have no filter yet")
    parser.add_argument("--of", metavar="QUANTITY", help="of a channel without filter that has several")
    parser.add_argument("--median", metavar="N", type=positive, help="instead of that of the filter")
    parser.add_argument("--mad", metavar="TIMES", type=float, help="instead of that of the filter")
    parser.add_argument("--floor", metavar="DISTANCE", type=float, help="instead of that of the filter")
    parser.add_argument("--all", action="store_true", help=f"list all, not the first {SHOWN} of each channel")
    parser.add_argument("--url", metavar="URL", help="another InfluxDB than that of the lab")
    add_state(parser)
    add_secrets(parser, "passwords, where no `labline run` goes on")


def run(arguments: argparse.Namespace) -> int:
    """Look for them; returns the exit status."""
    from provisioning import influxdb_schema, influxdb_spikes
    from provisioning import site as sites
    from telegraf_inputs.errors import BadInput, suggestion

    from .site_database import reader

    site = sites.load(sites.find(arguments.site))
    when = span(arguments.span)
    names = [one.name for one in site.instruments]
    if arguments.instrument and arguments.instrument not in names:
        raise BadInput(f"there is no instrument {arguments.instrument!r}; {suggestion(arguments.instrument, names)}")
    chosen = {}
    for one in site.instruments:
        if arguments.instrument in (None, one.name) and (found := _filters(one.stanza.declared, arguments)):
            chosen[one.name] = one.stanza, found
    if not chosen:
        of = f" of {arguments.instrument}" if arguments.instrument else ""
        if arguments.channel:
            raise BadInput(f"{site.file}: there is no channel {arguments.channel!r}{of} with a number to look at")
        raise BadInput(f"{site.file}: no channel{of} has a filter; name one with --channel, to try what it would do")
    server = reader(site, arguments.url or "", arguments.secrets, arguments.state)
    for name, (stanza, filters) in chosen.items():
        series = influxdb_spikes.look(server, influxdb_schema.schema(site).database, stanza, filters, when)
        for each in series:
            print("\n".join(_told(name, each, everything=arguments.all)))
        if not series:
            print(f"{name}: no readings in this span")
    return 0


def _filters(channels: list[Channel], arguments: argparse.Namespace) -> dict[str, Filter]:
    """Give the filters of channels, with the numbers that are to be tried. Raises BadInput."""
    from telegraf_inputs import spikes
    from telegraf_inputs.errors import BadInput

    tried = {key: value for key in ("median", "mad", "floor") if (value := getattr(arguments, key)) is not None}
    found = {}
    for channel in channels:
        if arguments.channel not in (None, channel.id):
            continue
        by = channel.filter
        if by is None and arguments.channel and any(q.numeric for q in channel.quantities.values()):
            by = spikes.build({"of": arguments.of} if arguments.of else {}, channel.quantities, channel.calibration)
        if by is not None:
            found[channel.id] = replace(by, **tried)
    if not spikes.FEWEST <= tried.get("median", spikes.FEWEST) <= spikes.MOST:
        raise BadInput(f"found --median {tried['median']}, expected {spikes.FEWEST} to {spikes.MOST}")
    for key, least in (("mad", 1.0), ("floor", 0.0)):
        if not (least <= tried.get(key, least) < math.inf):
            raise BadInput(f"found --{key} {tried[key]:g}, expected {least:g} or more")
    return found


def _told(name: str, series: StoredSpikes, *, everything: bool) -> list[str]:
    """Say what came of a series; its spikes line by line."""
    from datetime import UTC, datetime

    by, quantity = series.by, series.channel.quantities[series.by.of]
    own = {k: v for k, v in series.tags.items() if v and k not in ("instrument", "channel", "site")}
    called = " ".join(
        [name, series.tags.get("channel", series.channel.id), *(f"{k}={v}" for k, v in own.items()), by.of]
    )
    share = f" ({100 * len(series.found) / series.readings:.2g} %)" if series.found else ""
    lines = [
        f"{called}: {counted('reading', series.readings)}; {len(series.found)}{share} would be marked by median {by.median}, mad "
        f"{by.mad:g}, floor {by.floor:g}; {series.marked} were marked when they came"
    ]
    listed = series.found if everything else series.found[:SHOWN]
    for when, value in listed:
        stamp = datetime.fromtimestamp(when / 1e9, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
        lines.append(f"  {stamp} UTC  {value:.6g} {quantity.unit}".rstrip())
    if left := len(series.found) - len(listed):
        lines.append(f"  and {left} more (--all lists them)")
    return lines
