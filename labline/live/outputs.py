"""What Telegraf's log says of its outputs: what was refused, dropped, or can't be written."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from ..words import counted

TOLD_SECONDS = 600.0  # a loss is told for as long, as by Grafana's rules
STILL_SECONDS = 15.0  # Telegraf writes each second, and each time tells that it can't
NOT_ALL = "could not write any address"  # said after what is wrong was said

REFUSED = re.compile(r"Failed to write metric.*? \(will be dropped: [^)]*\): (.*)")
WRITING = re.compile(r"When writing to \[[^\]]*\]: (?:received error )?(.*)")
OVERFLOW = re.compile(r"Metric buffer overflow; (\d+) metrics have been dropped")
HEADS = re.compile(r'(?:[EWI]! \[[^\]]*\] |\d{3} [A-Z][A-Za-z ]*: |partial write: |failed doing req: Post "[^"]*": )+')
COUNT = re.compile(r" dropped=(\d+)\Z")
# What Telegraf gives up after such an answer, though it says no more than that it was writing.
GIVEN_UP = ("database not found", "retention policy not found", "points beyond retention policy")
FULL = "buffer was full"
NAMES = {"database": "the database", "journal": "the journal"}  # an output's alias (provisioning/telegraf_config.py)
CANARY = "canary"  # in the place of an output: a point that labline itself writes, and reads back
SLOW = "no answer"
# What the reasons are called in the database, a few words for all that a server may say.
KINDS = {
    "field type conflict": "field type conflict",
    "authorization failed": "wrong password",
    "not authorized": "no right to write",
    "database not found": "no such database",
    "there is no database": "no such database",
    "retention policy not found": "no such retention policy",
    "points beyond retention policy": "too old",
    "no space left on device": "disk full",
    "disk quota exceeded": "disk full",
    "read-only file system": "disk read-only",
    "input/output error": "disk broken",
    "buffer was full": "buffer full",
    "does not answer": SLOW,
    "nothing answers": SLOW,
    "connection refused": SLOW,
    "timeout": SLOW,
    "deadline exceeded": SLOW,
}
BAD_DISKS = ("no space left on device", "read-only file system", "input/output error")
ADVICE = {
    "field type conflict": "A field keeps its type for ever: give the quantity another name in the site file.",
    "authorization failed": "Is its password for the user writer the one in the secrets folder? labline apply sets it.",
    "not authorized": "labline apply gives the user writer its right.",
    "database not found": "labline apply makes it.",
    "there is no database": "labline apply makes it.",
    "retention policy not found": "labline apply makes it.",
    "points beyond retention policy": "Their time is longer ago than influxdb.retention.raw: is a clock wrong?",
    "no space left on device": "Free some space on the disk.",
    "disk quota exceeded": "Free some space, or have the quota raised.",
    "read-only file system": "The disk has a fault, or was mounted so: dmesg tells. mount -o remount,rw once that is mended.",
    "input/output error": "The disk has a fault: dmesg tells.",
    FULL: "It could not write for too long.",
}


@dataclass
class Trouble:
    """One thing that is wrong with an output, between ``first`` and ``last`` (s since 1970).

    ``lost``: Telegraf gives up what is concerned, ``points`` of it are known (0: it does not say how many). Otherwise it
    tries again.
    """

    output: str
    why: str
    lost: bool
    first: float
    last: float
    points: int = 0
    node: str = ""  # whose Telegraf it is, where there are several

    @property
    def kind(self) -> str:
        """Name the reason in a few words, alike whatever the numbers and paths in it."""
        return next((words for begin, words in KINDS.items() if begin in self.why), "other")

    @property
    def key(self) -> str:
        """What makes it another trouble than others."""
        return f"{self.node} {self.output} {self.why}"

    def is_new(self, now: float) -> bool:
        """Tell whether it is so, or was so a moment ago."""
        return now - self.last < STILL_SECONDS

    def to_tell(self, now: float) -> bool:
        """Tell whether somebody should know of it: what was lost is told for a while."""
        return self.is_new(now) or (self.lost and now - self.last < TOLD_SECONDS)

    def line(self) -> str:
        """Tell it in a line."""
        name = NAMES.get(self.output, f"output {self.output}")
        telegraf = f"{self.node}'s Telegraf" if self.node else "Telegraf"
        what = counted("point", self.points) if self.points else f"all that {telegraf} wrote"
        if self.output == CANARY:
            said = f"A trial point does not reach the database since {_clock(self.first)}: {self.why}"
        elif not self.lost:
            said = f"{telegraf} can't write to {name} since {_clock(self.first)}, and tries again: {self.why}"
        elif self.why == FULL:
            said = f"{telegraf} dropped {what} for {name}, {self.span()}: its {self.why}"
        else:
            of = f" of {self.node}" if self.node and self.points else ""
            said = f"{name[0].upper()}{name[1:]} refused {what}{of}, {self.span()}: {self.why}"
        advice = next((words for begin, words in ADVICE.items() if begin in self.why), "")
        return f"{said.rstrip('.')}. {advice}".rstrip()

    def span(self) -> str:
        """Tell from when to when."""
        first, last = _clock(self.first), _clock(self.last)
        return f"at {first}" if first == last else f"{first} to {last}"


class Outputs:
    """Gathers what is wrong with outputs, from lines of Telegraf's log; ``node`` is whose it is, where there are several."""

    def __init__(self, node: str = "") -> None:
        self._node = node
        self._found: dict[tuple[str, str], Trouble] = {}

    def note(self, when: float, output: str, text: str) -> None:
        """Take in a line that is not well: what ``output`` (its alias), or the agent about it, said ``when``."""
        if NOT_ALL in text:
            return
        if full := OVERFLOW.search(text):
            self._add(when, output, FULL, lost=True, points=int(full[1]))
            return
        refused, writing = REFUSED.search(text), WRITING.search(text)
        said = refused[1] if refused else writing[1] if writing else text
        count = COUNT.search(said)
        why = HEADS.sub("", said.removesuffix(count[0]) if count else said, count=1)
        lost = bool(refused) or any(words in why for words in GIVEN_UP)
        self._add(when, output, why, lost=lost, points=int(count[1]) if count else 0)

    def troubles(self) -> list[Trouble]:
        """List all that was noted, what was lost first."""
        return sorted(self._found.values(), key=lambda trouble: not trouble.lost)

    def _add(self, when: float, output: str, why: str, *, lost: bool, points: int) -> None:
        trouble = self._found.setdefault((output, why), Trouble(output, why, lost, when, when, node=self._node))
        if not lost and when - trouble.last > STILL_SECONDS:
            trouble.first = when  # it was over in between
        trouble.last = when
        trouble.points += points


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
