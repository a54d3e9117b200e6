"""How long it takes to look for mistakes in a very large site file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .measurement import Measurement

INSTRUMENTS, CHANNELS, LIMITS = 100, 200, 16


def measure() -> Iterator[Measurement]:
    """Check a hundred scanners of two hundred channels; the first ones of each have limits."""
    with tempfile.TemporaryDirectory(prefix="labline-bench-") as name:
        site = Path(name) / "large.yml"
        site.write_text(site_file(), encoding="utf-8")
        before = time.perf_counter()
        subprocess.run([sys.executable, "-m", "labline.cli", "check", site], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - before
    yield Measurement(
        f"check of {INSTRUMENTS} instruments × {CHANNELS} channels",
        seconds,
        "s",
        5,
        f"labline check, dashboards and Telegraf's own check included; limits on {INSTRUMENTS * LIMITS} channels",
        digits=1,
    )


def site_file() -> str:
    """Write the site file, as people do."""
    lines = ["site: large", "nodes: [{name: daq}]", "instruments:"]
    for number in range(INSTRUMENTS):
        lines += [f"- name: scanner{number}", "  driver: scpi", f"  connection: tcp://10.0.0.{number + 1}:5025"]
        lines += ["  interval: 30s", "  channels:"]
        for channel in range(CHANNELS):
            lines += [f"    s{channel}:", f"      label: Sensor {channel}", f"      before: INST:NSEL {channel}"]
            lines += ["      read: {voltage: {query: 'MEAS:VOLT?', unit: V, description: Voltage, low: -10, high: 10}}"]
            if channel < LIMITS:
                lines += ["      limits: {voltage: {warning: {above: 1200 mV}, critical: {above: 1.5 V}}}"]
    return "\n".join(lines) + "\n"
