"""Plays cases of files: a transcript shows what stands below the folder that a driver reads, cycle by cycle.

    28-0316a2795f1c/w1_slave        a file; the indented lines that follow are what is in it
      72 01 4b 46 …                 (none: it is empty); one that ends with \\ has no end of line
    project.sqlite                  a database of SQLite; the lines are what is done to it
    28-0316a2795f1c gone            what is not there any more, a file or a folder
    . gone                          nor is the folder of all
    ---, --- 30s, # …               as in every transcript

What a cycle does not mention stays as it was.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

from telegraf_inputs import stanza
from telegraf_inputs.source import Pushed
from tests.parts import transcript

GONE = " gone"
DATABASE, NO_DATABASE = ".sqlite", "no database"


class Files:
    """Keeps a folder as the transcript says."""

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self._root = tmp_path / "files"
        self.own_times = issubclass(checked.driver, Pushed)
        self.url = f"file://{self._root}"
        self.pauses, said = transcript.cycles(folder, checked.interval)
        self._cycles: list[dict[str, str | None]] = []
        for lines in said:
            files: dict[str, str | None] = {}
            for line in lines:
                if line.startswith("  "):
                    name, text = files.popitem()
                    ended = line[2:-1] if line.endswith("\\") else f"{line[2:]}\n"
                    files[name] = f"{text}{ended}"
                else:
                    name = line.removesuffix(GONE)
                    files[name] = None if name != line else ""
            self._cycles.append(files)

    def begin(self, cycle: int, instrument) -> None:
        self._root.mkdir(exist_ok=True)
        for name, text in self._cycles[cycle].items():
            place = self._root / name
            if text is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.suffix == DATABASE and not text.startswith(NO_DATABASE):
                    with contextlib.closing(sqlite3.connect(place)) as base:
                        base.executescript(text)
                else:
                    place.write_text(text, encoding="utf-8")
            elif place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def end(self, cycle: int) -> list[str]:
        return []

    def close(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
