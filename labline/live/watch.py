"""Looks at a lab again and again: from what the database has, what Telegraf's log says, and the site file's limits."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from provisioning.influxdb_server import Server
from provisioning.site import Site, SiteInstrument
from telegraf_inputs import clock, duration
from telegraf_inputs.declare import Quantity
from telegraf_inputs.stanza import Channel

from .. import simulation
from .advice import MEANINGS, explained, faults, unheard
from .alarms import Alarm, LatestValue, worst
from .limits import LimitWatch
from .newest import Latest, Newest, Seen
from .numbers import Scale, Steady
from .outputs import CANARY, Trouble
from .snapshot import Row, Snapshot, called
from .standing import Phase
from .trend import Trend

TREND_SECONDS = 10.0  # how often trends, and what was before the run, are asked for anew: they cost the database most
STARTING_SECONDS = 5.0  # the log is faster than the first report: what it says is no fault of the start yet
REACHED = ("ok", "degraded", "clock")  # states in which an instrument delivers


class Watch:
    """Looks at a site's database again and again.

    ``since_ns``: what is older is not of this run; a value that never came is missed from then on. ``details`` may tell
    why an instrument is as it is, ``troubles`` what is wrong with Telegraf's outputs, ``runs`` whether a node's Telegraf
    does (None: that can't be known from here). ``simulated``: all of it is, whatever the site file says.
    """

    def __init__(
        self,
        site: Site,
        server: Server,
        since_ns: int,
        details: Callable[[], Mapping[str, str]] = dict,
        troubles: Callable[[], Sequence[Trouble]] = list,
        runs: Callable[[str], bool | None] = lambda node: None,
        *,
        simulated: bool = False,
    ):
        self.site, self._since_ns = site, since_ns
        self._details, self._troubles, self._runs = details, troubles, runs
        self._simulated = simulation.names(site, whole=simulated)
        self._nodes = {i.name: i.node for i in site.instruments} if len(site.nodes) > 1 else {}
        self._newest = Newest(site, server, since_ns)
        self._limits = LimitWatch(site, self._newest.ask, self._newest.ours())
        self._trends: dict[tuple[str, str, str, str], Trend] = {}
        self._earlier: dict[tuple[str, str, str, str], int] = {}  # when there was a value before the run
        self._next_trends = 0.0
        self._scales: dict[tuple[str, str, str, str], Steady] = defaultdict(Steady)

    def look(self) -> Snapshot:
        """Ask the database. Raises DatabaseError."""
        latest = self._newest.latest()
        if time.monotonic() >= self._next_trends:
            self._trends, self._earlier = self._newest.trends(), self._newest.earlier(latest)
            self._next_trends = time.monotonic() + TREND_SECONDS
        self._limits.look(time.time())
        details = self._details()
        now = time.time_ns()
        troubles = [trouble for trouble in self._troubles() if trouble.to_tell(now / 1e9)]
        current = [trouble for trouble in troubles if trouble.is_new(now / 1e9)]
        refused = {t.node for t in current if t.output == "database"}
        astray = any(t.output == CANARY for t in current)
        late = now - self._since_ns > STARTING_SECONDS * 1e9
        rows: list[Row] = []
        states, notes = {}, {}
        for instrument in self.site.instruments:
            name, report = self._called(instrument), latest.reports.get(instrument.name)
            state = self._state(instrument, latest, now) if instrument.enabled else "off"
            states[instrument.name] = state
            channels = latest.channels_of(instrument)
            newest = max(self._last(latest.seen(instrument, channel)) for channel in channels)
            if instrument.dwells and report and state in REACHED:
                newest = max(newest, report[0])  # it answers; what it is busy with may be channels that nobody asks for
            stale = instrument.enabled and state != "paused" and _overdue(instrument.stale, newest, now)
            detail = details.get(instrument.name, "")
            unwritten = astray or self._nodes.get(instrument.name, "") in refused
            if state == "no report" or (state == "silent" and unwritten and not instrument.reports and not detail):
                runs = instrument.node in latest.hosts or self._runs(instrument.node)
                notes[instrument.name] = unheard(
                    name, detail, program=instrument.reports, telegraf=runs, refused=unwritten
                )
            elif state in MEANINGS and (state != "starting" or (late and detail)):
                scheme = instrument.stanza.connection.scheme
                told = detail or self._ahead(instrument, latest, now) or self._past(instrument, latest, state, now)
                notes[instrument.name] = explained(name, state, told, scheme=scheme)
            elif stale:
                notes[instrument.name] = f"{name} brought nothing new for {duration.short((now - newest) / 1e9)}"
            mine = [
                row
                for channel in channels
                for row in self._rows(instrument, channel, latest.seen(instrument, channel), state, now, told=stale)
            ]
            well = ("ok", "waiting", "clock")
            statuses = [(row.channel, row.state) for row in mine if row.main and row.state not in well]
            if state in ("degraded", "clock") and statuses:
                told, before = faults(instrument, statuses), notes.get(instrument.name)
                notes[instrument.name] = f"{before.rstrip('.')}. {told}" if before else f"{name}: {told}"
            rows += mine
        lines = {trouble.key: trouble.line() for trouble in troubles}
        stored = not (astray or refused)
        return Snapshot(self.site.title, now, rows, states, notes, self._simulated, lines, self._nodes, stored)

    def _called(self, instrument: SiteInstrument) -> str:
        return called(instrument.name, self._nodes.get(instrument.name, ""))

    def _state(self, instrument: SiteInstrument, latest: Latest, now: int) -> str:
        when, state = latest.reports.get(instrument.name, (0, ""))
        if now - max(when, self._since_ns) <= _patience(instrument):
            return state or "starting"
        if instrument.name in latest.ahead:
            return "clock"
        # What Telegraf reads itself has no other report than its points.
        return "no report" if instrument.reports or instrument.node not in latest.hosts else "silent"

    def _ahead(self, instrument: SiteInstrument, latest: Latest, now: int) -> str:
        when, _ = latest.ahead.get(instrument.name, (now, ""))
        ahead = f"it is {duration.short((when - now) / 1e9)} ahead of here" if when > now else ""
        return ahead or ("" if instrument.reports else clock.MEANINGS.get(latest.odd_clock(instrument), ""))

    def _past(self, instrument: SiteInstrument, latest: Latest, state: str, now: int) -> str:
        """Tell how old the newest reading is of one that brought none since the run began; "" where there is none."""
        if state != "silent" or instrument.name in latest.reports:
            return ""
        newest = max((when for (name, *_), when in self._earlier.items() if name == instrument.name), default=0)
        old = duration.short((now - newest) / 1e9)
        return f"nothing came since the run began, and its newest reading is {old} old" if newest else ""

    def _last(self, seen: Seen) -> int:
        """Tell when a channel brought its newest value; where none came, the time from which on it is missed."""
        return max(self._since_ns, seen.when)

    def _rows(
        self, instrument: SiteInstrument, channel: Channel, seen: Seen, state: str, now: int, *, told: bool
    ) -> Iterator[Row]:
        """Make a channel's rows; ``told``: the whole instrument is stale, which is said already."""
        raw = _raw_quantity(channel)
        reached = state in REACHED
        told_ns, status = seen.status
        if reached and (state != "clock" or status not in ("ok", "")):
            state = status or "waiting"
        for index, quantity in enumerate(_ordered(channel, raw)):
            when, value = seen.values.get(quantity.name, (None, None))
            # A fault leaves the field out: an older value must not stand beside the newest status as if it were new.
            if not reached or (status != "ok" and when != told_ns):
                value = None
            key = (instrument.name, channel.measurement, channel.id, quantity.name)
            tendency = self._trends.get(key, Trend())
            scale = None
            if quantity.numeric and value is not None:
                scale = self._scales[key].scale(float(value), tendency.noise, now / 1e9)
            alarm, note = _told(self._alarm(instrument, channel, quantity, seen, scale, now, holds=value is not None))
            # What this model never delivers is not missed as long as the channel delivers the rest.
            last = when or self._last(seen)
            missed = instrument.enabled and state != "paused"
            if told or (missed and _overdue(instrument.missed_after(channel), last, now)):
                alarm, note = "stale", ""
                if not told and reached and not index:
                    for_long = duration.short((now - last) / 1e9)
                    note = f"{self._called(instrument)} {channel.label} brought nothing new for {for_long}"
            newest = when or self._earlier.get(key)
            age = None if newest is None else (now - newest) / 1e9
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
        seen: Seen,
        scale: Scale | None,
        now: int,
        *,
        holds: bool,
    ) -> Alarm | None:
        """Tell how a quantity stands against its limits; ``holds``: its last value is that of now, with this scale."""
        _, last = seen.values.get(quantity.name, (0, None))
        if last is None:
            return None
        standings = self._limits.of((instrument.name, channel.id, quantity.name))
        reading = LatestValue(quantity, last, scale, now / 1e9, current=holds)
        return worst(standings, f"{self._called(instrument)} {channel.label}", reading)


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
