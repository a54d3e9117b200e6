"""What a program remembers from one start to the next: a small file for each instrument, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

VARIABLE = "LABLINE_MEMORY"  # names the folder; empty: nothing is remembered


class Memory:
    """Keeps what an instrument's program is to know when it starts anew; ``keeps`` tells whether it can.

    ``trouble`` says why it could not be read or written ("" where it could): then the program goes on without.
    """

    def __init__(self, instrument: str):
        folder = _folder()
        self.keeps = bool(folder)
        self.trouble = ""
        self._file = os.path.join(folder, f"{instrument}.json")

    def read(self) -> dict[str, Any]:
        """Read what was kept; nothing where there is none, or it can't be read."""
        if not self.keeps:
            return {}
        try:
            with open(self._file, encoding="utf-8") as file:
                found = json.load(file)
            if not isinstance(found, dict):
                raise ValueError("no JSON object")
            return found
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            self.trouble = f"{self._file} can't be read: {getattr(error, 'strerror', None) or error}"
            return {}

    def write(self, kept: dict[str, Any]) -> None:
        """Keep this instead of what was kept before: the old or the new is there, whenever the machine stops."""
        if not self.keeps:
            return
        new = f"{self._file}.new"
        try:
            os.makedirs(os.path.dirname(self._file), mode=0o700, exist_ok=True)
            with open(new, "w", encoding="utf-8") as file:
                json.dump(kept, file)
            os.replace(new, self._file)
            self.trouble = ""
        except OSError as error:
            self.trouble = f"{self._file} can't be written: {error.strerror}"
            with contextlib.suppress(OSError):
                os.unlink(new)


def _folder() -> str:
    named = os.environ.get(VARIABLE)
    if named is not None:
        return named
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(home, "labline", "memory")
