"""The ledger of a run: what the programs made, and what of it the database holds, counted at both ends."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provisioning.influxdb_schema import quoted
from provisioning.influxdb_server import Server
from provisioning.site import Site

from .live.snapshot import counted, text_of

COUNTS = 20  # at most, while the database still takes in what Telegraf left it
BETWEEN_COUNTS = 0.5  # seconds
VARIABLE = "LABLINE_LEDGER"  # names the folder to the programs (telegraf_inputs/execd.py)


@dataclass
class Entry:
    """One instrument's count of readings; ``dropped`` are those of the lost that Telegraf would not take in time."""

    instrument: str
    made: int = 0
    dropped: int = 0
    overruns: int = 0
    errors: int = 0
    written: int = 0

    @property
    def lost(self) -> int:
        return max(0, self.made - self.written)


def take(site: Site, folder: Path, server: Server, since_ns: int) -> list[Entry]:
    """Count both ends for the time from ``since_ns`` on; one entry an instrument, in the site file's order.

    Where something is missing, it counts again until two counts agree: a request that Telegraf gave up on may still
    be written. Raises DatabaseError.
    """
    entries = {instrument.name: Entry(instrument.name) for instrument in site.instruments}
    for file in folder.iterdir():
        name = file.name.rsplit(".", 2)[0]
        numbers = file.read_text().split()
        if name in entries and len(numbers) == 4:
            made, dropped, overruns, errors = map(int, numbers)
            entry = entries[name]
            entry.made += made
            entry.dropped += dropped
            entry.overruns += overruns
            entry.errors += errors
    before: dict[str, int] | None = None
    for _ in range(COUNTS):
        counts = _written(site, server, since_ns)
        for name, entry in entries.items():
            entry.written = counts.get(name, 0)
        if counts == before or not any(entry.lost for entry in entries.values()):
            break
        before = counts
        time.sleep(BETWEEN_COUNTS)
    return list(entries.values())


def _written(site: Site, server: Server, since_ns: int) -> dict[str, int]:
    fields: dict[str, dict[str, None]] = defaultdict(dict)
    for instrument in site.instruments:
        for channel in instrument.stanza.channels:
            fields[instrument.stanza.driver.name].update(dict.fromkeys(channel.quantities))
    statements = [
        f'SELECT {", ".join(f"count({quoted(name)})" for name in names)} FROM "raw".{quoted(driver)} '
        f'WHERE "site" = {text_of(site.name)} AND time >= {since_ns} GROUP BY "instrument"'
        for driver, names in fields.items()
    ]
    found: dict[str, int] = defaultdict(int)
    for series in server.query(";\n".join(statements), site.influxdb.database):
        for row in series.rows:
            found[series.tags["instrument"]] += sum(count or 0 for name, count in row.items() if name != "time")
    return found


def lines(entries: Iterable[Entry], since_ns: int) -> list[str]:
    """Write the ledger for people."""
    entries = list(entries)
    total = Entry(
        "total",
        *(sum(getattr(e, key) for e in entries) for key in ("made", "dropped", "overruns", "errors", "written")),
    )
    width = max(len(e.instrument) for e in (*entries, total))
    began, ended = since_ns / 1e9, time.time()
    span = f"{_clock(began)} to {_clock(ended)}, {ended - began:.0f} s"
    result = [
        f"Readings of this run ({span}):",
        f"  {'instrument':{max(width, 10)}} {'made':>9} {'written':>9} {'lost':>7}",
    ]
    for entry in (*entries, total):
        result.append(f"  {entry.instrument:{max(width, 10)}} {entry.made:9} {entry.written:9} {entry.lost:7}")
    for entry in entries:
        if entry.dropped:
            result.append(
                f"  {entry.instrument}: {entry.dropped} were dropped because Telegraf did not take them in time"
            )
        if entry.overruns:
            result.append(
                f"  {entry.instrument}: missed {counted('cycle', entry.overruns)}; it takes longer than its interval"
            )
        if entry.written > entry.made:
            result.append(
                f"  {entry.instrument}: more was written than was counted; its program was killed before it could count"
            )
    if total.lost:
        result.append(f"{total.lost} readings were LOST.")
    elif total.written:
        uncounted = any(entry.written > entry.made for entry in entries)
        result.append("Nothing is known to be lost." if uncounted else "Nothing was lost.")
    empty = [entry.instrument for entry in entries if not entry.written]
    if empty:
        result.append(f"Nothing came from {', '.join(empty)}.")
    return result


def well(entries: Iterable[Entry]) -> bool:
    """Tell whether nothing was lost, and every instrument brought something."""
    return all(entry.written and not entry.lost for entry in entries)


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
