"""What says lines on a pty: by itself, or when it is asked."""

from __future__ import annotations

from typing import Any

from .lines import HeardLinesSimulator

MEGA: dict[str, Any] = {
    "skip": ["Mega 2560 starts.*"],
    "fence": "v",
    "identity": "Mega",
    "channels": {
        "heater": {
            "request": "a",
            "columns": ["a0", "a1", "-", "a3"],
            "separator": ";",
            "read": {"voltage": {"from": "a0", "unit": "V", "decimal_comma": True, "low": 0, "high": 5}},
        },
        "flow": {
            "request": "a",
            "columns": ["a0", "a1", "-", "a3"],
            "separator": ";",
            "read": {"flow": {"from": "a3", "unit": "l/min", "scale": 0.01, "low": 0, "high": 60}},
        },
        "pressure": {
            "request": "p",
            "pattern": r"(?P<p>\d+\.\d\d|nan) +ok",
            "example": "1013.25 ok",
            "read": {"pressure": {"from": "p", "unit": "hPa", "low": 300, "high": 1100}},
        },
        "air": {
            "request": "t",
            "pattern": r"(?P<temperature>-?\d+\.\d\d|nan) +ok",
            "example": "21.50 ok",
            "read": {"temperature": {"unit": "°C", "low": 0, "high": 80}},
        },
    },
}


class SerialLinesSimulator(HeardLinesSimulator):
    """Says lines as the example's Arduino does."""

    variants = {"asked": MEGA}


SIMULATOR = SerialLinesSimulator
