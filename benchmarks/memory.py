"""How much memory the programs take."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from telegraf_inputs import drivers

from .lab import Lab, mixed, stanza
from .measurement import Measurement

PROGRAMS = 20
CYCLES = 5  # after which a program has grown to its size
MB = 1024 * 1024


def measure() -> Iterator[Measurement]:
    """Measure twenty programs of all drivers in turn, and what a serial one takes beyond Python itself."""
    with Lab(mixed(PROGRAMS, interval="500ms")) as lab:
        running = {name: lab.start(name, subprocess.PIPE) for name in lab.programs}
        for process in running.values():
            _read_cycles(process)
        sizes = {name: _memory(process.pid, "Pss") for name, process in running.items()}
        yield Measurement(
            f"memory of {PROGRAMS} programs, all drivers in turn",
            sum(sizes.values()) / MB,
            "MB",
            120,
            "PSS of /proc/PID/smaps_rollup, after five cycles",
            digits=1,
        )
        for driver in drivers.names():
            each = [size for name, size in sizes.items() if f"telegraf_inputs.drivers.{driver}" in lab.programs[name]]
            yield Measurement(f"– one {driver} among them", sum(each) / len(each) / MB, "MB", digits=1)
    yield from _serial()


def _serial() -> Iterator[Measurement]:
    nothing = _python("", "Rss", "-S")
    with Lab([stanza("julabo", "chiller", connection="sim:?transport=serial")]) as lab:
        process = lab.start("chiller", subprocess.PIPE)
        _read_cycles(process, 1)
        size = (_memory(process.pid, "Rss") - nothing) / MB
    how = "RSS of julabo on a pseudo-terminal, less that of python -S"
    yield Measurement("a serial program beyond a bare Python", size, "MB", 12, how, digits=1)
    line = "from telegraf_inputs import visa"
    added = (_python(f"{line}; visa._manager()", "Pss") - _python(line, "Pss")) / MB
    how = "VXI-11, HiSLIP, USBTMC, GPIB; sockets and serial ports, as above, go without"
    yield Measurement("– what pyvisa adds where an instrument answers in messages", added, "MB", how=how, digits=1)


def _python(code: str, kind: str, *options: str) -> int:
    """Measure a Python that has run some code."""
    code = f"import sys; {code}\nprint(flush=True); sys.stdin.read()"
    command = [sys.executable, *options, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # type: ignore[union-attr]
        size = _memory(process.pid, kind)
        process.communicate()
    return size


def _read_cycles(process: subprocess.Popen[bytes], cycles: int = CYCLES) -> None:
    """Take a program's output until it has run some cycles well."""
    while cycles:
        line = process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise RuntimeError("a program ended")
        cycles -= line.startswith(b"instrument,") and b"up=1i" in line


def _memory(pid: int, kind: str) -> int:
    """Read how many bytes a process takes: Pss or Rss."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(f"{kind}:"))
