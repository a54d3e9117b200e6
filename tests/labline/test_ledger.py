"""The ledger: the programs' counts against what a real InfluxDB holds."""

from __future__ import annotations

import time

import pytest

from labline import ledger
from provisioning import site as sites
from provisioning.influxdb_server import Server

SITE = """\
site: counted
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - {{name: cryo.stat, driver: lakeshore_372, connection: "sim:"}}
  - {{name: vacuum, driver: pfeiffer_tpg, model: tpg262, connection: "sim:"}}
"""
NOW = time.time_ns()


@pytest.fixture
def take(database, influxd, tmp_path):
    """Give a function that counts, from what the programs noted by file name and what the database holds."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    file = tmp_path / "site.yml"
    file.write_text(SITE.format(database=database.name))
    folder = tmp_path / "ledger"
    folder.mkdir()

    def taken(noted: dict[str, str], lines: list[str]) -> list[ledger.Entry]:
        for name, text in noted.items():
            (folder / name).write_text(text)
        if lines:
            database.write("\n".join(lines), "raw")
        server = Server(database.url, database.reader, database.reader_password)
        return ledger.take(sites.load(file), folder, server, NOW)

    return taken


def cryostat(channel: int, at: int, site: str = "counted") -> str:
    tags = f"site={site},instrument=cryo.stat,channel={channel}"
    return f'lakeshore_372,{tags} temperature=1.5,resistance=2000.0,status="ok" {NOW + at}'


def vacuum(at: int) -> str:
    return f'pfeiffer_tpg,site=counted,instrument=vacuum,channel=1 pressure=1e-5,status="ok" {NOW + at}'


def test_all_is_there(take):
    """A program that was started anew has two files; values count, statuses do not."""
    noted = {
        "cryo.stat.17.1": "2 0 0 0\n",
        "cryo.stat.18.2": "2 0 1 3\n",
        "vacuum.19.3": "1 0 0 0\n",
        "other.20.4": "9 0 0 0\n",
    }
    entries = take(noted, [cryostat(1, 0), cryostat(5, 1), vacuum(5)])
    assert [(e.instrument, e.made, e.written, e.lost, e.overruns, e.errors) for e in entries] == [
        ("cryo.stat", 4, 4, 0, 1, 3),
        ("vacuum", 1, 1, 0, 0, 0),
    ]
    assert ledger.well(entries)
    text = "\n".join(ledger.lines(entries, NOW))
    assert "Nothing was lost." in text and "cryo.stat: missed 1 cycle;" in text


def test_what_is_not_in_the_database_is_lost(take):
    entries = take({"cryo.stat.17.1": "6 2 0 0\n", "vacuum.19.3": "1 0 0 0\n"}, [cryostat(1, 0), vacuum(5)])
    assert [entry.lost for entry in entries] == [4, 0] and not ledger.well(entries)
    text = "\n".join(ledger.lines(entries, NOW))
    assert "4 readings were LOST." in text and "cryo.stat: 2 were dropped" in text and "Nothing was lost" not in text


def test_what_the_database_still_takes_in_is_not_lost(take, monkeypatch):
    """Telegraf gave up on a request that the database goes on to write."""
    count, counted = ledger._written, []

    def late(*arguments):
        counted.append(count(*arguments))
        return {"cryo.stat": 2 * min(len(counted) - 1, 2), "vacuum": 1}

    monkeypatch.setattr(ledger, "_written", late)
    monkeypatch.setattr(ledger, "BETWEEN_COUNTS", 0)
    entries = take({"cryo.stat.17.1": "4 0 0 0\n", "vacuum.19.3": "1 0 0 0\n"}, [])
    assert ledger.well(entries) and len(counted) == 3


def test_earlier_runs_and_other_sites_do_not_make_up_for_it(take):
    entries = take({"cryo.stat.17.1": "4 0 0 0\n"}, [cryostat(1, -1), cryostat(1, 2, "other"), cryostat(5, 2)])
    assert (entries[0].written, entries[0].lost) == (2, 2)


def test_an_instrument_that_brought_nothing(take):
    entries = take({"cryo.stat.17.1": "2 0 0 0\n", "vacuum.19.3": "0 0 0 9\n"}, [cryostat(1, 0)])
    assert not ledger.well(entries)
    assert "Nothing came from vacuum." in ledger.lines(entries, NOW)


def test_a_program_that_was_killed_before_it_could_count(take):
    entries = take({"cryo.stat.17.1": "", "vacuum.19.3": "1 0 0 0\n"}, [cryostat(1, 0), vacuum(1)])
    text = "\n".join(ledger.lines(entries, NOW))
    assert entries[0].lost == 0 and "more was written than was counted" in text and "Nothing was lost" not in text
