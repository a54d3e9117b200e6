"""The contract with Telegraf, held by real processes, and by the real Telegraf."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from telegraf_inputs import simulators, stanza
from tests.telegraf_inputs import plugged

PROGRAM = Path(__file__).parent / "counting_program.py"
LONG = 20  # seconds after which a program that should have ended never will
LAKE_SHORE = {
    "name": "cryostat",
    "driver": "lakeshore_372",
    "connection": "sim:",
    "interval": "100ms",
    "timeout": "30s",
    "channels": {"A": None},
}


def counts(file: Path) -> tuple[int, ...]:
    """Read a ledger: made, dropped, overruns, errors, discarded."""
    first, *channels = file.read_text().splitlines()
    return (sum(int(line.split()[0]) for line in channels), *map(int, first.split()))


class Program:
    """A running program; ``lines`` and ``log`` are what it wrote when it had ended."""

    def __init__(self, folder: Path, config: dict, *arguments: str, driver: str = ""):
        self.folder = folder
        file = folder / f"{config['name']}.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        program = ["-m", f"telegraf_inputs.drivers.{driver}"] if driver else [str(PROGRAM)]
        self.process = subprocess.Popen(
            [sys.executable, *program, "--config", str(file), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(folder / "stderr", "wb"),  # noqa: SIM115
            env={**os.environ, "LABLINE_LEDGER": str(folder)},
        )
        self.out = b""

    def read_until(self, wanted: str) -> None:
        """Take its output until something stands in it."""
        end = time.monotonic() + LONG
        while wanted.encode() not in self.out:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], f"no {wanted!r} in {self.out!r}"
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            assert part, f"it ended: {self.errors()}"
            self.out += part

    def tick(self, newlines: int = 1) -> None:
        self.process.stdin.write(b"\n" * newlines)
        self.process.stdin.flush()

    def end(self, how: int | None = None) -> int:
        """Ask it to end, by closing stdin or by a signal, and take all that it wrote."""
        if how is not None:
            self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=LONG)  # closes stdin first
        self.lines, self.log = (self.out + out).decode().splitlines(), self.errors()
        return self.process.returncode

    def errors(self) -> list[str]:
        return (self.folder / "stderr").read_text().splitlines()

    def counts(self) -> tuple[int, ...]:
        """Read the ledger: made, dropped, overruns, errors."""
        (file,) = (p for p in self.folder.iterdir() if re.search(r"\.\d+\.\d+\Z", p.name))
        return counts(file)

    def readings(self) -> int:
        """Count the readings in what it wrote."""
        return sum(line.count("cycle=") + line.count("pad=") for line in self.lines)


def counting(mode: str = "well", channels: int = 2, **more: object) -> dict:
    chosen = {str(n): None for n in range(channels)}
    return {
        "name": "counter",
        "driver": "counting",
        "connection": "file:///",
        "interval": "20ms",
        "mode": mode,
        "channels": chosen,
        **more,
    }


def reports(program: Program) -> list[dict[str, str]]:
    """Take apart the instrument's own points."""
    own = [line for line in program.lines if line.startswith("instrument,")]
    return [dict(pair.split("=") for pair in line.split(" ")[1].split(",")) for line in own]


@pytest.mark.parametrize("how", [None, signal.SIGTERM, signal.SIGINT], ids=["end of stdin", "SIGTERM", "SIGINT"])
def test_it_ends_when_asked_with_its_last_batch_written(tmp_path, how):
    program = Program(tmp_path, counting(channels=40, pad=200))
    program.read_until("cycle=3i")
    assert program.end(how) == 0
    made, dropped, overruns, errors, discarded = program.counts()
    assert (made, dropped, errors, discarded) == (program.readings(), 0, 0, 0)
    assert len(program.lines) % 41 == 0  # whole batches: 40 channels and the instrument
    assert program.log[-1] == f"I! [counter] stopped after {made // 80} cycles: {made} readings, 0 dropped"


@pytest.mark.parametrize("how", [None, signal.SIGTERM, signal.SIGINT], ids=["end of stdin", "SIGTERM", "SIGINT"])
def test_it_ends_in_the_midst_of_waiting_for_an_instrument(tmp_path, how):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(LONG)
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        program = Program(tmp_path, {**LAKE_SHORE, "connection": url}, driver="lakeshore_372")
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(100) == b"*IDN?\r\n"
            assert program.end(how) == 0  # it would wait for the answer three times 30 s
    assert program.log == ["I! [cryostat] stopped after 0 cycles: 0 readings, 0 dropped"]


@pytest.mark.parametrize("how", [None, signal.SIGTERM], ids=["end of stdin", "SIGTERM"])
def test_it_ends_though_a_library_does_not_come_back(tmp_path, how):
    stuck = tmp_path / "stuck"
    program = Program(tmp_path, counting("stuck"), "--", str(stuck))
    while not stuck.exists():
        time.sleep(0.01)
    if how is not None:
        program.process.send_signal(how)
        program.process.wait(LONG)  # while its stdin is open
    assert program.end() == 0
    assert program.counts()[:2] == (program.readings(), 0) == (8, 0)


def test_what_nobody_has_taken_in_the_end_is_counted(tmp_path):
    program = Program(tmp_path, counting(channels=40, pad=500))
    while not list(tmp_path.glob("counter.*.*")) or program.counts()[0] < 8000:  # more than a pipe holds
        time.sleep(0.05)
    program.process.stdin.close()
    assert program.process.wait(LONG) == 0
    program.lines = program.process.stdout.read().decode().splitlines()
    made, dropped, *_ = program.counts()
    assert dropped > 0 and made == program.readings() + dropped


def test_a_reader_that_stalls_stalls_nothing_and_all_is_counted(tmp_path):
    program = Program(tmp_path, counting(channels=40, pad=500, interval="2ms"))
    while not list(tmp_path.glob("counter.*.*")) or program.counts()[1] < 2000:  # dropped
        assert program.process.poll() is None
        time.sleep(0.05)
    assert program.end() == 0
    made, dropped, *_ = program.counts()
    assert made == program.readings() + dropped
    assert all(re.search(r" \d{19}\Z", line) for line in program.lines)  # none is torn
    assert [line[:2] for line in program.log].count("W!") >= 1


def test_it_says_once_that_nobody_takes_its_lines_and_once_that_somebody_does_again(tmp_path):
    program = Program(tmp_path, counting(channels=40, pad=500, interval="2ms"))
    while not list(tmp_path.glob("counter.*.*")) or program.counts()[1] < 2000:
        time.sleep(0.05)
    while len(program.errors()) < 3:
        os.read(program.process.stdout.fileno(), 1 << 20)
    program.end()
    _, stalled, resumed, _ = program.log
    assert stalled.startswith("W! [counter] nobody takes what is printed")
    assert resumed.startswith("W! [counter] what is printed is taken again")


def test_it_ends_when_nobody_reads_any_more(tmp_path):
    program = Program(tmp_path, counting())
    program.read_until("cycle=2i")
    program.process.stdout.close()
    assert program.process.wait(LONG) == 0
    program.process.stdin.close()


def test_what_a_killed_program_made_is_counted(tmp_path):
    program = Program(tmp_path, counting())
    program.read_until("cycle=4i")
    program.end(signal.SIGKILL)
    made, dropped, *_ = program.counts()
    assert made >= 16 and dropped == 0
    assert made - program.readings() in (0, 4)  # the batch that was under way


@pytest.mark.parametrize(("mode", "state"), [("raises", "failed"), ("silent", "silent"), ("wrong_type", "degraded")])
def test_a_fault_is_logged_once_when_it_comes_and_once_when_it_goes(tmp_path, mode, state):
    program = Program(tmp_path, counting(mode))
    program.read_until("cycle=8i")
    assert program.end() == 0
    log = [line for line in program.log if not line.startswith("D!")]
    assert [line.split(":")[0] for line in log] == [
        "I! [counter] ok",
        f"{'W' if state == 'degraded' else 'E'}! [counter] {state}",
        "I! [counter] ok again",
        f"I! [counter] stopped after {len(reports(program))} cycles",
    ]
    states = [report["state"].strip('"') for report in reports(program)]
    assert state in states and states[-1] == "ok"
    ups = {report["state"].strip('"'): report["up"] for report in reports(program)}
    assert ups == {"ok": "1i", state: "1i" if state == "degraded" else "0i"}
    assert not [line for line in program.lines if re.search(r"cycle=[34]i", line)]


def test_each_newline_of_telegraf_sets_off_a_cycle(tmp_path):
    program = Program(tmp_path, counting(trigger="stdin"))
    for cycle in range(1, 4):
        program.tick()
        program.read_until(f"readings={4 * cycle}i")
    assert program.end() == 0
    assert len(reports(program)) == 3
    assert program.counts() == (12, 0, 0, 0, 0)


def test_newlines_that_queue_up_are_one_cycle_and_counted_as_overruns(tmp_path):
    going = tmp_path / "go on"
    program = Program(tmp_path, counting("slow", trigger="stdin"), "--", str(going))
    program.tick()
    program.read_until("readings=4i")
    program.tick()  # this cycle takes until the file is there
    while not (tmp_path / "go on.awaited").exists():
        time.sleep(0.01)
    program.tick(5)
    while fcntl.ioctl(program.process.stdin, termios.FIONREAD, bytes(4)) != bytes(4):  # they have not all arrived
        time.sleep(0.01)
    going.touch()
    program.read_until("readings=12i")
    program.tick()
    program.read_until("readings=16i")
    assert program.end() == 0
    assert [report["overruns"] for report in reports(program)] == ["0i", "0i", "4i", "4i"]


def test_deadlines_that_are_missed_are_counted(tmp_path):
    going = tmp_path / "go on"
    program = Program(tmp_path, counting("slow"), "--", str(going))
    program.read_until("cycle=1i")
    time.sleep(0.3)  # fifteen intervals
    going.touch()
    program.read_until("cycle=4i")
    assert program.end() == 0
    assert int(reports(program)[2]["overruns"][:-1]) >= 10


@pytest.mark.parametrize(
    ("arguments", "status", "cycles"), [(("--once",), 0, 1), (("--count", "2"), 0, 2), (("--count=7",), 1, 7)]
)
def test_cycles_by_hand(tmp_path, arguments, status, cycles):
    program = Program(tmp_path, counting("raises"), *arguments)
    assert program.end() == status
    assert len(reports(program)) == cycles


def test_by_hand_stdin_is_left_alone(tmp_path):
    (tmp_path / "c.yml").write_text(json.dumps(counting()))
    done = subprocess.run(
        [sys.executable, PROGRAM, "--config", tmp_path / "c.yml", "--count", "3"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0 and done.stdout.count("instrument,") == 3


def test_by_hand_a_full_disk_is_told(tmp_path):
    (tmp_path / "c.yml").write_text(json.dumps(counting()))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, PROGRAM, "--config", tmp_path / "c.yml", "--count", "2"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LONG,
        )
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("E!")] == [
        "E! [counter] can't write to stdout: No space left on device; what is not written is counted as dropped"
    ]


@pytest.mark.parametrize(
    ("words", "status", "read"),
    [("<&-", 0, 0), ("<&- >&-", 0, 0), ("--count 2 <&- 2>&-", 0, 2), ("--count 2 <&- >&-", 1, 0)],
)
def test_descriptors_that_are_missing_are_no_sockets(tmp_path, words, status, read):
    simulator = simulators.start(stanza.check({**LAKE_SHORE, "connection": "sim:"}))
    try:
        (tmp_path / "c.yml").write_text(json.dumps({**LAKE_SHORE, "connection": simulator.url}))
        module = "telegraf_inputs.drivers.lakeshore_372"
        command = f"exec {sys.executable} -m {module} --config {tmp_path}/c.yml {words}"
        done = subprocess.run(
            ["sh", "-c", command], stdin=subprocess.PIPE, capture_output=True, text=True, timeout=LONG
        )
    finally:
        simulator.stop()
    assert done.returncode == status
    assert done.stdout.count('state="ok"') >= read
    if status:
        assert "can't write to stdout: Bad file descriptor" in done.stderr


def test_an_instrument_that_is_not_there_fails_by_hand(tmp_path):
    program = Program(tmp_path, {**LAKE_SHORE, "connection": "tcp://127.0.0.1:1"}, "--once", driver="lakeshore_372")
    assert program.end() == 1
    assert program.log == ["E! [cryostat] disconnected: tcp://127.0.0.1:1: Connection refused"]
    (report,) = reports(program)
    assert (report["up"], report["errors"], report["readings"], report["state"]) == ("0i", "1i", "0i", '"disconnected"')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: --config; try --help"),
        (("--config",), "argument --config: expected one argument; try --help"),
        (("--config", "{folder}/none.yml"), "none.yml: can't be read: No such file or directory"),
        (("--config", "{folder}/empty"), "empty: has no instrument of driver 'lakeshore_372'"),
        (("--config", "x.yml", "--count", "0"), "--count: '0' is no number of cycles (1 or more); try --help"),
        (("--config", "x.yml", "--count", "²"), "--count: '²' is no number of cycles (1 or more); try --help"),
        (
            ("--config", "x.yml", "--count", "9" * 5000),
            f"--count: {'9' * 20!r} is no number of cycles (1 or more); try --help",
        ),
        (("--config", "x.yml", "--onec"), "unrecognized arguments: --onec; try --help"),
        (
            ("--config", "{folder}/misspelt.yml"),
            "misspelt.yml:4: intervall: is not a key of driver 'lakeshore_372'; did you mean 'interval'?",
        ),
        (("--config", "{folder}/other.yml"), "other.yml:2: driver: found 'scpi', but this program is 'lakeshore_372'"),
        (
            ("--config", "{folder}/latin.yml"),
            "latin.yml:1: is not UTF-8 text (invalid start byte); save it as UTF-8",
        ),
    ],
)
def test_wrong_use_is_told(tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "misspelt.yml").write_text("name: a\ndriver: lakeshore_372\nconnection: sim\nintervall: 5s\n")
    (tmp_path / "other.yml").write_text(
        "name: a\ndriver: scpi\nconnection: sim\nchannels:\n  a:\n    read:\n      v: {query: 'V?', unit: V}\n"
    )
    (tmp_path / "latin.yml").write_bytes(b"name: \xb5\n")
    words = [word.format(folder=tmp_path) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "telegraf_inputs.drivers.lakeshore_372", *words],
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("E! ") and line.endswith(message)


def test_help_tells_how_to_start_it():
    done = subprocess.run(
        [sys.executable, "-m", "telegraf_inputs.drivers.lakeshore_372", "--help"],
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0
    assert "python -m telegraf_inputs.drivers.lakeshore_372 --config FILE" in done.stdout


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
  command = ["{python}", "{program}", "--config", "{config}"]
  environment = ["LABLINE_LEDGER={ledger}"]
  data_format = "influx"
  signal = "{signal}"
"""


def test_telegraf_runs_it_and_nothing_is_lost_when_it_stops(database, telegraf_path, tmp_path):
    from labline.stack import telegraf

    ledger = tmp_path / "ledger"
    ledger.mkdir()
    text = TELEGRAF.format(database=database)
    for number, channels in enumerate((1, 5, 40)):
        config = tmp_path / f"{number}.yml"
        trigger = "stdin" if number == 0 else "self"
        config.write_text(json.dumps(counting(channels=channels, name=f"counter{number}", trigger=trigger)))
        text += EXECD.format(
            python=sys.executable,
            program=PROGRAM,
            config=config,
            ledger=ledger,
            signal="STDIN" if trigger == "stdin" else "none",
        )
    (tmp_path / "telegraf.conf").write_text(text)
    with telegraf.Telegraf(telegraf_path, tmp_path / "telegraf.conf", tmp_path / "log") as running:
        end = time.monotonic() + LONG
        while len(database.rows("SELECT last(cycle) FROM counting GROUP BY instrument")) < 3 and time.monotonic() < end:
            time.sleep(0.05)
        before = time.monotonic()
        running.stop()
        assert time.monotonic() - before < 5  # then Telegraf would have sent SIGTERM
    log = (tmp_path / "log").read_text()
    assert " E! " not in log
    assert log.count("stopped after") == 3
    for number in range(3):
        (file,) = ledger.glob(f"counter{number}.*")
        made, dropped, *_ = counts(file)
        (row,) = database.rows(
            f"SELECT count(cycle) AS a, count(pad) AS b FROM counting WHERE instrument = 'counter{number}'"
        )
        assert (row["a"] + row["b"], dropped) == (made, 0)


def test_a_newline_before_the_end_of_stdin_is_read(tmp_path):
    program = Program(tmp_path, counting(trigger="stdin"))
    program.tick()
    assert program.end() == 0  # at once
    assert len(reports(program)) == 1 and program.counts() == (4, 0, 0, 0, 0)


def test_without_a_newline_before_the_end_of_stdin_nothing_is_read(tmp_path):
    program = Program(tmp_path, counting(trigger="stdin"))
    assert program.end() == 0
    assert not reports(program)


def test_a_full_disk_ends_a_program_as_a_failure(tmp_path):
    (tmp_path / "c.yml").write_text(json.dumps(counting()))
    command = [sys.executable, PROGRAM, "--config", tmp_path / "c.yml"]
    with (
        open("/dev/full", "wb") as full,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=full, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.wait(LONG) == 1
        assert "can't write to stdout: No space left on device" in process.stderr.read()


def test_the_trace_of_files_tells_which_are_read(tmp_path):
    config = {"name": "fridge", "driver": "ds18b20", "connection": "sim:", "channels": {"28-000000000001": None}}
    program = Program(tmp_path, config, "--once", "--trace", driver="ds18b20")
    assert program.end() == 0
    told = "\n".join(program.log)
    assert "> b'28-000000000001/w1_slave'" in told and re.search(r"< b'.* crc=.. YES", told), told


def test_by_hand_a_source_that_speaks_by_itself_is_waited_for(tmp_path):
    """Whoever tries it wants to see what it says; between two words it would say nothing."""
    with plugged.in_place(plugged.ROOM):
        config = {"name": "door", "driver": "room_door", "connection": "sim:"}
        program = Program(tmp_path, config, "--once", "--trace", driver="room_door")
        assert program.end() == 0
    assert [line for line in program.lines if line.startswith("room_")], program.log
    assert [line for line in program.log if re.match(r"D! \[door\] \S+ < b'", line)], program.log
