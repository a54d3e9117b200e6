"""One `labline run` at a time for a site: the first one says where it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from . import told
from .credentials import private_directory
from .errors import AlreadyRunning


class RunLock:
    """Holds ``directory/lock`` until it is closed, or the process ends in any way; the file says who holds it."""

    def __init__(self, directory: Path):
        """Take the lock. Raises AlreadyRunning, with who has it, since when and where."""
        self.path = private_directory(directory) / "lock"
        self._file = open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+")  # noqa: SIM115
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with self._file:
                info = self._read()
            where = "".join(f"\n  {name}: {url}" for name, url in info["urls"].items() if url)
            raise AlreadyRunning(
                f"this site runs already: process {info['pid']}, since {info['since']}{where}\n"
                f"Stop it there with Ctrl-C, or look at it with `{told.command()} status` and the same SITE.",
                info,
            ) from None
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        self._info: dict[str, Any] = {"pid": os.getpid(), "since": since, "urls": {}}
        self._write()

    def tell(self, **urls: str) -> None:
        """Write down where the parts are, for whoever comes second: ``tell(influxdb="http://…")``; "" if gone."""
        self._info["urls"].update(urls)
        self._write()

    def close(self) -> None:
        """Give the lock back."""
        if not self._file.closed:
            self._file.truncate(0)
            self._file.close()

    def _read(self) -> dict[str, Any]:
        info: dict[str, Any] = {"pid": "unknown", "since": "this very moment", "urls": {}}
        with contextlib.suppress(ValueError):
            info.update(json.load(self._file))
        return info

    def _write(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        json.dump(self._info, self._file, indent=2)
        self._file.flush()

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def holder(directory: Path) -> dict[str, Any] | None:
    """Tell who runs the site of this directory (``pid``, ``since``, ``urls``), or None where nobody does."""
    try:
        RunLock(directory).close()
    except AlreadyRunning as error:
        return error.info
    return None
