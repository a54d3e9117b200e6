"""How an alarm stands: the states that Grafana gives one instance of a limit's rule, look by look."""

from __future__ import annotations

from enum import Enum

from provisioning.limit_rules import LimitRule

from .numbers import Known


class Phase(Enum):
    """Where an alarm is in its life; ``ENDING`` is still an alarm for whoever is told of it."""

    NORMAL = "normal"
    PENDING = "pending"
    FIRING = "firing"
    ENDING = "ending"


class Standing:
    """The state of one rule: its ``phase``, and ``since`` when (s since 1970).

    Grafana's own machine, with what the rendered rules say: a look without a reading keeps what was (KeepLast).
    """

    def __init__(self, rule: LimitRule):
        self.rule = rule
        self.phase, self.since = Phase.NORMAL, 0.0
        self._kept = False  # after a look without a reading, Grafana passes over the hysteresis

    def assume_beyond(self, since: float) -> None:
        """Begin with readings that are beyond the limit ``since`` then."""
        self.phase, self.since = Phase.PENDING, since

    def look(self, now: float, reading: Known | None) -> None:
        """Take in what a look at ``now`` finds: the newest reading, None where there is none in the rule's window."""
        lasted = now - self.since
        if reading is None:
            if self.phase is Phase.PENDING and lasted >= self.rule.wait:
                self._enter(Phase.FIRING, now)
            elif self.phase is Phase.ENDING and lasted >= self.rule.keep:
                self._enter(Phase.NORMAL, now)
        elif self._alarming(reading):
            if self.phase is Phase.NORMAL:
                self._enter(Phase.PENDING if self.rule.wait else Phase.FIRING, now)
            elif self.phase is Phase.ENDING or (self.phase is Phase.PENDING and lasted >= self.rule.wait):
                self._enter(Phase.FIRING, now)
        elif self.phase is Phase.PENDING or (self.phase is Phase.ENDING and lasted >= self.rule.keep):
            self._enter(Phase.NORMAL, now)
        elif self.phase is Phase.FIRING:
            self._enter(Phase.ENDING, now)
        self._kept = reading is None

    def _alarming(self, reading: Known) -> bool:
        if self.phase in (Phase.PENDING, Phase.FIRING) and not self._kept:
            return not self.rule.behind(reading)
        return self.rule.beyond(reading)

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase, self.since = phase, now
