"""How an alarm stands, look by look: what Grafana makes of the answers of a limit's rule."""

from __future__ import annotations

from enum import Enum

from provisioning.limit_rules import LimitRule

from .numbers import Known


class Phase(Enum):
    """Where an alarm is in its life; ``PENDING`` is none yet, ``ENDING`` still is one."""

    NORMAL = "normal"
    PENDING = "pending"
    FIRING = "firing"
    ENDING = "ending"


class Standing:
    """The state of one rule: its ``phase``, and ``since`` when (s since 1970)."""

    def __init__(self, rule: LimitRule):
        self.rule = rule
        self.forget()

    def forget(self) -> None:
        """Begin anew, without an alarm."""
        self.phase, self.since = Phase.NORMAL, 0.0

    @property
    def on(self) -> bool:
        """Tell whether there is an alarm."""
        return self.phase in (Phase.FIRING, Phase.ENDING)

    def assume(self, since: float) -> None:
        """Begin with an alarm that is on ``since`` then."""
        self.phase, self.since = Phase.FIRING, since

    def look(self, now: float, verdict: bool | None, newest: Known | None) -> None:
        """Take in what a look at ``now`` finds: what the rule says, and the newest reading, None where none is fresh."""
        on = self.on if verdict is None else verdict
        if newest is None and on is self.on:
            return
        back = newest is not None and self.rule.behind(newest)
        beyond = newest is not None and self.rule.beyond(newest)
        phase = (Phase.ENDING if back else Phase.FIRING) if on else (Phase.PENDING if beyond else Phase.NORMAL)
        if phase is not self.phase:
            self.phase, self.since = phase, now
