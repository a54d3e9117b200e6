"""The page docs/benchmarks.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
from pathlib import Path

from labline.stack import influxdb, telegraf

from .measurement import Measurement

FILE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

What labline promises in numbers, measured with the real Telegraf and the real InfluxDB, instruments simulated on the same
machine. Written by `make bench`; `python -m benchmarks NAME` measures one part alone. A row without a limit explains the
one above it.

| measured | value | limit | | how |
|---|---|---|---|---|
"""
COMMANDS = """
`make bench` is `python -m benchmarks`; each part is a small module in `benchmarks/`:
"""


def write(found: dict[str, list[Measurement]]) -> Path:
    """Write the table of all measurements, the commands and the machine."""
    text = HEAD
    for rows in found.values():
        for row in rows:
            text += f"| {row.what} | {' | '.join(row.cells())} | {row.how} |\n"
    text += COMMANDS + "".join(f"\n- `python -m benchmarks {name}`" for name in found) + f"\n\n{machine()}\n"
    FILE.write_text(text)
    return FILE


def machine() -> str:
    """Describe the machine, and the parts that were measured."""
    model = _first(r"model name\s*: (.*)", Path("/proc/cpuinfo")) or platform.machine()
    memory = int(_first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo")) or 0) / 1024**2
    system = _first(r'PRETTY_NAME="(.*)"', Path("/etc/os-release")) or platform.system()
    return (
        f"Machine: {os.cpu_count()} cores ({model}), {memory:.0f} GB of memory, {system}, Linux {platform.release()}. "
        f"Python {platform.python_version()}, Telegraf {telegraf.get().version}, InfluxDB {influxdb.get().version}. "
        f"{datetime.date.today():%-d %B %Y}."
    )


def _first(pattern: str, file: Path) -> str:
    """Find the first match in a file; the empty text where there is none."""
    match = re.search(pattern, file.read_text()) if file.exists() else None
    return match[1].strip() if match else ""
