"""Retention: how long every reading is kept, and the downsampled levels above it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from telegraf_inputs import duration
from telegraf_inputs.errors import BadInput, noted

from . import site_file
from .site_file import USUAL_LEVELS, Keep, read_value

# Names of retention policies.
RAW, FOREVER = "raw", "forever"
SHORTEST_RAW = 3600  # InfluxDB keeps nothing shorter than an hour


class Level(Struct, frozen=True, kw_only=True):
    """One downsampled level: ``name`` ("1m", also its policy's), seconds per point, seconds kept (0: for ever)."""

    name: str
    seconds_per_point: int
    keep: float

    @property
    def late(self) -> int:
        """How many seconds of the past are computed anew each time: data that come late by less are in it."""
        return max(3 * self.seconds_per_point, 600)


class Storage(Struct, frozen=True, kw_only=True):
    """The database; ``write`` is the proxy that nodes write to, if any; ``raw`` is how many seconds every reading is kept (0: for ever); the finest level comes first."""

    url: str
    ca: str
    database: str
    write: site_file.WriteKeys | None
    raw: float
    downsampled: tuple[Level, ...]


def read(written: site_file.InfluxDBKeys, errors: list[BadInput]) -> Storage:
    """Check what goes together; of the levels, time per point and retention must rise. Mistakes go to ``errors``."""
    if written.ca and not written.url.startswith("https:"):
        errors.append(BadInput("belongs to a url that begins with https://", ("ca",)))
    found = read_retention(written.retention, errors)
    return Storage(
        url=written.url,
        ca=written.ca,
        database=written.database,
        write=written.write,
        raw=written.retention.raw,
        downsampled=tuple(found),
    )


def read_retention(written: site_file.Retention, errors: list[BadInput]) -> list[Level]:
    """Check how long data are kept, at each level; mistakes go to ``errors``, with their path inside ``influxdb``."""
    raw = written.raw
    if raw and raw < SHORTEST_RAW:
        errors.append(
            BadInput(f"is {raw:g} s, expected 1h or more: InfluxDB keeps nothing shorter", ("retention", "raw"))
        )
    found: list[Level] = []
    for name, keep in written.downsampled.items():
        with noted([] if written.downsampled is USUAL_LEVELS else errors, "retention", "downsampled", name):
            level = _level(name, keep)
            _check(level, raw, found)
            found.append(level)
    return found


def _check(level: Level, raw: float, finer: list[Level]) -> None:
    """Refuse a level that does not go with ``raw`` and the ``finer`` ones."""
    before, below = (finer[-1].keep, finer[-1].name) if finer else (raw, RAW)
    if finer and level.seconds_per_point <= finer[-1].seconds_per_point:
        raise BadInput(f"comes after {below!r}; expected the levels from fine to coarse")
    if not before:
        raise BadInput(f"can't be kept longer than {below!r}, which is kept for ever; leave this level out")
    if level.keep and level.keep <= before:
        raise BadInput(f"is kept {kept(level.keep)}, no longer than {below!r} ({kept(before)}); coarser is kept longer")
    if raw < level.late:
        raise BadInput(
            f"raw is kept {kept(raw)}, but level {level.name!r} looks back {duration.words(level.late)}; keep raw longer"
        )


def _level(name: str, keep: Any) -> Level:
    if not duration.EXACT.match(name):
        raise BadInput(f"{name!r} is no time per point; expected a whole number with s, m, h, d or w, such as 1m")
    try:
        seconds = read_value(Keep, keep)
    except ValueError as error:
        raise BadInput(str(error)) from None
    return Level(name=name, seconds_per_point=int(duration.read(name)), keep=seconds)


def kept(seconds: float) -> str:
    """Write how long data are kept, for people; ``0`` is for ever."""
    return duration.words(seconds) if seconds else "for ever"
