"""`labline rotate`: other passwords for the database's users, and no point is lost."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from labline import cli
from labline.stack import credentials, influxdb, telegraf
from provisioning import influxdb_passwords
from provisioning import site as sites
from provisioning.influxdb_server import DatabaseError, Server
from tests.labline.conftest import passwords_of, wait_until

USERS = ("labadmin", "reader", "writer")
SITE = """\
site: rotated
nodes: [{name: here}]
instruments:
  - {name: steady, driver: lakeshore_372, connection: "sim:?seed=1", interval: 200ms, channels: {"1": null}}
  - {name: other, driver: pfeiffer_tpg, model: tpg262, connection: "sim:?seed=2", interval: 200ms}
"""


def labline(*arguments, cwd, **environment):
    command = [sys.executable, "-m", "labline.cli", *map(str, arguments)]
    surroundings = {**os.environ, **environment}
    return subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=120)


def words(secrets: Path) -> dict[str, str]:
    return {user: (secrets / user).read_text() for user in USERS}


def accepted(url: str, passwords: dict[str, str]) -> set[str]:
    return {user for user, password in passwords.items() if not Server(url, user, password).refusal()}


def test_a_lab_that_runs_gets_new_passwords_and_loses_nothing(start, tmp_path):
    file = tmp_path / "rotated.yml"
    file.write_text(SITE)
    run = start(str(file))
    url = run.wait_for(r"InfluxDB +(http://\S+),")[1]
    run.wait_for(r"2 instruments: 2 ok$")
    secrets = tmp_path / ".labline/rotated/secrets"
    seen = [words(secrets)]
    for _ in range(2):
        done = labline("rotate", file, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "new passwords: writer, reader, labadmin" in done.stdout
        seen.append(words(secrets))
        assert accepted(url, seen[-2]) == set() and accepted(url, seen[-1]) == set(USERS)
        assert not [word for passwords in seen for word in passwords.values() if word in done.stdout + done.stderr]

        def stored() -> int:
            reader = Server(url, "reader", seen[-1]["reader"])
            (row,) = reader.rows("SELECT count(temperature) AS n FROM lakeshore_372", "lab")
            return row["n"]

        before = stored()
        wait_until(lambda b=before, s=stored: s() > b, "readings with the new password")
    # The folder has these files alone again, for their owner alone.
    assert not [
        path.name for path in secrets.iterdir() if influxdb_passwords.BEFORE in path.name or ".new" in path.name
    ]
    assert {stat.S_IMODE((secrets / user).stat().st_mode) for user in USERS} == {0o600}
    status = labline("status", file, cwd=tmp_path)
    assert status.returncode == 0, status.stdout + status.stderr
    run.process.terminate()
    run.end()
    ledger = run.ledger()
    assert ledger["steady"][0] > 10 and {lost for _, _, lost in ledger.values()} == {0}, run.text
    assert "authorization failed" not in run.text
    assert not [word for passwords in seen for word in passwords.values() if word in run.text]


def test_one_that_was_ended_between_file_and_server_is_mended_by_the_next_start(tmp_path):
    program, secrets = influxdb.get().path, tmp_path / "secrets"
    with influxdb.InfluxDB(program, tmp_path / "data", secrets) as first:
        old = first.password
    (secrets / "labadmin.before").write_text(old)
    (secrets / "labadmin").write_text("An0ther-password-of-24-x")
    with influxdb.InfluxDB(program, tmp_path / "data", secrets) as second:
        assert not second.server.refusal() and second.server.as_user("labadmin", old).refusal()
    assert not (secrets / "labadmin.before").exists()


def test_one_that_does_not_run_is_told_what_to_do(tmp_path):
    file = tmp_path / "rotated.yml"
    file.write_text(SITE)
    done = labline("rotate", file, cwd=tmp_path)
    assert done.returncode == 1 and "does not run here" in done.stderr and "--secrets DIR" in done.stderr


@pytest.fixture
def served(influxd, tmp_path, telegraf_path):
    """A site whose Telegraf is a service: a systemctl that stops and starts the real one; with its folder of passwords."""
    secrets = passwords_of(influxd, tmp_path)
    file = tmp_path / "served.yml"
    file.write_text(
        SITE.replace("site: rotated", f"site: served\ninfluxdb: {{url: '{influxd.url}', database: served}}")
    )
    assert cli.main(["apply", str(file), "--secrets", str(secrets)]) == 0
    (tmp_path / "journal").mkdir()
    places = ["--python", sys.executable, "--config", tmp_path / "etc/telegraf", "--secrets", secrets]
    rendered = [*places, "--journal", tmp_path / "journal", "--to", tmp_path / "etc"]
    assert cli.main(["render", str(file), *map(str, rendered)]) == 0
    yield file, secrets, telegraf_path
    present = influxd.server.as_user("labadmin", (secrets / "labadmin").read_text())
    present.query(f"SET PASSWORD FOR \"labadmin\" = '{influxd.password}'")
    influxd.server.query('DROP DATABASE "served"')
    for user in ("writer", "reader"):
        influxd.server.query(f'DROP USER "{user}"')


class Systemctl:
    """What stands for systemctl in this process: it stops and starts a real Telegraf."""

    def __init__(self, program: Path, folder: Path):
        self._program, self._folder = program, folder
        self.asked: list[str] = []
        self.telegraf: telegraf.Telegraf | None = None

    def __call__(self, verb: str, name: str) -> None:
        self.asked.append(f"{verb} {name}")
        if verb == "start":
            config, log = self._folder / "etc/telegraf/telegraf.conf", self._folder / "telegraf.log"
            self.telegraf = telegraf.Telegraf(self._program, config, log)
        elif verb == "stop" and self.telegraf:
            self.telegraf.stop()


def test_a_telegraf_that_is_a_service_loses_nothing_either(served, influxd, tmp_path, monkeypatch, capsys):
    file, secrets, program = served
    from labline.stack import service

    systemctl = Systemctl(program, tmp_path)
    monkeypatch.setattr(service, "_systemctl", systemctl)
    systemctl("start", "telegraf")
    before = words(secrets)
    (secrets / "writer").chmod(0o640)

    def stored() -> set[int]:
        reader = Server(influxd.url, "reader", (secrets / "reader").read_text())
        return {row["time"] for row in reader.rows("SELECT temperature FROM lakeshore_372", "served")}

    wait_until(lambda: len(stored()) > 3, "readings with the first password")
    assert cli.main(["rotate", str(file), "--secrets", str(secrets)]) == 0
    said = capsys.readouterr()
    assert systemctl.asked == ["start telegraf", "is-active telegraf", "stop telegraf", "start telegraf"]
    assert accepted(influxd.url, before) == set() and accepted(influxd.url, words(secrets)) == set(USERS)
    assert stat.S_IMODE((secrets / "writer").stat().st_mode) == 0o640  # as Telegraf's group may read it
    known = stored()
    wait_until(lambda: len(stored()) > len(known) + 3, "readings with the second password")
    systemctl("stop", "telegraf")
    # All that was read, by the journal, is in the database.
    lines = "".join(path.read_text() for path in (tmp_path / "journal").iterdir()).splitlines()
    read = {
        int(line.rpartition(" ")[2]) for line in lines if line.startswith("lakeshore_372,") and "temperature=" in line
    }
    assert read and read <= stored()
    assert "authorization failed" not in (tmp_path / "telegraf.log").read_text()
    passwords = [*before.values(), *words(secrets).values()]
    assert not [word for word in passwords if word in said.out + said.err]


def test_what_the_server_refuses_changes_nothing(served, influxd, monkeypatch):
    file, secrets, _ = served
    before = words(secrets)
    server = Server(influxd.url, "reader", before["reader"])  # who may not
    with pytest.raises(DatabaseError) as refused:
        influxdb_passwords.rotate(server, secrets, "writer", credentials.generate())
    assert words(secrets) == before and accepted(influxd.url, before) == set(USERS)
    assert not (secrets / "writer.before").exists()
    assert not [word for word in before.values() if word in str(refused.value)]


def test_a_telegraf_on_another_node_would_lose_its_points(tmp_path, capsys):
    site = sites.SITES / "nodes.yml"
    assert cli.main(["rotate", str(site), "--secrets", str(tmp_path)]) == 2
    assert "has the password of writer" in capsys.readouterr().err


def test_passwords_may_be_given_and_who_has_his_already_keeps_it(served, influxd, monkeypatch, capsys):
    file, secrets, _ = served
    before = words(secrets)
    given = {user: credentials.generate() for user in USERS} | {"grafana_admin": "of no concern"}
    (secrets / "writer").write_text(given["writer"])  # as a node that is the server has it already
    rotated = []
    for _ in range(2):
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(given)))
        assert cli.main(["rotate", str(file), "--secrets", str(secrets), "--given"]) == 0
        rotated.append(capsys.readouterr().out.splitlines())
    assert rotated == [[f"new password: {user}" for user in ("writer", "reader", "labadmin")], []]
    assert accepted(influxd.url, before) == set() and accepted(influxd.url, words(secrets)) == set(USERS)
    assert words(secrets) == {user: given[user] for user in USERS}
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    assert cli.main(["rotate", str(file), "--secrets", str(secrets), "--given"]) == 2
    assert "expected JSON with passwords" in capsys.readouterr().err
