"""The alarms of limits: what they ask the database, and what they tell people, of a number's border or of words."""

from __future__ import annotations

from collections.abc import Iterable

import attr

from provisioning import limit_rules
from provisioning.grafana_text import plain
from provisioning.influxql import identifier
from provisioning.levels import RAW
from provisioning.limit_rules import BorderRule, LimitRule
from provisioning.limits import either
from provisioning.site import Site, SiteInstrument
from telegraf_inputs import duration

from . import alarm_words, influxql, latches, signals, style
from .alarm_words import Panels
from .latches import Points
from .provision import Rule
from .signals import Signal
from .uids import uid


@attr.frozen(kw_only=True)
class Told:
    """The words for a limit's rule, and the query of the value that they show.

    ``now`` is a Go template that says what the value is now; it holds too while the alarm waits for its end, with a value that is well.
    """

    name: str
    title: str
    value: str
    now: str
    course: str


def rules(instrument: SiteInstrument, site: Site, panel: Panels) -> Iterable[Rule]:
    """Make the rules of all limits of an instrument."""
    for signal in signals.of_instrument(instrument):
        for limit in signal.limits:
            for rule in limit_rules.of_limit(limit, instrument, site.alarms):
                yield _rule(site, signal, rule, panel)


def _rule(site: Site, signal: Signal, rule: LimitRule, panel: Panels) -> Rule:
    """Watch one side of a number's limit, or the words that are an alarm.

    Where readings stop coming, the alarm stays as it was: that nothing comes is the stale-data alarm's to tell.
    """
    instrument, limit = signal.instrument, rule.limit
    named = f"{instrument.stanza.label}: {signal.title}"
    told = _border(signal, rule) if isinstance(rule, BorderRule) else _words(signal, rule)
    points = Points(signal.quantity.name, signal.measurement, signal.where, 0 if rule.at_once else limit_rules.SAMPLE)
    return Rule(
        uid=uid(site.name, instrument.name, signal.channel.id, signal.quantity.name, limit.severity, told.name),
        title=f"{named} {told.title}",
        **alarm_words.latched(latches.of_limit(rule, points), rule.window, told.value),
        panel=panel(signal.key),
        labels=alarm_words.labels(
            site, limit.severity, "limit", instrument=instrument.name, channel=signal.channel.id, node=instrument.node
        ),
        annotations={
            "summary": f"{plain(named)} is {told.now}",
            "description": plain(
                f"{signal.description}{alarm_words.read_by(instrument, site)} This alarm {told.course}."
            ),
            "help": plain(limit.help),
        },
    )


def _border(signal: Signal, rule: BorderRule) -> Told:
    """Tell of one side of a limit."""
    quantity, side = signal.quantity, rule.side
    border, end = (style.number(v, quantity.unit) for v in (rule.value, rule.back))
    unit = f" {quantity.unit}".rstrip()
    return Told(
        name=side,
        title=f"{side} {border}",
        value=(
            f"SELECT {influxql.call('last', quantity.name)} AS {identifier(quantity.name)} "
            f"FROM {influxql.source(signal.measurement, RAW)} WHERE {signal.where} AND {influxql.TIME}"
        ),
        now=f'{{{{ printf "%.6g" $values.B.Value }}}}{plain(f"{unit} (alarm {side} {border})")}',
        course=(
            f"comes {_after(rule)} {side} {border}, "
            f"and ends after {duration.words(rule.keep)} {'below' if side == 'above' else 'above'} {end}"
        ),
    )


def _words(signal: Signal, rule: LimitRule) -> Told:
    """Tell of words. Which of them the newest reading is, is asked as a number: the first is 1, the second 2 …, none of them 0."""
    words = rule.limit.words
    quoted = [f"'{each}'" for each in words]
    alarms = either(quoted)
    tests = [f"eq $values.B.Value {number}.0 }}}}{plain(each)}" for number, each in enumerate(quoted, 1)]
    return Told(
        name="when",
        title=f"is {either(words)}",
        value=influxql.which_of(list(words.values()), signal.quantity.name, signal.measurement, signal.where),
        now=f"{{{{ if {'{{ else if '.join(tests)}{{{{ else }}}}something else{{{{ end }}}}{plain(f' (alarm when {alarms})')}",
        course=f"comes {_after(rule)} of {alarms}, and ends after {duration.words(rule.keep)} of anything else",
    )


def _after(rule: LimitRule) -> str:
    return f"after {duration.words(rule.wait)}" if rule.wait else "at once"
