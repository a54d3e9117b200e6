"""`labline reload`: a lab that runs goes over to what its site file says by now."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from labline.local import change
from provisioning import site as sites
from provisioning.influxdb_server import Server
from telegraf_inputs.errors import BadInput
from tests.labline.conftest import wait_until

SITE = """\
site: changing
nodes: [{name: here}]
instruments:
  - {name: steady, driver: lakeshore_372, connection: "sim:?seed=1", interval: 200ms, channels: {"1": null}}
  - {name: leaving, driver: pfeiffer_tpg, model: tpg262, connection: "sim:?seed=2", interval: 200ms}
"""
STEADY, LEAVING = SITE.splitlines()[3:]
COMING = '  - {name: coming, driver: lakeshore_372, connection: "sim:?seed=3", interval: 200ms, channels: {"1": null}}'
OTHER = '  - {name: other, driver: julabo, model: cf41, connection: "sim:?seed=4", interval: 500ms}'
HEAD = "\n".join(SITE.splitlines()[:3])


def labline(*arguments, cwd):
    command = [sys.executable, "-m", "labline.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_instruments_come_and_go_while_the_others_are_read(start, tmp_path):
    file = tmp_path / "changing.yml"
    file.write_text(SITE)
    run = start(str(file))
    url = run.wait_for(r"InfluxDB +(http://\S+),")[1]
    run.wait_for(r"2 instruments: 2 ok$")
    reader = Server(url, "reader", (tmp_path / ".labline/changing/secrets/reader").read_text())

    def readings(name):
        rows = reader.rows(f"SELECT count(temperature) AS n FROM lakeshore_372 WHERE instrument = '{name}'", "lab")
        return rows[0]["n"] if rows else 0

    file.write_text(SITE.replace("model: tpg262", "model: tpg999"))
    run.wait_for(r"changing\.yml changed at \d\d:\d\d: what runs is as it was; labline reload takes it up")
    done = labline("reload", file, cwd=tmp_path)
    assert done.returncode == 2 and "tpg999" in done.stderr and "Traceback" not in done.stderr

    file.write_text("\n".join([HEAD, STEADY, LEAVING, COMING]) + "\n")
    done = labline("reload", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["taken up: coming", "2 instruments are read on as before"]
    wait_until(lambda: readings("coming") > 3, "readings of what came")
    assert len(list((tmp_path / ".labline/changing/ledger").glob("*/steady.*"))) == 1  # its program reads on
    status = labline("status", file, cwd=tmp_path)
    assert "coming" in status.stdout and "says something else" not in status.stderr

    assert labline("pause", "steady", file, "--for", "1h", cwd=tmp_path).returncode == 0
    file.write_text("\n".join([HEAD, STEADY, COMING.replace("200ms", "300ms"), OTHER]) + "\n")
    done = labline("reload", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "taken up: other",
        "let go: leaving",
        "read anew: coming",
        "1 instrument is read on as before",
        "Telegraf is started anew for that: readings of about two seconds are missed",
    ]
    run.wait_for(r"other: ok$")
    paused = labline("status", file, cwd=tmp_path).stdout
    assert re.search(r"^steady .* paused", paused, re.MULTILINE), paused  # a reload ends no pause
    assert labline("resume", "steady", file, cwd=tmp_path).returncode == 0

    file.write_text(file.read_text().replace("site: changing", "site: another"))
    done = labline("reload", file, cwd=tmp_path)
    assert done.returncode == 1 and "site: is another one than that of the run" in done.stderr
    assert run.process.poll() is None

    run.process.send_signal(2)
    assert run.end() == 0, run.text
    ledger = run.ledger()
    assert list(ledger) == ["steady", "leaving", "coming", "other", "total"]
    assert all(made == written > 0 and not lost for made, written, lost in ledger.values()), run.text


def test_what_is_not_run_can_not_be_told_to_change(tmp_path):
    file = tmp_path / "changing.yml"
    file.write_text(SITE)
    done = labline("reload", file, cwd=tmp_path)
    assert done.returncode == 1 and "does not run here; to start it:" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [("site: changing", "site: other", "site"), ("{name: here}", "{name: there}", "nodes")],
)
def test_a_run_stays_what_it_is(tmp_path, old, new, key):
    before, after = tmp_path / "a.yml", tmp_path / "b.yml"
    before.write_text(SITE)
    after.write_text(SITE.replace(old, new))
    with pytest.raises(BadInput, match=f"{key}: is another one"):
        change.between(sites.load(before), sites.load(after))


def test_a_new_name_is_told_with_what_takes_its_history_along(tmp_path):
    before, after = tmp_path / "a.yml", tmp_path / "b.yml"
    before.write_text(SITE)
    after.write_text(SITE.replace("name: leaving", "name: gauge, label: Gauge"))
    found = change.between(sites.load(before), sites.load(after))
    rename = f"labline rename leaving gauge {after}"
    assert (
        found.lines()[-1]
        == f"the history of leaving stays under that name; once this run has ended, {rename} takes it along"
    )
    in_repair = LEAVING.replace("{name", "{enabled: false, name")
    after.write_text("\n".join([HEAD, STEADY, in_repair, LEAVING.replace("leaving", "gauge")]) + "\n")
    assert not change.between(sites.load(before), sites.load(after)).renamed
