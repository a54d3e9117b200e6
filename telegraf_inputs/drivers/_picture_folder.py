"""A folder of pictures: each whole or not there, an index for people and one for programs, never more than was agreed."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import time
from collections import deque

NAME = re.compile(r"(\d{8}T\d{6}\.\d{3}Z)\.(?:jpg|png)\Z", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
SHOWN = 200  # the newest, that the index shows
UNFINISHED = ".new"
PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:sans-serif;background:#111;color:#ddd}}figure{{display:inline-block;margin:6px}}
img{{width:320px}}a{{color:#8cf}}</style></head>
<body><h1>{title}</h1>
{figures}
</body></html>
"""


class PictureFolder:
    """Keeps pictures in ``folder``, a folder a day, for ``keep`` seconds and within ``limit`` bytes; the oldest go first.

    ``index.json`` and ``index.html`` list the newest; ``latest.jpg`` (or .png) is the newest itself. Whatever else lies
    there stays. What is there is looked at once: a picture each second for a month costs no more than one an hour.
    """

    def __init__(self, folder: str, title: str, keep: float, limit: int):
        self._folder, self._title, self._keep, self._limit = folder, title, keep, limit
        self._days: dict[str, int] | None = None  # each day's bytes; None: nobody has looked
        self._oldest: deque[str] = deque()  # the pictures of the first day that is left
        self._newest: deque[str] = deque(maxlen=SHOWN)

    def add(self, data: bytes, kind: str, time_ns: int) -> str:
        """Put a picture there; gives its path within the folder. Raises OSError."""
        try:
            return self._add(data, kind, time_ns)
        except OSError:
            self._days = None  # who knows what is there
            raise

    def _add(self, data: bytes, kind: str, time_ns: int) -> str:
        if self._days is None or not os.path.isdir(self._folder):
            self._days = self._look()
        moment = time.gmtime(time_ns // 10**9)
        day = time.strftime("%Y-%m-%d", moment)
        name = f"{time.strftime('%Y%m%dT%H%M%S', moment)}.{time_ns // 10**6 % 1000:03d}Z.{kind}"
        path = os.path.join(day, name)
        os.makedirs(os.path.join(self._folder, day), exist_ok=True)
        self._write(path, data)
        self._write(f"latest.{kind}", data)
        self._days.setdefault(day, 0)
        if path not in self._newest:  # else it was written over: a file that was read before a restart, too
            self._days[day] += len(data)
            self._newest.appendleft(path)
        if self._oldest and self._oldest[-1] != path and os.path.dirname(self._oldest[0]) == day:
            self._oldest.append(path)
        self._tidy(self._days, path, time_ns)
        self._write("index.json", json.dumps({"title": self._title, "pictures": list(self._newest)}, indent=1).encode())
        figures = "\n".join(
            f'<figure><a href="{one}"><img src="{one}" alt="" loading="lazy"></a>'
            f"<figcaption>{html.escape(when(one))}</figcaption></figure>"
            for one in self._newest
        )
        self._write("index.html", PAGE.format(title=html.escape(self._title), figures=figures).encode())
        return path

    def _look(self) -> dict[str, int]:
        """Look at what is there; tells each day's bytes. What was being written when the program was ended goes."""
        os.makedirs(self._folder, exist_ok=True)
        found: dict[str, int] = {}
        self._oldest.clear()
        self._newest.clear()
        for day in sorted(name for name in os.listdir(self._folder) if DAY.match(name)):
            found[day] = 0
            with os.scandir(os.path.join(self._folder, day)) as files:
                for file in files:
                    if NAME.match(file.name.removesuffix(UNFINISHED)):
                        if file.name.endswith(UNFINISHED):
                            os.unlink(file.path)
                        else:
                            found[day] += file.stat().st_size
            self._newest.extendleft(self._pictures(day)[-SHOWN:])
        return found

    def _pictures(self, day: str) -> list[str]:
        """List a day's pictures, the oldest first."""
        try:
            names = os.listdir(os.path.join(self._folder, day))
        except FileNotFoundError:
            return []
        return [os.path.join(day, name) for name in sorted(names) if NAME.match(name)]

    def _tidy(self, days: dict[str, int], newest: str, now_ns: int) -> None:
        """Delete what is too old or too much, but never the newest."""
        begin = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns / 1e9 - self._keep)) if self._keep else ""
        while days:
            first = min(days)
            if not self._oldest or os.path.dirname(self._oldest[0]) != first:
                self._oldest = deque(self._pictures(first))
            while self._oldest and (os.path.basename(self._oldest[0]) < begin or sum(days.values()) > self._limit):
                path = self._oldest[0]
                if path == newest:
                    return
                whole = os.path.join(self._folder, path)
                with contextlib.suppress(FileNotFoundError):  # somebody else deleted it
                    days[first] -= os.stat(whole).st_size
                    os.unlink(whole)
                self._oldest.popleft()
                with contextlib.suppress(ValueError):
                    self._newest.remove(path)
            if self._oldest:
                return
            if self._pictures(first):
                continue  # others than were known
            del days[first]
            with contextlib.suppress(OSError):  # something else lies in it
                os.rmdir(os.path.join(self._folder, first))

    def _write(self, path: str, data: bytes) -> None:
        """Write a file: who reads it meanwhile has the old or the new one, whole."""
        there = os.path.join(self._folder, path)
        new = f"{there}{UNFINISHED}"
        try:
            with open(new, "wb") as file:
                file.write(data)
            os.replace(new, there)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(new)
            raise


def when(path: str) -> str:
    """Tell for people when a picture was taken."""
    stamp = os.path.basename(path).partition(".")[0]
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[9:11]}:{stamp[11:13]}:{stamp[13:15]} UTC"
