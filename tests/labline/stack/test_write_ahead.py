"""What a real InfluxDB takes after its write-ahead log was torn is there after its next start, too."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline.stack import influxdb, write_ahead

PROGRAM = influxdb.get().path
POINTS = 500


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in which an InfluxDB has taken some points, with those who made it gone."""
    with started(tmp_path) as server:
        server.server.query('CREATE DATABASE "lab" WITH DURATION 0s REPLICATION 1 NAME "raw"')
        for batch in range(10):
            write(server, batch * 100, 100)
    assert not write_ahead.doubtful(tmp_path / "data")
    return tmp_path


def started(place: Path) -> influxdb.InfluxDB:
    return influxdb.InfluxDB(PROGRAM, place / "data", place / "secrets")


def write(server: influxdb.InfluxDB, first: int, count: int) -> None:
    lines = (f"m,t=a v={i} {1_700_000_000_000_000_000 + i}" for i in range(first, first + count))
    server.server.write("\n".join(lines), "lab", "raw")


def count(place: Path) -> int:
    """Count what there is after one more start."""
    with started(place) as server:
        (row,) = server.server.rows('SELECT count("v") FROM "lab"."raw"."m"')
    return int(row["count"])


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 7)


def cut_to_the_head(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 3)
    with open(file, "ab") as log:
        log.write(bytes(2))


def zeros(file: Path) -> None:
    """What a file system leaves whose blocks were never written, as it is with power cuts."""
    with open(file, "r+b") as log:
        log.seek(-300, os.SEEK_END)
        log.write(bytes(300))
    (file.parents[4] / "influxd.log").unlink()


def more_zeros(file: Path) -> None:
    with open(file, "ab") as log:
        log.write(bytes(4096))


@pytest.mark.parametrize(("tear", "left"), [(cut, 900), (cut_to_the_head, 900), (zeros, 900), (more_zeros, 1000)])
def test_what_comes_after_a_torn_log_is_kept(place, tear, left):
    (log,) = place.glob("data/wal/lab/raw/*/_*.wal")
    tear(log)
    assert write_ahead.doubtful(place / "data")
    with started(place) as server:
        assert server.mended
        write(server, 5000, POINTS)
    assert count(place) == left + POINTS


def test_after_a_kill_it_is_looked_at_out_of_reach_first(place):
    with started(place) as server:
        write(server, 5000, POINTS)
        server.process.kill()
        server.process.wait(60)
    assert write_ahead.doubtful(place / "data")
    before = len(listened(place))
    with started(place) as server:
        assert not server.mended
        (apart, ours) = listened(place)[before:]
        assert ours == server.url.removeprefix("http://") != apart
    assert count(place) == 1000 + POINTS


def listened(place: Path) -> list[str]:
    """List the addresses at which it could be reached, start by start."""
    return re.findall(r"Listening on HTTP.* addr=(\S+)", (place / "data" / "influxd.log").read_text())


def test_a_log_that_stays_torn_is_told(place, monkeypatch):
    monkeypatch.setattr(write_ahead, "TORN", "Opened shard")
    (place / "data" / "influxd.log").unlink()
    with pytest.raises(influxdb.StartFailed, match="stays torn"):
        started(place)
