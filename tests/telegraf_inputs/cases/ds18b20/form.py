"""Plays cases of files: a transcript shows what stands below the folder, cycle by cycle.

    28-0316a2795f1c                 a sensor; the indented lines that follow are its w1_slave
      72 01 4b 46 …                 (none: the file is empty)
    28-0316a2795f1c temperature     the same of its file temperature, on a kernel without w1_slave
    28-0316a2795f1c gone            its folder is not there any more
    . gone                          nor is the folder of all
    ---, --- 30s, # …               as in every transcript

What a cycle does not mention stays as it was.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from telegraf_inputs import duration, stanza


class Form:
    """Keeps a folder of sensors as the transcript says."""

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self._root = tmp_path / "devices"
        self.url = f"file://{self._root}"
        self.pauses: list[float] = [0.0]
        self._cycles: list[dict[str, str | None]] = [{}]
        for line in (folder / "transcript").read_text(encoding="utf-8").splitlines():
            if line.startswith("---"):
                self.pauses.append(duration.read(line[3:].strip()) if line[3:].strip() else checked.interval)
                self._cycles.append({})
            elif line.startswith("  "):
                sensor, text = self._cycles[-1].popitem()
                self._cycles[-1][sensor] = f"{text}{line[2:]}\n"
            elif line and not line.startswith("#"):
                sensor, _, what = line.partition(" ")
                assert what in ("", "gone", "temperature"), f"this is no line of a transcript: {line!r}"
                file = f"{sensor}/{what or 'w1_slave'}"
                self._cycles[-1][sensor if what == "gone" else file] = None if what == "gone" else ""

    def begin(self, cycle: int, instrument) -> None:
        for name, text in self._cycles[cycle].items():
            place = self._root / name
            if text is None:
                shutil.rmtree(place)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="ascii")

    def end(self, cycle: int) -> list[str]:
        return []

    def close(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
