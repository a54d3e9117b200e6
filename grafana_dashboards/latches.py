"""Questions of alarm rules whose answer is 1 (it begins), 0 (it ends), or nothing (it stays as it is).

Grafana keeps the state where nothing comes, and where the database does not answer (``KeepLast``). With a wait or a
hysteresis of its own it would not: what waits there begins meanwhile, what is about to end ends, and a hysteresis is
forgotten (docs/decisions/0023). So all of that is in the question. Where only several answers one after the other can tell,
Grafana waits, and what waits begins anew after each look without an answer (``alarm_words.waiting``).

InfluxQL joins subqueries of one measurement by adding what has one name, so a condition is a query of whole numbers called
``n``: 1 where something is there, a negative count of what must not be there. A question asks whether their sum is the
number wanted.
"""

from __future__ import annotations

from collections.abc import Iterable

import attr

from provisioning.influxql import identifier, number, text
from provisioning.levels import RAW
from provisioning.limit_rules import HELD, SAMPLE, BorderRule, LimitRule, oldest

from . import influxql

VALUE = '"v"'


@attr.frozen
class Points:
    """One field of some points: of each ``sample`` (s) the first value, which stays the first; 0: all of them."""

    field: str
    measurement: str
    where: str
    sample: int = SAMPLE

    def within(self, since: int, until: int = 0) -> str:
        """Select as ``v`` the values from ``since`` to ``until`` (s back from now)."""
        name, source = identifier(self.field), _source(self.measurement, self.where, since, until)
        if not self.sample:
            return f"SELECT {name} AS {VALUE} FROM {source}"
        return f"SELECT first({name}) AS {VALUE} FROM {source} GROUP BY time({self.sample}s) fill(none)"

    def later(self, ahead: int) -> str:
        """Select as ``v`` all values from ``ahead`` on (s from now; below 0: of the past), also those of a future."""
        when = f"now() {'+' if ahead >= 0 else '-'} {abs(ahead)}s"
        source = f"{influxql.source(self.measurement, RAW)} WHERE {self.where} AND time > {when}"
        return f"SELECT {identifier(self.field)} AS {VALUE} FROM {source}"


@attr.frozen
class Grown:
    """The growth of a counter from report to report, where it grew."""

    field: str
    measurement: str
    where: str

    def within(self, since: int, until: int = 0) -> str:
        """As of Points."""
        grown = f"non_negative_difference({identifier(self.field)}) AS {VALUE}"
        source = _source(self.measurement, self.where, since, until)
        return f"SELECT {VALUE} FROM (SELECT {grown} FROM {source}) WHERE {VALUE} > 0"


Said = Points | Grown


def _source(measurement: str, where: str, since: int, until: int) -> str:
    """Ask for a stretch of time, by the database's clock."""
    end = f"now() - {until}s" if until else "now()"
    return f"{influxql.source(measurement, RAW)} WHERE {where} AND time > now() - {since}s AND time <= {end}"


def count(values: str, which: str = "", times: int = 1) -> str:
    """Count values that hold a condition, times a number; without any there is no answer, which adds nothing."""
    many = "" if times == 1 else f" * {times}"
    return f'SELECT count({VALUE}){many} AS "n" FROM ({values}){_where(which)}'


def some(values: str, which: str = "") -> str:
    """Give 1 where any value holds a condition."""
    return f'SELECT count({VALUE}) AS "n" FROM (SELECT last({VALUE}) AS {VALUE} FROM ({values}){_where(which)})'


def total(values: str, times: int = 1) -> str:
    """Add values up, times a number."""
    many = "" if times == 1 else f" * {times}"
    return f'SELECT sum({VALUE}){many} AS "n" FROM ({values})'


def negative(part: str) -> str:
    """Turn the sign of a condition."""
    return f'SELECT "n" * -1 AS "n" FROM ({part})'


def gaps(values: str, seconds: int) -> str:
    """Give the negative count of the gaps between values that are as long, or longer."""
    apart = f"SELECT elapsed({VALUE}, 1s) AS {VALUE} FROM ({values})"
    return count(apart, f"{VALUE} >= {seconds}", -1)


def mixed(field: str, measurement: str, where: str, seconds: int, stretch: int) -> str:
    """Count the stretches (s) of a time in which a counter grew from one report to the next, and from another one did not."""
    grown = f"non_negative_difference({identifier(field)}) AS {VALUE}"
    source = _source(measurement, where, seconds, 0)
    both = f'SELECT min({VALUE}) AS "least", max({VALUE}) AS "most" FROM (SELECT {grown} FROM {source})'
    when = f"time > now() - {seconds}s AND time <= now()"
    return f'SELECT count("most") AS "n" FROM ({both} WHERE {when} GROUP BY time({stretch}s)) WHERE "least" = 0 AND "most" > 0'


def added(parts: Iterable[str]) -> str:
    """Add conditions."""
    return f'SELECT sum("n") AS "n" FROM {_together(parts)}'


def holds(parts: Iterable[str], which: str, answer: int = 1) -> str:
    """Give the answer where the sum of some conditions holds another."""
    return f'SELECT "n" * 0 + {answer} AS "n" FROM ({added(parts)}) WHERE {which}'


def _where(which: str) -> str:
    return f" WHERE {which}" if which else ""


def _together(parts: Iterable[str]) -> str:
    return ", ".join(f"({part})" for part in parts)


def latch(begins: Iterable[str], ends: Iterable[str]) -> str:
    """Ask whether any of ``begins`` is so (1), else any of ``ends`` (0)."""
    # Without Grafana's range: with one around them, subqueries by stretches of time lose what begins before it.
    return f'SELECT max("n") AS "alarm" FROM {_together((*begins, *ends))}'


def of_limit(rule: LimitRule, points: Points) -> str:
    """Ask whether the alarm of a limit begins or ends; what that goes by is told by LimitRule."""
    return latch(
        begun(points, _beyond(rule), rule.begins, rule.fresh),
        held(points, _not_behind(rule), rule.ends)
        if rule.held
        else ended(points, _not_behind(rule), rule.ends, rule.fresh),
    )


def begun(points: Said, beyond: str, windows: Iterable[int], fresh: int) -> list[str]:
    """Tell, in each window, whether enough readings are beyond; without windows, whether a fresh one is."""
    new = some(points.within(fresh), beyond)
    return [
        holds(
            [
                new,
                some(points.within(window, oldest(window))),
                holds([count(points.within(window), beyond)], '"n" >= 2'),
                holds([count(points.within(window), beyond, 3), count(points.within(window), times=-2)], '"n" >= 0'),
            ],
            '"n" = 4',
        )
        for window in windows
    ] or [new]


def ended(points: Said, wrong: str, windows: Iterable[int], fresh: int) -> list[str]:
    """Tell, in each window, whether no reading is ``wrong``, one fresh and one in the oldest third."""
    return [
        holds(
            [
                some(points.within(fresh)),
                some(points.within(window, oldest(window))),
                count(points.within(window), wrong, -1),
            ],
            '"n" = 2',
            0,
        )
        for window in windows
    ]


def held(points: Said, wrong: str, windows: Iterable[int]) -> list[str]:
    """Tell, in each window, whether no reading is ``wrong``, nor the one that stood at its beginning."""
    found = []
    for window in windows:
        stood = f"SELECT last({VALUE}) AS {VALUE} FROM ({points.within(window + HELD, window)})"
        well = [count(stood), count(stood, wrong, -1), count(points.within(window), wrong, -1)]
        found.append(holds(well, '"n" = 1', 0))
    return found


def _beyond(rule: LimitRule) -> str:
    if isinstance(rule, BorderRule):
        return f"{VALUE} {'>' if rule.side == 'above' else '<'} {number(rule.value)}"
    return f"({' OR '.join(f'{VALUE} = {_word(code)}' for code in rule.limit.codes)})"


def _not_behind(rule: LimitRule) -> str:
    if isinstance(rule, BorderRule) and rule.back != rule.value:
        return f"{VALUE} {'>=' if rule.side == 'above' else '<='} {number(rule.back)}"
    return _beyond(rule)


def _word(code: int | str | bool) -> str:
    return text(code) if isinstance(code, str) else str(code).lower()
