"""`labline doctor`: what it says of a lab that does not run, thing by thing; of one that runs, see test_run.py."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import types

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from labline import cli
from labline.examine import finding, folders, machine, mail
from labline.stack import ports
from provisioning import influxdb_apply, influxdb_schema
from provisioning import site as sites
from telegraf_inputs import simulators, stanza

from .conftest import passwords_of

SITE = """\
site: trial
title: A trial lab
nodes: [{{name: here}}]
influxdb: {{url: "{url}", database: doctor}}
instruments:
  - {{name: cryostat, driver: lakeshore_372, connection: "{connection}", timeout: 500ms}}
  - {{name: gone, driver: lakeshore_372, connection: "tcp://127.0.0.1:{closed}", timeout: 500ms}}
  - {{name: nowhere, driver: lakeshore_372, connection: "tcp://no-such-host.invalid:7777", timeout: 500ms}}
  - {{name: gauge, driver: pfeiffer_tpg, model: tpg262, connection: serial:///dev/no-such-port, timeout: 500ms}}
  - {{name: spare, driver: pfeiffer_tpg, model: tpg262, connection: serial:///dev/other, enabled: false}}
notifications:
  contact_points:
    - {{name: people, type: email, addresses: [lab@example.org]}}
"""


@pytest.fixture
def lines(tmp_path, influxd, monkeypatch, capsys):
    """Give a function that writes the site file, runs the doctor, and gives what it said, by subject; and the status."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    data = {"name": "cryostat", "driver": "lakeshore_372", "connection": "sim:?transport=tcp"}
    simulator = simulators.start(stanza.check(data))
    file = tmp_path / "trial.yml"
    file.write_text(SITE.format(url=influxd.url, connection=simulator.url, closed=closed))
    secrets = passwords_of(influxd, tmp_path)

    def run(*more):
        status = cli.main(["doctor", str(file), "--secrets", str(secrets), *more])
        said = {}
        for line in capsys.readouterr().out.splitlines():
            said.setdefault(line[6:18].strip(), []).append((line[:4].strip(), line[18:].strip()))
        return said, status

    yield types.SimpleNamespace(
        run=run, site=lambda: sites.load(file), secrets=secrets, url=influxd.url, query=influxd.server.query
    )
    simulator.stop()
    influxd.server.query("DROP DATABASE doctor")
    for row in influxd.server.rows("SHOW USERS"):
        if row["user"] in ("writer", "reader"):
            influxd.server.query(f"DROP USER {row['user']}")


def test_each_thing_is_well_or_says_what_to_do(lines, monkeypatch):
    monkeypatch.delenv("GF_SMTP_ENABLED", raising=False)
    said, status = lines.run()
    assert status == 1
    ((word, text),) = said["cryostat"]
    assert word == "ok" and "answers: 'LSCI,MODEL372" in text
    for name, expected in {"gone": "refused", "nowhere": "no-such-host.invalid", "gauge": "/dev/no-such-port"}.items():
        ((word, text),) = said[name]
        assert word == "MEND" and expected in text and " -> " in text, text
    assert said["spare"] == [("ok", "is not read: enabled: false")]
    ((word, text),) = said["name"]
    assert word == "MEND" and text.startswith("no-such-host.invalid: ")
    assert {word for word, _ in said["database"]} == {"MEND"} and "labline apply" in said["database"][0][1]
    assert said["user reader"][0][0] == "MEND"
    ((word, text),) = said["mail"]
    assert word == "MEND" and "no mail server" in text
    assert not any("password-of" in text for found in said.values() for _, text in found)

    plan = influxdb_apply.plan(lines.url, influxdb_schema.schema(lines.site()), lines.secrets)
    influxdb_apply.apply(plan, lambda _: None)
    said, _ = lines.run()
    assert [word for word, _ in said["database"]] == ["ok"] and "as the site file says" in said["database"][0][1]
    assert said["user reader"] == [("ok", "tried with its password: may read, may not write")]
    assert said["user writer"] == [("ok", "tried with its password: may write, may not read")]
    assert said["journal"][0][1].startswith("is empty: ")
    # What it tries is nothing that stays there, and what a user may too much, or too little, is seen.
    assert lines.query('SHOW SERIES ON doctor FROM "delivery"') == []
    lines.query("GRANT ALL ON doctor TO reader")
    lines.query("REVOKE ALL ON doctor FROM writer")
    said, _ = lines.run()
    assert said["user reader"][0][0] == "MEND" and "may write in 'doctor', and should not" in said["user reader"][0][1]
    assert said["user writer"][0][0] == "MEND" and "may not write: " in said["user writer"][0][1]
    lines.query("GRANT READ ON doctor TO reader")
    lines.query("GRANT ALL ON doctor TO writer")
    assert "may read in 'doctor', and should not" in lines.run()[0]["user writer"][0][1]
    (lines.secrets / "reader").write_text("Another-password-1")
    said, _ = lines.run()
    assert said["user reader"][0][0] == "MEND" and "authorization failed" in said["user reader"][0][1]


def test_the_mail_server_is_greeted_and_sends_one_mail_where_that_is_asked_for(lines, monkeypatch):
    class Kept(Message):
        mails: list = []

        def handle_message(self, message):
            self.mails.append(message)

    server = Controller(Kept(), hostname="127.0.0.1", port=ports.free(1)[0])
    server.start()
    try:
        monkeypatch.setenv("GF_SMTP_ENABLED", "true")
        monkeypatch.setenv("GF_SMTP_HOST", f"127.0.0.1:{server.port}")
        ((word, text),) = lines.run()[0]["mail"]
        assert word == "ok" and "says hello" in text and not Kept.mails
        ((word, text),) = lines.run("--mail")[0]["mail"]
        assert word == "ok" and "on its way to lab@example.org" in text
        (sent,) = Kept.mails
        assert sent["To"] == "lab@example.org" and sent["Subject"].startswith("A trial lab")
        monkeypatch.setenv("GF_SMTP_USER", "lab")
        monkeypatch.setenv("GF_SMTP_PASSWORD", "a-secret")
        ((word, text),) = lines.run()[0]["mail"]
        assert word == "MEND" and "a-secret" not in text
    finally:
        server.stop()
    ((word, text),) = lines.run()[0]["mail"]
    assert word == "MEND" and "refused" in text


def test_a_password_for_the_mail_server_is_read_from_its_file(tmp_path):
    (tmp_path / "password").write_text("word\n")
    assert mail._secret(f"$__file{{{tmp_path}/password}}") == "word" and mail._secret("word") == "word"


@pytest.mark.parametrize(("told", "mend"), [("0x02 0x03", False), ("0x01 0x0a", True)])
def test_a_worn_card_is_told(tmp_path, told, mend):
    """/sys/block/mmcblk0/device/life_time, as the kernel's mmc driver writes it."""
    device = os.stat(tmp_path).st_dev
    folder = tmp_path / f"{os.major(device)}:{os.minor(device)}" / "device"
    folder.mkdir(parents=True)
    (folder / "life_time").write_text(told)
    (finding,) = machine.wear(tmp_path, device)
    assert finding.well is not mend and f"{min(int(told[-2:], 16), 10) * 10} %" in finding.said
    (folder / "life_time").write_text("0x00 0x00")
    assert not list(machine.wear(tmp_path, device))


def test_a_disk_that_gets_full_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1e9, total=64e9))
    (finding,) = (found for found in machine._disk(pathlib.Path(tmp_path / "not" / "there")) if "free" in found.said)
    assert "free some space" in finding.cure and str(tmp_path) in finding.said


def test_a_folder_of_pictures_that_cant_be_written_to_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    own = os.access

    def access(path, mode):
        return own(path, mode) and pathlib.Path(path).name != "barred"  # for root, too

    monkeypatch.setattr(os, "access", access)
    (tmp_path / "barred").mkdir()
    places = ("there", "barred", "barred/deeper", "file/x")
    stanzas = "".join(
        f"  - {{name: c{number}, driver: camera, connection: 'http://127.0.0.1/x', channels: {{picture: {{folder: {tmp_path / place}}}}}}}\n"
        for number, place in enumerate(places)
    )
    scipion = f"  - {{name: s, driver: scipion, connection: 'file:///x', pictures: 'file://{tmp_path}/p', channels: {{ctf: }}}}\n"
    file = tmp_path / "site.yml"
    begin = "site: t\nnodes: [{name: here}]\ninfluxdb: {database: d}\ninstruments:\n"
    file.write_text(begin + stanzas + scipion)
    found = list(folders.findings(finding.Examined(sites.load(file), tmp_path, tmp_path, None, mail=False)))
    assert [(each.subject, each.well) for each in found] == [
        ("c0", True), ("c1", False), ("c2", False), ("c3", False), ("s", True),
    ]  # fmt: skip
    assert found[0].said.endswith("there can be written to, once it is made")
    assert "can't write into" in found[1].said and "can't make it in" in found[2].said
    assert found[2].cure.endswith("/barred/deeper") and found[3].said.endswith("file is no folder")
