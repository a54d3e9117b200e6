"""Whether readings arrive is tried, and known wherever somebody looks: on disks that fill up or fail, in a real lab."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from msgspec import structs

from grafana_dashboards import delivery
from labline.live.canary import EVERY, Canary, merged
from labline.live.outputs import CANARY, Trouble
from labline.live.telegraf_log import TelegrafLogs
from labline.live.watch import Watch
from labline.local import health
from provisioning import site as sites
from provisioning.influxdb_server import DatabaseError, Server

from .conftest import LONGEST, wait_until
from .test_run import alarms

SITE = """\
site: trial
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - {{name: cryostat, driver: lakeshore_372, connection: "{connection}", interval: 500ms}}
"""


@pytest.fixture
def canary(database, influxd, tmp_path):
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    file = tmp_path / "trial.yml"
    file.write_text(SITE.format(database=database.name, connection="tcp://192.168.1.5:7777"))
    (tmp_path / "secrets").mkdir()
    names = {"writer": database.writer, "reader": database.reader}
    for user, password in (("writer", database.writer_password), ("reader", database.reader_password)):
        (tmp_path / "secrets" / user).write_text(password)
    made = Canary(sites.load(file), Server(database.url, seconds=4), tmp_path / "secrets")
    # The shared server has users of other names.
    made._as = lambda user: Server(database.url, names[user], (tmp_path / "secrets" / user).read_text())
    return made


def test_a_point_that_is_found_again_is_no_trouble(canary):
    assert canary.send() is None and canary.look() is None


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SET PASSWORD FOR \"{writer}\" = 'another'", "wrong password"),
        ('REVOKE WRITE ON "{name}" FROM "{writer}"', "no right to write"),
        ('DROP RETENTION POLICY "raw" ON "{name}"', "no such retention policy"),
        ('DROP DATABASE "{name}"', "no such database"),
        ('DROP MEASUREMENT "delivery"', "field type conflict"),
    ],
)
def test_a_point_that_is_refused_says_why(canary, database, influxd, statement, kind):
    assert canary.send() is None and not canary.doubtful()
    influxd.server.query(statement.format(name=database.name, writer=database.writer), database.name)
    if kind == "field type conflict":
        database.write('delivery,site=other failing="no"', "raw")
    # Without writing a point all is seen but what is wrong with points themselves.
    assert canary.doubtful() == (kind != "field type conflict")
    trouble = canary.send()
    assert (trouble.output, trouble.kind) == (CANARY, kind)
    assert trouble.line().startswith("A trial point does not reach the database since ")
    first = trouble.first
    assert canary.send().first == first  # the same trouble as before, that goes on


def test_on_a_memory_card_a_fault_is_noted_as_soon_as_elsewhere(canary, database, influxd, tmp_path, monkeypatch):
    """Points are few there; what can be seen without one has one tried at once. Nobody waits in this test: looks are called."""
    site = sites.load(tmp_path / "trial.yml")
    site = structs.replace(site, nodes=(structs.replace(site.server, storage="sd_card"),))
    monkeypatch.setattr(health.Health, "_run", lambda _: None)
    looked = health.Health(
        site,
        types.SimpleNamespace(root=tmp_path, secrets=None),
        TelegrafLogs([]),
        types.SimpleNamespace(reader=lambda _: None),
    )
    looked._canary = canary
    assert site.server.flush_seconds > 2 * EVERY and looked._due()
    looked._send()
    assert not looked._due() and not looked.troubles()
    influxd.server.query(f"SET PASSWORD FOR \"{database.writer}\" = 'another'")
    assert looked._due()
    looked._send()
    assert [trouble.kind for trouble in looked.troubles()] == ["wrong password"] and looked._due()
    influxd.server.query(f"SET PASSWORD FOR \"{database.writer}\" = '{database.writer_password}'", hidden="x")
    looked._send()
    assert not looked.troubles() and not looked._due()
    monkeypatch.setattr(health.disk, "LOW", float("inf"))
    assert looked._due()  # there is hardly any room


def test_an_alarm_is_there_within_fifteen_seconds(tmp_path, canary):
    """A look each EVERY seconds, and Grafana's each ten; what was noted stays long enough to be seen by it."""
    site = sites.load(tmp_path / "trial.yml")
    assert EVERY + site.alarms.every < 15 and EVERY + site.alarms.every <= delivery.SECONDS


def test_the_table_says_that_not_all_is_stored(canary, database, tmp_path):
    site, server = sites.load(tmp_path / "trial.yml"), Server(database.url, database.reader, database.reader_password)
    (tmp_path / "secrets/writer").write_text("another")
    watch = Watch(site, server, 0, troubles=lambda: merged([], canary.look), runs=lambda node: True)
    snapshot = watch.look()
    assert not snapshot.well and snapshot.summary.endswith("but NOT all is stored")
    assert snapshot.notes["cryostat"].endswith("what is wrong on the way there stands above.")
    (said,) = snapshot.troubles.values()
    assert "authorization failed" in said and "Is its password" in said


def test_what_telegrafs_log_says_just_now_is_not_said_twice():
    refused = Trouble("database", "authorization failed", True, 100.0, 105.0)
    trial = Trouble(CANARY, "x does not take what is written: authorization failed", False, 100.0, 106.0)
    assert merged([refused], lambda: trial) == [refused]
    assert merged([refused], lambda: Trouble(CANARY, "timeout", False, 100.0, 106.0))[0].kind == "no answer"
    assert merged([], lambda: None) == []


@pytest.fixture
def small_disk(tmp_path):
    """Give a folder on a small disk of its own, which can be filled, and can fail."""
    image, folder = tmp_path / "disk.img", tmp_path / ".labline"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(120 << 20)
    made = [["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, folder]]
    if os.getuid() or any(subprocess.run(command, capture_output=True).returncode for command in made):
        pytest.skip("needs root, and a loop device")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_and_one_that_fails_are_told_with_their_reason(small_disk, start, tmp_path):
    site = tmp_path / "trial.yml"
    site.write_text(SITE.format(database="lab", connection="sim:?seed=1"))
    run = start(str(site))
    url = run.wait_for(r"InfluxDB +(http://\S+),")[1]
    run.wait_for(r"1 ok$")
    admin = Server(url, "labadmin", (small_disk / "trial/secrets/labadmin").read_text())
    _fill(small_disk / "big")
    run.wait_for(r"^\S+ A trial point does not reach the database since .*no space left on device. Free some space")
    wait_until(lambda: "disk full" in alarms(admin), "dashboards and alarms know it")
    assert _status(site).returncode == 1

    (small_disk / "big").unlink()
    run.wait_for(r"the disk has room again")
    run.wait_for(r"InfluxDB is started anew")
    over = time.time_ns() + 6 * 10**9  # of what the database was asked while it was started nothing is left by then
    wait_until(lambda: _newest(admin) > over and not alarms(admin), "it is over")

    subprocess.run(["mount", "-o", "remount,abort", small_disk], check=True)
    run.wait_for(r"^\S+ A trial point does not reach the database since .*read-only file system. The disk has a fault")
    wait_until(lambda: "disk read-only" in alarms(admin), "dashboards and alarms know it")
    status = _status(site)
    assert status.returncode == 1 and "read-only file system" in status.stdout and "NOT all is stored" in status.stdout
    assert "Does Telegraf run?" not in run.text + status.stdout
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 1, run.text
    assert "could NOT be counted: disk read-only; what the database shows now may be in its memory alone" in run.text
    assert "Traceback" not in run.text and not re.search("Nothing was lost", run.text)


def _newest(server: Server) -> int:
    """Tell when a trial point was last found again (ns)."""
    with contextlib.suppress(DatabaseError):
        for row in server.rows('SELECT last("failing") FROM "raw"."delivery" WHERE "output" = \'canary\'', "lab"):
            return int(row["time"])
    return 0


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as big:
        size = 1 << 20
        while size:
            try:
                big.write(bytes(size))
            except OSError:
                size //= 2


def _status(site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labline.cli", "status", str(site)]
    return subprocess.run(command, cwd=site.parent, capture_output=True, text=True, timeout=LONGEST)
