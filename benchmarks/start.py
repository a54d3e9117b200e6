"""How long a program takes from its start to its first reading."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Iterator

from telegraf_inputs import drivers

from . import limits
from .lab import Lab, stanza
from .measurement import Measurement

TIMES = 9


def measure() -> Iterator[Measurement]:
    """Start each driver's program a few times; the median."""
    for driver in drivers.programs():
        keys: dict[str, object] = (
            {"channels": {"A": {}}} if driver == "lakeshore_372" else {}
        )  # its scanner brings the others later
        with Lab([stanza(driver, "instrument", interval="1h", **keys)]) as lab:
            _first_reading(lab)  # compiled, and in the page cache
            found = statistics.median(_first_reading(lab) for _ in range(TIMES))
        kept = limits.of(driver)
        how = "; ".join(filter(None, (f"median of {TIMES}", kept.why)))
        yield Measurement(f"start to first reading, {driver}", 1000 * found, "ms", kept.start, how)


def _first_reading(lab: Lab) -> float:
    before = time.perf_counter()
    (driver,) = lab.programs
    process = lab.start(driver, subprocess.PIPE)
    while True:
        line = process.stdout.readline()  # type: ignore[union-attr]
        if not line.startswith(b"instrument,") or b"up=0i" in line and b'state="starting"' not in line:
            break
    after = time.perf_counter()
    lab.stop()
    if b'status="ok"' not in line:
        raise RuntimeError(f"no reading came: {line!r}")
    return after - before
