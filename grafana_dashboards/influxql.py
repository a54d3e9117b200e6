"""InfluxQL as the dashboards ask it, on whatever level of downsampling the time range has."""

from __future__ import annotations

from collections.abc import Iterable

from provisioning.influxql import identifier, text
from provisioning.levels import FOREVER, RAW

TIME, INTERVAL, LEVEL = "$timeFilter", "$__interval", "$rp"
# How a level is read is said by its row in rp_config, through hidden variables (variables.py). `lo` and `hi` end a field's
# name: nothing where every reading is kept, `_min` and `_max` on a downsampled level. Where rp_config says nothing, all are
# empty: InfluxQL takes `""` for the default policy, which keeps every reading.
LOW, HIGH = "${lo}", "${hi}"
# Begins a panel's least interval: the time from point to point on a downsampled level, else nothing. Of `1h5s` Grafana takes
# the first duration: shorter intervals than a level's own would be loose points, with nothing between them.
STEP = "${step}"
END = "${__to}ms"


def call(function: str, field: str) -> str:
    """Apply a function to a field that each level has under its own name: the mean, on a downsampled one."""
    return f"{function}({identifier(field)})"


def lowest(field: str) -> str:
    """Ask for the smallest reading of an interval, on any level."""
    return f"min({_ending(field, LOW)})"


def highest(field: str) -> str:
    """Ask for the largest reading of an interval, on any level."""
    return f"max({_ending(field, HIGH)})"


def _ending(field: str, end: str) -> str:
    return f'{identifier(field)[:-1]}{end}"'


def source(measurement: str, level: str = LEVEL) -> str:
    """Name a measurement on a level (a retention policy)."""
    return identifier(level, measurement)


def equal(**tags: str) -> str:
    """Ask for tags of exact values."""
    return " AND ".join(f"{identifier(tag)} = {text(value)}" for tag, value in tags.items())


def chosen(*tags: str) -> str:
    """Ask for tags that the variables of the same names choose."""
    return " AND ".join(f"{identifier(tag)} =~ /^${tag}$/" for tag in tags)


def among(tag: str, values: Iterable[str]) -> str:
    """Ask for any of these values of a tag."""
    return f"({' OR '.join(equal(**{tag: value}) for value in values)})"


def others(tag: str, values: Iterable[str]) -> list[str]:
    """Ask for none of these values of a tag; a condition for each."""
    return [f"{identifier(tag)} != {text(value)}" for value in values]


def any_of(conditions: Iterable[str]) -> str:
    """Ask for what holds one of these conditions."""
    return f"({' OR '.join(f'({condition})' for condition in conditions)})"


def series(
    what: str,
    measurement: str,
    where: str = "",
    by: tuple[str, ...] = (),
    *,
    every: str = INTERVAL,
    fill: str = "none",
    level: str = LEVEL,
) -> str:
    """Ask for one value an interval; ``fill`` is none, or null where a gap is to be seen."""
    groups = ", ".join([f"time({every})", *map(identifier, by)])
    return f"SELECT {what} FROM {source(measurement, level)} WHERE {_and(where, TIME)} GROUP BY {groups} fill({fill})"


def current(what: str, measurement: str, where: str = "", by: tuple[str, ...] = ()) -> str:
    """Ask for one value an interval, where the last interval ends with the range shown: empty, where nothing came in it."""
    return series(what, measurement, _and(where, f"time < {END}"), by, every=f"{INTERVAL}, {END}", fill="null")


def rate(field: str, measurement: str, where: str = "", by: tuple[str, ...] = (), per: int = 1) -> str:
    """Ask for the growth of a counter in ``per`` seconds; where it starts anew nothing is added.

    The growth from point to point is divided by the time from point to point: an interval that has only begun does not look like
    a fall then, as it would if the counter's values at the ends of intervals were compared, and two points that come close to
    each other do not look like a peak.
    """
    name, tags = identifier(field), ", ".join(map(identifier, by))
    inner = (
        f'SELECT non_negative_difference({name}) AS "n", elapsed({name}, 1ms) AS "ms" FROM {source(measurement)} '
        f"WHERE {_and(where, TIME)} GROUP BY {tags}"
    )
    groups = ", ".join([f"time({INTERVAL})", *map(identifier, by)])
    grown = f'sum("n") / sum("ms") * {per * 1000} AS {name}'
    return f"SELECT {grown} FROM ({inner}) WHERE {TIME} GROUP BY {groups} fill(null)"


def increase(field: str, measurement: str, where: str = "", by: tuple[str, ...] = ()) -> str:
    """Ask by how much a counter grew in each interval; where it starts anew there is no value."""
    inner = series(f'{highest(field)} AS "n"', measurement, where, by)
    group = f" GROUP BY {', '.join(map(identifier, by))}" if by else ""
    return f'SELECT non_negative_difference("n") AS {identifier(field)} FROM ({inner}) WHERE {TIME}{group}'


def growth(field: str, measurement: str, where: str, by: tuple[str, ...]) -> str:
    """Ask by how much a counter grew in the whole time, among all that is kept in full; needs two points."""
    tags = ", ".join(map(identifier, by))
    inner = (
        f'SELECT non_negative_difference({identifier(field)}) AS "n" FROM {source(measurement, RAW)} '
        f"WHERE {_and(where, TIME)} GROUP BY {tags}"
    )
    return f'SELECT sum("n") AS {identifier(field)} FROM ({inner}) WHERE {TIME} GROUP BY {tags}'


def newest(what: str, measurement: str, by: tuple[str, ...], where: str = "", within: str = TIME) -> str:
    """Ask for the newest point of each series, among all that are kept in full."""
    return f"SELECT {what} FROM {source(measurement, RAW)} WHERE {_and(where, within)} GROUP BY {', '.join(map(identifier, by))}"


def latest(what: str, measurement: str, where: str, most: int) -> str:
    """Ask for the newest points of all series together, the newest first, among all that are kept in full."""
    points = f"FROM {source(measurement, RAW)} WHERE {_and(where, TIME)}"
    return f"SELECT {what} {points} ORDER BY time DESC LIMIT {most}"


def which_of(groups: Iterable[Iterable[int | str | bool]], field: str, measurement: str, where: str) -> str:
    """Ask which group of values the newest one is in: 1 for the first, 0 for none of them, nothing where there is no value.

    InfluxQL compares with one value at a time, and Grafana's rules with numbers alone.
    """
    name, points, when = identifier(field), source(measurement, RAW), _and(where, TIME)
    newest = f'(SELECT last({name}) AS "newest" FROM {points} WHERE {when})'
    parts = [
        f'(SELECT count("newest") * {number} AS "n" FROM {newest} WHERE {" OR ".join(map(_is, group))})'
        for number, group in enumerate(groups, 1)
    ]
    parts.append(f'(SELECT count({name}) * 0 AS "n" FROM {points} WHERE {when})')
    return f'SELECT sum("n") AS {name} FROM {", ".join(parts)} WHERE {TIME}'


def _is(value: int | str | bool) -> str:
    return f'"newest" = {text(value) if isinstance(value, str) else str(value).lower()}'


def level(field: str) -> str:
    """Ask rp_config which level shows the time range: the finest one that still has its beginning, and not too many points.

    A level's row stands at the time that is as long after 1970 as the level's data are kept, so that the one comparison of
    InfluxQL with ``now()`` tells whether the level still has ``$__from``.
    """
    return (
        f"SELECT {identifier(field)} FROM {source('rp_config', FOREVER)} "
        'WHERE time > now() - ${__from}ms AND $__to - $__from <= "end" ORDER BY time LIMIT 1'
    )


def _and(*conditions: str) -> str:
    return " AND ".join(filter(None, conditions))
