"""The ledger: the programs' counts against what a real InfluxDB holds."""

from __future__ import annotations

import time
from collections import Counter
from types import SimpleNamespace

import pytest

from labline import ledger
from provisioning import site as sites
from provisioning.influxdb_server import Server
from telegraf_inputs import ledger as program
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.made import Made

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
        return ledger.take(ledger.Run.of(sites.load(file), NOW), folder, server)

    return taken


def cryostat(channel: int, at: int, site: str = "counted") -> str:
    tags = f"site={site},instrument=cryo.stat,channel={channel}"
    return f'lakeshore_372,{tags} temperature=1.5,resistance=2000.0,status="ok" {NOW + at}'


def vacuum(at: int) -> str:
    return f'pfeiffer_tpg,site=counted,instrument=vacuum,channel=1 pressure=1e-5,status="ok" {NOW + at}'


def noted(made: dict[int, int], dropped: int = 0, overruns: int = 0, errors: int = 0, began: int = 0) -> str:
    """Write what the cryostat's program notes, of readings from ``began`` (ns) on."""
    channels = "".join(f"{n:<20} {NOW + began:<20} {NOW + 100:<20} lakeshore_372 {c}\n" for c, n in made.items())
    return f"{dropped:<20} {overruns:<20} {errors:<20} {0:<20}\n{channels}"


def gauge(made: int, errors: int = 0) -> str:
    """Write what the gauge's program notes."""
    return noted({1: made}, errors=errors).replace("lakeshore_372", "pfeiffer_tpg")


def test_all_is_there(take):
    """A program that was started anew has two files; values count, statuses do not."""
    files = {
        "cryo.stat.17.1": noted({1: 2, 5: 0}),
        "cryo.stat.18.2": noted({1: 0, 5: 2}, overruns=1, errors=3),
        "vacuum.19.3": gauge(1),
        "other.20.4": noted({1: 9}),
    }
    entries = take(files, [cryostat(1, 0), cryostat(5, 1), vacuum(5)])
    assert [(e.instrument, e.made, e.written, e.lost, e.overruns, e.errors) for e in entries] == [
        ("cryo.stat", 4, 4, 0, 1, 3),
        ("vacuum", 1, 1, 0, 0, 0),
    ]
    assert ledger.well(entries)
    text = "\n".join(ledger.lines(entries, NOW))
    assert "Nothing was lost." in text and "cryo.stat: missed 1 cycle; a reading took longer" in text


def test_what_is_not_in_the_database_is_lost(take):
    entries = take({"cryo.stat.17.1": noted({1: 6}, dropped=2), "vacuum.19.3": gauge(1)}, [cryostat(1, 0), vacuum(5)])
    assert [entry.lost for entry in entries] == [4, 0] and not ledger.well(entries)
    text = "\n".join(ledger.lines(entries, NOW))
    assert "4 readings were LOST." in text and "cryo.stat: 2 came faster" in text and "Nothing was lost" not in text


def test_more_than_was_counted_never_hides_a_loss_elsewhere(take):
    """Neither of another instrument, nor of another channel of the same one."""
    files = {"cryo.stat.17.1": noted({1: 2, 5: 2}), "vacuum.19.3": gauge(3)}
    twice = [cryostat(1, at) for at in (0, 1)]  # one point too many, while channel 5 has none
    entries = take(files, [*twice, vacuum(0), vacuum(1)])
    assert [(entry.lost, entry.uncounted) for entry in entries] == [(2, 2), (1, 0)] and not ledger.well(entries)
    text = "\n".join(ledger.lines(entries, NOW))
    assert text.split("total")[1].split()[:3] == ["7", "6", "3"] and "3 readings were LOST." in text
    assert "cryo.stat: 2 more were written than its programs counted" in text


def test_what_the_site_file_does_not_declare_does_not_make_up_for_it(take):
    """Points of another driver under the same name, of a channel and of a quantity that are not there."""
    strangers = [
        vacuum(7).replace("=vacuum", "=cryo.stat"),
        cryostat(1, 8).replace("channel=1", "channel=77"),
        vacuum(9).replace("channel=1 pressure", "channel=77 pressure"),
    ]
    entries = take({"cryo.stat.17.1": noted({1: 3}), "vacuum.19.3": gauge(2)}, [cryostat(1, 0), vacuum(5), *strangers])
    assert [(entry.written, entry.lost) for entry in entries] == [(2, 1), (1, 1)]


def test_what_the_database_still_takes_in_is_not_lost(take, monkeypatch):
    """Telegraf gave up on a request that the database goes on to write."""
    count, counts = ledger._written, []

    def late(*arguments):
        counts.append(count(*arguments))
        return {"cryo.stat": Counter({"1": 2 * min(len(counts) - 1, 2)}), "vacuum": Counter({"1": 1})}

    monkeypatch.setattr(ledger, "_written", late)
    monkeypatch.setattr(ledger, "BETWEEN_COUNTS", 0)
    entries = take({"cryo.stat.17.1": noted({1: 4})}, [])
    assert entries[0].lost == 0 and len(counts) == 3


def test_earlier_runs_and_other_sites_do_not_make_up_for_it(take):
    entries = take({"cryo.stat.17.1": noted({1: 2, 5: 2})}, [cryostat(1, -1), cryostat(1, 2, "other"), cryostat(5, 2)])
    assert (entries[0].written, entries[0].lost) == (2, 2)


def test_an_instrument_that_brought_nothing(take):
    entries = take({"cryo.stat.17.1": noted({1: 2}), "vacuum.19.3": gauge(0, errors=9)}, [cryostat(1, 0)])
    assert not ledger.well(entries)
    assert "Nothing came from vacuum." in ledger.lines(entries, NOW)


def test_a_program_that_was_killed_before_it_could_count(take):
    entries = take({"cryo.stat.17.1": "", "vacuum.19.3": gauge(1)}, [cryostat(1, 0), vacuum(1)])
    text = "\n".join(ledger.lines(entries, NOW))
    assert entries[0].lost == 0 and "2 more were written" in text and "Nothing was lost" not in text


def test_counts_that_the_power_tore_are_told_and_nothing_else_is_lost_with_them(take):
    torn = noted({1: 2}) + "7      175"
    entries = take(
        {"cryo.stat.17.1": torn, "cryo.stat.18.1": "\0" * 4096, "vacuum.19.3": gauge(1)}, [cryostat(1, 0), vacuum(1)]
    )
    assert (entries[0].made, entries[0].written, entries[0].unread) == (2, 2, 2)
    assert "cryo.stat: 2 lines of its programs' counts can't be read" in "\n".join(ledger.lines(entries, NOW))


def test_a_run_is_described_for_whoever_settles_it_later(tmp_path):
    file = tmp_path / "site.yml"
    file.write_text(SITE.format(database="lab"))
    run = ledger.Run.of(sites.load(file), NOW)
    run.keep(tmp_path)
    assert ledger.Run.kept(tmp_path) == run and run.measurements == {"lakeshore_372", "pfeiffer_tpg"}
    assert run.instruments["vacuum"]["pfeiffer_tpg"]["1"] == ["pressure"]
    one = ledger.Run(NOW, "a", "lab", {"meter": {"scpi": {"1": ["level"]}}, "old": {"scpi": {"1": ["x"]}}})
    other = ledger.Run(
        NOW + 5, "a", "lab", {"meter": {"scpi": {"1": ["level", "noise"], "2": ["level"]}}, "new": {"m": {}}}
    )
    assert one.joined(other) == ledger.Run(
        NOW,
        "a",
        "lab",
        {
            "meter": {"scpi": {"1": ["level", "noise"], "2": ["level"]}},
            "old": {"scpi": {"1": ["x"]}},
            "new": {"m": {}},
        },
    )


def test_what_the_program_notes_is_what_is_read(take, monkeypatch, tmp_path):
    """Both ends of the file: telegraf_inputs/ledger.py writes it."""
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))
    writer = SimpleNamespace(dropped={"cryo.stat": 5}, waiting=0, trouble="")
    made = {
        "1": Made("lakeshore_372", "1", 2, NOW, NOW + 9),
        "5": Made("lakeshore_372", "5", 12345678901234567890, NOW, NOW + 7),
    }
    stanza = SimpleNamespace(name="cryo.stat")
    instrument = SimpleNamespace(
        stanza=stanza, made=made, inbox=Inbox(), overruns=3, errors=4, lost=5, dropped=5, discarded=6
    )
    program.Ledger(instrument, writer, lambda level, text: None).note()
    (entry, _) = take({}, [])
    assert entry.made_by == {"1": 2, "5": 12345678901234567890}
    assert (entry.dropped, entry.overruns, entry.errors, entry.discarded) == (5, 3, 4, 6)
    assert entry.spans == {"lakeshore_372": ledger.Span(NOW, NOW + 9)}


def test_what_others_wrote_between_a_backlog_and_the_run_is_not_of_it(take, monkeypatch, tmp_path):
    """A broker retains a message of an hour ago: what an earlier run wrote since then must not hide a loss of this one."""
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))
    second = 10**9
    made = {name: Made("lakeshore_372", name, since_ns=NOW + second) for name in "15"}
    for channel, when in (("1", -3600), ("1", -3500), ("1", 2), ("5", -2), ("5", 2), ("5", 3), ("5", 4)):
        made[channel].add(2, NOW + when * second)
    instrument = SimpleNamespace(
        stanza=SimpleNamespace(name="cryo.stat"), made=made, inbox=Inbox(), overruns=0, errors=0, lost=0, discarded=0
    )
    writer = SimpleNamespace(dropped={"cryo.stat": 0}, waiting=0, trouble="")
    program.Ledger(instrument, writer, lambda level, text: None).note()
    of_this_run = [cryostat(1, when * second) for when in (-3600, -3500, 2)] + [
        cryostat(5, when * second) for when in (-2, 2, 4)
    ]
    of_another = [cryostat(5, -1000 * second + n) for n in range(100)]
    entry = take({}, [*of_this_run, *of_another])[0]
    assert (entry.made, entry.written, entry.lost, entry.uncounted) == (14, 12, 2, 0)


def test_readings_with_times_of_their_own_from_before_the_run_are_found(take):
    """A source's own clock, or a backlog: the programs note from when on."""
    entries = take({"cryo.stat.17.1": noted({1: 4}, began=-5 * 10**9)}, [cryostat(1, -5 * 10**9), cryostat(1, 2)])
    assert (entries[0].written, entries[0].lost) == (4, 0)


def test_a_run_that_could_not_count():
    assert ledger.lines([], NOW)[-1].split() == ["total", "0", "0", "0"]
