"""What is done about a part that ended: it is told, and started anew, unless that goes on and on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

from ..stack.errors import StackError
from ..stack.process import Process

MOST_ENDS = 3  # of one part within RECENT seconds; one more, and the run ends
RECENT = 120.0


class Supervision:
    """Counts the ends of parts; ``event`` tells, in a line, of the last one ("" where none ended)."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._ends: dict[str, list[float]] = defaultdict(list)
        self.event = ""

    def ended(self, part: Process, consequence: str) -> None:
        """Tell that a part ended, and what is done about it. Raises StackError where it does so again and again."""
        now = time.monotonic()
        ends = self._ends[part.name] = [t for t in self._ends[part.name] if now - t < RECENT] + [now]
        if len(ends) > MOST_ENDS:
            raise StackError(part.explain(f"{part.name} ended {len(ends)} times within {RECENT:.0f} s; the run ends"))
        self.event = f"{time.strftime('%H:%M:%S')} {part.name} ended (exit status {part.status}) and was started anew."
        self._say(part.explain(f"{part.name} ended (exit status {part.status}); {consequence}"))
