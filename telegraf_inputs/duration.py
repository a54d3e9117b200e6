"""Durations: read as people write them (``10s``, ``1.5h``), and written for machines, for people, and for a table."""

from __future__ import annotations

import re

from .errors import BadInput, shown
from .letters import normal

SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w|y)\Z", re.ASCII)
SPELT = {
    "ms": ("msec", "msecs", "millisecond", "milliseconds"),
    "s": ("sec", "secs", "second", "seconds"),
    "m": ("mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours"),
    "d": ("day", "days"),
    "w": ("week", "weeks"),
    "y": ("yr", "yrs", "year", "years"),
}
ANY_UNIT = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)\.?\Z", re.ASCII)
EXACT = re.compile(r"[1-9]\d*(?:s|m|h|d|w)\Z", re.ASCII)  # what `exact` writes of whole seconds


def read(text: object) -> float:
    """Read a duration (``10s``, ``500ms``, ``1.5h``, ``30d``) as seconds. Raises BadInput."""
    match = PATTERN.match(normal(text)) if isinstance(text, str) else None
    if not match:
        hint = "" if isinstance(text, bool) else _meant(str(text))
        raise BadInput(
            f"found {shown(text)}, expected a duration with its unit (ms, s, m, h, d, w, y), such as 10s{hint}"
        )
    return float(match[1]) * SECONDS[match[2]]


def _meant(text: str) -> str:
    """Propose the duration that was meant: its unit written out or in capitals, a decimal comma, no unit at all."""
    match = ANY_UNIT.match(normal(text).strip().lower())
    if not match:
        return ""
    number = match[1].replace(",", ".")
    if not match[2]:
        return f"; {number}s if seconds are meant"
    unit = next((unit for unit in SECONDS if match[2] in (unit, *SPELT.get(unit, ()))), "")
    return f"; did you mean {number}{unit}?" if unit else ""


def exact(seconds: float) -> str:
    """Write a duration as InfluxDB and Grafana read it (Telegraf knows no weeks): one whole number, in the largest unit that divides it.

    ``90s``, ``5m``, ``2w``, ``0s``; ``500ms`` where it has a fraction, of which nothing but 0 becomes nothing.
    """
    if seconds % 1:
        return f"{max(1, round(seconds * 1000))}ms"
    unit = next((unit for unit in ("w", "d", "h", "m") if seconds and seconds % SECONDS[unit] == 0), "s")
    return f"{seconds / SECONDS[unit]:.0f}{unit}"


def words(seconds: float) -> str:
    """Write a duration for people: ``90 s``, ``2 min``, ``30 d``, ``1 y``: in the largest unit that divides it."""
    unit = next((unit for unit in ("y", "d", "h", "min") if seconds and seconds % SECONDS[unit] == 0), "s")
    return f"{seconds / SECONDS[unit]:g} {unit}"


def short(seconds: float) -> str:
    """Write an age for a table, in at most six characters: ``45 s``, ``119 s``, ``3 h``, ``2.5 y``; below 0, in seconds."""
    for unit, digits in (("y", 1), ("d", 0), ("h", 0), ("min", 0)):
        if seconds >= 2 * SECONDS[unit]:
            return f"{seconds / SECONDS[unit]:.{digits}f} {unit}"
    return f"{seconds:z.0f} s"
