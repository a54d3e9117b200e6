"""How long a program takes from its start to its first reading."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Iterator

from telegraf_inputs import drivers

from .lab import Lab, stanza
from .measurement import Measurement

TIMES = 9
LIMIT = 250.0  # ms
# What an instrument needs, by its manual, or its library does, whatever the program does.
SLOW = {
    "julabo": "it wants 0.25 s of rest before each command",
    "epics": "caproto looks after new connections ten times a second",
    "ocs_feed": "an agent speaks when it has something to say; the simulated one, twice a second",
    "lakeshore_218": "it gets 0.1 s of rest before each command",
    "lakeshore_240": "its first question gets no answer",
    "lakeshore_336": "it gets 0.05 s of rest before each command",
    "thermistor_adcpi": "a conversion takes 0.27 s",
}


def measure() -> Iterator[Measurement]:
    """Start each driver's program a few times; the median."""
    for driver in drivers.programs():
        keys: dict[str, object] = (
            {"channels": {"A": {}}} if driver == "lakeshore_372" else {}
        )  # its scanner brings the others later
        with Lab([stanza(driver, "instrument", interval="1h", **keys)]) as lab:
            _first_reading(lab)  # compiled, and in the page cache
            found = statistics.median(_first_reading(lab) for _ in range(TIMES))
        yield Measurement(
            f"start to first reading, {driver}",
            1000 * found,
            "ms",
            None if driver in SLOW else LIMIT,
            f"median of {TIMES}" + (f"; {SLOW[driver]}" if driver in SLOW else ""),
        )


def _first_reading(lab: Lab) -> float:
    before = time.perf_counter()
    (driver,) = lab.programs
    process = lab.start(driver, subprocess.PIPE)
    while True:
        line = process.stdout.readline()  # type: ignore[union-attr]
        if not line.startswith(b"instrument,"):
            break
    after = time.perf_counter()
    lab.stop()
    if b'status="ok"' not in line:
        raise RuntimeError(f"no reading came: {line!r}")
    return after - before
