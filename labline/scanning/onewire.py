"""DS18B20 thermometers that the kernel's 1-Wire driver has found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .finding import Finding

DEVICES = Path("/sys/bus/w1/devices")


def all(folder: Path = DEVICES) -> Iterator[Finding | str]:
    """List the thermometers on the 1-Wire bus."""
    sensors = sorted(path.name for path in folder.glob("28-*"))
    if not sensors:
        return
    channels = "".join(f"  sensor{i}: {{id: {name}}}\n" for i, name in enumerate(sensors, 1))
    stanza = f"name: thermometers\ndriver: ds18b20\nconnection: file://{folder}\ninterval: 30s\nchannels:\n{channels}"
    yield Finding(f"file://{folder}", f"{len(sensors)} DS18B20 thermometer(s)", stanza)
