"""Looks after the programs that a node's Telegraf runs: Telegraf starts anew those that end, and sees none that hangs."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from ..stack.standstill import Standstill, children, signalled
from .acquisition import Acquisition

EVERY = 2.0  # seconds between two looks at the list of all processes
PATIENCE = 10.0  # seconds for one that goes on again to end by itself


class Programs:
    """Ends programs that stand still; what they hold they write first, where they can."""

    def __init__(self, acquisition: Acquisition, say: Callable[[str], None]):
        self._acquisition, self._say = acquisition, say
        self._next = 0.0
        self._known: dict[int, Standstill] = {}
        self._ending: dict[int, float] = {}  # until when one has time to end

    def look(self) -> None:
        """Look whether all get on."""
        now, telegraf = time.monotonic(), self._acquisition.process
        if now < self._next or telegraf is None:
            return
        self._next = now + EVERY
        found = dict(children(telegraf.pid))
        self._known = {pid: self._known.get(pid) or Standstill(idles=True) for pid in found}
        self._ending = {pid: until for pid, until in self._ending.items() if pid in found}
        for pid, until in self._ending.items():
            if now > until:
                signalled(pid, signal.SIGKILL)
        for pid, standstill in self._known.items():
            if pid not in self._ending and (why := standstill.look(pid)):
                self._ending[pid] = now + PATIENCE
                name = found[pid].partition(" -m telegraf_inputs.")[2].partition(" ")[0] or found[pid]
                self._say(f"the program {name} hangs: {why}; it is ended, and Telegraf starts it anew in some seconds")
                signalled(pid, signal.SIGTERM, signal.SIGCONT)
