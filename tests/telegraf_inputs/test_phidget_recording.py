"""What `labline read --record` writes of Phidgets, which speak by callbacks of a library, plays back as a case."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from telegraf_inputs import simulators, stanza
from tests import outside
from tests.telegraf_inputs.test_cases import play

SENSORS = {
    "oven": {"class": "TemperatureSensor", "hub_port": 0},
    "cold": {"class": "VoltageInput", "hub_port": 0},
    "room": {"class": "HumiditySensor", "hub_port": 1},
    "door": {"class": "DigitalInput", "hub_port": 2},
    "tilt": {"class": "Accelerometer"},
    "sound": {"class": "SoundSensor", "hub_port": 3},
    "board": {"class": "Spatial"},
    "card": {"class": "RFID"},
    "key": {"class": "CapacitiveTouch"},
}
CYCLES = 8


def test_what_is_said_in_words_plays_as_it_was(tmp_path: Path, monkeypatch):
    keys = {"name": "room", "driver": "phidget", "interval": "500ms", "channels": SENSORS}
    simulator = simulators.load("phidget")(stanza.check({**keys, "connection": "sim:"}))
    simulator.start()
    site = {"site": "lab", "nodes": [{"name": "pc"}], "instruments": [{**keys, "connection": simulator.url}]}
    (tmp_path / "lab.yml").write_text(json.dumps(site), encoding="utf-8")
    folder = tmp_path / "case"
    command = [
        sys.executable,
        "-m",
        "labline.cli",
        "read",
        "room",
        "lab.yml",
        "--record",
        folder,
        "--count",
        str(CYCLES),
    ]
    environment = {**os.environ, "PYTHONPATH": str(outside.ROOT)}
    plugged = simulator.server.unplugged
    of_oven = {simulator.channel(channel)[0] for channel in simulator.stanza.channels[:1]}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reading:
        for line in reading.stdout:  # the cable of one device is pulled, and plugged in again
            if "oven" in line:
                simulator.server.unplugged = plugged if "detached" in line else plugged | of_oven
                if "detached" in line:
                    break
        reading.stdout.read()
        told = reading.stderr.read()
    simulator.stop()
    assert f"a case of {CYCLES} cycles" in told, told
    transcript = (folder / "transcript").read_text()
    assert all(f"{channel} attached\n" in transcript for channel in SENSORS)
    assert "oven TemperatureChange [" in transcript and "cold detached\n" in transcript
    assert transcript.count("oven attached") == 2
    text, _, complaints = play(folder, tmp_path, monkeypatch)
    assert complaints == []
    assert text == (folder / "expected.lp").read_text()
