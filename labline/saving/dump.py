"""What a backup is made of: the database as InfluxDB gives it, Grafana's, and files."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from ..stack import influxdb
from ..stack.errors import StackError

DATABASE, GRAFANA, FILES = "influxdb", "grafana.db", "files"  # in a backup
SPARE = 200_000_000  # bytes that stay free beside what is gathered


def gather(folder: Path, *, database: str, port: str, grafana: Path | None, files: Iterable[Path]) -> None:
    """Write all that belongs into a backup into an empty ``folder``. Raises StackError."""
    if grafana:
        try:
            copy_of(grafana, folder / GRAFANA)
        except sqlite3.Error as error:
            raise StackError(f"{grafana}: Grafana's database can't be copied: {error}") from None
    for file in files:
        place = folder / FILES / file.name
        place.parent.mkdir(exist_ok=True)
        if place.exists():
            raise StackError(f"two files of the backup are called {file.name}, expected different names")
        shutil.copyfile(file, place)
    _influxd("backup", "-database", database, folder / DATABASE, port=port)


def put_back(folder: Path, *, database: str, beside: str, port: str) -> None:
    """Give a running InfluxDB what ``folder`` has of a database, as one of another name, ``beside``. Raises StackError."""
    _influxd("restore", "-db", database, "-newdb", beside, folder / DATABASE, port=port)


def room_for(folder: Path, size: float) -> None:
    """Look whether a backup as large as the last one, ``size`` bytes, has room. Raises StackError."""
    free = shutil.disk_usage(folder).free
    if free < 1.2 * size + SPARE:
        raise StackError(
            f"the disk of {folder} has {free / 1e9:.1f} GB free, and the last backup took {size / 1e9:.1f} GB: "
            "free some space; nothing was written"
        )


def copy_of(database: Path, to: Path) -> None:
    """Copy a SQLite database that others write to meanwhile."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)


def _influxd(verb: str, *words: str | Path, port: str) -> None:
    host, _, number = port.rpartition(":")
    try:  # where nobody listens, influxd would try for minutes
        socket.create_connection((host, int(number)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise StackError(
            f"nothing answers at {port}: {error}; is InfluxDB running, and does its `bind-address` say this port?"
        ) from None
    command = [influxdb.get().path, verb, "-portable", "-host", port, *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise StackError(f"influxd {verb}: {said}")
