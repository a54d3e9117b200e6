"""What Telegraf's log says of each instrument's program: the reason behind a state."""

from __future__ import annotations

import json
import re
from pathlib import Path

LINE = re.compile(r"\S+ ([EWI])! \[inputs\.execd::([^\]]+)\] (.*)")
OWN = re.compile(r"\[[^\]]+\] (?:(\w+)(?: again)?(?: \([^)]*\))?: )?(.*)")


class TelegrafLog:
    """Follows the log from ``offset`` on; tells, by instrument, the last thing that went wrong and is not over."""

    def __init__(self, file: Path, offset: int = 0):
        self._file, self._offset = file, offset
        self._details: dict[str, str] = {}
        self._words: dict[
            str, str
        ] = {}  # the last line that a program wrote to stderr without a level: a traceback's end

    def details(self) -> dict[str, str]:
        """Read what was written since the last time."""
        try:
            with open(self._file, "rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return self._details
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if match := LINE.match(line):
                self._note(*match.groups())
        return self._details

    def _note(self, level: str, name: str, text: str) -> None:
        if own := OWN.match(text):
            if level == "I":
                self._details.pop(name, None)
            else:
                self._details[name] = own[2]
        elif text.startswith("stderr: "):
            try:
                self._words[name] = str(json.loads(text.removeprefix("stderr: "))).strip()
            except ValueError:  # Go's quotes are not always JSON's
                self._words[name] = text.removeprefix("stderr: ").strip('"')
        elif level == "E" and " exited: " in text:
            said = self._words.pop(name, "")
            self._details[name] = f"its program ended{f', saying {said}' if said else ''}"
