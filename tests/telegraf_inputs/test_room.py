"""A house has room: a polled driver, a pushed one and a transport in a folder of one's own, and all works with them.

They lie in tests/telegraf_inputs/room: a kiln that is asked, a door that speaks by itself, the sockets of a machine. Nothing
of labline names them; LABLINE_PATH, which names their folder, is all that is said.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import outside

ROOM = Path(__file__).parent / "room"
KILN = """\
name: kiln
label: Kiln
driver: room_kiln
connection: sim:?seed=1
interval: 500ms
channels:
  top: {label: Top, limits: {temperature: {critical: {above: 900 °C}, help: Open the flap.}}}
  bottom: {label: Bottom}
  program: {label: Program, limits: {step: {critical: {alarm_when: [door open]}}}}
"""
DOOR = """\
name: door
driver: room_door
connection: sim
interval: 1s
channels:
  air: {label: Air at the door, limits: {temperature: {warning: {above: 30 °C}}}}
  passage: {label: Door}
  desk: {label: Lamp on the desk, limits: {power: {warning: {above: 90 W}}}}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with the drivers, and the site file of a lab that has them."""
    folder = tmp_path_factory.mktemp("room")
    shutil.copytree(ROOM, folder / "own", ignore=shutil.ignore_patterns("__pycache__"))
    outside.site(folder / "lab.yml", KILN, DOOR)
    return folder


def labline(lab, *arguments, **environment):
    """Run labline in the lab's folder; LABLINE_PATH is written relative to it."""
    return outside.labline(Path("own"), *arguments, cwd=lab, PYTHONPATH=str(outside.ROOT), **environment)


@pytest.fixture(scope="module")
def rendered(lab):
    done = labline(lab, "render", "lab.yml", "--to", "rendered")
    assert done.returncode == 0, done.stderr
    return lab / "rendered"


@contextlib.contextmanager
def simulators(lab):
    """Start the simulators' program; gives their URLs by instrument."""
    files = []
    for name, stanza in (("kiln", KILN), ("door", DOOR)):
        data = yaml.safe_load(stanza)
        for channel in data["channels"].values():
            channel.pop("limits", None)
        files.append(lab / f"{name}.json")
        files[-1].write_text(json.dumps(data))
    command = [sys.executable, "-m", "telegraf_inputs.simulators", *files]
    environment = {**os.environ, "LABLINE_PATH": str(lab / "own")}
    with subprocess.Popen(
        command, cwd=outside.ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        lines = iter(process.stdout.readline, "ready\n")
        yield dict(line.split() for line in lines)
        process.stdin.close()


@pytest.mark.parametrize(("driver", "least"), [("room_kiln", 25), ("room_door", 25)])
def test_every_fault_every_case_and_the_page(lab, driver, least):
    outside.keeps_the_conventions(lab / "own", driver, least)


def test_a_site_file_with_them_is_checked(lab, telegraf_path):
    done = labline(lab, "check", "lab.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("top:", "topp:", "driver 'room_kiln' has no channel 'topp'; did you mean 'top'?"),
        ("[door open]", "[window open]", "door open"),
        ("sim:?seed=1", "unix://kiln", "'unix://kiln' names no socket; expected such as unix:///run/instrument.sock"),
        ("sim:?seed=1", "visa://ASRL1::INSTR", "can't be reached by visa; expected unix or tcp"),
        ("900 °C", "900 mbar", "limits.temperature.critical.above"),
    ],
)
def test_mistakes_are_told(lab, right, wrong, told):
    (lab / "wrong.yml").write_text((lab / "lab.yml").read_text().replace(right, wrong))
    done = labline(lab, "check", "wrong.yml")
    assert done.returncode == 1 and "wrong.yml:" in done.stderr and told in done.stderr, done.stderr


def test_a_lab_runs_with_them(lab, telegraf_path):
    done = labline(lab, "run", "lab.yml", "--duration", "12", LABLINE_GRAFANA_URL="http://127.0.0.1:9")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^  (\S+) +(\d+) +(\d+) +(\d+)$", done.stdout, re.M)
    counts = {name: (int(made), int(written), int(lost)) for name, made, written, lost in rows}
    assert counts.keys() == {"kiln", "door", "total"}, done.stdout
    assert all(made == written > 10 and not lost for made, written, lost in counts.values()), done.stdout
    assert "Nothing was lost." in done.stdout
    assert re.search("Program .* heats", done.stdout), done.stdout
    assert re.search(r"Lamp on the desk +\d+\.\d+ W", done.stdout) and re.search(r"hall +\d+\.\d+ W", done.stdout)
    assert re.search("anna +granted", done.stdout), done.stdout


def test_they_are_read_by_hand_over_the_transport(lab):
    with simulators(lab) as urls:
        assert {url.partition(":")[0] for url in urls.values()} == {"unix"}
        site = outside.site(
            lab / "by_hand.yml",
            *(re.sub("connection: .*", f"connection: {urls[name]}", s) for name, s in (("kiln", KILN), ("door", DOOR))),
        )
        kiln = labline(lab, "read", "kiln", site, "--trace")
        door = labline(lab, "read", "door", site)
    assert kiln.returncode == 0 and "it says it is KILN 8" in kiln.stdout and "> b'GET top\\n'" in kiln.stderr
    assert door.returncode == 0 and "Air at the door" in door.stdout and re.search("hall +power", door.stdout)


def test_a_scan_finds_them(lab):
    with simulators(lab) as urls:
        kiln = urls["kiln"]
        listed = labline(lab, "scan", "--no-probe", ROOM_KILN_FOUND=kiln)
        asked = labline(lab, "scan", "--port", kiln)
    assert re.search(r"^\d+ local sockets?", listed.stderr, re.M) and f"{kiln}: made for a test" in listed.stdout
    assert "Kiln of the test's room, 3 channels" in listed.stdout and "name: kiln_here" in listed.stdout
    assert asked.returncode == 0 and f"{kiln}: KILN 8 (Kiln of the test's room)" in asked.stdout
    assert f"connection: {kiln}" in asked.stdout


def test_programs_elsewhere_are_told_where_they_are(lab, rendered):
    conf = (rendered / "telegraf" / "telegraf.conf").read_text()
    for driver in ("room_kiln", "room_door"):
        block = next(b for b in conf.split("[[") if f"telegraf_inputs.drivers.{driver}" in b)
        assert f'"LABLINE_PATH={lab / "own"}"' in block


def test_they_have_dashboards(rendered):
    kiln = (rendered / "grafana" / "dashboards" / "outside" / "room_kiln.json").read_text()
    door = (rendered / "grafana" / "dashboards" / "outside" / "room_door.json").read_text()
    assert '\\"room_kiln\\"' in kiln and "state-timeline" in kiln and "door open" in kiln
    assert all(f'\\"{measurement}\\"' in door for measurement in ("room_air", "room_passage", "room_lamp", "room_card"))


def test_they_have_alarms(rendered):
    text = (rendered / "grafana" / "alerting" / "outside-rules.json").read_text()
    rules = [rule for group in json.loads(text)["groups"] for rule in group["rules"]]
    titles = [rule["title"] for rule in rules]
    assert any("Top" in title and "above 900" in title for title in titles), titles
    assert any("Program" in title and "door open" in title for title in titles), titles
    assert {"Kiln: no data", "door: no data"} <= set(titles)
    silent = [title for title in titles if "no good reading" in title]
    assert "door: no good reading of Air at the door" in silent
    assert not [title for title in silent if title.endswith("of Door")], "an event is not missed"
    assert silent.count("door: no good reading of a channel (room_lamp)") == 1, (
        "of the lamps, which are found, and not of cards"
    )


def test_nothing_of_the_house_names_them():
    """Else the room would be theirs."""
    houses = [
        outside.ROOT / floor for floor in ("telegraf_inputs", "provisioning", "grafana_dashboards", "labline", "tools")
    ]
    files = [file for house in houses for file in house.rglob("*.py")]
    assert files and not [file for file in files if "room_kiln" in file.read_text() or "room_door" in file.read_text()]
