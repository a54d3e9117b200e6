"""One look at the lab: what each quantity is, where it goes, how old it is, and whether that is well."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provisioning.influxdb_server import Series, Server
from provisioning.influxql import identifier, text
from provisioning.levels import RAW
from provisioning.site import Site, SiteInstrument
from telegraf_inputs import duration
from telegraf_inputs.declare import Quantity
from telegraf_inputs.stanza import Channel

from ..words import counted
from .advice import MEANINGS, explained, faults
from .alarms import Alarm, Reading, worst
from .limits import Limits
from .numbers import Scale, Steady, Value
from .outputs import Trouble
from .standing import Phase
from .trend import Bin, Trend, trend

BINS = 8
BIN_SECONDS = (
    5,
    10,
    20,
    30,
    60,
)  # the longest that fills the bins with what there is: eight minutes, less at the beginning
TREND_SECONDS = 10.0  # how often the trends are asked for anew: they cost the database most
BACK = "7d"  # what is older is not looked for
ANSWERING = ("ok", "degraded", "clock")  # states in which an instrument answers


@dataclass(frozen=True)
class Row:
    """One quantity of one channel. ``age``: seconds (None: never seen).

    ``alarm``: "", warning, critical, stale; or pending, ending: an alarm that is to come, or about to be over.
    ``scale`` chooses the digits of a number. ``main`` is false for what stands beside a channel's first quantity; ``raw`` marks what a calibration starts from.
    """

    instrument: str
    channel: Channel
    quantity: Quantity
    value: Value
    age: float | None
    trend: Trend
    state: str
    alarm: str
    note: str
    main: bool
    raw: bool
    scale: Scale | None

    @property
    def faulty(self) -> bool:
        """Tell whether somebody should look at it."""
        return self.alarm not in ("", "pending") or self.state not in ("ok", "waiting")


@dataclass(frozen=True)
class Snapshot:
    """All rows in the site file's order, what is to be told about instruments, by name, and which are simulated.

    ``troubles`` is what is wrong behind the instruments, on the readings' way into the database, by a key of its own.
    """

    title: str
    time_ns: int
    rows: list[Row]
    states: dict[str, str]
    notes: dict[str, str]
    simulators: list[str]
    troubles: dict[str, str]

    @property
    def well(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.troubles and not any(row.faulty for row in self.rows)

    @property
    def summary(self) -> str:
        """Count the instruments by state: ``8 instruments: 7 ok, 1 silent``."""
        states = Counter(state.replace("_", " ") for state in self.states.values())
        return f"{counted('instrument', len(self.states))}: " + ", ".join(
            f"{count} {state}" for state, count in states.most_common()
        )

    @property
    def simulated(self) -> str:
        """Tell which instruments are simulated: ``all simulated``, ``simulated: a, b``; empty if none."""
        if len(self.simulators) == len(self.states):
            return "all simulated" if self.simulators else ""
        return f"simulated: {', '.join(self.simulators)}" if self.simulators else ""

    @property
    def alarms(self) -> Counter[str]:
        """Count alarms by what they are: ``stale`` once an instrument, the others once a quantity."""
        found = {
            (row.alarm, row.instrument, "" if row.alarm == "stale" else (row.channel.id, row.quantity.name))
            for row in self.rows
        }
        return Counter(alarm for alarm, *_ in found if alarm)


@dataclass
class _Seen:
    """What the database says of one channel: the last value of each quantity with its time, the same of its status."""

    values: dict[str, tuple[int, Value]] = field(default_factory=dict)
    status: tuple[int, str] = (0, "")


class Watch:
    """Looks at a site's database again and again.

    ``since_ns``: what is older is not of this run; a value that never came is missed from then on. ``details`` may tell
    why an instrument is as it is, ``troubles`` what is wrong with Telegraf's outputs.
    """

    def __init__(
        self,
        site: Site,
        server: Server,
        since_ns: int,
        details: Callable[[], Mapping[str, str]] = dict,
        troubles: Callable[[], Sequence[Trouble]] = list,
    ):
        self.site, self._server, self._since_ns = site, server, since_ns
        self._details, self._troubles = details, troubles
        self._fields: dict[str, dict[str, Quantity]] = defaultdict(dict)
        for instrument in site.instruments:
            for channel in instrument.stanza.channels:
                self._fields[channel.measurement].update(channel.quantities)
        self._limits = Limits(site, self._ask, self._ours(BACK))
        self._trends: dict[tuple[str, str, str], Trend] = {}
        self._next_trends = 0.0
        self._scales: dict[tuple[str, str, str], Steady] = defaultdict(Steady)

    def look(self) -> Snapshot:
        """Ask the database. Raises DatabaseError."""
        if time.monotonic() >= self._next_trends:
            self._trends = self._ask_trends()
            self._next_trends = time.monotonic() + TREND_SECONDS
        seen, reports = self._ask_latest()
        self._limits.look(time.time(), _numbers(seen))
        details = self._details()
        now = time.time_ns()
        rows: list[Row] = []
        states, notes = {}, {}
        for instrument in self.site.instruments:
            report = reports.get(instrument.name)
            state = self._state(instrument, report, now)
            states[instrument.name] = state
            channels = {c.id: seen.get((instrument.name, c.id), _Seen()) for c in instrument.stanza.channels}
            newest = max(self._newest(seen) for seen in channels.values())
            if instrument.dwells and report and state in ANSWERING:
                newest = max(newest, report[0])  # it answers; what it is busy with may be channels that nobody asks for
            stale = _overdue(instrument.stale, newest, now)
            if state in MEANINGS and (state != "starting" or details.get(instrument.name)):
                notes[instrument.name] = explained(instrument.name, state, details.get(instrument.name, ""))
            elif stale:
                notes[instrument.name] = (
                    f"{instrument.name} brought nothing new for {duration.short((now - newest) / 1e9)}"
                )
            mine = [
                row
                for channel in instrument.stanza.channels
                for row in self._rows(instrument, channel, channels[channel.id], state, now, told=stale)
            ]
            statuses = [(row.channel, row.state) for row in mine if row.main and row.state not in ("ok", "waiting")]
            if state == "degraded" and statuses:
                told = faults(instrument, statuses)
                notes[instrument.name] = f"{notes[instrument.name]}. {told}" if stale else f"{instrument.name}: {told}"
            rows += mine
        simulators = [i.name for i in self.site.instruments if i.stanza.connection.scheme == "sim"]
        troubles = {
            f"{trouble.output}: {trouble.why}": trouble.line()
            for trouble in self._troubles()
            if trouble.to_tell(now / 1e9)
        }
        return Snapshot(self.site.title, now, rows, states, notes, simulators, troubles)

    def _state(self, instrument: SiteInstrument, report: tuple[int, str] | None, now: int) -> str:
        when, state = report or (0, "")
        if now - max(when, self._since_ns) > _patience(instrument):
            return "no report"
        return state or "starting"

    def _newest(self, seen: _Seen) -> int:
        """Tell when a channel brought its newest value; where none came, the time from which on it is missed."""
        return max((self._since_ns, *(when for when, _ in seen.values.values())))

    def _rows(
        self, instrument: SiteInstrument, channel: Channel, seen: _Seen, state: str, now: int, *, told: bool
    ) -> Iterator[Row]:
        """Make a channel's rows; ``told``: the whole instrument is stale, which is said already."""
        raw = _raw_quantity(channel)
        reached = state in ANSWERING
        told_ns, status = seen.status
        if reached:
            state = status or "waiting"
        for index, quantity in enumerate(_ordered(channel, raw)):
            when, value = seen.values.get(quantity.name, (None, None))
            # A fault leaves the field out: an older value must not stand beside the newest status as if it were new.
            if not reached or (status != "ok" and when != told_ns):
                value = None
            key = (instrument.name, channel.id, quantity.name)
            tendency = self._trends.get(key, Trend())
            scale = None
            if value is not None and not isinstance(value, (str, bool)):
                scale = self._scales[key].scale(value, tendency.noise, now / 1e9)
            alarm, note = _told(self._alarm(instrument, channel, quantity, seen, scale, now))
            # What this model never delivers is not missed as long as the channel delivers the rest.
            last = when or self._newest(seen)
            if told or _overdue(instrument.channel_stale, last, now):
                alarm, note = "stale", ""
                if not told and reached and not index:
                    for_long = duration.short((now - last) / 1e9)
                    note = f"{instrument.name} {channel.label} brought nothing new for {for_long}"
            age = None if when is None else (now - when) / 1e9
            yield Row(
                instrument.name,
                channel,
                quantity,
                value,
                age,
                tendency,
                state,
                alarm,
                note,
                not index,
                quantity.name == raw,
                scale,
            )

    def _alarm(
        self,
        instrument: SiteInstrument,
        channel: Channel,
        quantity: Quantity,
        seen: _Seen,
        scale: Scale | None,
        now: int,
    ) -> Alarm | None:
        """Tell how a quantity stands against its limits; ``scale`` is None where it has no value that holds now."""
        _, last = seen.values.get(quantity.name, (0, None))
        if last is None or isinstance(last, (str, bool)):
            return None
        standings = self._limits.of((instrument.name, channel.id, quantity.name))
        reading = Reading(quantity, last, scale or Scale.of(last), now / 1e9, current=scale is not None)
        return worst(standings, f"{instrument.name} {channel.label}", reading)

    def _ask_latest(self) -> tuple[dict[tuple[str, str], _Seen], dict[str, tuple[int, str]]]:
        # Each field has its own time only where it is asked for alone.
        statements = [
            f"SELECT last({identifier(name)}) AS {identifier(name)} FROM {identifier(RAW, measurement)} "
            f'WHERE {self._ours(BACK)} GROUP BY "instrument", "channel"'
            for measurement, quantities in self._fields.items()
            for name in (*quantities, "status")
        ]
        statements.append(
            f'SELECT last("state") AS "state" FROM "raw"."instrument" WHERE {self._ours(BACK)} GROUP BY "instrument"'
        )
        seen: dict[tuple[str, str], _Seen] = defaultdict(_Seen)
        reports = {}
        for series in self._ask(statements):
            row = series.rows[0]
            when = row.pop("time")
            ((name, value),) = row.items()
            if series.name == "instrument":
                reports[series.tags["instrument"]] = (when, str(value))
                continue
            one = seen[series.tags["instrument"], series.tags["channel"]]
            if name == "status":
                one.status = (when, str(value))
            else:
                one.values[name] = (when, value)
        return seen, reports

    def _ask_trends(self) -> dict[tuple[str, str, str], Trend]:
        age = (time.time_ns() - self._since_ns) / 1e9
        length = next((length for length in reversed(BIN_SECONDS) if BINS * length <= age), BIN_SECONDS[0])
        numeric = {d: [n for n, q in qs.items() if q.type in ("float", "int")] for d, qs in self._fields.items()}
        statements = [
            "SELECT "
            + ", ".join(
                f'{f}({identifier(n)}) AS "{f}_{i}"' for i, n in enumerate(names) for f in ("count", "mean", "stddev")
            )
            + f" FROM {identifier(RAW, measurement)} WHERE {self._ours(f'{BINS * length}s')} "
            f'GROUP BY time({length}s), "instrument", "channel" fill(none)'
            for measurement, names in numeric.items()
            if names
        ]
        found = {}
        last = time.time_ns() // (length * 10**9)
        for series in self._ask(statements):
            instrument, channel = series.tags["instrument"], series.tags["channel"]
            for index, name in enumerate(numeric[series.name]):
                bins: list[Bin | None] = [None] * BINS
                for row in series.rows:
                    place = BINS - 1 - (last - row["time"] // (length * 10**9))
                    if 0 <= place < BINS and row[f"mean_{index}"] is not None:
                        bins[place] = Bin(row[f"count_{index}"], row[f"mean_{index}"], row[f"stddev_{index}"] or 0.0)
                found[instrument, channel, name] = trend(bins)
        return found

    def _ask(self, statements: list[str]) -> list[Series]:
        return self._server.query(";\n".join(statements), self.site.influxdb.database) if statements else []

    def _ours(self, back: str) -> str:
        return (
            f'"site" = {text(self.site.name)} AND time > now() - {back} AND time >= {self._since_ns} AND time <= now()'
        )


def _numbers(seen: Mapping[tuple[str, str], _Seen]) -> dict[tuple[str, str, str], tuple[int, float]]:
    """Give the newest readings that are numbers, with their times."""
    return {
        (instrument, channel, name): (when, value)
        for (instrument, channel), one in seen.items()
        for name, (when, value) in one.values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _told(alarm: Alarm | None) -> tuple[str, str]:
    """Say what an alarm is in a word, and what there is to say of it."""
    if alarm is None:
        return "", ""
    return alarm.severity if alarm.phase is Phase.FIRING else alarm.phase.value, alarm.note


def _patience(instrument: SiteInstrument) -> float:
    """Tell how long (ns) an instrument's program may go without reporting."""
    return (3 * max(instrument.stanza.interval, instrument.stanza.timeout) + 25) * 1e9


def _overdue(seconds: float, last: int, now: int) -> bool:
    """Tell whether what last came at ``last`` (ns) is missed, where ``seconds`` without it are an alarm; 0: never."""
    return bool(seconds) and now - last > seconds * 1e9


def _raw_quantity(channel: Channel) -> str:
    """Name the quantity that a calibration starts from; "" where there is none."""
    made = channel.calibration
    if made is None:
        return ""
    return str(made.of if made.of != made.to else f"{made.of}_raw")


def _ordered(channel: Channel, raw: str) -> Iterable[Quantity]:
    """Put first what is meant: the calibrated quantity, or the driver's first; the raw one comes last."""
    first = channel.calibration.to if channel.calibration else next(iter(channel.quantities))
    return sorted(channel.quantities.values(), key=lambda q: (q.name == raw, q.name != first))
