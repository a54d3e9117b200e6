"""The verbs check, render and apply, as their user sees them: what they print, their status, what they leave behind."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labline import cli
from labline.stack import credentials, influxdb
from provisioning import site
from telegraf_inputs.transports import serial

from .conftest import passwords_of

DAY = 86400 * 10**9
SMALL = """\
site: small
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "CONNECTION", interval: 1s}
"""


@pytest.fixture
def written(tmp_path: Path):
    """Give a function that writes a small site file with a connection."""

    def write(connection: str) -> Path:
        path = tmp_path / "small.yml"
        path.write_text(SMALL.replace("CONNECTION", connection))
        return path

    return write


@pytest.fixture
def lab(influxd: influxdb.InfluxDB, tmp_path: Path):
    """A site file for the shared server, and the arguments that name it and its passwords."""
    secrets = passwords_of(influxd, tmp_path)
    path = tmp_path / "lab.yml"
    demo = site.find("demo").read_text()
    path.write_text(demo.replace("http://127.0.0.1:8086", influxd.url).replace("database: lab", "database: verbs"))
    yield path, ["--secrets", str(secrets)]
    influxd.server.query('DROP DATABASE "verbs"')
    for row in influxd.server.rows("SHOW USERS"):
        if row["user"] in ("writer", "reader"):
            influxd.server.query(f'DROP USER "{row["user"]}"')


@pytest.mark.parametrize(
    ("connection", "there", "told"),
    [
        ("serial:///dev/ttyUSB0", True, "serial://BY_ID/usb-FTDI-port0 stays the same"),
        ("serial:///dev/ttyACM3?baudrate=9600", False, "serial://BY_ID/…, which `labline scan` lists, stays the same"),
        ("serial:///dev/ttyS0", False, ""),
        ("tcp://127.0.0.1:1", False, ""),
    ],
)
def test_check_hints_at_the_name_of_a_port_that_lasts(
    connection, there, told, written, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
):
    if there:
        (tmp_path / "usb-FTDI-port0").symlink_to("/dev/ttyUSB0")
    monkeypatch.setattr(serial, "BY_ID", str(tmp_path))
    path = written(connection)
    path.write_text(path.read_text().replace("lakeshore_372", "pfeiffer_tpg, model: tpg262"))
    assert cli.main(["check", str(path)]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if "may be another port" in line]
    assert bool(notes) == bool(told)
    if told:
        device = connection.removeprefix("serial://").partition("?")[0]
        assert notes == [
            f"note: cryostat: {device} may be another port after a restart; {told.replace('BY_ID', str(tmp_path))}"
        ]


def test_check_finds_nothing_wrong_with_the_demo_lab(telegraf_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["check"]) == 0
    said = capsys.readouterr()
    assert "6 instruments" in said.out and "no mistakes" in said.out
    assert "takes the configuration" in said.out
    assert said.err == ""


@pytest.mark.parametrize(("url", "told"), [("", True), ("grafana: {url: 'https://grafana.example.org'}\n", False)])
def test_links_that_lead_nowhere_are_told(url, told, written, capsys: pytest.CaptureFixture[str]):
    path = written("sim:")
    point = "notifications: {contact_points: [{name: people, type: email, addresses: [lab@example.org]}]}\n"
    path.write_text(path.read_text() + point + url)
    assert cli.main(["check", str(path)]) == 0
    assert ("unless grafana.url says how people reach it" in capsys.readouterr().out) == told


@pytest.mark.parametrize("verb", [["check"], ["render", "--to", "FOLDER"]])
def test_what_a_site_file_simulates_is_told(
    verb: list[str], written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    verb = [word.replace("FOLDER", str(tmp_path / "out")) for word in verb]
    for connection, told in (("sim:", True), ("tcp://192.168.1.5:7777", False)):
        path = written(connection)
        assert cli.main([*verb, str(path)]) == 0
        assert ("note: simulated, because their connection is sim: — cryostat" in capsys.readouterr().out) == told


def test_check_tells_units_that_it_does_not_know(written, capsys: pytest.CaptureFixture[str]):
    """A unit of the lab's own is no mistake."""
    path = written("tcp://192.168.1.5:7777")
    reads = '{a: {query: "A?", unit: ADU}, b: {query: "B?", unit: Mj}, c: {query: "C?", unit: mbar}, d: {query: "D?", unit: ""}}'
    path.write_text(
        path.read_text()
        + f"  - {{name: gauge, driver: scpi, connection: 'tcp://10.0.0.1:1', channels: {{x: {{read: {reads}}}}}}}\n"
    )
    assert cli.main(["check", str(path)]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: '")] == [
        "note: 'ADU' (a of gauge, channel x) is no unit that is known; limits have to be written in it, too",
        "note: 'Mj' (b of gauge, channel x) is no unit that is known; did you mean 'MJ'?",
    ]


def test_check_tells_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "lab.yml"
    path.write_text(
        site.find("demo").read_text().replace("zone:", "zonne:").replace("50 mK}", "50}").replace("850 mK", "850")
    )
    assert cli.main(["check", str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{path}:7: zonne: is not a key of a site file; did you mean 'zone'?" in said.err
    assert "limits.temperature.warning.below: found 850 without a unit" in said.err
    assert "channels.6.limits.temperature.critical.above: found 50 without a unit" in said.err
    assert f"labline: 3 mistakes in {path}" in said.err


@pytest.mark.parametrize("verb", ["check", "render", "apply"])
def test_a_site_that_is_not_there_is_wrong_use(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("dmo", str(tmp_path / "none.yml")):
        assert cli.main([verb, name]) == 2
        said = capsys.readouterr()
        assert said.err.startswith("labline: ") and len(said.err.splitlines()) == 1


def test_render_writes_a_folder_and_then_finds_it_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    to = ["--to", str(tmp_path / "out")]
    assert cli.main(["render", *to, "--check"]) == 1
    assert not (tmp_path / "out").exists()
    assert cli.main(["render", *to]) == 0
    assert cli.main(["render", *to, "--check"]) == 0
    capsys.readouterr()
    (tmp_path / "out/telegraf/telegraf.conf").write_text("")
    (tmp_path / "out/grafana/dashboards/demo/host.json").unlink()
    assert cli.main(["render", *to, "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"changed: {tmp_path}/out/telegraf/telegraf.conf",
        f"new: {tmp_path}/out/grafana/dashboards/demo/host.json",
    ]


@pytest.mark.parametrize("verb", ["check", "render"])
def test_what_grafana_would_not_take_is_told_and_nothing_is_written(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("grafana_dashboards.check.faults", lambda *_: ["panel 1: no good"])
    assert cli.main([verb, *(["--to", str(tmp_path / "out")] if verb == "render" else [])]) == 1
    said = capsys.readouterr().err
    assert said.startswith("labline: a fault of labline itself") and said.endswith("panel 1: no good\n")
    assert not (tmp_path / "out").exists()


def test_render_takes_the_places_of_another_machine(tmp_path: Path):
    assert (
        cli.main(
            ["render", "--to", str(tmp_path), "--python", "/py", "--secrets", "/s", "--journal", "/j", "--config", "/c"]
        )
        == 0
    )
    text = (tmp_path / "telegraf/telegraf.conf").read_text()
    assert 'command = ["/py", "-m", "telegraf_inputs.drivers.lakeshore_372", "--config", "/c/instruments"]' in text
    assert 'path = "/s"' in text and '"/j/readings.lp"' in text


def test_render_makes_the_places_absolute_and_telegraf_takes_them(
    telegraf_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("secrets", "journal"):
        (tmp_path / name).mkdir()
    (tmp_path / "secrets/writer").write_text("word")
    places = [
        "--python",
        "bin/../bin/python",
        "--secrets",
        f"{tmp_path}/secrets/",
        "--journal",
        "journal",
        "--config",
        "./telegraf//",
    ]
    assert cli.main(["render", "--to", str(tmp_path), *places]) == 0
    text = (tmp_path / "telegraf/telegraf.conf").read_text()
    assert f'"{tmp_path}/bin/python"' in text and f'"{tmp_path}/telegraf/instruments"' in text
    assert f'path = "{tmp_path}/secrets"' in text and f'"{tmp_path}/journal/readings.lp"' in text
    check = [telegraf_path, "config", "check", "--config", tmp_path / "telegraf/telegraf.conf", "--strict-env-handling"]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_place_that_is_empty_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["render", "--to", str(tmp_path / "out"), "--secrets", ""])
    assert ended.value.code == 2 and "--secrets: found nothing, expected a path" in capsys.readouterr().err


def test_render_tells_grafana_too_where_the_secrets_are(written, tmp_path: Path):
    path = written("sim:")
    points = "notifications: {contact_points: [{name: chat, type: webhook, url_file: chat_url}]}\n"
    path.write_text(path.read_text() + points)
    out = ["--to", str(tmp_path / "out"), "--secrets", "/s"]
    assert cli.main(["render", str(path), *out]) == 0
    assert "$__file{/s/chat_url}" in (tmp_path / "out/grafana/alerting/small-contact_points.json").read_text()
    assert cli.main(["render", str(path), *out, "--check"]) == 0
    source = tmp_path / "out/grafana/datasources/small.yaml"
    assert "$__env{LABLINE_READER_PASSWORD}" in source.read_text()
    assert cli.main(["render", str(path), *out, "--grafana-secrets", "/g"]) == 0
    assert "$__file{/g/chat_url}" in (tmp_path / "out/grafana/alerting/small-contact_points.json").read_text()
    assert "$__file{/g/reader}" in source.read_text()
    assert 'path = "/s"' in (tmp_path / "out/telegraf/telegraf.conf").read_text()


def test_apply_tells_the_differences_then_mends_them_then_has_nothing_to_do(lab, capsys: pytest.CaptureFixture[str]):
    path, secrets = lab
    assert cli.main(["apply", str(path), *secrets, "--check"]) == 1
    said = capsys.readouterr()
    assert "would make database 'verbs' with retention policy 'raw' (kept 30 d)" in said.out
    assert "difference(s); to mend them: labline apply" in said.err
    assert cli.main(["apply", str(path), *secrets]) == 0
    capsys.readouterr()
    assert cli.main(["apply", str(path), *secrets, "--check"]) == 0
    assert "is as" in capsys.readouterr().out


def test_apply_drops_nothing_unasked(
    lab, influxd: influxdb.InfluxDB, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    path, secrets = lab
    assert cli.main(["apply", str(path), *secrets]) == 0
    influxd.server.write(f"scpi,channel=coil current=1.5 {time.time_ns() - 20 * DAY}", "verbs", "raw")
    path.write_text(path.read_text().replace("raw: 30d", "raw: 10d"))
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # nobody to ask
    assert cli.main(["apply", str(path), *secrets]) == 1
    said = capsys.readouterr()
    assert "would keep 10 d only: 1 values in 1 measurement(s) are older" in said.out
    assert "nothing was changed; --yes does it without asking" in said.err
    assert cli.main(["apply", str(path), *secrets, "--check"]) == 1
    assert cli.main(["apply", str(path), *secrets, "--yes"]) == 0
    assert cli.main(["apply", str(path), *secrets, "--check"]) == 0


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1), ("", 1)])
def test_apply_asks_who_sits_there(
    lab, influxd: influxdb.InfluxDB, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
):
    path, secrets = lab
    assert cli.main(["apply", str(path), *secrets]) == 0
    influxd.server.write(f"scpi,channel=coil current=1.5 {time.time_ns() - 20 * DAY}", "verbs", "raw")
    path.write_text(path.read_text().replace("raw: 30d", "raw: 10d"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    assert cli.main(["apply", str(path), *secrets]) == status


def test_ctrl_d_is_a_no(
    lab, influxd: influxdb.InfluxDB, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path, secrets = lab
    assert cli.main(["apply", str(path), *secrets]) == 0
    influxd.server.write(f"scpi,channel=coil current=1.5 {time.time_ns() - 20 * DAY}", "verbs", "raw")
    path.write_text(path.read_text().replace("raw: 30d", "raw: 10d"))
    keyboard, terminal = os.openpty()
    with open(terminal) as stdin, open(keyboard, "wb", buffering=0) as hand:
        hand.write(b"\x04")
        monkeypatch.setattr(sys, "stdin", stdin)
        assert cli.main(["apply", str(path), *secrets]) == 1
    assert "labline: nothing was changed" in capsys.readouterr().err
    assert cli.main(["apply", str(path), *secrets, "--check"]) == 1


def test_apply_does_not_take_the_database_of_another_site_unasked(
    lab, influxd: influxdb.InfluxDB, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path, secrets = lab
    assert cli.main(["apply", str(path), *secrets]) == 0
    before = influxd.server.query("SHOW CONTINUOUS QUERIES")
    second = path.with_name("second.yml")
    second.write_text(SMALL.replace("CONNECTION", "sim:") + f'influxdb: {{url: "{influxd.url}", database: verbs}}\n')
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # nobody to ask
    for check in ([], ["--check"]):
        assert cli.main(["apply", str(second), *secrets, *check]) == 1
        assert "careful: database 'verbs' belongs to site 'demo'" in capsys.readouterr().out
    assert influxd.server.query("SHOW CONTINUOUS QUERIES") == before
    assert cli.main(["apply", str(second), *secrets, "--yes"]) == 0
    assert cli.main(["apply", str(second), *secrets, "--check"]) == 0


def test_apply_tells_what_is_wrong_with_the_server_or_the_password(lab, capsys: pytest.CaptureFixture[str]):
    path, secrets = lab
    assert cli.main(["apply", str(path), *secrets, "--url", "http://127.0.0.1:1"]) == 1
    assert "nothing answers at http://127.0.0.1:1" in capsys.readouterr().err
    word = credentials.generate()
    Path(secrets[1], "labadmin").write_text(word)
    assert cli.main(["apply", str(path), *secrets]) == 1
    said = capsys.readouterr()
    assert "refuses 'labadmin'" in said.err and word not in said.err + said.out
    shutil.rmtree(secrets[1])
    assert cli.main(["apply", str(path), *secrets]) == 1
    assert (
        "labadmin: No such file or directory; expected the password of database user 'labadmin'"
        in capsys.readouterr().err
    )


def test_apply_fills_the_levels_when_asked(lab, influxd: influxdb.InfluxDB, capsys: pytest.CaptureFixture[str]):
    path, secrets = lab
    assert cli.main(["apply", str(path), *secrets]) == 0
    influxd.server.write(f"scpi,channel=coil current=1.5 {time.time_ns() - DAY}", "verbs", "raw")
    assert cli.main(["apply", str(path), *secrets, "--fill", "2d"]) == 0
    assert "downsample 2 d anew" in capsys.readouterr().out
    assert [row["current_n"] for row in influxd.server.rows('SELECT "current_n" FROM "1h"."scpi"', "verbs")] == [1]
    with pytest.raises(SystemExit) as ended:
        cli.main(["apply", str(path), *secrets, "--fill", "yesterday"])
    assert ended.value.code == 2
    assert "found 'yesterday', expected a duration" in capsys.readouterr().err


def test_a_field_never_gets_another_type_or_unit(
    lab, influxd: influxdb.InfluxDB, telegraf_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Told by `apply`, by `apply --check`, and by `check --against` with the reader's password alone."""
    path, secrets = lab
    against = ["check", str(path), "--against", influxd.url, *secrets]
    assert cli.main(against) == 1
    assert "authorization failed; it knows no such user, or another password; labline apply" in capsys.readouterr().err
    assert cli.main(["apply", str(path), *secrets]) == 0
    influxd.server.write(f"scpi,instrument=magnet,channel=coil current=1i,voltage=2.0 {time.time_ns()}", "verbs", "raw")
    path.write_text(path.read_text().replace("unit: V", "unit: mV").replace("raw: 30d", "raw: 31d"))
    (Path(secrets[1]) / "labadmin").rename(path.with_name("labadmin"))
    capsys.readouterr()
    assert cli.main(against) == 1
    said = capsys.readouterr()
    assert (
        "'current' of measurement 'scpi' is an integer in database 'verbs' (retention policy 'raw'), but the site wants"
        in said.err
    )
    assert "'voltage' of measurement 'scpi' is in 'V' in database 'verbs', but the site wants it in 'mV'" in said.err
    assert said.err.endswith(f"labline: 2 fields in {influxd.url} can't be as {path} says\n")
    assert (
        cli.main(["check", str(path), "--against", *secrets, "--state", str(path.parent / "state")]) == 1
    )  # the site file's
    path.with_name("labadmin").rename(Path(secrets[1]) / "labadmin")
    before = influxd.server.query('SHOW RETENTION POLICIES ON "verbs"')
    for more in ([], ["--check"], ["--yes"]):
        capsys.readouterr()
        assert cli.main(["apply", str(path), *secrets, *more]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert "is in 'V' in database 'verbs'" in said.err and said.err.endswith("nothing was changed\n")
    assert influxd.server.query('SHOW RETENTION POLICIES ON "verbs"') == before
    influxd.server.query('DROP MEASUREMENT "scpi"', "verbs")
    assert cli.main(["apply", str(path), *secrets]) == 0
    influxd.server.write(f"scpi,instrument=magnet,channel=coil voltage=2.0 {time.time_ns()}", "verbs", "raw")
    capsys.readouterr()
    assert cli.main(against) == 0
    assert f"{influxd.url}: database 'verbs' has 1 of the site's " in capsys.readouterr().out


def test_the_verbs_tell_how_they_are_used():
    for verb in ("check", "render", "apply"):
        done = subprocess.run([sys.executable, "-m", "labline.cli", verb, "--help"], capture_output=True, text=True)
        assert done.returncode == 0
        assert f"labline {verb}" in done.stdout and "examples:" in done.stdout


def test_a_site_of_another_name_says_what_it_leaves_and_writes_what_removes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        Path("lab.yml").write_text(SMALL.replace("CONNECTION", "sim").replace("site: small", f"site: {name}"))
        assert cli.main(["render", "lab.yml"]) == 0
    said = capsys.readouterr().out
    assert "lab.yml was called 'old' before. Its data stay in the database, with the tag site=old." in said
    assert "removed by rendered/old/grafana: copy that" in said
    rules = json.loads(Path("rendered/old/grafana/alerting/old-rules.json").read_text())
    assert rules["deleteRules"] and not rules["groups"]
    Path("other.yml").write_text(SMALL.replace("CONNECTION", "sim").replace("site: small", "site: third"))
    assert cli.main(["render", "other.yml"]) == 0 and "called" not in capsys.readouterr().out


TWO_NODES = """\
site: moving
nodes: [{name: hall, address: 192.168.1.10}, {name: rack, address: 192.168.1.11, server: true}]
influxdb: {url: "http://192.168.1.11:8086"}
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}
"""


def test_what_is_for_grafana_moves_along_with_the_server(tmp_path, capsys):
    (site := tmp_path / "moving.yml").write_text(TWO_NODES)
    to = tmp_path / "rendered"
    assert cli.main(["render", str(site), "--to", str(to)]) == 0
    (to / "rack" / "grafana" / "dashboards" / "own.json").write_text("{}")
    more = "  - {name: bath, driver: julabo, connection: serial:///dev/ttyUSB1}\n"
    site.write_text(TWO_NODES + more)
    assert cli.main(["render", str(site), "--to", str(to)]) == 0
    site.write_text(TWO_NODES.replace(", server: true", ""))  # the first node is the server, and the bath is gone
    capsys.readouterr()
    assert cli.main(["render", str(site), "--to", str(to), "--check"]) == 1
    assert f"to be moved: {to}/rack/grafana to {to}/hall/grafana" in capsys.readouterr().out
    assert (to / "rack" / "grafana").exists()
    assert cli.main(["render", str(site), "--to", str(to)]) == 0
    assert f"moved: {to}/rack/grafana to {to}/hall/grafana" in capsys.readouterr().out
    assert not (to / "rack" / "grafana").exists() and (to / "hall" / "grafana" / "dashboards" / "own.json").exists()
    rules = json.loads((to / "hall" / "grafana" / "alerting" / "moving-rules.json").read_text())
    assert any("bath" in gone["uid"] for gone in rules["deleteRules"]), "Grafana is told to forget what it had"
    shutil.copytree(to / "hall" / "grafana", to / "rack" / "grafana")
    assert cli.main(["render", str(site), "--to", str(to)]) == 0
    assert f"note: {to}/rack/grafana is from when another node was the server" in capsys.readouterr().out


def test_check_predicts_what_a_site_writes_in_a_day(capsys):
    assert cli.main(["check", "demo"]) == 0
    said = capsys.readouterr().out
    assert re.search(
        r"^note: daq writes about \d\.\d GB a day \(InfluxDB .*, the journal .*, counts of readings .*\); with storage: sd_card ",
        said,
        re.M,
    )


def test_check_predicts_nothing_for_a_node_that_reads_nothing(tmp_path, capsys):
    site = tmp_path / "two.yml"
    site.write_text(
        "site: two\nnodes: [{name: rack, address: 192.168.1.11}, {name: cellar}]\n"
        "influxdb: {url: 'http://192.168.1.11:8086'}\n"
        "instruments: [{name: cryostat, driver: lakeshore_372, connection: 'tcp://192.168.1.5:7777'}]\n"
    )
    assert cli.main(["check", str(site)]) == 0
    said = capsys.readouterr().out
    assert "note: rack writes about" in said and "cellar writes" not in said
