"""How well twenty instruments keep their pace."""

from __future__ import annotations

import os
import selectors
import statistics
import subprocess
import time
from collections.abc import Iterator

from .lab import Lab, stanza
from .measurement import Measurement

INSTRUMENTS, SECONDS, INTERVAL_NS = 20, 60, 100_000_000
DRIVERS = {"scpi": "tcp", "pfeiffer_tpg": "serial"}  # those whose instruments answer ten times a second


def measure() -> Iterator[Measurement]:
    """Read twenty instruments at 10 Hz for a minute; look at each cycle's beginning against the clock."""
    stanzas = [
        stanza(driver, f"instrument{number}", connection=f"sim:?transport={DRIVERS[driver]}", interval="100ms")
        for number in range(INSTRUMENTS)
        for driver in [list(DRIVERS)[number % len(DRIVERS)]]
    ]
    with Lab(stanzas) as lab:
        lines = [line for text in _collect(lab) for line in text.splitlines() if line.startswith(b"instrument,")]
    by_instrument: dict[bytes, list[int]] = {}
    for line in lines:
        by_instrument.setdefault(line.split(b",", 2)[1], []).append(_begin(line))
    late, lost, drifts = [], 0, []
    for begins in by_instrument.values():
        ticks = begins[1:]  # the first cycle connects, off the beat
        numbers = [round(begin / INTERVAL_NS) for begin in ticks]
        lost += numbers[-1] - numbers[0] + 1 - len(set(numbers))
        offsets = [begin - number * INTERVAL_NS for begin, number in zip(ticks, numbers, strict=True)]
        late += offsets
        tenth = len(offsets) // 10
        drifts.append(abs(statistics.median(offsets[-tenth:]) - statistics.median(offsets[:tenth])))
    how = f"{INSTRUMENTS} instruments in the programs of {' and '.join(DRIVERS)}, at 10 Hz for {SECONDS} s"
    yield Measurement("ticks lost", lost, f"of {len(late)}", 0, how)
    yield Measurement(
        "drift",
        max(drifts) / 1e6,
        "ms",
        1,
        "the worst instrument: median offset of its last tenth less its first",
        digits=3,
    )
    yield Measurement("– lateness of a cycle, median", statistics.median(late) / 1e6, "ms", digits=3)
    yield Measurement("– lateness of a cycle, 99 %", statistics.quantiles(late, n=100)[-1] / 1e6, "ms", digits=3)


def _collect(lab: Lab) -> list[bytes]:
    """Run all programs for a while; what each printed."""
    running = [lab.start(name, subprocess.PIPE) for name in lab.programs]
    texts = [bytearray() for _ in running]
    with selectors.DefaultSelector() as selector:
        for number, process in enumerate(running):
            selector.register(process.stdout, selectors.EVENT_READ, number)  # type: ignore[arg-type]
        end = time.monotonic() + SECONDS + 2  # all have begun within two seconds
        while time.monotonic() < end:
            for key, _ in selector.select(0.5):
                texts[key.data] += os.read(key.fd, 1 << 16)
    lab.stop()
    return [bytes(text) + process.stdout.read() for text, process in zip(texts, running, strict=True)]  # type: ignore[union-attr]


def _begin(line: bytes) -> int:
    """Tell when the cycle began (ns, UTC) that an instrument's own point is of."""
    _, fields, when = line.rsplit(b" ", 2)
    seconds = next(float(pair[13:]) for pair in fields.split(b",") if pair.startswith(b"read_seconds="))
    return int(when) - round(seconds * 1e9)
