"""The samplers of a program: one an instrument, which come and go without the others noticing."""

from __future__ import annotations

import time

from . import pauses
from .configured import Stanza
from .errors import BadInput
from .sampler import Log, Sampler
from .stanza_folder import Changes
from .stdin import Stdin
from .stop import Stop
from .writer import Writer


class Crew:
    """Samplers, each with a request to stop of its own; ``stop`` is that to all of them, and to the program."""

    def __init__(self, writer: Writer, log: Log, stop: Stop, *, count: int | None, trace: bool):
        self._writer, self._log, self._stop, self._count, self._trace = writer, log, stop, count, trace
        self.samplers: list[Sampler] = []
        self._leaving: list[Sampler] = []  # they were asked to stop, and have not yet
        self._waiting: list[Stanza] = []  # they wait until who read the same instrument has let go of it
        self._pauses: dict[str, pauses.Pause] = {}
        self.stdin: Stdin | None = None  # who sets the pace of those that say so
        self.fault = False

    def hire(self, stanza: Stanza) -> Sampler | None:
        """Make the sampler of an instrument; None where its simulator does not start, which is logged."""
        try:
            made = Sampler(
                stanza, Stop(), self._writer, self._log, count=self._count, trace=self._trace, broke=self._broke
            )
        except BadInput as error:
            self._log("E", f"[{stanza.name}] {error}")
            return None
        self.samplers.append(made)
        return made

    @property
    def working(self) -> bool:
        """Tell whether any of them has cycles before it, now or after a pause."""
        return bool(self._pauses or self._waiting) or any(sampler.running for sampler in self.samplers)

    def watch(self) -> None:
        """Look whether one of them hangs, has left, can begin, or is to pause."""
        for sampler in [sampler for sampler in self._leaving if not sampler.running]:
            self._leaving.remove(sampler)
            self.samplers.remove(sampler)
            sampler.tell_the_end(silently=False)
        busy = {sampler.name for sampler in self._leaving}
        for stanza in [stanza for stanza in self._waiting if stanza.name not in busy]:
            self._waiting.remove(stanza)
            if not self.pauses(stanza) and (made := self.hire(stanza)) is not None:
                if self.stdin is not None:
                    made.paced_by(self.stdin)
                made.start()
        for sampler in self.samplers:
            sampler.watch()
            if sampler not in self._leaving and sampler.running and self.pauses(sampler.stanza):
                self._let_go(sampler)
        for name, pause in list(self._pauses.items()):
            if not pause.end:
                del self._pauses[name]
                pause.over()
                self._waiting.append(pause.stanza)
            elif name not in busy and not any(sampler.name == name for sampler in self._leaving):
                if not pause.told:
                    when = time.strftime("%H:%M:%S", time.localtime(pause.end))
                    self._log("W", f"[{name}] paused: until {when}; its port is free for other programs")
                pause.acknowledge()
                self._writer.put(pause.report(), name)

    def pauses(self, stanza: Stanza) -> bool:
        """Tell whether an instrument is to pause; it is then waited for."""
        if self._count is not None or not stanza.folder:
            return False
        pause = pauses.Pause(stanza)
        if pause.end:
            self._pauses[stanza.name] = pause
        return bool(pause.end)

    def _let_go(self, sampler: Sampler) -> None:
        sampler.stop.set()
        self._leaving.append(sampler)

    def change(self, changes: Changes) -> None:
        """Let go of the instruments that are gone, and take up those that came."""
        for error in changes.bad:
            self._log("E", f"{error}; what was read before is read as before")
        for name in changes.gone:
            self._waiting = [stanza for stanza in self._waiting if stanza.name != name]
            self._pauses.pop(name, None)
            for sampler in self.samplers:
                if sampler.name == name and sampler not in self._leaving:
                    self._log("I", f"[{name}] its stanza changed or is gone: it is let go of")
                    self._let_go(sampler)
        self._waiting += changes.came

    def disband(self) -> None:
        """Let go of the instruments of all, none of whom has begun."""
        for sampler in self.samplers:
            sampler.instrument.close()

    def dismiss(self) -> None:
        """Ask all to stop, and wait until they have."""
        if self._stop.is_set:
            for sampler in self.samplers:
                sampler.stop.set()
        for sampler in self.samplers:
            sampler.join()

    def _broke(self) -> None:
        self.fault = True
        self._stop.set()  # so that Telegraf starts it anew
