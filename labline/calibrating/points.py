"""Reads the points of a calibration from a table (CSV): what an instrument gave, and what it meant."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from telegraf_inputs.errors import BadInput, shown, suggestion

MOST_POINTS = 100_000
LARGEST = 50_000_000  # bytes
SEPARATORS = ",;\t"
ELECTRICAL = ("V", "mV", "uV", "µV", "A", "mA", "uA", "µA", "Ohm", "ohm", "kOhm", "Ω", "kΩ", "counts", "raw")
NAMED = re.compile(r"(.+?)\s*(?:_|\(|\[)\s*([^\s()\[\]_]+)[)\]]?\Z")  # voltage_V, pressure (mbar)


@dataclass(frozen=True)
class Pair:
    """One pair: the raw value ``x`` and what was meant, ``y``; ``line`` of the file."""

    x: float
    y: float
    line: int


@dataclass(frozen=True)
class CalibrationTable:
    """All pairs of a file; ``x`` and ``y`` name their columns. ``repeated`` are lines that say all the same as one before."""

    file: str
    x: str
    y: str
    pairs: tuple[Pair, ...]
    repeated: tuple[int, ...] = ()

    @property
    def span(self) -> tuple[float, float]:
        """The least and the largest raw value."""
        return min(p.x for p in self.pairs), max(p.x for p in self.pairs)


def read(path: Path, x: str | None, y: str | None) -> CalibrationTable:
    """Read a table with a heading; ``x`` and ``y`` name the columns. Raises BadInput with its line.

    Of two columns with numbers the raw value is the one in volts, amperes, ohms or counts, else the first.
    A line that repeats another one, all of it, counts once: it was written down twice.
    """
    rows = _rows(path)
    if not rows:
        raise BadInput("is empty; expected a heading, and a line for each point", file=str(path))
    _, heading = rows.pop(0)
    columns = [name.strip() for name in heading]
    if len(set(columns)) < len(columns):
        raise BadInput(f"two columns have one name: {', '.join(columns)}", file=str(path), line=1)
    if all(map(_is_number, columns)):
        raise BadInput(f"found {', '.join(columns)}, expected a heading: the columns' names", file=str(path), line=1)
    numbers = [n for n, text in enumerate(rows[0][1][: len(columns)]) if _is_number(text.strip())] if rows else []
    if len(numbers) != 2:
        numbers = list(range(len(columns)))
    if len(numbers) == 2 and _raw(columns[numbers[1]]) and not _raw(columns[numbers[0]]):
        numbers.reverse()
    which = [
        _column(columns, name, numbers[n : n + 1] if len(numbers) == 2 else [], path) for n, name in enumerate((x, y))
    ]
    if which[0] == which[1]:
        raise BadInput(f"{columns[which[0]]!r} can't be both --x and --y", file=str(path))
    pairs, repeated = [], []
    seen: set[tuple[str, ...]] = set()
    for line, row in rows:
        if len(row) != len(columns):
            said = f"found {len(row)} columns, expected {len(columns)}: {', '.join(columns)}"
            raise BadInput(said, file=str(path), line=line)
        said_by = tuple(text.strip() for text in row)
        if said_by in seen:
            repeated.append(line)
            continue
        seen.add(said_by)
        values = [_number(row[place], columns[place], path, line) for place in which]
        pairs.append(Pair(values[0], values[1], line))
    return CalibrationTable(str(path), columns[which[0]], columns[which[1]], tuple(pairs), tuple(repeated))


def named(column: str) -> tuple[str, str]:
    """Take a column's name apart: ``pressure_mbar`` and ``pressure (mbar)`` are a pressure in mbar; the unit may be missing."""
    match = NAMED.match(column)
    return (match[1].strip(), match[2]) if match else (column, "")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Read the lines that are neither empty nor a comment (#), each with its number."""
    if path.stat().st_size > LARGEST:
        raise BadInput(f"has more than {LARGEST} bytes", file=str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"is no text in UTF-8 ({error.reason})", file=str(path)) from None
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=separator)
    found = []
    try:
        for row in reader:
            if any(map(str.strip, row)) and not row[0].startswith("#"):
                found.append((reader.line_num, row))
                if len(found) > MOST_POINTS + 1:
                    raise BadInput(f"has more than {MOST_POINTS} points", file=str(path), line=reader.line_num)
    except csv.Error as error:
        raise BadInput(f"is no table: {error}", file=str(path), line=reader.line_num) from None
    return found


def _raw(column: str) -> bool:
    """Tell whether a column is what an instrument gives, and nobody means."""
    return named(column)[1] in ELECTRICAL


def _column(columns: list[str], name: str | None, otherwise: list[int], path: Path) -> int:
    if name is None:
        if not otherwise:
            raise BadInput(
                f"has the columns {', '.join(columns)}; say by --x which is the raw value, and by --y which was meant",
                file=str(path),
            )
        return otherwise[0]
    if name not in columns:
        raise BadInput(f"has no column {name!r}; {suggestion(name, columns)}", file=str(path))
    return columns.index(name)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, column: str, path: Path, line: int) -> float:
    plain = text.strip().replace(",", ".") if text.count(",") == 1 and "." not in text else text.strip()
    value = float(plain) if _is_number(plain) and "_" not in plain else math.nan
    if not math.isfinite(value):
        raise BadInput(f"{column}: found {shown(text.strip())}, expected a number", file=str(path), line=line)
    return value
