"""What the database has newest of a lab: its readings, what its instruments and Telegraf report, and where it is going."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field

from provisioning.influxdb_server import Series, Server
from provisioning.influxql import identifier, text
from provisioning.levels import RAW
from provisioning.site import FOUND_SECONDS, Site, SiteInstrument
from telegraf_inputs.declare import Quantity
from telegraf_inputs.stanza import Channel

from .numbers import Value
from .trend import Bin, Trend, trend

BINS = 8
BIN_SECONDS = (
    5,
    10,
    20,
    30,
    60,
)  # the longest that fills the bins with what there is: eight minutes, less at the beginning
BACK = "7d"  # what is older is not looked for
TELEGRAF = "60s"  # a Telegraf that tells of itself each ten seconds was heard within these, or is not
# Clocks of several machines differ a little; what is later than this is no reading of now.
AHEAD = "2s"


@dataclass
class Seen:
    """What the database says of one channel: the last value of each quantity with its time, the same of its status."""

    values: dict[str, tuple[int, Value]] = field(default_factory=dict)
    status: tuple[int, str] = (0, "")
    clock: tuple[int, str] = (0, "")  # the last mark of a time that can't be believed

    @property
    def when(self) -> int:
        """Tell when its newest value came (ns); 0 where none has."""
        return max((when for when, _ in self.values.values()), default=0)


@dataclass(frozen=True)
class Latest:
    """The newest there is: of channels, by instrument, measurement and channel; the reports (time in ns, state), by instrument.

    Of what has no program, its points are the reports. ``ahead`` are reports whose times lie in the future; ``hosts`` those from which Telegraf tells of itself.
    """

    channels: dict[tuple[str, str, str], Seen] = field(default_factory=lambda: defaultdict(Seen))
    reports: dict[str, tuple[int, str]] = field(default_factory=dict)
    ahead: dict[str, tuple[int, str]] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)

    def seen(self, instrument: SiteInstrument, channel: Channel) -> Seen:
        """Give what there is of one channel."""
        return self.channels[instrument.name, channel.measurement, channel.id]

    def odd_clock(self, instrument: SiteInstrument) -> str:
        """Tell what is wrong with the times of newest points of what has no program (clock.MEANINGS); "" for nothing."""
        each = (self.seen(instrument, channel) for channel in self.channels_of(instrument))
        return next((seen.clock[1] for seen in each if seen.clock[1] and seen.clock[0] == seen.status[0]), "")

    def channels_of(self, instrument: SiteInstrument) -> list[Channel]:
        """List an instrument's channels: those of its stanza, and those that are found in the data of the last FOUND_SECONDS.

        What stands for such (ANY) is there as long as none is found.
        """
        stanza, since = instrument.stanza, time.time_ns() - FOUND_SECONDS * 1e9
        if not stanza.others:
            return list(stanza.channels)
        spoke = sorted(
            (measurement, name)
            for (of, measurement, name), seen in self.channels.items()
            if of == instrument.name and max(seen.when, seen.status[0]) > since
        )
        each = [stanza.find(name, measurement) for measurement, name in spoke]
        found = [channel for channel in each if channel is not None and channel not in stanza.channels]
        return [*stanza.channels, *(found or stanza.others)]


def _by_points(instrument: SiteInstrument, latest: Latest) -> tuple[int, str] | None:
    """Tell when the newest point came of what has no program to report, and how it is; None where none came."""
    statuses = [latest.seen(instrument, channel).status for channel in latest.channels_of(instrument)]
    came = [(when, status) for when, status in statuses if when]
    if not came:
        return None
    well = all(status == "ok" for _, status in came)
    return max(when for when, _ in came), "clock" if latest.odd_clock(instrument) else "ok" if well else "degraded"


class Newest:
    """Asks a site's database; what is older than ``since_ns`` is not of this run."""

    def __init__(self, site: Site, server: Server, since_ns: int):
        self._site, self._server, self._since_ns = site, server, since_ns
        self._fields: dict[str, dict[str, Quantity]] = defaultdict(dict)
        for instrument in site.instruments:
            for channel in instrument.stanza.declared:
                self._fields[channel.measurement].update(channel.quantities)
        silent = (instrument for instrument in site.instruments if not instrument.reports)
        self._unreported = dict.fromkeys(name for instrument in silent for name in instrument.stanza.measurements)

    def ask(self, statements: list[str]) -> list[Series]:
        """Run InfluxQL. Raises DatabaseError."""
        return self._server.query(";\n".join(statements), self._site.influxdb.database) if statements else []

    def ours(self, back: str = BACK) -> str:
        """Write the condition for what is of this site and this run, within a time back from now, and not in the future."""
        return (
            f'"site" = {text(self._site.name)} AND time > now() - {back} AND time >= {self._since_ns} '
            f"AND time <= now() + {AHEAD}"
        )

    def latest(self) -> Latest:
        """Ask for the newest values, statuses and reports."""
        # Each field has its own time only where it is asked for alone.
        statements = [
            f"SELECT last({identifier(name)}) AS {identifier(name)} FROM {identifier(RAW, measurement)} "
            f'WHERE {self.ours()} GROUP BY "instrument", "channel"'
            for measurement, quantities in self._fields.items()
            for name in (*quantities, "status", *(["clock"] if measurement in self._unreported else []))
        ]
        reports, alive = identifier(RAW, "instrument"), identifier(RAW, "internal_agent")
        ahead = f'"site" = {text(self._site.name)} AND time > now() + {AHEAD}'
        statements += [
            f'SELECT last("state") AS "state" FROM {reports} WHERE {self.ours()} GROUP BY "instrument"',
            f'SELECT last("state") AS "ahead" FROM {reports} WHERE {ahead} GROUP BY "instrument"',
            f'SELECT last("metrics_gathered") AS "n" FROM {alive} WHERE {self.ours(TELEGRAF)} GROUP BY "host"',
            *(
                f'SELECT last("status") AS "ahead" FROM {identifier(RAW, measurement)} WHERE {ahead} GROUP BY "instrument"'
                for measurement in self._unreported
            ),
        ]
        found = Latest()
        for series in self.ask(statements):
            row = series.rows[0]
            when = row.pop("time")
            ((name, value),) = row.items()
            if series.name == "internal_agent":
                found.hosts.add(series.tags["host"])
            elif name == "ahead":
                found.ahead[series.tags["instrument"]] = (when, str(value))
            elif series.name == "instrument":
                found.reports[series.tags["instrument"]] = (when, str(value))
            elif name == "clock":
                found.channels[series.tags["instrument"], series.name, series.tags["channel"]].clock = (
                    when,
                    str(value),
                )
            elif name == "status":
                found.channels[series.tags["instrument"], series.name, series.tags["channel"]].status = (
                    when,
                    str(value),
                )
            else:
                found.channels[series.tags["instrument"], series.name, series.tags["channel"]].values[name] = (
                    when,
                    value,
                )
        for instrument in self._site.instruments:
            if not instrument.reports and (report := _by_points(instrument, found)):
                found.reports[instrument.name] = report
        return found

    def earlier(self, latest: Latest) -> dict[tuple[str, str, str, str], int]:
        """Ask for the time (ns) of the newest value before the run of what has none in it: it may be said again.

        By instrument, measurement, channel and quantity.
        """
        missing = {
            (channel.measurement, name): None
            for instrument in self._site.enabled
            for channel in latest.channels_of(instrument)
            for name in channel.quantities.keys() - latest.seen(instrument, channel).values.keys()
        }
        statements = [
            f"SELECT last({identifier(name)}) AS {identifier(name)} FROM {identifier(RAW, measurement)} "
            f'WHERE "site" = {text(self._site.name)} AND time > now() - {BACK} AND time < {self._since_ns} '
            'GROUP BY "instrument", "channel"'
            for measurement, name in missing
        ]
        found: dict[tuple[str, str, str, str], int] = {}
        for series in self.ask(statements if self._since_ns else []):
            row = series.rows[0]
            when = row.pop("time")
            found |= {(series.tags["instrument"], series.name, series.tags["channel"], name): when for name in row}
        return found

    def trends(self) -> dict[tuple[str, str, str, str], Trend]:
        """Ask where each number is going, by instrument, measurement, channel and quantity."""
        age = (time.time_ns() - self._since_ns) / 1e9
        length = next((length for length in reversed(BIN_SECONDS) if BINS * length <= age), BIN_SECONDS[0])
        numeric = {d: [n for n, q in qs.items() if q.numeric] for d, qs in self._fields.items()}
        statements = [
            "SELECT "
            + ", ".join(
                f'{f}({identifier(n)}) AS "{f}_{i}"' for i, n in enumerate(names) for f in ("count", "mean", "stddev")
            )
            + f" FROM {identifier(RAW, measurement)} WHERE {self.ours(f'{BINS * length}s')} "
            f'GROUP BY time({length}s), "instrument", "channel" fill(none)'
            for measurement, names in numeric.items()
            if names
        ]
        found = {}
        last = time.time_ns() // (length * 10**9)
        for series in self.ask(statements):
            instrument, channel = series.tags["instrument"], series.tags["channel"]
            for index, name in enumerate(numeric[series.name]):
                bins: list[Bin | None] = [None] * BINS
                for row in series.rows:
                    place = BINS - 1 - (last - row["time"] // (length * 10**9))
                    if 0 <= place < BINS and row[f"mean_{index}"] is not None:
                        bins[place] = Bin(row[f"count_{index}"], row[f"mean_{index}"], row[f"stddev_{index}"] or 0.0)
                found[instrument, series.name, channel, name] = trend(bins)
        return found
