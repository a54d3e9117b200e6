"""Simulators beside a lab that runs on this machine: one process for all of them, with a pipe for faults by hand."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from provisioning import telegraf_config
from provisioning.site import SiteInstrument
from telegraf_inputs.simulators.base import NOTE

from ..places import Places
from ..stack.process import Process

LONGEST_START = 60  # seconds


class Simulators:
    """Simulators of some of a site's instruments; ``urls`` by instrument, other ones after each start.

    ``echo "NAME FAULT" > control`` sets a fault, ``none`` ends it; ``process`` is there from ``start`` to ``stop``.
    """

    def __init__(self, instruments: Sequence[SiteInstrument], places: Places, environment: Mapping[str, str]):
        self._instruments, self._places, self._environment = instruments, places, environment
        self.process: Process | None = None
        self.urls: dict[str, str] = {}
        self.notes: list[str] = []  # what they can't do on this machine

    def begin(self) -> None:
        """Begin to start them. Raises StartFailed."""
        places = self._places
        files = []
        for instrument in self._instruments:
            file = places.simulators / f"{instrument.name}.yml"
            connection = None if instrument.stanza.simulated else "sim:"
            file.write_text(telegraf_config.program(instrument, connection), encoding="utf-8")
            files.append(file)
        places.control.unlink(missing_ok=True)
        os.mkfifo(places.control, 0o600)
        control = os.open(places.control, os.O_RDWR)  # for writing too, so that it never comes to an end
        try:
            # -P: what lies in the folder that one stands in, such as a `serial.py`, is no part of them.
            self.process = Process(
                "simulators",
                [sys.executable, "-P", "-m", "telegraf_inputs.simulators", *files],
                places.simulators / "simulators.log",
                {"TMPDIR": str(places.simulators), **self._environment},
                stdin=control,
            )
        finally:
            os.close(control)

    def is_up(self) -> bool:
        """Look whether all answer; then their URLs are known. Raises StartFailed where they ended."""
        process = self.process
        if not process or not process.is_ready(lambda: "ready" in process.output().splitlines()):
            return False
        names = {i.name for i in self._instruments}
        lines = process.output().splitlines()
        self.notes = [line for line in lines if line.startswith(f"{NOTE} ")]
        words = (line.split(" ", 1) for line in lines)
        self.urls = {pair[0]: pair[1] for pair in words if len(pair) == 2 and pair[0] in names}
        return True

    def start(self) -> None:
        """Start them; returns when all answer. Raises StartFailed."""
        self.begin()
        assert self.process
        self.process.wait_ready(self.is_up, LONGEST_START)

    def stop(self) -> None:
        """Stop them; they clean up behind themselves. Whoever writes into ``control`` later would wait for ever."""
        if self.process:
            self.process.stop(5, signal.SIGINT)
            self.process = None
        with contextlib.suppress(OSError):  # a disk that can't be written to
            self._places.control.unlink()
