"""What says lines on a socket: when it is asked, or by itself."""

from __future__ import annotations

from typing import Any

from .lines import AskedLinesSimulator

SPEAKING: dict[str, Any] = {
    "fence": None,
    "identity": None,
    "channels": {
        name: {
            "columns": [name, "-", "voltage", "current"],
            "separator": " ",
            "read": {"voltage": {"unit": "V", "low": 0, "high": 30}, "current": {"unit": "A", "low": 0, "high": 3}},
        }
        for name in ("one",)
    },
}
CLOSING: dict[str, Any] = {
    "fence": None,
    "identity": None,
    "closes": True,
    "wire": {"send": "none", "receive": "none"},
    "channels": {
        name: {
            "request": name,
            "pattern": r"(?P<frequency>\d{3}\.\d{6}|nan)",
            "example": "291.123456",
            "read": {"frequency": {"unit": "THz", "low": 200, "high": 600, "decimals": 6}},
        }
        for name in "ab"
    },
}


class TcpLinesSimulator(AskedLinesSimulator):
    """Says lines as the example's Mega behind a serial server does."""

    variants = {"speaking": SPEAKING, "closing": CLOSING}


SIMULATOR = TcpLinesSimulator
