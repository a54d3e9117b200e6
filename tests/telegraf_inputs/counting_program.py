"""A program of telegraf_inputs with a driver that only counts, and misbehaves on request; started by the tests of the contract."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter

from telegraf_inputs import drivers
from telegraf_inputs.declare import Option, Quantity, Stream
from telegraf_inputs.errors import NoAnswer
from telegraf_inputs.execd import main
from telegraf_inputs.reading import Reading
from telegraf_inputs.source import Polled


class Nothing:
    """A link to nothing."""

    def discard(self, quiet: float = 0.0) -> int:
        return 0

    def close(self) -> None:
        pass


class Counting(Polled):
    """Delivers the number of its cycle on each channel."""

    name = "counting"
    title = "counter"
    schemes = ("file",)
    streams = (
        Stream(
            "counting",
            (Quantity("cycle", "", "Number of the cycle", type="int"), Quantity("pad", "", "Ballast", type="str")),
        ),
    )
    channel_names = tuple(str(n) for n in range(40))
    options_known = (
        Option(
            "mode",
            "str",
            "how it misbehaves",
            "well",
            choices=("well", "raises", "stuck", "slow", "silent", "wrong_type"),
        ),
        Option("pad", "int", "length of the ballast", 10),
    )
    counts: Counter[str] = Counter()  # cycles, by instrument

    @classmethod
    def open_link(cls, url, stanza, stop):
        return Nothing()

    def identify(self):
        return ""

    def read(self):
        self.counts[self.stanza.name] += 1
        cycle = self.counts[self.stanza.name]
        mode, faulty = self.options["mode"], cycle in (3, 4)
        if mode == "raises" and faulty:
            raise RuntimeError("on request")
        if mode == "silent" and faulty:
            raise NoAnswer("on request")
        if mode == "stuck" and cycle == 3:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # as a library that holds the main thread
            open(sys.argv[-1], "w").close()
            time.sleep(600)
        if mode == "slow" and cycle == 2:
            input_waiting()
        value = "no number" if mode == "wrong_type" and faulty else cycle
        now = time.time_ns()
        for channel in self.channels:
            yield Reading(channel.id, {"cycle": value, "pad": "x" * self.options["pad"]}, now)


def input_waiting() -> None:
    """Wait until the test creates the file that is named last on the command line."""
    import os

    open(sys.argv[-1] + ".awaited", "w").close()
    while not os.path.exists(sys.argv[-1]):
        time.sleep(0.01)


drivers.load = lambda name: Counting

if __name__ == "__main__":
    sys.exit(main(Counting, sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]))
