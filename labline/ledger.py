"""The ledger of a run: what the programs made, and what of it the database holds, counted at both ends."""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct, json, structs

from provisioning.influxdb_server import Server
from provisioning.influxql import identifier, text
from provisioning.levels import RAW
from provisioning.site import Site
from telegraf_inputs.configured import ANY

from . import gaps
from .live.outputs import Trouble
from .words import counted

COUNTS = 20  # at most, while the database still takes in what Telegraf left it
BETWEEN_COUNTS = 0.5  # seconds
RUN_FILE = "run.json"
VARIABLE = "LABLINE_LEDGER"  # names the folder to the programs (telegraf_inputs/ledger.py)


class Run(Struct, frozen=True):
    """What is to be counted: a run from ``since_ns`` on, until ``until_ns`` (ns, UTC; 0: now).

    ``instruments``: of each one, by measurement and channel (ANY: those found in the data), the quantities whose values
    are readings. It is kept beside
    the programs' counts, so that they can be settled by whoever comes later, with another site file.
    """

    since_ns: int
    site: str
    database: str
    instruments: dict[str, dict[str, dict[str, list[str]]]]
    until_ns: int = 0
    intervals: dict[str, float] = {}  # of each instrument that a program reads (s)

    @classmethod
    def of(cls, site: Site, since_ns: int) -> Run:
        """Describe a run of a site."""
        instruments: dict[str, dict[str, dict[str, list[str]]]] = {}
        for instrument in site.enabled:
            measurements = instruments.setdefault(instrument.name, {})
            for channel in instrument.stanza.declared:
                measurements.setdefault(channel.measurement, {})[channel.id] = list(channel.stored)
        intervals = {i.name: float(i.stanza.interval) for i in site.enabled if i.reports}
        return cls(since_ns, site.name, site.influxdb.database, instruments, intervals=intervals)

    def joined(self, later: Run) -> Run:
        """Add what the site has since it changed."""
        instruments = {
            name: {measurement: dict(channels) for measurement, channels in measurements.items()}
            for name, measurements in self.instruments.items()
        }
        for name, measurements in later.instruments.items():
            for measurement, channels in measurements.items():
                there = instruments.setdefault(name, {}).setdefault(measurement, {})
                for channel, quantities in channels.items():
                    there[channel] = list(dict.fromkeys([*there.get(channel, []), *quantities]))
        return structs.replace(self, instruments=instruments, intervals=later.intervals)

    @property
    def measurements(self) -> set[str]:
        """Name the measurements in which its readings are."""
        return {name for measurements in self.instruments.values() for name in measurements}

    def keep(self, folder: Path) -> None:
        """Write it into the folder of its programs' counts, whole or not at all, and for power cuts too."""
        new = folder / f".{RUN_FILE}"
        with open(new, "wb") as file:
            file.write(json.encode(self))
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / RUN_FILE)

    @classmethod
    def kept(cls, folder: Path) -> Run:
        """Read it from there. Raises FileNotFoundError; msgspec.DecodeError where it can't be read."""
        return json.decode((folder / RUN_FILE).read_bytes(), type=cls)


@dataclass
class Span:
    """The times of the first and the last reading (ns, UTC)."""

    first_ns: int = 0
    last_ns: int = 0

    @property
    def times(self) -> str:
        """Write it as InfluxQL does."""
        return f"time >= {self.first_ns} AND time <= {self.last_ns}"

    def add(self, first_ns: int, last_ns: int) -> None:
        """Extend it by another one."""
        self.first_ns = min(self.first_ns, first_ns) if self.first_ns else first_ns
        self.last_ns = max(self.last_ns, last_ns)


@dataclass
class Entry:
    """One instrument's count of readings; ``dropped`` are those of the lost that Telegraf would not take in time.

    ``made_by`` and ``written_by`` count by channel, so that what one has too much never hides what another lacks.
    """

    instrument: str
    made_by: Counter[str] = field(default_factory=Counter)
    written_by: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    overruns: int = 0
    errors: int = 0
    discarded: int = 0
    away: int = 0  # cycles that nobody was there for: its program had ended
    unread: int = 0  # lines of the programs' counts that are torn
    spans: dict[str, Span] = field(default_factory=dict)  # by measurement
    earlier: dict[tuple[str, str], Span] = field(default_factory=dict)  # of before the run, by measurement and channel

    @property
    def made(self) -> int:
        return self.made_by.total()

    @property
    def written(self) -> int:
        return self.written_by.total()

    @property
    def lost(self) -> int:
        return (self.made_by - self.written_by).total()  # a Counter's difference leaves out what is below 0

    @property
    def uncounted(self) -> int:
        """Tell how many readings were written that no program counted."""
        return (self.written_by - self.made_by).total()


def take(run: Run, folder: Path, server: Server, ended_ns: int = 0) -> list[Entry]:
    """Count both ends of a run; one entry an instrument, in the site file's order. ``folder`` has its programs' counts.

    ``ended_ns`` is until when programs should have run (0: not known).

    Where something is missing, it counts again until two counts agree: a request that Telegraf gave up on may still
    be written. Raises DatabaseError.
    """
    entries = {name: Entry(name) for name in run.instruments}
    for file in sorted(folder.iterdir()):
        name = file.name.rsplit(".", 2)[0]
        if name in entries:
            _add(entries[name], file.read_text(errors="replace"), run.since_ns)
    for name, cycles in gaps.missed(folder, run.intervals, ended_ns).items():
        entries[name].away = cycles
    before: dict[str, Counter[str]] | None = None
    for _ in range(COUNTS):
        counts = _written(run, server, entries)
        for name, entry in entries.items():
            entry.written_by = counts.get(name, Counter())
        if counts == before or not any(entry.lost for entry in entries.values()):
            break
        before = counts
        time.sleep(BETWEEN_COUNTS)
    return list(entries.values())


def _add(entry: Entry, noted: str, since_ns: int) -> None:
    """Add what a program noted (telegraf_inputs/ledger.py); it may have been killed before it could, or the power went."""
    first, *channels = noted.splitlines() or [""]
    numbers = first.split()
    if len(numbers) == 4 and all(map(str.isdecimal, numbers)):
        dropped, overruns, errors, discarded = map(int, numbers)
        entry.dropped += dropped
        entry.overruns += overruns
        entry.errors += errors
        entry.discarded += discarded
    elif first:
        entry.unread += 1
    for line in channels:
        words = line.split(maxsplit=4)
        if len(words) < 5 or not all(map(str.isdecimal, words[:3])):
            entry.unread += 1
            continue
        made, first_ns, last_ns = map(int, words[:3])
        measurement, channel = words[3:]
        if made:
            entry.made_by[channel] += made
            if last_ns >= since_ns:
                entry.spans.setdefault(measurement, Span()).add(max(first_ns, since_ns), last_ns)
            if last_ns and first_ns < since_ns:
                entry.earlier.setdefault((measurement, channel), Span()).add(first_ns, min(last_ns, since_ns - 1))


def _written(run: Run, server: Server, entries: Mapping[str, Entry]) -> dict[str, Counter[str]]:
    """Count, by instrument and channel, what the database has of a run's quantities.

    Counted are the spans of times that the programs noted: a source's own times may lie before the run, of each channel in a
    span of its own, where earlier runs may have written others. What nobody noted is looked for in the time of the run.
    """
    statements: list[str] = []
    until = f" AND time < {run.until_ns}" if run.until_ns else ""
    for instrument, measurements in run.instruments.items():
        for measurement, channels in measurements.items():
            entry = entries[instrument]
            span = entry.spans.get(measurement)
            earlier = {channel: span for (known, channel), span in entry.earlier.items() if known == measurement}
            times = [span.times] if span else []
            times += [f'"channel" = {text(channel)} AND {span.times}' for channel, span in earlier.items()]
            names = dict.fromkeys(name for quantities in channels.values() for name in quantities)
            counts = ", ".join(f"count({identifier(name)}) AS {identifier(name)}" for name in names)
            statements += [
                f"SELECT {counts} FROM {identifier(RAW, measurement)} WHERE {each} AND "
                f'"site" = {text(run.site)} AND "instrument" = {text(instrument)} GROUP BY "instrument", "channel"'
                for each in times or [f"time >= {run.since_ns}{until}"]
            ]
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for series in server.query(";\n".join(statements), run.database):
        instrument, channel = series.tags["instrument"], series.tags["channel"]
        known = run.instruments[instrument][series.name]
        for name in known.get(channel) or known.get(ANY, []):
            found[instrument][channel] += sum(row[name] or 0 for row in series.rows)
    return found


def lines(
    entries: Iterable[Entry], since_ns: int, troubles: Iterable[Trouble] = (), happened: Iterable[str] = ()
) -> list[str]:
    """Write the ledger for people.

    ``troubles`` are those with Telegraf's outputs by which something was lost, ``happened`` what else may have lost some.
    """
    entries, happened = list(entries), list(happened)
    made, written, lost = (sum(getattr(e, key) for e in entries) for key in ("made", "written", "lost"))
    counts = [*((e.instrument, e.made, e.written, e.lost) for e in entries), ("total", made, written, lost)]
    width = max(10, *(len(name) for name, *_ in counts))
    began, ended = since_ns / 1e9, time.time()
    span = f"{_clock(began)} to {_clock(ended)}, {ended - began:.0f} s"
    result = [
        f"Readings of this run ({span}):",
        f"  {'instrument':{width}} {'made':>9} {'written':>9} {'lost':>7}",
        *(f"  {count[0]:{width}} {count[1]:9} {count[2]:9} {count[3]:7}" for count in counts),
    ]
    for entry in entries:
        if entry.dropped:
            result.append(
                f"  {entry.instrument}: {entry.dropped} came faster than they could be taken, by the program or by Telegraf"
            )
        if entry.discarded:
            result.append(
                f"  {entry.instrument}: {counted('value', entry.discarded)} thrown away: not to be believed, twice the same, or "
                "without a place; Telegraf's log says why"
            )
        if entry.overruns:
            result.append(
                f"  {entry.instrument}: missed {counted('cycle', entry.overruns)}; a reading took longer than its interval, or the machine was busy"
            )
        if entry.away:
            result.append(
                f"  {entry.instrument}: missed {counted('cycle', entry.away)} while its program did not run; Telegraf's log says why"
            )
        if entry.unread:
            result.append(
                f"  {entry.instrument}: {counted('line', entry.unread)} of its programs' counts can't be read; what they counted is not known"
            )
        if entry.uncounted:
            result.append(
                f"  {entry.instrument}: {entry.uncounted} more were written than its programs counted; was one killed, or "
                "does another one write?"
            )
    why = [trouble.line() for trouble in troubles]
    if lost:
        dropped = ["They came faster than they could be taken."] * any(entry.dropped for entry in entries)
        why = [*why, *happened, *dropped] or ["Why is not known: Telegraf's log may tell."]
        result += [
            f"{counted('reading', lost)} {'was' if lost == 1 else 'were'} LOST. Why:",
            *(f"  {line}" for line in why),
        ]
    else:
        result += [f"  {line}" for line in why]
    if written and not lost:
        uncounted = any(entry.uncounted for entry in entries)
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
