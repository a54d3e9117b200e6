"""How long it takes to write the dashboards of a large lab."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from .measurement import Measurement

INSTRUMENTS, CHANNELS = 100, 16
TIMES = 3


def measure() -> Iterator[Measurement]:
    """Do what ``make dashboards`` does, for a hundred instruments of sixteen channels."""
    with tempfile.TemporaryDirectory(prefix="labline-bench-") as name:
        site = Path(name) / "large.yml"
        site.write_text(yaml.safe_dump(_site(), sort_keys=False))
        command = [sys.executable, "-m", "grafana_dashboards", str(site), "--to", str(Path(name) / "grafana")]
        seconds = min(_run(command) for _ in range(TIMES))  # what else the machine does can only make it slower
        files = [file for file in (Path(name) / "grafana").rglob("*") if file.is_file()]
    size = f"{len(files)} files"
    yield Measurement(
        f"dashboards of {INSTRUMENTS} instruments × {CHANNELS} channels",
        seconds,
        "s",
        5,
        f"python -m grafana_dashboards, with limits on every channel; {size}; the quickest of {TIMES}",
        digits=1,
    )


def _run(command: list[str]) -> float:
    before = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - before


def _site() -> dict[str, object]:
    """Make a site of scanners and gauges, with limits."""
    limits = {"temperature": {"warning": {"above": "5 K"}, "critical": {"above": "10 K"}}}
    channels = {str(n): {"label": f"Sensor {n}", "limits": limits} for n in range(1, CHANNELS + 1)}
    instruments = [
        {"name": f"cryostat{n}", "driver": "lakeshore_372", "connection": "sim", "interval": "5s", "channels": channels}
        for n in range(INSTRUMENTS)
    ]
    return {
        "site": "large",
        "nodes": [{"name": "daq"}],
        "influxdb": {"url": "http://127.0.0.1:8086", "database": "lab"},
        "instruments": instruments,
    }
