"""`labline pause` and `labline resume`: while a lab runs, another program gets an instrument's port, and no alarm comes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import serial

from labline import cli
from telegraf_inputs import pauses, simulators
from telegraf_inputs import stanza as stanzas

from .conftest import others_in, wait_until

CHILLER = {"name": "chiller", "driver": "julabo", "connection": "sim:?transport=serial", "channels": {"bath": {}}}
SITE = """\
site: bench
nodes: [{{name: here}}]
instruments:
  - {{name: chiller, driver: julabo, connection: "{url}", interval: 1s, stale: 3s, channels: {{bath: {{}}}}}}
  - {{name: vacuum, driver: pfeiffer_tpg, model: tpg262, connection: "sim:?seed=2", interval: 500ms}}
  - name: sensor
    driver: mqtt
    connection: mqtt://127.0.0.1:9
    topic: a/{{channel}}/{{quantity}}
    enabled: false
    channels: {{a: {{read: {{t: {{unit: °C}}}}}}}}
"""


@pytest.fixture
def chiller():
    """A chiller at a real pseudo-terminal."""
    simulator = simulators.start(stanzas.check(CHILLER))
    yield simulator
    simulator.stop()


def labline(folder: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "labline.cli", *words], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_another_program_gets_the_port_while_it_is_paused(start, tmp_path, chiller):
    (tmp_path / "bench.yml").write_text(SITE.format(url=chiller.url))
    run = start("bench.yml")
    run.wait_for(r"\b2 ok\b")
    port = chiller.url.removeprefix("serial://")
    with pytest.raises(serial.SerialException):
        serial.Serial(port, exclusive=True)

    paused = labline(tmp_path, "pause", "chiller", "bench.yml", "--for", "1h")
    assert paused.returncode == 0 and "chiller is paused for 1h, until " in paused.stdout, paused.stdout + paused.stderr
    with serial.Serial(port, exclusive=True, timeout=20) as mine:
        mine.write(b"IN_PV_00\r")
        assert float(mine.read_until(b"\r\n")) < 100
        run.wait_for(r"chiller is paused: until \d\d:\d\d:\d\d")
        for _ in range(2):  # each takes longer than nothing new may come
            status = labline(tmp_path, "status", "bench.yml")
        assert status.returncode == 0, status.stdout + status.stderr
        assert "1 paused" in status.stdout and "stale" not in status.stdout

    resumed = labline(tmp_path, "resume", "chiller", "bench.yml")
    assert resumed.returncode == 0 and "chiller is read again" in resumed.stdout, resumed.stdout + resumed.stderr
    wait_until(lambda: "2 ok" in labline(tmp_path, "status", "bench.yml").stdout, "chiller is read again")
    again = labline(tmp_path, "resume", "chiller", "bench.yml")
    assert again.returncode == 0 and "chiller is not paused" in again.stdout
    for words, said in (
        (("pause", "chilled", "bench.yml"), "has no instrument 'chilled'; did you mean 'chiller'?"),
        (("pause", "sensor", "bench.yml"), "`enabled: false` in the site file, then labline reload bench.yml"),
        (("pause", "chiller", "bench.yml", "--for", "8d"), "--for: found '8d', expected a duration from 1s to 1w"),
        (("pause", "chiller", "bench.yml", "--for", "soon"), "--for: "),
    ):
        refused = labline(tmp_path, *words)
        assert refused.returncode == 2 and said in refused.stderr and "Traceback" not in refused.stderr, refused

    run.process.terminate()
    assert run.end() in (0, 130)
    made, written, lost = run.ledger()["chiller"]
    assert made == written and lost == 0 and made
    wait_until(lambda: not others_in(tmp_path), "all have ended")


def test_where_nothing_runs_it_is_told(tmp_path, chiller, capsys, monkeypatch):
    monkeypatch.setattr("labline.pausing.TAKEN_SECONDS", 0.2)
    (tmp_path / "bench.yml").write_text(SITE.format(url=chiller.url))
    assert cli.main(["pause", "chiller", str(tmp_path / "bench.yml")]) == 2
    assert "bench.yml does not run here" in capsys.readouterr().err
    folder = tmp_path / "instruments"
    folder.mkdir()
    assert cli.main(["pause", "chiller", "--folder", str(folder)]) == 2
    refused = capsys.readouterr().err
    assert "has no file chiller.yml; known: none" in refused and "start Telegraf anew" in refused
    (folder / "chiller.yml").write_text("")
    assert cli.main(["pause", "chiller", "--folder", str(folder)]) == 1
    assert "no program has said within 0 s that it has let go of it" in capsys.readouterr().out
    assert pauses.until(pauses.asked(str(folder))("chiller"))
    pauses.write(pauses.taken(str(folder))("chiller"), time.time() + 100)
    assert cli.main(["resume", "chiller", "--folder", str(folder)]) == 1
    assert "no program has taken it up" in capsys.readouterr().out
    assert not pauses.until(pauses.asked(str(folder))("chiller"))
