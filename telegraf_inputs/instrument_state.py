"""How an instrument is: what its channels' statuses, its clock and its faults come to; a change is logged, once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .clock import MEANINGS
from .sparing import Sparing

UP = ("ok", "degraded", "clock")  # states in which it delivers
VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")  # in a reason that is the same one nevertheless


class InstrumentState:
    """The ``state`` of an instrument, and ``detail``, what there is to say of it. Channels are named as in the log."""

    def __init__(self, sparing: Sparing):
        self.state, self.detail, self._kind = "starting", "", ""
        self.identity = ""  # what it says of itself, for whoever reads that it is well
        self._sparing = sparing
        self._statuses: dict[str, str] = {}  # channel -> the last status that it had
        self._worst: dict[str, str] = {}  # channel -> what was wrong with it since the last report
        self._details: dict[str, str] = {}  # channel -> what else was told of it
        self._clocks: dict[str, str] = {}  # channel -> what was wrong with the time of its last reading
        self._told: dict[str, str] = {}  # the faults of channels that were told last

    @property
    def up(self) -> bool:
        """Tell whether it delivers."""
        return self.state in UP

    @property
    def well(self) -> bool:
        """Tell whether the last cycle was read whole: that a clock is odd is the machine's fault."""
        return self.state == "ok" or (self.state == "clock" and not self._faulty())

    def note(self, channel: str, status: str, detail: str, *, lasts: bool = True) -> None:
        """Note a channel's status; one that does not last is of what belongs to no channel."""
        if lasts:
            self._statuses[channel] = status
        self._details[channel] = f" ({detail})" if detail else ""
        if status != "ok":
            self._worst[channel] = status

    def note_clock(self, channel: str, oddity: str) -> None:
        """Note what is wrong with the time of a channel's newest reading; "" for nothing."""
        self._clocks[channel] = oddity

    def reported(self) -> None:
        """Begin anew with what was wrong since the last report."""
        self._worst = {}

    def judge(self, doubt: str = "") -> None:
        """Tell how it is after a cycle that was read; ``doubt``: of this machine's clock. Channels without news keep the status they had."""
        faulty = self._faulty()
        detail = ", ".join(f"{channel}: {status}{self._details[channel]}" for channel, status in faulty.items())
        told, self._told = self._told, faulty
        changed = [channel for channel in {**told, **faulty} if told.get(channel) != faulty.get(channel)]
        if self.state in ("degraded", "clock") and faulty and changed:
            self._sparing.say("state", "W", f"degraded: {detail}", changed)
        clock = next(filter(None, self._clocks.values()), doubt)
        if clock:
            self.enter("clock", "; ".join(filter(None, (MEANINGS[clock], detail))), reason=clock)
        else:
            self.enter("degraded" if faulty else "ok", detail, changed)
        self._sparing.look()

    def fail(self, state: str, detail: str) -> None:
        """Note that a cycle failed: nothing is known of the channels."""
        self._statuses, self._clocks, self._told = {}, {}, {}
        self.enter(state, detail, reason=detail)
        self._sparing.look()

    def enter(self, state: str, detail: str, changed: Sequence[str] = (), reason: str = "") -> None:
        """Note the state; a change of it, or of its ``reason``, is logged, once. ``changed``: the channels by which it did."""
        before, self.state, self.detail = self.state, state, detail
        kind, self._kind = self._kind, VARYING.sub("", reason)
        if state == before and kind == self._kind:
            return
        level = "I" if state == "ok" else "W" if state in ("degraded", "clock") else "E"
        again = " again" if state == "ok" and before != "starting" else ""
        named = f" ({self.identity})" if state == "ok" and self.identity else ""
        self._sparing.say("state", level, f"{state}{again}{named}{': ' + detail if detail else ''}", changed or [""])

    def _faulty(self) -> dict[str, str]:
        """Tell what is wrong with channels: in this cycle, or since their last reading."""
        lasting = {channel: status for channel, status in self._statuses.items() if status != "ok"}
        return lasting | self._worst
