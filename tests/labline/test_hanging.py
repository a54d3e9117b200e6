"""Parts that hang, end, or write for nobody: a real lab goes on, and counts what it missed."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from labline import gaps
from labline.live.audience import MOST_WAITING, Audience, Voice
from labline.stack.standstill import Standstill

from .conftest import LONGEST, others_in, wait_until

SITE = """\
site: trial
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "sim:?seed=1", interval: 500ms}
"""


@pytest.fixture
def site(tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    return file


def _telegrafs(run: int) -> dict[int, psutil.Process]:
    found = psutil.Process(run).children()
    return {p.pid: p for p in found if "telegraf" in p.name() and p.status() != psutil.STATUS_ZOMBIE}


def test_parts_are_looked_after_while_nobody_reads(site, telegraf_path):
    """A pipe that is full stands for a terminal that is held (Ctrl-S), too."""
    reading, writing = os.pipe()
    run = subprocess.Popen(
        [sys.executable, "-m", "labline.cli", "run", str(site)],
        cwd=site.parent,
        env={**os.environ, "LABLINE_GRAFANA_URL": "http://127.0.0.1:9"},
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
    )
    try:
        said = b""
        while b" 1 ok" not in said:
            assert select.select([reading], [], [], LONGEST)[0] and run.poll() is None, said
            said += os.read(reading, 65536)
        while select.select([], [writing], [], 0)[1]:
            os.write(writing, bytes(select.PIPE_BUF))
        (first,) = _telegrafs(run.pid).values()
        first.kill()
        wait_until(lambda: _telegrafs(run.pid).keys() - {first.pid}, "a Telegraf that was killed is started anew")
        (second,) = _telegrafs(run.pid).values()
        second.suspend()
        wait_until(lambda: _telegrafs(run.pid).keys() - {first.pid, second.pid}, "one that was stopped, too")
        run.send_signal(signal.SIGINT)
        os.close(writing)
        writing = -1
        with open(reading, "rb", closefd=False) as rest:
            said += rest.read()
        assert run.wait(LONGEST) in (0, 1)
    finally:
        run.kill()
        run.wait()
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    text = said.replace(b"\0", b"").decode()
    assert re.search(r"Telegraf ended \(exit status -9\); started anew; ", text)
    assert "Telegraf hangs: it was stopped (SIGSTOP); started anew; " in text
    assert "Readings of this run" in text and "Traceback" not in text
    assert not others_in(site.parent / ".labline")


def test_what_hangs_is_started_anew_and_what_was_missed_is_counted(site, start):
    run = start(str(site))
    run.wait_for(r" 1 ok$")

    def programs() -> dict[int, psutil.Process]:
        found = {}
        for process in run.family():
            with contextlib.suppress(psutil.Error):  # one that has just ended
                if "telegraf_inputs.drivers.lakeshore_372" in process.cmdline():
                    found[process.pid] = process
        return found

    (killed,) = programs().values()
    killed.kill()
    wait_until(lambda: programs().keys() - {killed.pid}, "Telegraf starts it anew")
    (anew,) = programs().values()
    anew.suspend()
    run.wait_for(r"the program drivers.lakeshore_372 hangs: it was stopped \(SIGSTOP\); it is ended")
    (server,) = (p for p in run.family() if "influxd" in p.name())
    server.suspend()
    run.wait_for(r"InfluxDB hangs: it was stopped \(SIGSTOP\); started anew")
    run.wait_for(r"(?s)InfluxDB hangs.* 1 ok$")
    for telegraf in _telegrafs(run.process.pid).values():
        telegraf.suspend()  # nothing that it holds is lost
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.text
    ledger = run.ledger()["cryostat"]
    assert ledger[0] == ledger[1] > 0
    # Telegraf waits 10 s, which are 20 cycles, before it starts a program anew.
    assert int(re.search(r"cryostat: missed (\d+) cycles while its program did not run", run.text)[1]) >= 19
    assert "Traceback" not in run.text and not others_in(site.parent / ".labline")


def test_a_process_that_is_stopped_is_found_once_it_lasts(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("labline.stack.standstill.time.monotonic", lambda: now[0])
    with subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(0.01)"]) as process:
        try:
            busy, idle = Standstill(idles=False), Standstill(idles=True)
            os.kill(process.pid, signal.SIGSTOP)
            wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, "it is stopped")
            assert not busy.look(process.pid) and not idle.look(process.pid)
            now[0] += 4
            assert busy.look(process.pid) == idle.look(process.pid) == "it was stopped (SIGSTOP)"
            os.kill(process.pid, signal.SIGCONT)
            wait_until(lambda: psutil.Process(process.pid).status() != psutil.STATUS_STOPPED, "it goes on")
            assert not busy.look(process.pid) and not idle.look(process.pid)
            before = psutil.Process(process.pid).num_ctx_switches()
            wait_until(lambda: psutil.Process(process.pid).num_ctx_switches() != before, "it gets on")
            now[0] += 60
            assert not busy.look(process.pid)
        finally:
            process.kill()


def test_one_that_is_given_no_processor_stands_still_unless_it_may_rest(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("labline.stack.standstill.time.monotonic", lambda: now[0])
    with subprocess.Popen(["sleep", "1000"]) as process:
        try:
            wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING, "it sleeps")
            busy, idle = Standstill(idles=False), Standstill(idles=True)
            assert not busy.look(process.pid) and not idle.look(process.pid)
            now[0] += 16
            assert busy.look(process.pid) == "it does nothing for 16 s" and not idle.look(process.pid)
        finally:
            process.kill()


def _counted(folder: Path, name: str, began: float, ended: float) -> None:
    file = folder / f"{name}.17.{int(began * 1e9)}"
    file.touch()
    os.utime(file, ns=(0, int(ended * 1e9)))


def test_cycles_between_two_programs_and_after_the_last_are_missed(tmp_path):
    _counted(tmp_path, "a.b", 1000.2, 1010.1)
    _counted(tmp_path, "a.b", 1020.5, 1030.1)  # 1011 … 1019; that of 1020 is late
    _counted(tmp_path, "gauge", 1000.0, 1029.0)
    (tmp_path / "run.json").touch()
    assert gaps.missed(tmp_path, {"a.b": 1.0, "gauge": 10.0, "none": 1.0}) == {"a.b": 9}
    assert gaps.missed(tmp_path, {"a.b": 1.0, "gauge": 10.0}, 1031 * 10**9) == {"a.b": 9}
    assert gaps.missed(tmp_path, {"a.b": 1.0, "gauge": 10.0}, 1060 * 10**9) == {"a.b": 9 + 29, "gauge": 3}
    assert gaps.missed(tmp_path, {"a.b": 1.0}, 1000 * 10**9) == {"a.b": 9}  # it ended later than it had to


def test_a_voice_that_is_not_heard_waits_for_nobody_and_forgets_the_oldest():
    held, released = threading.Event(), threading.Event()
    heard: list[str] = []

    def slow(text: str) -> None:
        heard.append(text)
        if text == "first":
            held.set()
            released.wait(LONGEST)

    voice = Voice(slow)
    voice.say("at once")
    assert heard == ["at once"]
    voice.begin()
    voice.say("first")
    assert held.wait(LONGEST)
    for number in range(2 * MOST_WAITING):
        voice.say(str(number))
    released.set()
    voice.end()
    assert heard == ["at once", "first", *map(str, range(MOST_WAITING, 2 * MOST_WAITING))]


def test_a_show_that_fails_says_so_and_one_that_is_left_ends():
    def fails() -> None:
        raise OSError("nobody")

    failed = Audience(fails)
    failed.start()
    failed.join()
    assert failed.over.is_set() and str(failed.error) == "nobody"

    def shows() -> None:
        while True:
            left.check()

    left = Audience(shows)
    left.start()
    left.join()
    assert left.over.is_set() and left.error is None
