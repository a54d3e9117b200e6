"""How much memory the programs take."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from telegraf_inputs import drivers

from . import limits
from .lab import Lab, mixed, stanza
from .measurement import Measurement

CYCLES = 5  # of each instrument, after which a program has grown to its size
MB = 1024 * 1024
HOW = "PSS of /proc/PID/smaps_rollup, after five cycles of each instrument"


def measure() -> Iterator[Measurement]:
    """Measure twenty instruments of six drivers, and the program of each driver there is with one instrument."""
    sizes = _sizes(mixed(limits.INSTRUMENTS, limits.TOGETHER, interval="500ms"))
    what = f"memory of {limits.INSTRUMENTS} instruments, of {len(sizes)} drivers"
    yield Measurement(what, sum(sizes.values()) / MB, "MB", limits.TOGETHER_MEMORY, HOW, digits=1)
    for driver, size in sizes.items():
        yield Measurement(f"– the program of {driver} among them", size / MB, "MB", digits=1)
    alone = _sizes([stanza(driver, driver, interval="500ms") for driver in drivers.programs()])
    for driver, size in alone.items():
        how = f"beside {len(alone) - 1} other programs; {HOW}"
        what, limit = f"a program with one instrument, {driver}", limits.of(driver).memory
        yield Measurement(what, size / MB, "MB", limit, how, digits=1)


def _sizes(stanzas: list[dict[str, object]]) -> dict[str, int]:
    """Run instruments until each has grown to its size; bytes by driver."""
    with Lab(stanzas) as lab:
        running = {driver: lab.start(driver, subprocess.PIPE) for driver in lab.programs}
        for driver, process in running.items():
            _read_cycles(process, CYCLES * sum(each["driver"] == driver for each in stanzas))
        return {driver: _memory(process.pid) for driver, process in running.items()}


def _read_cycles(process: subprocess.Popen[bytes], cycles: int) -> None:
    """Take a program's output until it has run some cycles well."""
    while cycles:
        line = process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise RuntimeError("a program ended")
        cycles -= line.startswith(b"instrument,") and b"up=1i" in line


def _memory(pid: int) -> int:
    """Read how many bytes a process takes: what it shares with others is divided among them (PSS)."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
