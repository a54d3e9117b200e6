"""How many lines a second go through Telegraf, from a program of ours and from ``cat``."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from labline.stack import telegraf

from . import source
from .measurement import Measurement

BATCHES, TIMES = 12_000, 5
LINES = BATCHES * (source.CHANNELS + 1)
CONFIG = """\
[agent]
  interval = "10s"
  flush_interval = "50ms"
  metric_batch_size = 5000
  metric_buffer_limit = {limit}
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.execd]]
  command = {command}
  data_format = "influx"
[[outputs.file]]
  files = ["{out}"]
  data_format = "influx"
"""


def measure() -> Iterator[Measurement]:
    """Let Telegraf read the same lines from both, in turn; all must arrive."""
    program = telegraf.get().path
    with tempfile.TemporaryDirectory(prefix="labline-bench-") as name:
        folder = Path(name)
        with open(folder / "lines", "w") as file:
            for number in range(BATCHES):
                file.writelines(point.line() for point in source.batch(number))
        commands = {
            "cat": ["/bin/sh", "-c", f"cat '{folder}/lines'; cat > /dev/null"],
            "pass": [sys.executable, "-m", "benchmarks.source", "pass", f"{folder}/lines"],
            "make": [sys.executable, "-m", "benchmarks.source", "make", str(BATCHES)],
        }
        rates: dict[str, list[float]] = {each: [] for each in commands}
        for _ in range(TIMES):
            for each, command in commands.items():
                rates[each].append(_rate(program, folder, command))
    cat, passed, made = (statistics.median(each) for each in rates.values())
    how = f"{LINES} lines, {TIMES} times in turn, execd to outputs.file; ratio of the medians"
    yield Measurement("lines/s through Telegraf, to those from cat", passed / cat, "", 0.9, how, least=True, digits=2)
    yield Measurement("– from cat", cat / 1000, "thousand/s")
    yield Measurement("– the same lines by a program's writer", passed / 1000, "thousand/s")
    yield Measurement(
        "– made of readings by one program",
        made / 1000,
        "thousand/s",
        how="Python's part; 20 instruments of 16 channels at 10 Hz are 3.4",
    )


def _rate(program: Path, folder: Path, command: list[str]) -> float:
    """Lines a second from the first one that Telegraf wrote to the last."""
    out, config = folder / "out", folder / "telegraf.conf"
    out.unlink(missing_ok=True)
    words = ", ".join(f'"{word}"' for word in command)
    config.write_text(CONFIG.format(limit=LINES, command=f"[{words}]", out=out))
    seen, began, ended = 0, 0.0, 0.0
    with telegraf.Telegraf(program, config, folder / "log", cwd=Path(__file__).parents[1]):
        deadline = time.monotonic() + 120
        with _opened(out, deadline) as file:
            first = 0
            while seen < LINES and time.monotonic() < deadline:
                part = file.read(1 << 20)
                if not part:
                    time.sleep(0.005)
                    continue
                seen += part.count(b"\n")
                ended = time.monotonic()
                if not began:
                    began, first = ended, seen
    if seen != LINES:
        raise RuntimeError(f"{seen} of {LINES} lines came through; see {folder / 'log'}")
    return (seen - first) / (ended - began)


def _opened(out: Path, deadline: float):  # type: ignore[no-untyped-def]
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    return open(os.fspath(out), "rb", buffering=0)
