"""A case's transcript: what is said, cycle by cycle."""

from __future__ import annotations

from pathlib import Path

from telegraf_inputs import duration


def cycles(folder: Path, interval: float) -> tuple[list[float], list[list[str]]]:
    """Read a case's transcript: the pause (s) before each cycle, and its lines. ``---`` is one interval, ``--- 30s`` another."""
    pauses: list[float] = [0.0]
    lines: list[list[str]] = [[]]
    for line in (folder / "transcript").read_text(encoding="utf-8").splitlines():
        if line.startswith("---"):
            pauses.append(duration.read(line[3:].strip()) if line[3:].strip() else interval)
            lines.append([])
        elif line and not line.startswith("#"):
            lines[-1].append(line)
    return pauses, lines
