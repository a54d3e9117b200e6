"""What is done about a part that ended: it is told, and started anew, for ever, ever more slowly where that does not help."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Protocol

from ..stack.errors import StartFailed
from ..stack.process import Process
from ..stack.standstill import Standstill

AT_ONCE = 3  # so many times it is started anew at once
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds; each one is twice the one before
STEADY = 120.0  # what ran for so many seconds runs: its next end is the first one again
LONGEST_START = 3600.0  # seconds: what goes on for longer is begun anew


class Startable(Protocol):
    """A part that can be started step by step, so that nothing else waits for it."""

    @property
    def process(self) -> Process | None:
        """Its process, from ``begin`` to ``stop``."""

    def begin(self) -> None:
        """Begin to start it. Raises StartFailed."""

    def is_up(self) -> bool:
        """Go on with its start; True once it is done. Raises StartFailed; then nothing of it runs."""

    def stop(self) -> None:
        """Stop it, and what an ended one left behind."""


class Keeper:
    """Keeps one part running. ``meanwhile`` says what comes of its end; ``came_up`` is called when it runs again.

    ``hung`` tells in what way it hangs, beside those that the kernel shows; "" where it does not.
    """

    def __init__(
        self,
        name: str,
        part: Startable,
        say: Callable[[str], None],
        meanwhile: str,
        came_up: Callable[[], None],
        *,
        idles: bool,
        hung: Callable[[], str],
    ):
        self.name, self.part = name, part
        self._hung = hung
        self._say, self._meanwhile, self._came_up = say, meanwhile, came_up
        self._standstill = Standstill(idles=idles)
        self._failures = 0  # ends and failed starts, since it ran steadily
        self._up_since: float | None = None
        self._begun: float | None = None  # when the start began that goes on
        self._next: float | None = None  # when it is to be started anew
        self._down = self._why = self._told = ""
        self.event, self.event_time = "", 0.0  # its last end
        self.events: list[str] = []  # all of them

    @property
    def notice(self) -> str:
        """Tell, in a line, that it does not run; "" where it does."""
        if not self._down:
            return ""
        tries = f", started anew {self._failures} times" if self._failures > 1 else ""
        return f"{self.name} does not run since {self._down}{tries}: {self._why}; {self._meanwhile}."

    def look(self) -> None:
        """Look whether it runs, and do what is to be done now; waits for nothing."""
        now = time.monotonic()
        if self._begun is not None:
            self._go_on(now)
        elif self._next is None and (process := self.part.process):
            if not process.running:
                self._ended(process, now)
            elif why := self._standstill.look(process.pid) or self._hung():
                self.hangs(why)
        if self._next is not None and now >= self._next:
            self._begin(now)

    def restart(self) -> None:
        """Start it anew, though it runs."""
        self._down = self._down or _clock()
        self._why = self._why or "it is being started anew"
        self._begin(time.monotonic())

    def not_started(self, why: str) -> None:
        """Take note that it could not be started at all."""
        self._down = _clock()
        self._failed(why, time.monotonic())

    def hangs(self, why: str) -> None:
        """Start it anew, because it is there and does not get on; what can still end by itself does."""
        self._down, self._why = _clock(), why
        self.event_time = time.monotonic()
        self.event = f"{self._down} {self.name} hung ({why}) and was started anew."
        self.events.append(self.event)
        self._say(f"{self.name} hangs: {why}; started anew{self._wait(self.event_time)}; {self._meanwhile}")

    def _ended(self, process: Process, now: float) -> None:
        if self._up_since is None or now - self._up_since > STEADY:
            self._failures = 0
        self._down, self._why = _clock(), f"it ended (exit status {process.status})"
        self.event_time = now
        self.event = f"{self._down} {self.name} ended (exit status {process.status}) and was started anew."
        self.events.append(self.event)
        when = self._wait(now)
        self._say(
            process.explain(f"{self.name} ended (exit status {process.status}); started anew{when}; {self._meanwhile}")
        )

    def _wait(self, now: float) -> str:
        """Choose when it is to be started; tells it in words."""
        self._failures += 1
        pause = 0.0
        if self._failures > AT_ONCE:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - AT_ONCE - 1))
        self._begun, self._next = None, now + pause
        return f" in {pause:.0f} s" if pause else ""

    def _begin(self, now: float) -> None:
        self._next = None
        try:
            self.part.stop()
            self.part.begin()
        except (StartFailed, OSError) as error:
            self._failed(_words(error), now)
        else:
            self._begun = now

    def _go_on(self, now: float) -> None:
        assert self._begun is not None
        try:
            up = self.part.is_up()
            if up:
                self._came_up()
        except (StartFailed, OSError) as error:
            self._failed(_words(error), now)
            return
        if up:
            self._begun, self._up_since = None, now
            if self._told:
                self._say(f"{self.name} runs again, {_clock()}")
            self._down = self._why = self._told = ""
        elif (process := self.part.process) and (why := self._standstill.look(process.pid)):
            self.hangs(why)
        elif now - self._begun > LONGEST_START:
            self._failed(f"{self.name} was not ready within {LONGEST_START:.0f} s", now)

    def _failed(self, why: str, now: float) -> None:
        """Tell why it can't be started, once for each reason."""
        when = self._wait(now) or " at once"
        self._why = why.partition("\n")[0].removesuffix(", its last words:")
        if (kind := re.sub(r"\d+", "", self._why)) != self._told:
            self._say(f"{why}\n{self.name} is started anew{when}, then ever more slowly, for ever; {self._meanwhile}")
        self._told = kind


class Supervision:
    """The keepers of a lab's parts."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._keepers: list[Keeper] = []

    def keep(
        self,
        name: str,
        part: Startable,
        meanwhile: str,
        came_up: Callable[[], None] = lambda: None,
        *,
        idles: bool = False,
        hung: Callable[[], str] = lambda: "",
    ) -> Keeper:
        """Keep a part running from now on; ``idles``: it may have nothing to do for as long as it likes."""
        keeper = Keeper(name, part, self._say, meanwhile, came_up, idles=idles, hung=hung)
        self._keepers.append(keeper)
        return keeper

    def look(self) -> None:
        """Look after all parts; waits for none."""
        for keeper in self._keepers:
            keeper.look()

    @property
    def notice(self) -> str:
        """Tell, in a line, what does not run, or else what ended last; "" where nothing did."""
        down = next((keeper.notice for keeper in self._keepers if keeper.notice), "")
        last = max(self._keepers, key=lambda keeper: keeper.event_time, default=None)
        return down or (last.event if last else "")


def _clock() -> str:
    return time.strftime("%H:%M:%S")


def _words(error: StartFailed | OSError) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
