"""An InfluxDB that is a service begins with a whole log, too: what is torn is cut off before anybody gets to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline.stack import influxdb, mend_influxdb, write_ahead
from labline.stack.errors import StartFailed

PROGRAM = influxdb.get().path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The folder of an InfluxDB that has taken 1000 points."""
    with influxdb.InfluxDB(PROGRAM, tmp_path / "data", tmp_path / "secrets") as server:
        server.server.query('CREATE DATABASE "lab" WITH DURATION 0s REPLICATION 1 NAME "raw"')
        write(server, 0, 1000)
    yield tmp_path / "data"


def write(server: influxdb.InfluxDB, first: int, count: int) -> None:
    for number in range(first, first + count, 100):
        lines = (f"m,t=a v={i} {1_700_000_000_000_000_000 + i}" for i in range(number, number + 100))
        server.server.write("\n".join(lines), "lab", "raw")


def mend(place: Path) -> bool:
    return mend_influxdb.mend(PROGRAM, place / "influxdb.conf", place)


def test_what_is_torn_is_cut_off_once(place: Path) -> None:
    (log,) = place.glob("wal/lab/raw/*/_*.wal")
    os.truncate(log, log.stat().st_size - 7)
    (place / mend_influxdb.ENDED).touch()
    assert mend(place)
    (place / mend_influxdb.ENDED).touch()
    assert not mend(place)
    with influxdb.InfluxDB(PROGRAM, place, place.parent / "secrets") as server:
        (row,) = server.server.rows('SELECT count("v") FROM "lab"."raw"."m"')
    assert row["count"] == 900


def test_after_an_end_in_order_it_is_not_started_once_more(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / mend_influxdb.ENDED).touch()
    monkeypatch.setattr(mend_influxdb, "Process", None)
    assert not mend(place)
    assert not (place / mend_influxdb.ENDED).exists()


def test_after_any_other_end_it_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_ahead, "TORN", "Opened shard")
    with pytest.raises(StartFailed, match="stays torn"):
        mend(place)
