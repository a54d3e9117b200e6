"""One `labline run` at a time for a site: the first one says where it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from . import told
from .credentials import private_directory
from .errors import AlreadyRunning

LOOKS, BETWEEN = 3, 0.05  # seconds: whoever asks for the holder has the lock for a moment
ROOM = 4096  # bytes: what is written anew has its place on the disk already


class RunLock:
    """Holds ``directory/lock`` until it is closed, or the process ends in any way; the file says who holds it."""

    def __init__(self, directory: Path):
        """Take the lock. Raises AlreadyRunning, with who has it, since when and where."""
        self.path = private_directory(directory) / "lock"
        self._file = open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+")  # noqa: SIM115
        if not self._taken():
            with self._file:
                info = _read(self._file)
            where = "".join(f"\n  {name}: {url}" for name, url in info["urls"].items() if url)
            raise AlreadyRunning(
                f"this site runs already: process {info['pid']}, since {info['since']}{where}\n"
                f"Stop it there with Ctrl-C, or look at it with `{told.command()} status` and the same SITE.",
                info,
            )
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        self._info: dict[str, Any] = {"pid": os.getpid(), "since": since, "urls": {}, "telegraf": {}}
        self._write()

    def _taken(self) -> bool:
        for _ in range(LOOKS):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                time.sleep(BETWEEN)
        return False

    def tell(self, **urls: str) -> None:
        """Write down where the parts are, for whoever comes second: ``tell(influxdb="http://…")``; "" if gone."""
        self._info["urls"].update(urls)
        self._write()

    def tell_telegraf(self, pids: Mapping[str, int]) -> None:
        """Write down the process of each node's Telegraf, by the node's name."""
        if self._info["telegraf"] != pids:
            self._info["telegraf"] = dict(pids)
            self._write()

    def close(self) -> None:
        """Give the lock back."""
        if not self._file.closed:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), 0)
            self._file.close()

    def _write(self) -> None:
        data = json.dumps(self._info, indent=2).encode()
        with contextlib.suppress(OSError):  # a full disk must not end a run; what stood there stays
            os.pwrite(self._file.fileno(), data.ljust(max(ROOM, os.fstat(self._file.fileno()).st_size)), 0)

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def holder(directory: Path) -> dict[str, Any] | None:
    """Tell who runs the site of this directory (``pid``, ``since``, ``urls``, ``telegraf``), or None where nobody does."""
    try:
        file = open(directory / "lock")  # noqa: SIM115
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)
    return None


def _read(file: TextIO) -> dict[str, Any]:
    info: dict[str, Any] = {"pid": "unknown", "since": "this very moment", "urls": {}, "telegraf": {}}
    with contextlib.suppress(ValueError):
        info.update(json.load(file))
    return info
