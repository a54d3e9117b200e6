"""The limits of a site, judged as Grafana's rules judge them: at each of its looks, with `for`, hysteresis and end.

What was before the first look, or between two looks, is asked of the database.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal

from provisioning import limit_rules
from provisioning.influxdb_server import Series
from provisioning.influxql import identifier, text
from provisioning.levels import RAW
from provisioning.limit_rules import BorderRule, LimitRule
from provisioning.site import Site
from telegraf_inputs import duration

from .numbers import Known
from .standing import Standing

Key = tuple[str, str, str]  # instrument, channel, quantity
Reading = tuple[int, Known]  # time (ns), value
Ask = Callable[[list[str]], list[Series]]
NS = 10**9


class Limits:
    """How each limit of a site stands: ``look`` now and then, and ask for the standings ``of`` a quantity.

    ``ask`` runs InfluxQL; ``ours`` is the condition for the points that count.
    """

    def __init__(self, site: Site, ask: Ask, ours: str):
        self._ask, self._ours, self._every = ask, ours, round(site.alarms.every)
        self._rules: dict[Key, list[LimitRule]] = defaultdict(list)
        self._fields: dict[tuple[str, str], None] = {}  # measurement and quantity, each once
        self._measurements: dict[tuple[str, str], str] = {}  # by instrument and channel
        for instrument in site.enabled:
            for limit in instrument.limits:
                measurement = limit.channel.measurement
                self._measurements[instrument.name, limit.channel.id] = measurement
                rules = limit_rules.of_limit(limit, instrument, site.alarms)
                self._rules[instrument.name, limit.channel.id, limit.quantity.name] += rules
                self._fields[measurement, limit.quantity.name] = None
        every_rule = [rule for rules in self._rules.values() for rule in rules]
        # So many looks back all begins anew, but for what a hysteresis holds.
        self._most = max((math.ceil((r.wait + r.keep + r.window) / r.every) + 1 for r in every_rule), default=0)
        self._standings: dict[Key, list[Standing]] = {}
        self._last = 0  # Grafana looks at whole multiples of `every` since 1970: which one was seen last

    def of(self, key: Key) -> list[Standing]:
        """Give the standings of one quantity's limits."""
        return self._standings.get(key, [])

    def look(self, now: float, newest: Mapping[Key, Reading]) -> None:
        """Take in the newest readings as of ``now`` (s since 1970). Raises DatabaseError."""
        number = int(now // self._every)
        if not self._rules or number == self._last:
            return
        if not 0 < number - self._last <= self._most:
            self._begin(number)
        elif number - self._last > 1:
            self._replay(self._last + 1, number, self._before(self._last + 1))
        for key, standings in self._standings.items():
            for standing in standings:
                self._look(standing, number, newest.get(key))
        self._last = number

    def _begin(self, end: int) -> None:
        """Learn from the database how all stands before look number ``end``."""
        first = end - self._most
        before = self._before(first)
        self._standings = {
            key: [self._began(rule, key, first, before.get(key)) for rule in rules]
            for key, rules in self._rules.items()
        }
        self._replay(first, end, before)

    def _began(self, rule: LimitRule, key: Key, first: int, before: Reading | None) -> Standing:
        """Tell how a rule stood, given the last reading before look number ``first``."""
        standing = Standing(rule)
        if before is None:
            return standing
        when, value = before
        if rule.beyond(value):
            standing.assume_beyond(when / NS)
        elif isinstance(rule, BorderRule) and not rule.behind(value):
            # Within the hysteresis, it depends on the side from which the value came.
            out, back = ("<", ">") if rule.side == "below" else (">", "<")
            beyond = self._latest(key, first, f"{out} {_number(rule.value)}")
            if beyond > self._latest(key, first, f"{back} {_number(rule.back)}"):
                standing.assume_beyond(beyond / NS)
        return standing

    def _replay(self, first: int, end: int, before: Mapping[Key, Reading]) -> None:
        """Make up for the looks from number ``first`` until before ``end``."""
        span = f"time >= {first * self._every * NS - self._every * NS} AND time < {end * self._every * NS}"
        found = self._asked(span, f"time({duration.exact(self._every)}), ", "fill(none)")
        for key, standings in self._standings.items():
            # What came between two looks, the second one sees.
            looks = {when // NS // self._every + 1: value for when, value in found[key]}
            for standing in standings:
                newest = before.get(key)
                for number in range(first, end):
                    if number in looks:
                        newest = number * self._every * NS, looks[number]
                    self._look(standing, number, newest)

    def _look(self, standing: Standing, number: int, newest: Reading | None) -> None:
        now = number * self._every
        fresh = newest is not None and now - newest[0] / NS <= standing.rule.window
        standing.look(now, newest[1] if fresh and newest else None)

    def _before(self, first: int) -> dict[Key, Reading]:
        """Ask for the last reading before look number ``first``."""
        found = self._asked(f"time < {first * self._every * NS}")
        return {key: readings[-1] for key, readings in found.items()}

    def _asked(self, span: str, by_time: str = "", fill: str = "") -> dict[Key, list[Reading]]:
        statements = [
            f"SELECT last({identifier(name)}) AS {identifier(name)} FROM {identifier(RAW, measurement)} "
            f'WHERE {self._ours} AND {span} GROUP BY {by_time}"instrument", "channel" {fill}'
            for measurement, name in self._fields
        ]
        found: dict[Key, list[Reading]] = defaultdict(list)
        for series in self._ask(statements):
            for row in series.rows:
                when = row.pop("time")
                ((name, value),) = row.items()
                found[series.tags["instrument"], series.tags["channel"], name].append((when, value))
        return found

    def _latest(self, key: Key, first: int, condition: str) -> int:
        """Ask when the last reading before look number ``first`` was that holds a condition (ns); 0 where none was."""
        instrument, channel, name = key
        statement = (
            f"SELECT last({identifier(name)}) FROM {identifier(RAW, self._measurements[instrument, channel])} "
            f'WHERE {self._ours} AND "instrument" = {text(instrument)} AND "channel" = {text(channel)} '
            f"AND time < {first * self._every * NS} AND {identifier(name)} {condition}"
        )
        return max((row["time"] for series in self._ask([statement]) for row in series.rows), default=0)


def _number(value: float) -> str:
    """Write a number for InfluxQL, which knows no exponents."""
    return format(Decimal(repr(value)), "f")
