"""One program that reads several instruments: what happens to one is told of that one, and touches no other."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from labline.stack import telegraf

PROGRAM = Path(__file__).parent / "counting_program.py"
LONG = 30  # seconds after which what should have happened never will
NAMES = ("one", "two", "three")
LINE = re.compile(r"(\w+),\S*?instrument=(\w+)\S* (\S+) \d{19}\Z")


def counting(name: str, mode: str = "well", channels: int = 2, **more: object) -> dict:
    """Describe a counter of ``channels``; each has two readings in a cycle."""
    chosen = {str(n): None for n in range(channels)}
    common = {"name": name, "driver": "counting", "connection": "file:///", "interval": "20ms", "timeout": "100ms"}
    return {**common, "mode": mode, "channels": chosen, **more}


def written(folder: Path, *configs: dict) -> list[str]:
    """Write configurations (JSON is YAML); returns the arguments that name them."""
    arguments = []
    for config in configs:
        file = folder / f"{config['name']}.yml"
        file.write_text(json.dumps(config))
        arguments += ["--config", str(file)]
    return arguments


def counts(folder: Path, name: str) -> tuple[int, int]:
    """Read what the programs counted of an instrument: made, dropped."""
    made = dropped = 0
    for file in folder.glob(f"{name}.*.*"):
        first, *channels = file.read_text().splitlines()
        made += sum(int(line.split()[0]) for line in channels)
        dropped += int(first.split()[0])
    return made, dropped


class Program:
    """A running program; ``readings`` and ``states`` are what it printed, by instrument."""

    def __init__(self, folder: Path, arguments: list[str]):
        self.ledger = folder / "ledger"
        self.ledger.mkdir()
        self._errors = folder / "stderr"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "LABLINE_LEDGER": str(self.ledger)},
            )
        self.readings: Counter[str] = Counter()
        self.cycles: Counter[str] = Counter()
        self.states: dict[str, list[str]] = {}
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            measurement, name, fields = LINE.match(line.decode()).groups()
            if measurement == "instrument":
                self.cycles[name] += 1
                state = re.search(r'state="(\w+)"', fields)[1]
                if self.states.setdefault(name, [""])[-1] != state:
                    self.states[name].append(state)
            else:
                self.readings[name] += fields.count("cycle=") + fields.count("pad=")

    def until(self, good, what: str) -> None:
        """Take what it prints until ``good()``."""
        end = time.monotonic() + LONG
        while not good():
            left = end - time.monotonic()
            assert left > 0, f"no {what}: {self.log}"
            if not select.select([self.process.stdout], [], [], min(left, 0.2))[0]:
                continue  # its log may say what is waited for
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            assert data, f"it ended: {self.log}"
            self._take(data)

    def further(self, names, cycles: int = 5) -> None:
        """Wait until each of these instruments has run so many cycles more."""
        wanted = {name: self.cycles[name] + cycles for name in names}
        self.until(lambda: all(self.cycles[name] >= n for name, n in wanted.items()), f"more of {wanted}")

    def tick(self, newlines: int = 1) -> None:
        self.process.stdin.write(b"\n" * newlines)
        self.process.stdin.flush()

    def end(self) -> int:
        """End it by the end of its stdin, and take all that it wrote."""
        out, _ = self.process.communicate(timeout=LONG)
        self._take(out)
        assert not self._rest
        return self.process.returncode

    @property
    def log(self) -> list[str]:
        return self._errors.read_text().splitlines()


def test_each_has_its_own_count_and_its_own_last_word(tmp_path):
    configs = [counting(name, channels=n, interval=f"{10 * n}ms") for n, name in enumerate(NAMES, 1)]
    with Program(tmp_path, written(tmp_path, *configs)) as program:
        program.further(NAMES)
        assert program.end() == 0
        for n, name in enumerate(NAMES, 1):
            made, dropped = counts(program.ledger, name)
            assert (made, dropped) == (program.readings[name], 0) and made == 2 * n * program.cycles[name]
            assert f"I! [{name}] stopped after {program.cycles[name]} cycles: {made} readings, 0 dropped" in program.log
        assert set(program.states) == set(NAMES)


@pytest.mark.parametrize(("mode", "state"), [("raises", "failed"), ("silent", "silent"), ("wrong_type", "degraded")])
def test_a_fault_of_one_is_told_of_that_one(tmp_path, mode, state):
    configs = [counting("one"), counting("two", mode), counting("three")]
    with Program(tmp_path, written(tmp_path, *configs)) as program:
        program.until(lambda: program.states.get("two", [])[-2:] == [state, "ok"], f"{state}, and its end")
        program.further(NAMES)
        assert program.end() == 0
        assert program.states["one"] == program.states["three"] == ["", "ok"]
        assert {line.split("]")[0].partition("[")[2] for line in program.log if line[:1] in "EW"} == {"two"}


def test_one_that_hangs_is_told_and_stops_no_other(tmp_path):
    """Its thread does not come back: another one reports it, and the program ends all the same."""
    configs = [counting("one"), counting("two", "stuck"), counting("three")]
    with Program(tmp_path, [*written(tmp_path, *configs), "--", str(tmp_path / "stuck")]) as program:
        program.until(lambda: "hung" in program.states.get("two", ()), "report that it hangs")
        program.further(("one", "three"), 20)
        assert program.states["one"] == program.states["three"] == ["", "ok"]
        assert program.end() == 0
        told = [line for line in program.log if line[:2] == "E!"]
        assert len(told) == 1 and told[0].startswith("E! [two] hung: a read does not come back for ")
        assert [counts(program.ledger, name) for name in NAMES] == [(program.readings[name], 0) for name in NAMES]
        assert program.readings["two"] == 8  # two cycles, before it hung


def test_what_nobody_takes_is_counted_for_whom_it_was(tmp_path):
    """A reader that stalls: of the instrument that floods it most is lost, and each knows its own loss."""
    configs = [counting("one", channels=40, pad=500, interval="2ms"), counting("two", channels=1, interval="100ms")]
    with Program(tmp_path, written(tmp_path, *configs)) as program:
        end = time.monotonic() + LONG
        while not all(list(program.ledger.glob(f"{n}.*")) and counts(program.ledger, n)[1] for n in ("one", "two")):
            assert time.monotonic() < end and program.process.poll() is None
            time.sleep(0.05)
        program.further(("one", "two"), 2)
        assert program.end() == 0
        for name in ("one", "two"):
            made, dropped = counts(program.ledger, name)
            assert made == program.readings[name] + dropped, name
            assert (
                f"I! [{name}] stopped after {made // {'one': 80, 'two': 2}[name]} cycles: {made} readings, {dropped} dropped"
                in program.log
            )
        assert counts(program.ledger, "one")[1] > counts(program.ledger, "two")[1] > 0


def test_one_bad_file_is_told_and_the_others_are_read(tmp_path):
    arguments = written(tmp_path, counting("one"), {**counting("two"), "intervall": "5s"}, counting("three"))
    with Program(tmp_path, [*arguments, "--config", str(tmp_path / "none.yml")]) as program:
        program.further(("one", "three"))
        assert program.end() == 0
        assert set(program.states) == {"one", "three"}
        told = [line for line in program.log if line[:2] == "E!"]
        assert len(told) == 2
        assert re.match(
            r"E! \S*/two\.yml:1: intervall: is not a key of driver 'counting'; did you mean 'interval'\?", told[0]
        )
        assert told[1].endswith("none.yml: can't be read: No such file or directory")


def test_the_same_name_twice_is_told_and_read_once(tmp_path):
    arguments = written(tmp_path, counting("one"), counting("two"))
    again = tmp_path / "again.yml"
    again.write_text(json.dumps(counting("one", channels=4)))
    with Program(tmp_path, [*arguments, "--config", str(again)]) as program:
        program.further(("one", "two"))
        assert program.end() == 0
        assert counts(program.ledger, "one") == (4 * program.cycles["one"], 0)
        assert [line for line in program.log if line[:2] == "E!"] == [f"E! {again}:1: name: 'one' is there already"]


def test_by_hand_nothing_is_read_where_a_file_is_bad(tmp_path):
    arguments = written(tmp_path, counting("one"), {**counting("two"), "intervall": "5s"})
    with Program(tmp_path, [*arguments, "--once"]) as program:
        assert program.end() == 2
        assert not program.states and not list(program.ledger.iterdir())


@pytest.mark.parametrize(
    ("mode", "count", "status"), [("well", 1, 0), ("well", 3, 0), ("raises", 3, 1), ("silent", 3, 1)]
)
def test_cycles_by_hand_are_run_of_each(tmp_path, mode, count, status):
    arguments = written(tmp_path, counting("one"), counting("two", mode), counting("three"))
    with Program(tmp_path, [*arguments, *(["--once"] if count == 1 else ["--count", str(count)])]) as program:
        assert program.end() == status
        assert program.cycles == dict.fromkeys(NAMES, count)
        assert program.readings["one"] == program.readings["three"] == 4 * count


def test_a_newline_of_telegraf_is_for_each_that_waits_for_it(tmp_path):
    """Two are paced by Telegraf, one by itself; a newline that came while one was busy is not lost to it."""
    paced = [counting(name, trigger="stdin") for name in ("one", "two")]
    with Program(tmp_path, written(tmp_path, *paced, counting("three"))) as program:
        for cycle in range(1, 5):
            program.tick()
            program.until(lambda: program.cycles["one"] == program.cycles["two"] == cycle, "cycle")  # noqa: B023
            program.further(["three"], 2)
        assert program.end() == 0
        assert program.cycles["one"] == program.cycles["two"] == 4 < program.cycles["three"]
        assert [counts(program.ledger, name) for name in NAMES] == [(4 * program.cycles[name], 0) for name in NAMES]


def test_a_slow_one_does_not_take_newlines_from_another(tmp_path):
    configs = [counting("one", "slow", trigger="stdin"), counting("two", trigger="stdin")]
    going = tmp_path / "go on"
    with Program(tmp_path, [*written(tmp_path, *configs), "--", str(going)]) as program:
        program.tick()
        program.until(lambda: program.cycles["one"] == program.cycles["two"] == 1, "first cycle")
        for cycle in range(2, 5):  # the second cycle of the slow one lasts until the file is there
            program.tick()
            program.until(lambda: program.cycles["two"] == cycle, "cycle of the other")  # noqa: B023
            program.until((tmp_path / "go on.awaited").exists, "second cycle of the slow one")
        assert program.cycles["one"] == 1
        going.touch()
        program.until(lambda: program.cycles["one"] == 3, "the cycle that waited, and one for what came meanwhile")
        assert program.end() == 0
        assert (program.cycles["one"], program.cycles["two"]) == (3, 4)


TELEGRAF = """\
[agent]
  interval = "1s"
  flush_interval = "200ms"
  omit_hostname = true
  skip_processors_after_aggregators = true
[[outputs.influxdb]]
  urls = ["{database.url}"]
  database = "{database.name}"
  skip_database_creation = true
  username = "{database.writer}"
  password = "{database.writer_password}"
"""
EXECD = """\
[[inputs.execd]]
  command = {command}
  environment = ["LABLINE_LEDGER={ledger}"]
  restart_delay = "100ms"
  data_format = "influx"
  signal = "none"
"""


def test_a_program_that_is_killed_takes_its_own_instruments_only_and_they_come_back(database, telegraf_path, tmp_path):
    """Under the real Telegraf, into the real InfluxDB: nobody else misses a reading."""
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    groups = (NAMES, ("other",))
    text = TELEGRAF.format(database=database)
    for names in groups:
        arguments = written(tmp_path, *(counting(name) for name in names))
        text += EXECD.format(command=json.dumps([sys.executable, str(PROGRAM), *arguments]), ledger=ledger)
    (tmp_path / "telegraf.conf").write_text(text)

    def files(name: str) -> list[Path]:
        return sorted(ledger.glob(f"{name}.*.*"))

    def until(good) -> None:
        end = time.monotonic() + LONG
        while not good():
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.05)

    with telegraf.Telegraf(telegraf_path, tmp_path / "telegraf.conf", tmp_path / "log") as running:
        until(lambda: all(counts(ledger, name)[0] for name in (*NAMES, "other")))
        (pid,) = {int(files(name)[0].name.split(".")[1]) for name in NAMES}
        os.kill(pid, signal.SIGKILL)
        until(lambda: all(len(files(name)) == 2 for name in NAMES))
        before = {name: counts(ledger, name)[0] for name in (*NAMES, "other")}
        until(lambda: all(counts(ledger, name)[0] > made for name, made in before.items()))
        running.stop()
    assert len(files("other")) == 1
    for name in (*NAMES, "other"):
        made, dropped = counts(ledger, name)
        (row,) = database.rows(f"SELECT count(cycle) AS a, count(pad) AS b FROM counting WHERE instrument = '{name}'")
        stored = row["a"] + row["b"]
        if name == "other":
            assert (stored, dropped) == (made, 0)
        else:  # what was on its way in the program is lost, and the count says so
            assert 0 < stored <= made and dropped == 0
    log = (tmp_path / "log").read_text()
    assert log.count("stopped after") == 4
