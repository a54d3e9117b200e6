"""Log files: read on where it was stopped, whatever became of the file; each line once, at its own time."""

from __future__ import annotations

import datetime
import errno
import json
import logging.handlers
import os
import signal
import subprocess
import sys
import threading
import time
import zoneinfo
from collections import Counter

import pytest
import yaml

from telegraf_inputs import memory
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers import logfile
from telegraf_inputs.drivers._log_paths import LogPaths
from telegraf_inputs.drivers._log_times import LogTime
from telegraf_inputs.errors import BadAnswer, BadInput, Mistakes, Stopped
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.sampler import Sampler
from telegraf_inputs.stop import Stop
from telegraf_inputs.writer import Writer

BEGAN = 0  # of the first line: an hour before the test
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def an_hour_before(monkeypatch):
    monkeypatch.setitem(globals(), "BEGAN", int(time.time()) - 3600)


@pytest.fixture(autouse=True)
def remembered(tmp_path, monkeypatch):
    folder = tmp_path / "memory"
    monkeypatch.setenv(memory.VARIABLE, str(folder))
    return folder


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def config(folder, **keys) -> dict:
    return {
        "name": "gauge",
        "driver": "logfile",
        "connection": f"file://{folder}",
        "interval": "50ms",
        "time_form": "unix",
        "files": "gauge.log*",
        "columns": ["time", "pressure"],
        "channels": {"can": {"read": {"pressure": {"unit": "mbar"}}}},
        **keys,
    }


def lines(first: int, end: int) -> str:
    return "".join(f"{BEGAN + number},{number}\n" for number in range(first, end))


class Reader:
    """An instrument that reads logs; what it prints is known to be printed unless ``dropping``."""

    def __init__(self, folder, **keys):
        self.log: list[str] = []
        self.instrument = Instrument(
            stanzas.check(config(folder, **keys)), Stop(), lambda level, text: self.log.append(text)
        )
        self.dropping = False
        self.statuses: list[str] = []

    def read(self) -> list[int]:
        """Run a cycle; returns the numbers of the lines that were read, each of which is at its time."""
        points = self.instrument.sample()
        if receipt := self.instrument.receipt():
            receipt(not self.dropping)
        self.state = points[-1].values["state"]
        self.statuses = [point.values["status"] for point in points[:-1]]
        found = [(int(p.values["pressure"]), p.timestamp) for p in points[:-1] if "pressure" in p.values]
        assert all(when == (BEGAN + number) * 10**9 for number, when in found)
        return [number for number, _ in found]


def test_each_line_once_and_a_half_written_one_when_it_is_whole(logs):
    file = logs / "gauge.log"
    file.write_text(lines(0, 3))
    reader = Reader(logs)
    assert reader.read() == [0, 1, 2]
    with file.open("a") as opened:
        opened.write(f"{BEGAN + 3},")
        opened.flush()
        assert reader.read() == []
        opened.write(f"3\n{BEGAN + 4},4\n")
    assert reader.read() == [3, 4]
    assert reader.read() == [] and reader.state == "ok"
    again = Reader(logs)
    assert again.read() == []
    file.write_text(lines(0, 6))  # an editor saves all of it anew
    assert again.read() == [5]


def test_a_file_that_is_renamed_is_read_to_its_end(logs):
    file = logs / "gauge.log"
    file.write_text(lines(0, 2))
    reader = Reader(logs, files="gauge.log")
    assert reader.read() == [0, 1]
    with file.open("a") as opened:
        opened.write(lines(2, 4))
        opened.flush()
        file.rename(logs / "gauge.1")
        file.write_text(lines(5, 7))
        assert reader.read() == [2, 3, 5, 6]
        opened.write(lines(4, 5))  # whoever has it open still writes there
    assert reader.read() == [4]


def test_so_it_is_where_nobody_was_reading_meanwhile(logs):
    file = logs / "gauge.log"
    file.write_text(lines(0, 2))
    assert Reader(logs).read() == [0, 1]
    file.write_text(lines(0, 3))
    file.rename(logs / "gauge.log.1")
    file.write_text(lines(3, 5))
    reader = Reader(logs)
    assert sorted(reader.read()) == [2, 3, 4] and reader.read() == []


def test_files_that_a_program_of_others_rotates_are_read_whole_and_once(logs):
    """Python's own handler: log.4 goes, log.3 becomes log.4 …, several times between two looks."""
    handler = logging.handlers.RotatingFileHandler(logs / "gauge.log", maxBytes=400, backupCount=4)
    reader, found = Reader(logs), []
    for number in range(300):
        handler.emit(logging.makeLogRecord({"msg": f"{BEGAN + number},{number}"}))
        if number % 37 == 0:
            found += reader.read()
        if number == 150:
            reader = Reader(logs)
    handler.close()
    found += reader.read()
    assert sorted(found) == [*range(300)]
    assert reader.instrument.discarded == 0, "nothing was read twice"


@pytest.mark.parametrize("first", [2, 7], ids=["shorter", "longer"])
def test_a_file_that_is_written_anew_is_read_from_its_beginning(logs, first):
    file = logs / "gauge.log"
    file.write_text(lines(0, 3))
    reader = Reader(logs)
    reader.read()
    file.write_text(lines(10, 10 + first))  # in the same file: logrotate's copytruncate
    assert reader.read() == [*range(10, 10 + first)]


def test_a_long_backlog_comes_in_batches_and_waits_for_whoever_takes_it(logs, monkeypatch):
    monkeypatch.setattr(logfile, "MOST_READINGS", 10)
    (logs / "gauge.log").write_text(lines(0, 25))
    reader = Reader(logs)
    assert reader.read() == [*range(10)]
    receipts = []
    reader.instrument.sample()
    receipts.append(reader.instrument.receipt())
    assert reader.read() == [], "what was read before is not printed yet"
    receipts[0](True)
    assert reader.read() == [*range(20, 25)]


def test_what_is_dropped_is_read_again_by_the_next_program(logs):
    file = logs / "gauge.log"
    file.write_text(lines(0, 2))
    reader = Reader(logs)
    reader.read()
    reader.dropping = True
    file.write_text(lines(0, 4))
    assert reader.read() == [2, 3]
    reader.dropping = False
    file.write_text(lines(0, 6))
    assert reader.read() == [4, 5]
    assert Reader(logs).read() == [2, 3, 4, 5]


def test_at_first_what_is_older_than_the_backlog_is_passed_over_and_later_nothing_is(logs):
    (logs / "gauge.log").write_text(lines(0, 3000))
    found = Reader(logs, backlog="20m").read()
    assert 500 < len(found) <= 601 and found[-1] == 2999
    (logs / "gauge.log.1").write_text(lines(0, 1) + lines(2500, 2502))
    assert Reader(logs, backlog="1s").read() == [2500, 2501]


def test_lines_of_one_time_are_apart_and_stay_so_after_a_restart(logs):
    file = logs / "gauge.log"
    same = [f"{BEGAN},{n}\n" for n in range(4)]

    def times(reader):
        points = reader.instrument.sample()
        if receipt := reader.instrument.receipt():
            receipt(True)
        return [(p.values["pressure"], p.timestamp - BEGAN * 10**9) for p in points[:-1]]

    file.write_text("".join(same[:2]))
    assert times(Reader(logs)) == [(0.0, 0), (1.0, 1)]
    file.write_text("".join(same))
    assert times(Reader(logs)) == [(2.0, 2), (3.0, 3)]


def test_a_file_to_which_nobody_wrote_for_long_is_not_read_again(logs, remembered):
    (logs / "gauge.log.1").write_text(lines(0, 3))
    (logs / "gauge.log").write_text(lines(3, 4))
    assert Reader(logs).read() == [3, 0, 1, 2]
    gone = str(logs / "gauge.log.2")
    file = remembered / "gauge.json"
    kept = json.loads(file.read_text())
    kept["files"][gone] = kept["files"][str(logs / "gauge.log.1")][:]
    for path in (gone, str(logs / "gauge.log.1")):
        kept["files"][path][-1] -= 40  # days
    file.write_text(json.dumps(kept))
    (logs / "gauge.log").write_text(lines(3, 5))
    reader = Reader(logs)
    assert reader.read() == [4]
    assert gone not in json.loads(file.read_text())["files"]
    assert reader.read() == [] and reader.instrument.source._progress.place(gone) is None
    assert Reader(logs).read() == []


@pytest.mark.parametrize("count", [1, 50, *range(30_000, 30_004)])
@pytest.mark.parametrize("rest", ["", "half"])
def test_by_hand_the_last_line_is_shown_and_nothing_is_remembered(logs, remembered, monkeypatch, count, rest):
    monkeypatch.setenv(memory.VARIABLE, "")
    (logs / "gauge.log").write_text(lines(0, count) + rest)
    reader = Reader(logs)
    assert reader.read() == [count - 1] and not remembered.exists()


@pytest.mark.parametrize("found", ["", "[]", "{", '{"folder": 7, "files": 3}', '{"files": {"x": [1]}, "folder": "%s"}'])
def test_a_memory_that_is_none_is_told_and_all_is_read(logs, remembered, found):
    (logs / "gauge.log").write_text(lines(0, 3))
    remembered.mkdir()
    (remembered / "gauge.json").write_text(found.replace("%s", str(logs)))
    reader = Reader(logs)
    assert reader.read() == [0, 1, 2]
    assert reader.read() == [] and json.loads((remembered / "gauge.json").read_text())["files"]


def test_where_nothing_can_be_remembered_it_is_told_and_read_all_the_same(logs, remembered):
    remembered.write_text("no folder")
    (logs / "gauge.log").write_text(lines(0, 2))
    reader = Reader(logs)
    assert reader.read() == [0, 1]
    reader.read()
    assert sum("can't be remembered" in text for text in reader.log) == 1


def test_a_file_that_cannot_be_read_is_told_and_the_others_go_on(logs, monkeypatch):
    for name in ("can", "pump"):
        (logs / f"{name}.log").write_text(lines(0, 1))
    reading = {"read": {"pressure": {"unit": "mbar"}}}
    reader = Reader(logs, files="{channel}.log", channels={"can": reading, "pump": reading})
    opened = os.open

    def refusing(path, *args, **named):
        if str(path).endswith("pump.log"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *args, **named)

    monkeypatch.setattr(os, "open", refusing)
    assert reader.read() == [0] and sorted(reader.statuses) == ["ok", "unreadable_file"]
    assert "pump: unreadable_file" in reader.log[-1] and "Permission denied" in reader.log[-1]
    monkeypatch.setattr(os, "open", opened)
    assert reader.read() == [0] and reader.state == "ok"


@pytest.fixture
def hanging(monkeypatch):
    """Make each opening of pump.log hang, as at a server that is frozen; gives what ends that."""
    goes_on, opened = threading.Event(), os.open

    def held_up(path, *args, **named):
        if str(path).endswith("pump.log"):
            goes_on.wait(PATIENCE)
        return opened(path, *args, **named)

    monkeypatch.setattr(os, "open", held_up)
    yield goes_on
    goes_on.set()
    all_back()


def all_back() -> None:
    for thread in threading.enumerate():
        if thread.name == "files of gauge":
            thread.join(PATIENCE)
            assert not thread.is_alive()


def two_files(logs) -> dict:
    for name in ("can", "pump"):
        (logs / f"{name}.log").write_text(lines(0, 1))
    reading = {"read": {"pressure": {"unit": "mbar"}}}
    return {"files": "{channel}.log", "channels": {"can": reading, "pump": reading}}


def test_a_file_that_hangs_is_told_after_the_timeout_and_later_each_line_comes_once(logs, hanging):
    keys = two_files(logs)
    reader = Reader(logs, timeout="200ms", **keys)
    for _ in range(2):
        assert reader.read() == [] and reader.state == "disconnected"
    assert len(reader.log) == 1 and f"{logs} is out of reach ('nothing for 0.2 s')" in reader.log[0]
    assert sum(thread.name == "files of gauge" for thread in threading.enumerate()) == 1
    hanging.set()
    all_back()
    assert reader.instrument.receipt() is None, "what was read was not taken yet"
    (logs / "can.log").write_text(lines(0, 2))
    assert reader.read() == [0, 0] and reader.state == "ok"
    assert reader.read() == [1] and Reader(logs, **keys).read() == []


def test_whoever_waits_for_a_file_that_hangs_can_be_stopped(logs, hanging):
    reader = Reader(logs, **two_files(logs))
    threading.Timer(0.1, reader.instrument.stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        reader.read()
    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "there is no folder {}: is it mounted"),
        (OSError(errno.EHOSTDOWN, "Host is down"), "{} is out of reach ('Host is down')"),
    ],
)
def test_a_folder_that_is_gone_is_told_and_what_came_meanwhile_is_read(logs, monkeypatch, error, said):
    file = logs / "gauge.log"
    file.write_text(lines(0, 1))
    reader = Reader(logs)
    assert reader.read() == [0]

    def refused(path, *args, looked=os.stat, **named):
        if os.fspath(path) == str(logs):
            raise error
        return looked(path, *args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refused)
        assert reader.read() == [] and reader.state == "disconnected" and said.format(logs) in reader.log[-1]
    file.write_text(lines(0, 3))
    assert reader.read() == [1, 2] and reader.state == "ok"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "latin-1"])
def test_files_of_other_encodings(logs, encoding):
    file = logs / "gauge.log"
    bom = "" if encoding == "latin-1" else "\ufeff"
    text = f"{bom}time\tDrück\r\n{BEGAN}\t0\r\n{BEGAN + 1}\t1\r\n"
    file.write_bytes(text.encode(encoding)[:-1])
    channel = {"can": {"read": {"pressure": {"from": "Drück", "unit": "mbar"}}}}
    reader = Reader(logs, encoding=encoding, separator="\t", header=1, columns=None, channels=channel)
    assert reader.read() == [0], "the last byte of the second line is missing"
    file.write_bytes(text.encode(encoding))
    assert reader.read() == [1] and reader.state == "ok"


def test_what_is_no_text_of_the_encoding_or_has_no_end_is_counted(logs):
    file = logs / "gauge.log"
    file.write_bytes(b"\xfc,1\n" + lines(0, 1).encode() + b"x" * 70_000)
    reader = Reader(logs)
    assert reader.read() == [0] and reader.instrument.discarded == 2
    with file.open("a") as opened:
        opened.write(f"\n{lines(1, 2)}")
    assert reader.read() == [1] and reader.instrument.discarded == 2


def test_dates_in_paths_are_followed_and_old_ones_are_not_listed_again(logs):
    paths = LogPaths("%y-%m-%d/CH1 T %y-%m-%d.log")
    for day, inside in (
        ("26-04-30", "26-04-30"),
        ("26-05-01", "26-05-01"),
        ("26-05-02", "26-05-01"),
        ("x", "26-05-03"),
    ):
        (logs / day).mkdir()
        (logs / day / f"CH1 T {inside}.log").touch()
    assert [date for date, _ in paths.find(str(logs))] == [(2026, 4, 30), (2026, 5, 1)]
    assert [date for date, _ in paths.find(str(logs), (2026, 5, 1))] == [(2026, 5, 1)]
    assert [name for _, name in LogPaths("*/CH? T *.log").find(str(logs))] == sorted(
        f"{f.parent.name}/{f.name}" for f in logs.glob("*/*")
    )


HELSINKI = zoneinfo.ZoneInfo("Europe/Helsinki")


def at(hour: int, minute: int, fold: int = 0) -> int:
    return round(datetime.datetime(2026, 10, 25, hour, minute, tzinfo=HELSINKI, fold=fold).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        (at(2, 59), "25-10-26 03:10:00", (at(3, 10), False)),
        (at(3, 10), "25-10-26 03:20:00", (at(3, 20), False)),
        (at(3, 59), "25-10-26 03:00:00", (at(3, 0, 1), False)),
        (at(3, 0, 1), "25-10-26 03:01:00", (at(3, 1, 1), False)),
        (at(3, 59, 1), "25-10-26 04:00:00", (at(4, 0), False)),
        (0, "25-10-26 03:10:00", (at(3, 10), True)),
        (at(0, 0), "25-10-26 03:10:00", (at(3, 10), True)),
    ],
)
def test_in_the_hour_that_clocks_have_twice_the_line_before_tells_which_is_meant(before, text, expected):
    assert LogTime("%d-%m-%y %H:%M:%S", "Europe/Helsinki").read(text, before) == expected


@pytest.mark.parametrize(
    ("form", "zone", "text", "said"),
    [
        ("%d-%m-%y %H:%M:%S", "Europe/Helsinki", "29-03-26 03:30:00", "there was no 2026-03-29 03:30:00 in Europe/Helsinki"),
        ("iso", None, "2026-03-29T03:30:00", "a time without a zone"),
        ("iso", "UTC", "29.3.2026", "expected a time of the form iso"),
        ("unix", None, "1e9", "expected a number"),
        ("unix", None, "9999999999999", "no time of these centuries"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(form, zone, text, said):
    with pytest.raises(BadAnswer, match=said):
        LogTime(form, zone).read(text, 0)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso", "2026-03-29T03:30:00.25+02:00"),
        ("iso", "2026-03-29 01:30:00.250Z"),
        ("unix", "1774747800.25"),
        ("unix_ms", "1774747800250"),
        ("labview", "3857592600,25"),
        ("%Y/%m/%d %H.%M.%S.%f %z", "2026/03/29 03.30.00.25 +0200"),
    ],
)
def test_forms_of_times(form, text):
    assert LogTime(form, None).read(text, 0) == (1_774_747_800_250_000_000, False)


GOOD = config("/srv/logs")
READ = {"pressure": {"unit": "mbar"}}


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ({"files": None}, "channels.can.files", "is missing"),
        ({"files": "/abs.log"}, "files", "expected a path below the folder"),
        ({"files": "%q.log"}, "files", "expected %Y %y %m %d"),
        ({"files": "a/../../b"}, "files", "expected a path below the folder"),
        ({"columns": None}, "columns", "is missing; expected the columns' names, or `header`"),
        ({"header": 1}, "columns", "is there beside `header`"),
        ({"columns": ["time", "pressure", "pressure"]}, "columns[2]", "another column already"),
        ({"columns": ["clock", "pressure"]}, "time[0]", "no column 'time'"),
        ({"time_form": "Y-m-d"}, "time_form", "expected iso, unix"),
        ({"time_form": "%d.%m.%Y"}, "zone", "is missing: such times have no zone"),
        ({"time_form": "%d.%m.%Y", "zone": "Helsinki"}, "zone", "expected a time zone"),
        ({"skip": ["("]}, "skip[0]", "regular expression"),
        ({"encoding": "ebcdic"}, "encoding", "expected one of utf-8"),
        ({"channels": {"can": {"read": {"presure": {"unit": "mbar"}}}}}, "channels.can.read.presure", "no column 'presure'"),
        (
            {"channels": {"can": {"read": {"pressure": {"unit": "mbar", "valid_when": {"on": 1}}}}}},
            "channels.can.read.pressure.valid_when.on",
            "no column 'on'",
        ),
        (
            {"channels": {"can": {"read": READ}, "still": {"read": READ, "columns": ["time", "pressure", "-"]}}},
            "channels.still.columns",
            "is otherwise for channel 'can'",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_stands(change, path, said):
    with pytest.raises(BadInput) as refused:
        stanzas.check({**GOOD, **change})
    error = refused.value.errors[0] if isinstance(refused.value, Mistakes) else refused.value
    assert str(error).startswith(f"{path}: ") and said in str(error), error


def test_a_report_that_a_read_hangs_says_nothing_of_what_is_being_read(logs, tmp_path, remembered, monkeypatch):
    """It comes from another thread, in the middle of a cycle whose lines are not printed yet."""
    (logs / "gauge.log").write_text(lines(0, 3))
    with open(tmp_path / "out", "wb") as out:
        writer = Writer(out.fileno(), lambda: None)
        sampler = Sampler(
            stanzas.check(config(logs)), Stop(), writer, lambda *_: None, count=1, trace=False, broke=print
        )
        points = sampler.instrument.sample()
        monkeypatch.setattr(sampler.instrument, "hangs", lambda: points[-1])
        sampler.watch()
        assert writer.finish(PATIENCE) and b"instrument," in (tmp_path / "out").read_bytes()
        sampler.instrument.close()
    assert not remembered.exists()


class Program:
    """The whole program, as Telegraf starts it."""

    def __init__(self, file):
        command = [sys.executable, "-m", "telegraf_inputs.drivers.logfile", "--config", str(file)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.points: list[str] = []

    def until(self, count: int) -> None:
        """Read what it prints until there are so many points."""
        for line in self.process.stdout:
            if line.startswith("logfile,"):
                self.points.append(line)
            if len(self.points) >= count:
                return

    def end(self, number: int = 0) -> None:
        """End it as Telegraf does, or by a signal; what is in the pipe was printed."""
        if number:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.points += [line for line in rest.splitlines(keepends=True) if line.startswith("logfile,")]


def test_a_program_that_is_ended_or_killed_loses_nothing_and_repeats_what_is_the_same_point(logs, tmp_path):
    file, log = tmp_path / "gauge.yml", logs / "gauge.log"
    file.write_text(yaml.safe_dump(config(logs)))
    log.write_text(lines(0, 500))
    first = Program(file)
    first.until(500)
    first.end()
    log.write_text(lines(0, 900))
    second = Program(file)
    second.until(400)
    second.end(signal.SIGKILL)
    log.write_text(lines(0, 1000))
    third = Program(file)
    third.until(100)
    third.end()
    assert len(first.points) == 500
    every = Counter(line.rsplit(" ", 1)[1] for each in (first, second, third) for line in each.points)
    assert sorted(every) == sorted(f"{(BEGAN + n) * 10**9}\n" for n in range(1000))
    assert len(set(first.points + second.points + third.points)) == 1000
    assert not set(first.points) & set(second.points), "what was ended in order is not repeated"
