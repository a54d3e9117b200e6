"""What the terminal tells of limits: which alarm there is, and why, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioning.limit_rules import BorderRule, LimitRule
from provisioning.limits import word
from telegraf_inputs import duration
from telegraf_inputs.declare import Quantity

from .numbers import Known, Scale, limit, shown
from .standing import Phase, Standing

ORDER = (Phase.FIRING, Phase.ENDING, Phase.PENDING)


@dataclass(frozen=True)
class LatestValue:
    """A quantity's newest value as a look at ``now`` (s since 1970) finds it; not ``current``: there should be a newer one.

    ``scale``: by which a number is written; None: its own.
    """

    quantity: Quantity
    value: Known
    scale: Scale | None
    now: float
    current: bool


@dataclass(frozen=True)
class Alarm:
    """What there is to tell of a limit: ``phase`` is not NORMAL, ``severity`` that of the limit."""

    severity: str
    phase: Phase
    note: str


def worst(standings: Iterable[Standing], where: str, reading: LatestValue) -> Alarm | None:
    """Choose what to tell of one quantity's limits: what fires before what ends or may begin, the critical one first."""
    found = [(*_as_seen(standing, reading), standing.rule) for standing in standings]
    found = [one for one in found if one[0] is not Phase.NORMAL]
    if not found:
        return None
    phase, lasted, rule = min(found, key=lambda one: (ORDER.index(one[0]), one[2].limit.severity != "critical"))
    said = f"{where}: {_told(phase, lasted, rule, reading)}"
    return Alarm(rule.limit.severity, phase, f"{said}. {rule.limit.help}" if rule.limit.help else said)


def _as_seen(standing: Standing, reading: LatestValue) -> tuple[Phase, float]:
    """Give a standing's phase, and for how long (s) it lasts; what Grafana will see at its next look begins here at once."""
    if reading.current and standing.rule.beyond(reading.value):
        if standing.phase is Phase.NORMAL:
            return (Phase.PENDING if standing.rule.wait else Phase.FIRING), 0.0
        if standing.phase is Phase.ENDING:
            return Phase.FIRING, 0.0
    return standing.phase, max(0.0, reading.now - standing.since)


def _told(phase: Phase, lasted: float, rule: LimitRule, reading: LatestValue) -> str:
    """Say how a limit stands, and why."""
    severity = rule.limit.severity
    said = _number(phase, rule, reading) if isinstance(rule, BorderRule) else _word(phase, rule, reading)
    if phase is Phase.ENDING:
        return f"{said} for {duration.short(lasted)}; the {severity} ends after {duration.words(rule.keep)}"
    if phase is Phase.PENDING:
        return f"{said}, for {duration.short(lasted)}: a {severity} after {duration.words(rule.wait)}"
    return said


def _number(phase: Phase, rule: BorderRule, reading: LatestValue) -> str:
    """Say where a number is, seen from its limit."""
    scale = reading.scale or Scale.of(float(reading.value))
    said = " ".join(shown(reading.value, reading.quantity, scale)).rstrip()
    edge, end = (f"{side} {limit(value, reading.quantity, scale)}" for side, value in _edges(rule))
    if not reading.current:
        said = f"{said} was read last, and"
    if phase is Phase.ENDING:
        return f"{said} is back from {edge}"
    if rule.beyond(reading.value):
        return f"{said} is {edge}"
    return (
        f"{said} was {edge} a moment ago" if rule.behind(reading.value) else f"{said} was {edge}, and is not {end} yet"
    )


def _word(phase: Phase, rule: LimitRule, reading: LatestValue) -> str:
    """Say what a code, a text, true or false is, seen from its limit."""
    said = "is '{}'" if reading.current else "was '{}' when it was read last"
    said = f"{reading.quantity.name.replace('_', ' ')} {said.format(word(reading.quantity, reading.value))}"
    if phase is Phase.ENDING:
        return f"{said}, no alarm"
    return said if rule.beyond(reading.value) else f"{said}, and was an alarm a moment ago"


def _edges(rule: BorderRule) -> tuple[tuple[str, float], tuple[str, float]]:
    """Name the two borders: where the alarm begins, and where it ends."""
    return (rule.side, rule.value), ("below" if rule.side == "above" else "above", rule.back)
