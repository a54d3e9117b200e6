"""One instrument of a program: its thread, its schedule, its ledger, its state."""

from __future__ import annotations

import select
import threading
import time
import traceback
from collections.abc import Callable

from . import trace as traces
from .configured import Stanza
from .errors import Stopped
from .instrument import Instrument
from .ledger import Ledger
from .point import Point
from .source import Pushed
from .stdin import Stdin, Trigger
from .stop import Stop, Waited
from .ticks import Ticks
from .writer import Writer

Log = Callable[[str, str], None]
REPORT_SECONDS = 1.0  # between two reports of a cycle that hangs, at least
TOGETHER = 1.0  # s in which what speaks by itself has said what belongs together


class Sampler:
    """Samples one instrument in a thread of its own, until asked to stop, or ``count`` times.

    ``good`` of its ``cycles`` were read whole; ``broke`` is called where the thread itself breaks down.
    """

    def __init__(
        self,
        stanza: Stanza,
        stop: Stop,
        writer: Writer,
        log: Log,
        *,
        count: int | None,
        trace: bool,
        broke: Callable[[], None],
    ):
        self._stanza, self.stop, self._writer, self._count, self._broke = stanza, stop, writer, count, broke
        self._log_line = log
        self.instrument = Instrument(stanza, stop, self._log, self._trace if trace else None)
        self._ledger = Ledger(self.instrument, writer, self._log)
        self.cycles = self.good = 0
        self._next_report = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True, name=stanza.name)
        self._trigger: Trigger | None = None

    @property
    def stanza(self) -> Stanza:
        """The instrument's stanza."""
        return self._stanza

    @property
    def name(self) -> str:
        """The instrument's name."""
        return self._stanza.name

    @property
    def running(self) -> bool:
        """Tell whether it has cycles before it."""
        return self._thread.is_alive()

    def paced_by(self, stdin: Stdin) -> None:
        """Let Telegraf's newlines set the pace, where the stanza says so."""
        if self._count is None and self._stanza.trigger == "stdin":
            self._trigger = stdin.trigger(self.stop)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def watch(self) -> None:
        """Report, from another thread, that a read hangs."""
        if time.monotonic() < self._next_report:
            return
        point = self.instrument.hangs()
        if point is not None:
            self._next_report = time.monotonic() + max(REPORT_SECONDS, self._stanza.interval)
            self._deliver([point], whole=False)

    def tell_the_end(self, *, silently: bool) -> None:
        """Close the count, and say what it came to."""
        self._ledger.note(last=True)
        if not silently:
            i = self.instrument
            discarded = f", {i.discarded} discarded" if i.discarded else ""
            spikes = f", {i.spikes} taken for spikes" if i.spikes else ""
            self._log(
                "I", f"stopped after {self.cycles} cycles: {i.readings} readings, {i.lost} dropped{discarded}{spikes}"
            )

    def _run(self) -> None:
        try:
            self._sample()
        except Stopped:
            pass
        except Exception:
            self._log("E", f"fault in labline: {traceback.format_exc()}")
            self._broke()
        finally:
            self._deliver(self.instrument.finish())
            self.instrument.close()
            if self._trigger is not None:
                self._trigger.close()

    def _sample(self) -> None:
        inbox = self.instrument.inbox
        ticks = None
        if self._trigger is not None and self._trigger.take(inbox, self._collect) is None:
            return
        while not self.stop.is_set:
            points = self.instrument.sample()
            self.cycles += 1
            self.good += self.instrument.well
            self._deliver(points)
            if self.cycles == self._count:
                self._hear()
                break
            if self._trigger is not None:
                if (more := self._trigger.take(inbox, self._collect)) is None:
                    break
                self.instrument.overruns += more
            else:
                ticks = ticks or Ticks(self._stanza.interval)  # the first cycle, which connects, comes at once
                self.instrument.overruns += ticks.wait(self.stop, inbox, self._collect)
        if ticks:  # a program that was stopped (SIGSTOP) until now missed some
            self.instrument.overruns += ticks.passed()

    def _hear(self) -> None:
        """Wait, by hand, for a source that speaks by itself, and for what comes with its first word: a cycle may find it between two."""
        if not isinstance(self.instrument.source, Pushed):
            return
        if not self.instrument.readings:
            ends: list[Waited] = [self.stop, self.instrument.inbox]
            select.select(ends, [], [], self._stanza.timeout)
        self.stop.wait(min(self._stanza.interval, TOGETHER))

    def _collect(self) -> None:
        self._deliver(self.instrument.collect())

    def _deliver(self, points: list[Point], *, whole: bool = True) -> None:
        """Have points printed; unless they are the ``whole`` of what was read by now, nobody is told that all is."""
        self._ledger.note()  # before they are written: what is written was made, whenever the program is killed
        self._writer.put(points, self._stanza.name, self.instrument.receipt() if whole else None)

    def _log(self, level: str, text: str) -> None:
        self._log_line(level, f"[{self._stanza.name}] {text}")

    def _trace(self, direction: str, data: bytes) -> None:
        self._log("D", traces.said(direction, data))
