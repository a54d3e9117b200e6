"""A folder of pictures: each whole or not there, an index for people and one for programs, never more than was agreed."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import time
from collections.abc import Iterator

NAME = re.compile(r"(\d{8}T\d{6}\.\d{3}Z)\.(?:jpg|png)\Z", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
SHOWN = 200  # the newest, that the index shows
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

    ``index.json`` and ``index.html`` list the newest; ``latest.jpg`` (or .png) is the newest itself.
    """

    def __init__(self, folder: str, title: str, keep: float, limit: int):
        self._folder, self._title, self._keep, self._limit = folder, title, keep, limit

    def add(self, data: bytes, kind: str, time_ns: int) -> str:
        """Put a picture there; gives its path within the folder. Raises OSError."""
        moment = time.gmtime(time_ns // 10**9)
        name = f"{time.strftime('%Y%m%dT%H%M%S', moment)}.{time_ns // 10**6 % 1000:03d}Z.{kind}"
        path = os.path.join(time.strftime("%Y-%m-%d", moment), name)
        os.makedirs(os.path.join(self._folder, os.path.dirname(path)), exist_ok=True)
        self._write(path, data)
        self._write(f"latest.{kind}", data)
        newest = self._tidy(time_ns)
        self._write("index.json", json.dumps({"title": self._title, "pictures": newest}, indent=1).encode())
        figures = "\n".join(
            f'<figure><a href="{name}"><img src="{name}" alt="" loading="lazy"></a>'
            f"<figcaption>{html.escape(when(name))}</figcaption></figure>"
            for name in newest
        )
        self._write("index.html", PAGE.format(title=html.escape(self._title), figures=figures).encode())
        return path

    def _tidy(self, now_ns: int) -> list[str]:
        """Delete what is too old or too much; lists the newest, the newest first."""
        oldest = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns / 1e9 - self._keep)) if self._keep else ""
        kept: list[str] = []
        room = self._limit
        for path in sorted(self._pictures(), key=os.path.basename, reverse=True):
            whole = os.path.join(self._folder, path)
            with contextlib.suppress(FileNotFoundError):  # somebody else deleted it
                room -= os.stat(whole).st_size
                if kept and (os.path.basename(path) < oldest or room < 0):
                    os.unlink(whole)
                else:
                    kept.append(path)
        for day in {os.path.dirname(path) for path in self._days()}:
            with contextlib.suppress(OSError):  # it is not empty
                os.rmdir(os.path.join(self._folder, day))
        return kept[:SHOWN]

    def _days(self) -> list[str]:
        return [os.path.join(day, "") for day in os.listdir(self._folder) if DAY.match(day)]

    def _pictures(self) -> Iterator[str]:
        for day in self._days():
            for name in os.listdir(os.path.join(self._folder, day)):
                if NAME.match(name):
                    yield os.path.join(day, name)

    def _write(self, path: str, data: bytes) -> None:
        """Write a file: who reads it meanwhile has the old or the new one, whole."""
        there = os.path.join(self._folder, path)
        new = f"{there}.new"
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
