"""The limits of a site, judged as Grafana's rules judge them: at each of its looks, by the same readings.

What was before the first look, or between two looks, is asked of the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from provisioning import limit_rules
from provisioning.influxdb_server import Series
from provisioning.influxql import identifier, number, text
from provisioning.levels import RAW
from provisioning.limit_rules import SAMPLE, BorderRule, LimitRule
from provisioning.site import Site
from telegraf_inputs.declare import Quantity

from .course import Course
from .numbers import Known
from .standing import Standing

Key = tuple[str, str, str]  # instrument, channel, quantity
Samples = dict[int, list[Known]]  # by their place in time, a multiple of SAMPLE since 1970
Ask = Callable[[list[str]], list[Series]]
NS = 10**9
LATE = 60  # seconds by which a reading may come late, until all are asked for again
WHOLE_EVERY = 60  # seconds
FURTHEST = 86400  # seconds: how far back the beginning of an alarm is looked for, look by look


class LimitWatch:
    """How each limit of a site stands: ``look`` now and then, and ask for the standings ``of`` a quantity.

    ``ask`` runs InfluxQL; ``ours`` is the condition for the points that count.
    """

    def __init__(self, site: Site, ask: Ask, ours: str):
        self._ask, self._ours, self._every = ask, ours, round(site.alarms.every)
        self._rules: dict[Key, list[LimitRule]] = defaultdict(list)
        self._fields: dict[tuple[str, str], str] = {}  # measurement and quantity -> what is asked for
        self._measurements: dict[tuple[str, str], str] = {}  # by instrument and channel
        for instrument in site.enabled:
            for limit in instrument.limits:
                measurement = limit.channel.measurement
                self._measurements[instrument.name, limit.channel.id] = measurement
                rules = limit_rules.of_limit(limit, instrument, site.alarms)
                self._rules[instrument.name, limit.channel.id, limit.quantity.name] += rules
                field, at_once = (measurement, limit.quantity.name), any(rule.at_once for rule in rules)
                if at_once or field not in self._fields:
                    self._fields[field] = _what(limit.quantity, at_once)
        self._window = max((rule.window for rules in self._rules.values() for rule in rules), default=0)
        self._standings: dict[Key, list[Standing]] = {}
        self._samples: dict[Key, Samples] = {}
        self._last = 0  # Grafana looks at whole multiples of `every` since 1970: when it did last (s)
        self._whole = 0  # when all readings of the window were asked for (s)

    def of(self, key: Key) -> list[Standing]:
        """Give the standings of one quantity's limits."""
        return self._standings.get(key, [])

    def look(self, now: float) -> None:
        """Make up for all looks until ``now`` (s since 1970). Raises DatabaseError."""
        look = int(now // self._every) * self._every
        if not self._rules or look == self._last:
            return
        if not 0 < look - self._last <= self._window:
            self._begin(look)
        else:
            whole = look - self._whole >= WHOLE_EVERY or look - self._last > LATE
            self._learn(self._last - (self._window if whole else LATE), look)
            self._whole = look if whole else self._whole
            for key, standings in self._standings.items():
                for standing in standings:
                    self._replay(key, standing, self._last + self._every, look)
        self._last = look

    def _begin(self, look: int) -> None:
        """Learn from the database how all stands; as far back as nothing tells whether an alarm began or ended."""
        self._standings = {key: [Standing(rule) for rule in rules] for key, rules in self._rules.items()}
        unknown = [(key, standing) for key, standings in self._standings.items() for standing in standings]
        back, seen = 2 * self._window, -1
        while unknown and back < 4 * FURTHEST:
            first = look - min(back, FURTHEST) // self._every * self._every
            self._samples = {}
            self._learn(first - self._window, look)
            readings = sum(len(self._samples.get(key, ())) for key, _ in unknown)
            if readings == seen:
                break  # there are no older ones
            for _, standing in unknown:
                standing.forget()
            unknown = [each for each in unknown if not self._replay(*each, first, look)]
            back, seen = 4 * back, readings
        for key, standing in unknown:
            self._assume(standing, key, first)
        self._whole = look

    def _replay(self, key: Key, standing: Standing, first: int, last: int) -> bool:
        """Take in the looks from ``first`` to ``last`` (s); tells whether any tells whether there is an alarm."""
        samples = self._samples.get(key, {})
        course = Course(standing.rule, samples, (first - self._window) // SAMPLE, last // SAMPLE)
        known = False
        for at in range(first, last + 1, self._every):
            verdict = course.judged(at // SAMPLE)
            known = known or verdict is not None
            standing.look(at, verdict, course.newest(at // SAMPLE))
        return known

    def _assume(self, standing: Standing, key: Key, first: int) -> None:
        """Tell how a rule stood before ``first``: within the hysteresis, it depends on the side from which the value came."""
        rule = standing.rule
        if not isinstance(rule, BorderRule) or not self._samples.get(key):
            return
        out, back = ("<", ">") if rule.side == "below" else (">", "<")
        beyond = self._latest(key, first, f"{out} {number(rule.value)}")
        if beyond > self._latest(key, first, f"{back} {number(rule.back)}"):
            standing.assume(beyond / NS)

    def _learn(self, since: int, until: int) -> None:
        """Ask for the readings of a stretch of time (s), and forget what no look needs."""
        for key, found in self._asked(since, until).items():
            known = self._samples.setdefault(key, {})
            known |= found
            for old in [place for place in known if place * SAMPLE < since - self._window]:
                del known[old]

    def _asked(self, since: int, until: int) -> dict[Key, Samples]:
        span = f"WHERE {self._ours} AND time >= {since * NS} AND time < {until * NS}"
        found: dict[Key, Samples] = defaultdict(lambda: defaultdict(list))
        for (measurement, name), what in self._fields.items():
            by_time, fill = (f"time({SAMPLE}s), ", " fill(none)") if "(" in what else ("", "")
            source = f"{identifier(RAW, measurement)} {span}"
            statement = f'SELECT {what} FROM {source} GROUP BY {by_time}"instrument", "channel"{fill}'
            for series in self._ask([statement]):
                samples = found[series.tags["instrument"], series.tags["channel"], name]
                for row in series.rows:
                    samples[row.pop("time") // NS // SAMPLE] += row.values()
        return found

    def _latest(self, key: Key, first: int, condition: str) -> int:
        """Ask when the last reading before ``first`` (s) was that holds a condition (ns); 0 where none was."""
        instrument, channel, name = key
        statement = (
            f"SELECT last({identifier(name)}) FROM {identifier(RAW, self._measurements[instrument, channel])} "
            f'WHERE {self._ours} AND "instrument" = {text(instrument)} AND "channel" = {text(channel)} '
            f"AND time < {first * NS} AND {identifier(name)} {condition}"
        )
        return max((row["time"] for series in self._ask([statement]) for row in series.rows), default=0)


def _what(quantity: Quantity, at_once: bool) -> str:
    """Tell what is asked of a quantity's readings: the first of each sample, or what tells whether any is beyond a limit, the last at the end."""
    name = identifier(quantity.name)
    if not at_once:
        return f"first({name})"
    return ", ".join(f"{each}({name})" for each in ("first", "min", "max", "last")) if quantity.numeric else name
