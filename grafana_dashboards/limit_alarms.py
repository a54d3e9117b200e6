"""What the alarm of a limit asks the database, and what it tells people: of a number's border, or of words."""

from __future__ import annotations

import attr

from provisioning.influxql import identifier
from provisioning.levels import RAW
from provisioning.limit_rules import BorderRule, LimitRule
from provisioning.limits import either
from telegraf_inputs import duration

from . import influxql, style
from .provision import Threshold, plain
from .signals import Signal


@attr.frozen(kw_only=True)
class Told:
    """What a limit's rule asks, and the words for it: ``now`` is a Go template that says what the value is now.

    It is said so that it holds too while the alarm waits for its end, with a value that is well.
    """

    name: str
    title: str
    query: str
    threshold: Threshold
    now: str
    course: str


def told(signal: Signal, rule: LimitRule) -> Told:
    """Write what the rule of a limit needs."""
    return _border(signal, rule) if isinstance(rule, BorderRule) else _words(signal, rule)


def _border(signal: Signal, rule: BorderRule) -> Told:
    """Compare the newest reading, however slowly they come, with one side of a limit."""
    quantity, side = signal.quantity, rule.side
    border, end = (style.number(v, quantity.unit) for v in (rule.value, rule.back))
    unit = f" {quantity.unit}".rstrip()
    return Told(
        name=side,
        title=f"{side} {border}",
        query=(
            f"SELECT {influxql.call('last', quantity.name)} AS {identifier(quantity.name)} "
            f"FROM {influxql.source(signal.measurement, RAW)} "
            f'WHERE {signal.where} AND {influxql.TIME} GROUP BY "instrument", "channel"'
        ),
        threshold=Threshold(ref="C", of="B", side=side, value=rule.value, back=rule.back),
        now=f'{{{{ printf "%.6g" $values.B.Value }}}}{plain(f"{unit} (alarm {side} {border})")}',
        course=(
            f"comes {_after(rule)} {side} {border}, "
            f"and ends after {duration.words(rule.keep)} {'below' if side == 'above' else 'above'} {end}"
        ),
    )


def _words(signal: Signal, rule: LimitRule) -> Told:
    """Ask which of the words the newest reading is: the first is 1, the second 2 …, none of them 0."""
    words = rule.limit.words
    quoted = [f"'{each}'" for each in words]
    alarms = either(quoted)
    tests = [f"eq $values.B.Value {number}.0 }}}}{plain(each)}" for number, each in enumerate(quoted, 1)]
    return Told(
        name="when",
        title=f"is {either(words)}",
        query=influxql.which_of(list(words.values()), signal.quantity.name, signal.measurement, signal.where),
        threshold=Threshold(ref="C", of="B", side="above", value=0.0, back=0.0),
        now=f"{{{{ if {'{{ else if '.join(tests)}{{{{ else }}}}something else{{{{ end }}}}{plain(f' (alarm when {alarms})')}",
        course=f"comes {_after(rule)} of {alarms}, and ends after {duration.words(rule.keep)} of anything else",
    )


def _after(rule: LimitRule) -> str:
    return f"after {duration.words(rule.wait)}" if rule.wait else "at once"
