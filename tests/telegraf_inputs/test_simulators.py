"""Simulators as their users meet them: a signal that can be had again, faults by the clock, and the program that starts them."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
import yaml

from telegraf_inputs import drivers, simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadInput
from telegraf_inputs.simulators import base, scipion
from telegraf_inputs.simulators.base import FaultPlan, Signal
from telegraf_inputs.simulators.ends import PtyEnd, TcpEnd

LONG = 20  # seconds after which something will never come
CRYOSTAT = "name: cryostat\ndriver: lakeshore_372\nconnection: {}\nchannels:\n  A:\n"


def test_a_signal_is_the_same_for_the_same_seed_and_stays_in_its_band(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(base.time, "time", lambda: now[0])
    first, again, other = (Signal(10.0, 2.0, 0.1, 60.0, seed) for seed in (1, 1, 2))
    values = []
    for now[0] in range(600):
        values.append(first())
        assert again() == values[-1] != other()
    low, high = first.band()
    assert low <= min(values) < 8.5 and 11.5 < max(values) <= high


@pytest.mark.parametrize("ends", [(-10, 10), (0, 10), (300, 301), (-5, None), (None, 0)])
def test_a_scpi_instruments_value_moves_inside_its_range(ends):
    low, high = ends
    read = {"query": "V?", "unit": "V", "description": "Voltage", "low": low, "high": high}
    quantity = {key: value for key, value in read.items() if value is not None}
    made = stanzas.check(
        {"name": "meter", "driver": "scpi", "connection": "sim:", "channels": {"1": {"read": {"voltage": quantity}}}}
    )
    (band,) = simulators.load("scpi")(made).bands().values()
    assert band[0] < band[1]
    assert (low is None or low <= band[0]) and (high is None or band[1] <= high)


@pytest.mark.parametrize(
    ("plan", "when"),
    [
        ("silent@20+10", {0: None, 19.9: None, 20: "silent", 29.9: "silent", 30: None, 140: None}),
        ("silent@20+10/120", {20: "silent", 30: None, 139: None, 140: "silent", 150: None}),
        ("late@0+5,garbage@7+1.5", {0: "late", 6: None, 8: "garbage", 9: None}),
        ("", {0: None, 100: None}),
    ],
)
def test_faults_by_the_clock(plan, when, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(base.time, "monotonic", lambda: now[0])
    faults = FaultPlan(plan)
    for elapsed, fault in when.items():
        now[0] = 1000.0 + elapsed
        assert faults.now() == fault


@pytest.mark.parametrize(
    "plan", ["silent", "silent@5", "silent@5+", "silnt@5+1", "silent@-5+1", "silent@5+1/0", "silent@5+1;late@9+1"]
)
def test_what_is_no_plan_of_faults(plan):
    with pytest.raises(BadInput, match="expected KIND@START"):
        FaultPlan(plan)


@pytest.mark.parametrize("end", [TcpEnd, PtyEnd])
def test_a_cable_that_is_pulled_and_plugged(end):
    made = end()
    made.plug(False)
    made.plug(False)
    assert made.receive(0.0) == b""
    made.send(b"nobody hears")
    made.plug(True)
    if end is TcpEnd:
        client = socket.create_connection(made.url.removeprefix("tcp://").split(":"), LONG)
        assert made.receive(LONG) is None  # somebody new
        client.sendall(b"hello")
    else:
        client = os.open(made.url.removeprefix("serial://"), os.O_RDWR | os.O_NOCTTY)
        os.write(client, b"hello")
    assert made.receive(LONG) == b"hello"
    made.close()


@pytest.fixture
def program(tmp_path):
    """Start simulators as a program, for a simulated cryostat and one of a given connection."""
    processes = []

    def start(*files: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "telegraf_inputs.simulators", *map(str, files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_they_run_as_a_program_and_take_faults_from_stdin(program, tmp_path):
    (tmp_path / "a.yml").write_text(CRYOSTAT.format("tcp://192.168.1.5:7777"))
    process = program(tmp_path / "a.yml")
    name, url = process.stdout.readline().split()
    assert name == "cryostat" and process.stdout.readline() == "ready\n"

    def answers() -> bool:
        with socket.create_connection(url.removeprefix("tcp://").split(":"), LONG) as client:
            client.sendall(b"*IDN?\r\n")
            return bool(select.select([client], [], [], 0.3)[0]) and client.recv(100).startswith(b"LSCI,MODEL372")

    assert answers()
    process.stdin.write("cryostat silent\n")
    process.stdin.flush()
    end = time.monotonic() + LONG
    while answers():
        assert time.monotonic() < end
    process.stdin.write("cryostat none\nnobody silent\ncryostat asleep\n")
    process.stdin.close()
    assert process.wait(LONG) == 0
    complaints = process.stderr.read().splitlines()
    assert [line.partition(";")[0] for line in complaints] == ["found 'nobody silent'", "found 'cryostat asleep'"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_where_a_signal_ends_them(program, tmp_path, number):
    (tmp_path / "a.yml").write_text(CRYOSTAT.format("sim:?transport=serial"))
    process = program(tmp_path / "a.yml")
    assert "labline-sim-" in process.stdout.readline() and process.stdout.readline() == "ready\n"
    assert list(tmp_path.glob("labline-sim-*"))
    process.send_signal(number)
    assert process.wait(LONG) == 0
    assert not list(tmp_path.glob("labline-sim-*"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("none.yml",), "none.yml: can't be read: No such file or directory"),
        (("bad.yml",), "bad.yml:3: connection: 'carrier-pigeon://x' is no connection"),
        (("a.yml", "a.yml"), "a.yml:1: name: 'cryostat' is there already"),
        ((), "usage: python -m telegraf_inputs.simulators"),
    ],
)
def test_wrong_use_of_the_program_is_told(program, tmp_path, files, message):
    (tmp_path / "a.yml").write_text(CRYOSTAT.format("sim"))
    (tmp_path / "bad.yml").write_text(CRYOSTAT.format("carrier-pigeon://x"))
    process = program(*(tmp_path / file for file in files))
    _, errors = process.communicate(timeout=LONG)
    assert process.returncode == 2
    assert message in errors and "Traceback" not in errors


def test_a_simulator_takes_what_is_given_before_what_the_connection_says():
    stanza = stanzas.check(
        {"name": "cryostat", "driver": "lakeshore_372", "connection": "sim:?seed=5&transport=serial"}
    )
    made = simulators.start(stanza)
    assert made.seed == 5 and made.url.startswith("serial:///")
    made.stop()
    made = simulators.start(stanza, seed=6, transport="visa")
    assert made.seed == 6 and made.url.startswith("visa://TCPIP0::127.0.0.1::")
    made.stop()


def test_what_kill_9_left_is_taken_away_by_the_next_one_that_starts(program, tmp_path):
    (tmp_path / "a.yml").write_text(CRYOSTAT.format("sim:?transport=serial"))
    lasting = program(tmp_path / "a.yml")
    assert "labline-sim-" in lasting.stdout.readline()
    (kept,) = tmp_path.glob("labline-sim-*")
    killed = program(tmp_path / "a.yml")
    assert "labline-sim-" in killed.stdout.readline()
    (left,) = {*tmp_path.glob("labline-sim-*")} - {kept}
    (foreign := tmp_path / "labline-sim-foreign").mkdir()
    killed.kill()
    assert killed.wait(LONG) and left.exists()
    after = program(tmp_path / "a.yml")
    assert "labline-sim-" in after.stdout.readline()
    assert not left.exists() and kept.exists() and foreign.exists()
    for process in (lasting, after):
        process.stdin.close()
        assert process.wait(LONG) == 0
    assert list(tmp_path.glob("labline-sim-*")) == [foreign]


@pytest.mark.parametrize(
    ("driver", "faults", "told"),
    [
        ("lakeshore_372", "lost@1+1", "the simulator of 'lakeshore_372' has no fault 'lost'"),
        ("ds18b20", "late@1+1", "the simulator of 'ds18b20' can't have the fault 'late'"),
        ("snmp", "silent@1+1", "leave faults= out"),
    ],
)
def test_a_fault_that_a_simulator_can_not_show_is_refused(driver, faults, told):
    data = yaml.safe_load(drivers.load(driver).example)
    with pytest.raises(BadInput, match=re.escape(told)):
        stanzas.check({**data, "connection": f"sim:?faults={faults}"})


SESSION = "name: session\ndriver: scipion\nconnection: file:///data\npictures: {}\npictures_url: {}\nchannels: {{pictures: }}\n"


def test_pictures_that_cant_be_shown_because_another_program_has_the_port_are_told(program, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "a.yml").write_text(SESSION.format((tmp_path / "carried").as_uri(), address))
        process = program(tmp_path / "a.yml")
        assert process.stdout.readline().startswith("session file://")
        said = f"note: session: its pictures are not shown at {address}: that port: Address already in use\n"
        assert process.stdout.readline() == said and process.stdout.readline() == "ready\n"


def test_of_a_simulated_session_no_more_pictures_are_kept_than_it_has_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(scipion, "KEPT", 1)
    run = tmp_path / "session_session" / "000020_CTF"
    run.mkdir(parents=True)
    names = [f"mic_001_{number:04d}_{kind}.png" for number in (1, 2, 900) for kind in ("micrograph", "psd", "shifts")]
    others = ["mic_001_0001_psd.txt", "holiday_psd.png"]
    for name in names[6:] + others:  # of an earlier session, which was longer; and what is not its own
        (run / name).touch()
    stanza = stanzas.check(yaml.safe_load(SESSION.format(tmp_path.as_uri(), "/pictures")))
    session = simulators.load("scipion")(stanza, period=1000.0)
    session.start()
    try:
        assert sorted(each.name for each in run.iterdir()) == sorted(others)
        for name in names[:6]:
            (run / name).touch()
        session._grow()
        assert sorted(each.name for each in run.iterdir()) == sorted([*names[3:6], *others])
    finally:
        session.stop()
