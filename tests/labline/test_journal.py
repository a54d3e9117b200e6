"""The journal: what a real Telegraf writes is read back, and nothing that is torn is taken for a line."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from labline.local import journal
from labline.local.journal import Reader, SeriesKey
from provisioning.telegraf_config import JOURNAL_FILE

TIME = 1_795_000_000_000_000_000
LINES = [
    rb'scpi,channel=a,host=here,instrument=meter,site=bench level=1.5,status="ok" 1795000000000000000',
    rb'scpi,channel=a\ b\,c\=d,host=here,instrument=meter,site=bench level=-1.5e-09,n=5i,u=7u,on=true,said="a \"b\\ c, d=e" 1795000000000000001',
    rb'instrument,host=here,instrument=meter,site=bench state="ok",up=1i 1795000000000000002',
]


def read(folder: Path, *measurements: str, since: float = 0.0) -> tuple[Reader, list[journal.JournalPoint]]:
    reader = Reader(measurements or ("scpi", "lakeshore_372"))
    return reader, [entry for part in journal.parts(folder, since) for entry in reader.entries(part)]


def test_whole_lines_are_read(tmp_path):
    (tmp_path / JOURNAL_FILE).write_bytes(b"\n".join(LINES) + b"\n")
    reader, entries = read(tmp_path)
    assert [entry.line for entry in entries] == LINES and not reader.torn
    tags = {"channel": "a b,c=d", "host": "here", "instrument": "meter", "site": "bench"}
    assert entries[1].series == SeriesKey("scpi", frozenset(tags.items()))
    assert entries[1].fields == ("level", "n", "u", "on", "said") and entries[1].time_ns == TIME + 1


# Their names are those of measurements, which makes them look like the beginnings of lines.
ODD = [
    rb'scpi,channel=instrument,host=here,instrument=scpi,site=bench level=1.5,status="ok" 1795000000000000003',
    rb"lakeshore_372,building=north,channel=1,host=instrument,instrument=lakeshore_372,site=instrument t=1.5 1795000000000000004",
]


def test_names_that_look_like_another_line_are_no_tear(tmp_path):
    (tmp_path / JOURNAL_FILE).write_bytes(b"\n".join(ODD) + b"\n")
    assert [entry.line for entry in read(tmp_path)[1]] == ODD


@pytest.mark.parametrize("other", LINES + ODD)
@pytest.mark.parametrize("line", LINES + ODD)
def test_a_line_that_is_torn_anywhere_is_never_taken_for_one(line, other, tmp_path):
    """Alone at the end of a file, and with the line of a Telegraf that went on behind it."""
    for end in range(1, len(line)):
        (tmp_path / "readings.2026-11-28-1795000000.lp").write_bytes(line[:end] + b"\n" + line[:end] + other)
        reader, entries = read(tmp_path)
        assert not entries and reader.torn == 2, line[:end]


def test_what_the_power_leaves_is_no_line(tmp_path):
    (tmp_path / "readings.1.lp").write_bytes(bytes(5000) + b"\n" + LINES[0] + b"\n" + b"x" * (3 << 20) + LINES[0])
    reader, entries = read(tmp_path)
    assert [entry.line for entry in entries] == LINES[:1] and reader.torn == 2
    assert re.fullmatch(r".*readings\.1\.lp, line 1", reader.first_torn)


def test_what_is_being_written_is_left_until_it_is_whole(tmp_path):
    (tmp_path / JOURNAL_FILE).write_bytes(LINES[0] + b"\n" + LINES[1][:50])
    reader, entries = read(tmp_path)
    assert len(entries) == 1 and not reader.torn


def test_a_file_without_an_end_is_set_apart_before_another_telegraf_goes_on(tmp_path):
    file = tmp_path / JOURNAL_FILE
    journal.seal(tmp_path)
    for text in (b"", LINES[0] + b"\n"):
        file.write_bytes(text)
        journal.seal(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [JOURNAL_FILE]
    for count in (1, 2):
        file.write_bytes(LINES[0] + b"\n" + LINES[1][:50])
        journal.seal(tmp_path)
        names = [path.name for path in tmp_path.iterdir()]
        assert len(names) == count and all(re.fullmatch(r"readings\.\d{4}-\d\d-\d\d-\d+\.lp", name) for name in names)
    reader, entries = read(tmp_path)
    assert len(entries) == 2 and reader.torn == 2


def test_a_file_is_read_as_it_was_though_telegraf_goes_on_and_renames_it(tmp_path):
    file = tmp_path / JOURNAL_FILE
    file.write_bytes(LINES[0] + b"\n")
    found = journal.parts(tmp_path, 0)
    with open(file, "ab") as more:
        more.write(LINES[1] + b"\n")
    file.rename(tmp_path / "readings.2026-11-28-1795000000.lp")
    file.write_bytes(LINES[2] + b"\n")
    reader = Reader(["scpi"])
    assert [entry.line for part in found for entry in reader.entries(part)] == LINES[:1]
    (tmp_path / "readings.2026-11-28-1795000000.lp").unlink()
    assert not [entry for part in found for entry in reader.entries(part)]


def test_only_what_was_written_since_is_looked_at_the_newest_first(tmp_path):
    for age, name in ((3000, "readings.1.lp"), (500, "readings.2.lp"), (10, JOURNAL_FILE)):
        (tmp_path / name).write_bytes(LINES[0] + b"\n")
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert [part.path.name for part in journal.parts(tmp_path, 1e9 - 600)] == [JOURNAL_FILE, "readings.2.lp"]
