"""What stands in the SQLite files of a Scipion project: its runs, their outputs, and the rows of a set of CTFs."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import BadAnswer, Disconnected, InstrumentError, NoAnswer

PROJECT = "project.sqlite"
BUSY_SECONDS = 1.0  # how long a lock of who writes is waited for
MOST_ROWS = 500  # of a set, read under one lock: Scipion must not wait for a reader
COLUMN = re.compile(r"c\d+\Z", re.ASCII)
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

RUNS = """\
SELECT o.id, o.classname, s.value, w.value FROM Objects o
JOIN Objects s ON s.parent_id = o.id AND s.name = o.id || '.status'
LEFT JOIN Objects w ON w.parent_id = o.id AND w.name = o.id || '.workingDir'
WHERE o.parent_id IS NULL ORDER BY o.id"""
OUTPUTS = """\
SELECT o.parent_id, o.name, o.classname, z.value, m.value FROM Objects o
LEFT JOIN Objects z ON z.parent_id = o.id AND z.name LIKE '%.\\_size' ESCAPE '\\'
LEFT JOIN Objects m ON m.parent_id = o.id AND m.name LIKE '%.\\_mapperPath' ESCAPE '\\'
WHERE o.classname LIKE 'SetOf%' AND o.parent_id IS NOT NULL ORDER BY o.id"""
PARAMETERS = "SELECT name, value FROM Objects WHERE parent_id = ? AND value IS NOT NULL"
BEGINNING = "SELECT creation FROM Objects WHERE name = 'CreationTime' AND parent_id IS NULL"
CTF_COLUMNS = {
    "defocus_u": "_defocusU",
    "defocus_v": "_defocusV",
    "defocus_angle": "_defocusAngle",
    "resolution": "_resolution",
    "fit_quality": "_fitQuality",
    "phase_shift": "_phaseShift",
}
NEEDED = ("_defocusU", "_defocusV")
NAMES = ("_micObj._micName", "_micObj._filename")  # of the micrograph, the first that there is
PSD = "_psdFile"
PICTURES = {"micrograph": "_micObj._filename", "psd": PSD, "shifts": "_micObj.plotGlobal._filename"}


@dataclass
class Output:
    """One set that a run has made: ``file`` is relative to the project's folder ("" where it has none)."""

    name: str
    kind: str
    size: int | None
    file: str


@dataclass
class ProtocolRun:
    """One run of a protocol; ``name`` is that of its folder, such as 000144_ProtCTFMicrographs."""

    id: int
    name: str
    protocol: str
    status: str
    folder: str
    outputs: list[Output] = field(default_factory=list)


@dataclass
class Project:
    """What ``project.sqlite`` says: when it was begun (ns, UTC), its runs, and the parameters of its first import."""

    began_ns: int
    runs: list[ProtocolRun]
    acquisition: dict[str, float]


@dataclass
class Ctf:
    """One row of a set of CTFs; ``time_ns`` is the second in which it was added (UTC), and its number in nanoseconds.

    ``pictures``: what there is to see of it, by kind, each in the project's folder.
    """

    id: int
    creation: str
    time_ns: int
    values: dict[str, Any]
    pictures: dict[str, str]


def projects(folder: str) -> list[str]:
    """List the projects in a folder, or the folder if it is one. Raises Disconnected where there is no folder, or no project."""
    if not os.path.isdir(folder):
        raise Disconnected(f"there is no folder {folder}: was the project moved, or is a disk not mounted?")
    if os.path.exists(os.path.join(folder, PROJECT)):
        return [folder]
    try:
        with os.scandir(folder) as entries:
            there = sorted(entry.path for entry in entries if os.path.exists(os.path.join(entry.path, PROJECT)))
    except OSError as error:
        raise Disconnected(f"{folder}: {error.strerror}") from None
    if not there:
        raise Disconnected(f"there is no project in {folder}: neither it nor a folder in it has {PROJECT}")
    return there


def read_project(folder: str) -> Project:
    """Read a project. Raises BadAnswer where it is none, NoAnswer where it is locked."""
    path = os.path.join(folder, PROJECT)
    with _opened(path) as base:
        found = base.execute(BEGINNING).fetchone()
        if found is None:
            raise BadAnswer(f"{path}: there is no CreationTime in it, which each project of Scipion 3 has")
        runs = {
            id: ProtocolRun(id, os.path.basename(where or "") or f"{id:06d}_{kind}", kind, status or "", where or "")
            for id, kind, status, where in base.execute(RUNS)
        }
        for run, name, kind, size, mapper in base.execute(OUTPUTS):
            if run in runs:
                file = str(mapper or "").split(",")[0].strip()
                output = Output(str(name).partition(".")[2], kind, _whole(size), file)
                runs[run].outputs.append(output)
        return Project(utc_ns(found[0], path), list(runs.values()), _acquisition(base, runs.values()))


def read_ctfs(path: str, behind: int, most: int) -> list[Ctf]:
    """Read the next rows of a set of CTFs, ``behind`` an id. Raises BadAnswer, NoAnswer."""
    with _opened(path) as base:
        columns = dict(base.execute("SELECT label_property, column_name FROM Classes"))
        if lacking := [label for label in NEEDED if label not in columns]:
            raise BadAnswer(f"{path}: its Classes have no {', '.join(lacking)}; is it a set of CTFs?")
        if odd := [name for name in columns.values() if name and not COLUMN.match(name)]:
            raise BadAnswer(f"{path}: found a column {odd[0][:40]!r}, expected such as c01")
        wanted = [label for label in (*CTF_COLUMNS.values(), NAMES[0], *PICTURES.values()) if columns.get(label)]
        asked = ", ".join(["id", "creation", *(columns[label] for label in wanted)])
        query = f"SELECT {asked} FROM Objects WHERE id > ? ORDER BY id LIMIT ?"
        rows = base.execute(query, (behind, min(most, MOST_ROWS))).fetchall()
    return [_ctf(row, wanted, path) for row in rows]


def creation_of(path: str, id: int) -> str:
    """Tell when a row of a set was added, as the file says it; "" where there is no such row."""
    with _opened(path) as base:
        found = base.execute("SELECT creation FROM Objects WHERE id = ?", (id,)).fetchone()
    return str(found[0]) if found else ""


def utc_ns(text: Any, path: str) -> int:
    """Read a time of the column ``creation``, which SQLite writes in UTC. Raises BadAnswer."""
    try:
        when = datetime.datetime.fromisoformat(str(text)).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise BadAnswer(f"{path}: found {str(text)[:40]!r} as a time of creation") from None
    return int(when.timestamp()) * 10**9 + when.microsecond * 1000


def _ctf(row: tuple[Any, ...], wanted: list[str], path: str) -> Ctf:
    id, creation, *rest = row
    said = dict(zip(wanted, rest, strict=True))
    values: dict[str, Any] = {name: _number(said.get(label)) for name, label in CTF_COLUMNS.items()}
    u, v = values["defocus_u"], values["defocus_v"]
    values["astigmatism"] = None if u is None or v is None else abs(u - v)
    values["micrograph"] = os.path.basename(next((str(said[name]) for name in NAMES if said.get(name)), "")) or None
    values["psd"] = str(said[PSD]) if said.get(PSD) else None
    pictures = {kind: str(said[label]) for kind, label in PICTURES.items() if said.get(label)}
    return Ctf(id, str(creation), utc_ns(creation, path) + id % 10**9, values, pictures)


def _acquisition(base: sqlite3.Connection, runs: Any) -> dict[str, float]:
    """Tell the parameters of the first run that imported what a microscope took."""
    for run in runs:
        if run.protocol.startswith("ProtImport"):
            said = {str(name).partition(".")[2]: _number(value) for name, value in base.execute(PARAMETERS, (run.id,))}
            if said.get("voltage") is not None:
                return {name: value for name, value in said.items() if value is not None}
    return {}


def _number(value: Any) -> float | None:
    """Read a number; what is infinite or absent is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database to read; nothing is ever written, nor locked for longer than a query."""
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as base:
            yield base
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) or 0
        raise _told(path, error, code) from None


def _told(path: str, error: sqlite3.Error, code: int) -> InstrumentError:
    if code & 0xFF in LOCKED:
        return NoAnswer(f"{path}: a program that writes has locked it for more than {BUSY_SECONDS:g} s")
    if code & 0xFF == sqlite3.SQLITE_READONLY:
        return BadAnswer(f"{path}: whoever wrote it was interrupted; opening the project in Scipion mends it")
    if not os.path.exists(path):
        return BadAnswer(f"{path}: it is not there")
    return BadAnswer(f"{path}: {error}")
