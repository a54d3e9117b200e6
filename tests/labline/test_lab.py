"""What a lab does about a disk that is full; the whole of a run is in test_run.py."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from labline import cli, ledger
from labline.lab import Lab
from labline.local.acquisition import Acquisition
from labline.local.database import Database
from labline.local.simulators import Simulators
from labline.places import Places
from labline.stack import loopback
from labline.stack.errors import StackError
from provisioning import site as sites

SITE = """\
site: trial
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab whose parts only tell, in ``done``, what was asked of them; the database holds all there is."""
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    made = Lab(sites.load(file), tmp_path / "state", lambda text: made.said.append(text))
    made.said, made.done = [], []

    class Part:
        """A part of the lab that only notes what is asked of it."""

        def __init__(self, name):
            self._name, self.process, self.url = (
                name,
                SimpleNamespace(running=True, pid=os.getpid()),
                "http://127.0.0.1:9",
            )
            self.up = True

        def begin(self):
            made.done.append(f"start {self._name}")

        def is_up(self):
            return True

        def stop(self):
            made.done.append(f"stop {self._name}")

        def restart(self):
            self.stop()
            self.begin()

        answers = Database.answers

        def reader(self, seconds):
            return None

    made._database = Part("InfluxDB")
    made.log = made.places.nodes["here"].log
    made.log.write_text("of the run before: no space left on device\n")
    (node,) = made.site.nodes
    acquisition = Acquisition(Path("telegraf"), made.places, made.site, node, None)
    monkeypatch.setattr(acquisition, "stop", lambda: made.done.append("stop Telegraf"))
    made._acquisitions = [acquisition]
    made._keep()
    made.counting.folder.mkdir(parents=True)
    made.counting.begin(made.site)
    monkeypatch.setattr(ledger, "take", lambda *_: made.done.append("count") or [])
    monkeypatch.setattr(loopback, "answers", lambda *_: True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))
    yield made
    made.close()


def test_what_is_only_in_the_memory_of_the_database_is_not_counted(lab):
    lab.log.open("a").write("E! 500: error writing WAL entry: no space left on device\n")
    lab.stop()
    assert lab.done[:4] == ["stop Telegraf", "stop InfluxDB", "start InfluxDB", "count"]


def test_while_the_disk_is_full_nothing_is_called_written(lab, monkeypatch):
    lab.log.open("a").write("E! 500: error writing WAL entry: no space left on device\n")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(StackError, match="the disk is full"):
        lab.stop()
    assert "count" not in lab.done


def test_a_database_that_could_write_is_counted_as_it_is(lab):
    lab.stop()
    assert lab.done[:2] == ["stop Telegraf", "count"]


def test_a_disk_that_fills_is_told_once_and_remembered(lab, monkeypatch):
    for free in (1e9, 1e6, 0.5e6, 1e9):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        lab.look_after()
        assert ("nearly full" in lab.notice) == (free < 1e9)
    nearly, again = lab.said
    assert "the disk is nearly full, 1.0 MB left where" in nearly and "has room again" in again
    lab.stop()
    assert "start InfluxDB" in lab.done


def test_a_database_that_could_not_write_is_started_anew_once_there_is_room(lab, monkeypatch):
    for free, told in ((1e6, "no space left on device"), (1e9, ""), (1e9, "")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        lab.log.open("a").write(f"E! {told}\n")
        lab.look_after()
    assert lab.done == ["stop InfluxDB", "start InfluxDB"]


def test_a_disk_that_breaks_ends_nothing(lab, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, "Input/output error", "state")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    for _ in range(2):
        lab.look_after()
    assert lab.said == ["state: Input/output error; measuring goes on as far as it can"]
    assert "Input/output error" in lab.notice


def test_the_end_of_a_part_stays_to_be_read(lab):
    lab._database.process = SimpleNamespace(running=False, name="InfluxDB", status=-9, explain=lambda text: text)
    lab.look_after()
    assert "InfluxDB does not run since" in lab.notice
    lab._database.process = SimpleNamespace(running=True)
    lab.look_after()
    assert lab.notice.endswith("InfluxDB ended (exit status -9) and was started anew.")


def test_what_was_killed_is_not_started_again_to_be_counted(lab, monkeypatch):
    monkeypatch.setattr("labline.lab.kill_all", lambda: None)
    monkeypatch.setattr(loopback, "answers", lambda *_: False)
    lab._database.up = False
    lab.kill()
    with pytest.raises(StackError, match="no answer from the database"):
        lab.stop()
    assert lab.done == ["stop Telegraf"]


def test_a_database_that_does_not_answer_is_not_counted(lab, monkeypatch):
    monkeypatch.setattr(loopback, "answers", lambda *_: False)
    with pytest.raises(StackError, match="no answer from the database"):
        lab.stop()
    assert lab.done == ["stop Telegraf"]


def test_a_full_disk_is_told_with_its_place(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("labline.lab.Lab", full)
    assert cli.main(["run", "demo", "--state", str(tmp_path)]) == 1
    assert f"labline: {tmp_path}: No space left on device; free some space" in capsys.readouterr().err


def test_what_lies_in_the_folder_one_stands_in_is_no_part_of_labline(tmp_path, monkeypatch):
    """A `serial.py` of the user's, or, in /tmp, somebody else's."""
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    for name in ("pty", "serial", "yaml", "telegraf_inputs"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the user')\n")
    monkeypatch.chdir(tmp_path)
    places = Places(tmp_path / "state", sites.load(file), simulated=True)
    places.simulators.mkdir(parents=True)
    simulators = Simulators(sites.load(file).enabled, places, {})
    try:
        simulators.start()
        assert simulators.urls.keys() == {"cryostat"}
    finally:
        simulators.stop()
