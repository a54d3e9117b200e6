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

import requests

from ..stack import influxdb
from ..stack.errors import StackError
from ..words import called_bytes

DATABASE, GRAFANA, FILES = "influxdb", "grafana.db", "files"  # in a backup
SPARE = 200_000_000  # bytes that stay free beside what is gathered
SECONDS_TO_SAY = 60  # of InfluxDB, how much it has: it may be busy
MAKE_ROOM = "free some space, or gather it on another disk (--gather-in, in the inventory backup_work)"


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
    _influxd("backup", "-database", database, folder / DATABASE, port=port, writes=folder)


def put_back(folder: Path, *, database: str, beside: str, port: str) -> None:
    """Give a running InfluxDB what ``folder`` has of a database, as one of another name, ``beside``. Raises StackError."""
    _influxd("restore", "-db", database, "-newdb", beside, folder / DATABASE, port=port)


def reach(port: str) -> None:
    """Look whether somebody listens at InfluxDB's backup port. Raises StackError."""
    host, _, number = port.rpartition(":")
    try:
        socket.create_connection((host, int(number)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise StackError(
            f"nothing answers at {port}: {error}; is InfluxDB running, and does its `bind-address` say this port?"
        ) from None


def room_for(folder: Path, last: float, held: float | None) -> None:
    """Look whether a database of ``held`` bytes has room; where that is not known, one as the ``last`` time. Raises StackError."""
    free, size = shutil.disk_usage(folder).free, last if held is None else held
    if free < 1.2 * size + SPARE:
        why = f"the last backup took {called_bytes(size)}" if held is None else f"the database has {called_bytes(size)}"
        raise StackError(
            f"the disk of {folder} has {called_bytes(free)} free, and a backup needs {called_bytes(1.2 * size + SPARE)} there "
            f"meanwhile, as {why}: {MAKE_ROOM}; nothing was written"
        )


def held_by(url: str, database: str, ca: str = "") -> float | None:
    """Ask InfluxDB how many bytes a database has on its disk; None where it does not say."""
    try:  # needs no password
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{url.rstrip('/')}/debug/vars", verify=ca or True, timeout=SECONDS_TO_SAY)
        shards = [told for told in answer.json().values() if isinstance(told, dict) and told.get("name") == "shard"]
        return float(sum(told["values"]["diskBytes"] for told in shards if told["tags"]["database"] == database))
    except (requests.RequestException, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def copy_of(database: Path, to: Path) -> None:
    """Copy a SQLite database that others write to meanwhile."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)


def _influxd(verb: str, *words: str | Path, port: str, writes: Path | None = None) -> None:
    """Run it; where the disk of what it ``writes`` gets full, end it before others have no room. Raises StackError."""
    reach(port)  # where nobody listens, it would try for minutes
    command = [influxdb.get().path, verb, "-portable", "-host", port, *words]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            output, errors = _communicated(process, writes)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        said = (errors.strip() or output.strip() or f"exit status {process.returncode}").splitlines()[-1]
        raise StackError(f"influxd {verb}: {said}")


def _communicated(process: subprocess.Popen[str], writes: Path | None) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=1 if writes else None)
        except subprocess.TimeoutExpired:
            if writes and (free := shutil.disk_usage(writes).free) < SPARE:
                raise StackError(
                    f"the disk of {writes} has but {called_bytes(free)} free, with a part of the database on it: {MAKE_ROOM}; "
                    "what was gathered is taken away"
                ) from None
