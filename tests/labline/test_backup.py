"""`labline backup` and `labline restore`: real restic, real InfluxDB; what was backed up is counted in a fresh server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from labline import cli
from labline.saving import dump, record
from labline.stack import debian, influxdb, ports
from labline.stack.errors import StackError
from provisioning.influxdb_server import DatabaseError, Server
from tests.labline.conftest import wait_until
from tests.parts.sftp import SftpServer

PASSWORD = "An0ther-password-of-24-x"
SITE = """\
site: kept
nodes: [{name: here}]
influxdb: {url: "http://127.0.0.1:8086", database: lab, retention: {raw: 30d}}
instruments:
  - {name: cold, driver: lakeshore_372, connection: "sim:?seed=1", channels: {"1": null}}
"""
DAY = 86400


@contextmanager
def server(folder: Path, site: str = "kept") -> Iterator[tuple[Server, str]]:
    """Run an InfluxDB with its backup port open, and the site's database in it; gives the two and the port's address."""
    http, port = ports.free(2)
    folder.mkdir()
    (folder / "influxdb.conf").write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{port}"\n[meta]\ndir = "{folder}/meta"\n[data]\n'
        f'dir = "{folder}/data"\nwal-dir = "{folder}/wal"\n[http]\nbind-address = "127.0.0.1:{http}"\nauth-enabled = true\n'
    )
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    for user in ("labadmin", "writer", "reader"):
        (secrets / user).write_text(PASSWORD)
        (secrets / user).chmod(0o600)
    (folder / "site.yml").write_text(SITE.replace("8086", str(http)).replace("kept", site))
    with (folder / "log").open("w") as log:
        command = [influxdb.get().path, "-config", folder / "influxdb.conf"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        anybody = Server(f"http://127.0.0.1:{http}")

        def takes_its_administrator() -> bool:
            try:
                anybody.query(f"CREATE USER labadmin WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES")
            except DatabaseError:
                assert process.poll() is None, (folder / "log").read_text()
                return False
            return True

        wait_until(takes_its_administrator, "InfluxDB")
        assert cli.main(["apply", str(folder / "site.yml"), "--secrets", str(secrets)]) == 0
        yield anybody.as_user("labadmin", PASSWORD), f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module", autouse=True)
def restic() -> Iterator[None]:
    """Have restic at hand: this machine's, else Debian's, unpacked."""
    with pytest.MonkeyPatch.context() as patch:
        if not shutil.which("restic"):
            patch.setenv("PATH", f"{debian.unpack('restic') / 'usr/bin'}:{os.environ['PATH']}")
        yield


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with ExitStack() as undo:
        folder = tmp_path_factory.mktemp("kept")
        made, port = undo.enter_context(server(folder / "lab"))
        yield Kept(folder, made, port)


class Kept:
    """A lab with two days of history, its Grafana, and where its backups go."""

    def __init__(self, folder: Path, server: Server, port: str):
        self.folder, self.server, self.port = folder, server, port
        self.lab, self.repository, self.work = folder / "lab", folder / "nas/labline", folder / "work"
        self.password = folder / "restic.password"
        self.password.write_text("kept apart from all else")
        self.work.mkdir()
        self.repository.parent.mkdir()
        now = time.time_ns()
        # `state` is a text here and a number there: each must stay what it is.
        lines = [
            f'lakeshore_372,instrument=cold,channel=1 temperature={i}.5,state="ok" {now - i * 10**11}\n'
            f"other,instrument=cold state={i}i,on={'true' if i % 2 else 'false'} {now - i * 10**11}\n"
            for i in range(2 * DAY // 100)
        ]
        server.write("".join(lines), "lab", "raw")
        server.write("lakeshore_372,instrument=cold old=1 1000000000000000000", "lab", "forever")
        self.grafana = folder / "grafana.db"
        with sqlite3.connect(self.grafana) as database:
            database.execute("CREATE TABLE dashboards (name TEXT)")
            database.execute("INSERT INTO dashboards VALUES ('mine')")
        database.close()

    def backup(self, *more: str, port: str = "") -> int:
        words = ["backup", str(self.lab / "site.yml"), *self.where("--to"), "--work", str(self.work)]
        return cli.main([*words, "--port", port or self.port, "--grafana", str(self.grafana), *more])

    def where(self, option: str) -> list[str]:
        return [option, str(self.repository), "--password-file", str(self.password)]

    def told(self, capsys: pytest.CaptureFixture[str]) -> str:
        capsys.readouterr()
        assert cli.main(["backup", "--tell", "--work", str(self.work)]) == 0
        return capsys.readouterr().out


def counted(server: Server, database: str = "lab") -> dict[str, object]:
    return {
        f"{policy} {series.name}": series.rows
        for policy in ("raw", "forever")
        for series in server.query(f'SELECT count(*) FROM "{policy}"./lakeshore_372|other/', database)
    }


def test_a_backup_is_there_again_in_a_fresh_server(kept, tmp_path, capsys):
    assert kept.told(capsys) == "backup result=2i\n"
    assert kept.backup("--init") == 0 and not (kept.work / record.FILE).exists()
    assert kept.backup("--init") == 0 and record.read(kept.work) == record.BackupRecord()
    assert (kept.work / record.FILE).exists(), "a backup of a machine before this one may be there"
    assert kept.backup() == 0
    assert re.fullmatch(r"backup result=0i,age=0\.0\d+,size=[\d.]+,took=[\d.]+\n", kept.told(capsys))
    assert [path.name for path in kept.work.iterdir() if path.name == "gathered"] == []
    with server(tmp_path / "fresh") as (fresh, port):
        new = f"lakeshore_372,instrument=cold,channel=1 temperature=4 {time.time_ns()}"
        fresh.write(new, "lab", "raw")  # what came since the database was made anew
        words = ["restore", str(tmp_path / "fresh/site.yml"), *kept.where("--from"), "--port", port]
        words += ["--secrets", str(tmp_path / "fresh/secrets"), "--into", str(tmp_path / "into")]
        assert cli.main(words) == 0
        before, after = counted(kept.server), counted(fresh)
        before["raw lakeshore_372"][0]["count_temperature"] += 1
        before["raw lakeshore_372"][0]["time"] = after["raw lakeshore_372"][0]["time"]
        assert before == after and len(after) == 3
        fields = {
            (row["fieldKey"], row["fieldType"]) for row in fresh.rows('SHOW FIELD KEYS FROM "raw"."other"', "lab")
        }
        assert fields == {("state", "integer"), ("on", "boolean")}
        assert {row["name"] for row in fresh.rows("SHOW DATABASES")} == {"lab"}
    with sqlite3.connect(tmp_path / "into/grafana.db") as database:
        assert database.execute("SELECT name FROM dashboards").fetchall() == [("mine",)]
    database.close()
    assert (tmp_path / "into/files/site.yml").read_text() == (kept.lab / "site.yml").read_text()


@pytest.fixture
def shared(kept: Kept, tmp_path: Path) -> Iterator[Shared]:
    with server(tmp_path / "other", "other") as (other, port):
        other.write(f"lakeshore_372,instrument=warm temperature=300 {time.time_ns()}", "lab", "raw")
        yield Shared(kept, tmp_path, other, port)


class Shared:
    """A repository that `kept` shares with another lab, whose server has the same host name."""

    def __init__(self, kept: Kept, folder: Path, other: Server, port: str):
        self._kept, self._folder = kept, folder
        self.other, self.into, self.repository = other, folder / "into", folder / "repository"
        self._ports = {kept.lab: kept.port, folder / "other": port}
        self._where = [str(self.repository), "--password-file", str(kept.password)]

    def backup(self, *more: str) -> None:
        """Back up both, the other one last."""
        for lab, port in self._ports.items():
            words = ["--to", *self._where, "--work", str(self._folder / "work" / lab.name), "--port", port, *more]
            assert cli.main(["backup", str(lab / "site.yml"), *words]) == 0

    def restore_other(self, *more: str, port: str = "") -> int:
        """Put a backup back into the other lab's database."""
        lab = self._folder / "other"
        words = ["--from", *self._where, "--secrets", str(lab / "secrets"), "--into", str(self.into)]
        return cli.main(["restore", str(lab / "site.yml"), *words, "--port", port or self._ports[lab], *more])

    def restic(self, *words: str) -> str:
        command = ["restic", "--repo", self.repository, "--password-file", self._kept.password, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def snapshots(self) -> dict[str, list[str]]:
        """Name the snapshots of each site, by the tag."""
        found: dict[str, list[str]] = {}
        for each in json.loads(self.restic("snapshots", "--json")):
            found.setdefault(each["tags"][-1], []).append(each["id"])
        return found

    def instruments(self) -> set[str]:
        return {row["value"] for row in self.other.rows('SHOW TAG VALUES WITH KEY = "instrument"', "lab")}


def test_labs_that_share_a_repository_keep_and_get_back_each_its_own(shared, capsys):
    shared.backup("--init")
    for _ in range(2):
        shared.backup("--keep", "1,0,0")
    assert {tag: len(ids) for tag, ids in shared.snapshots().items()} == {"site:kept": 1, "site:other": 1}
    (kept,) = shared.snapshots()["site:kept"]
    shared.other.query("DROP SERIES FROM lakeshore_372", "lab")
    capsys.readouterr()
    assert shared.restore_other("--snapshot", kept) == 1
    said = capsys.readouterr().err
    assert "is of site 'kept', and the site file of 'other': nothing was copied. --snapshot" in said
    assert shared.instruments() == set() and list(shared.into.iterdir()) == []
    assert {"name": "lab_labline_restore"} not in shared.other.rows("SHOW DATABASES")
    assert shared.restore_other() == 0
    assert shared.instruments() == {"warm"}


def test_backups_that_do_not_say_whose_they_are_can_be_got_back(shared, capsys):
    shared.backup("--init")
    shared.backup()
    (kept,), (other,) = shared.snapshots()["site:kept"], shared.snapshots()["site:other"]
    shared.restic("forget", other)
    capsys.readouterr()
    assert shared.restore_other() == 1
    assert f"{shared.repository} has no backup of site other, only of kept" in capsys.readouterr().err
    shared.restic("tag", "--remove", "site:kept", kept)
    assert shared.restore_other() == 1  # what it is, says its database
    assert "is of site 'kept', and the site file of 'other'" in capsys.readouterr().err
    shared.backup()
    (other,) = shared.snapshots()["site:other"]
    shared.restic("tag", "--remove", "site:other", other)
    shared.other.query("DROP SERIES FROM lakeshore_372", "lab")
    assert shared.restore_other() == 0
    assert shared.instruments() == {"warm"}


def test_a_restoring_that_failed_is_done_again_with_the_same_words(shared, capsys, monkeypatch):
    shared.backup("--init")
    shared.backup()
    (closed,) = ports.free(1)
    capsys.readouterr()
    for _ in range(2):  # the second one does not find what the first one left
        assert shared.restore_other(port=f"127.0.0.1:{closed}") == 1
        assert "does its `bind-address` say this port?" in capsys.readouterr().err

    def refused(*_: object, **__: object) -> None:
        assert (shared.into / "influxdb").is_dir()
        raise StackError("influxd restore: it broke")

    with monkeypatch.context() as patch:
        patch.setattr(dump, "put_back", refused)
        assert shared.restore_other() == 1
    assert "it broke" in capsys.readouterr().err
    assert shared.restore_other() == 0
    assert (shared.into / "files/site.yml").exists()


def test_the_folder_of_its_record_is_made_and_hides_no_fault(kept, tmp_path, capsys):
    (closed,) = ports.free(1)
    work = tmp_path / "my" / "work"
    kept.backup("--init", "--work", str(work))
    assert kept.backup("--work", str(work)) == 0
    (work / "last.json.new").mkdir()  # it can't be written any more
    assert kept.backup("--work", str(work), port=f"127.0.0.1:{closed}") == 1
    assert "nothing answers at" in capsys.readouterr().err
    assert kept.backup("--work", "/proc/none") == 1
    assert "/proc/none: No such file or directory; --work DIR names another folder" in capsys.readouterr().err


def reads(run, folder: Path, since: int) -> Server:
    """Wait until a run has a reading of after ``since`` (ns) in its database; gives that."""
    url = run.wait_for(r"InfluxDB +(http://\S+),")[1]
    reader = Server(url, "reader", (folder / ".labline/kept/secrets/reader").read_text())
    asked = f"SELECT temperature FROM raw.lakeshore_372 WHERE time >= {since}"
    wait_until(lambda: reader.rows(asked, "lab"), "a reading")
    return reader


def test_a_lab_of_labline_run_is_to_be_copied_and_goes_on_from_there(start, tmp_path, capsys):
    file = tmp_path / "site.yml"
    file.write_text(SITE)
    words = ["backup", str(file), "--to", "/nowhere", "--password-file", "/dev/null", "--work", str(tmp_path / "work")]
    run = start(str(file), LABLINE_STATE="")
    reads(run, tmp_path, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LABLINE_STATE")
        assert cli.main(words) == 1
    told = re.search(r"End that run, and copy (\S+) and (\S+): elsewhere", capsys.readouterr().err)
    assert told and told.groups() == (str(file), str(tmp_path / ".labline/kept"))
    assert not (tmp_path / "work").exists()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.text
    until = time.time_ns()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(told[2], elsewhere / ".labline" / "kept")
    file.rename(elsewhere / "site.yml")
    again = start(str(elsewhere / "site.yml"), LABLINE_STATE="")
    reader = reads(again, elsewhere, until)
    assert reader.rows(f"SELECT temperature FROM raw.lakeshore_372 WHERE time < {until}", "lab")
    again.process.send_signal(signal.SIGINT)
    assert again.end() == 0, again.text


def test_one_that_fails_is_told_and_the_last_good_one_stays_known(kept, capsys):
    (closed,) = ports.free(1)
    record.write(kept.work, record.BackupRecord(made=time.time() - 3600, size=5_000_000, seconds=2))
    assert kept.backup(port=f"127.0.0.1:{closed}") == 1
    assert "is InfluxDB running, and does its `bind-address` say this port?" in capsys.readouterr().err
    assert re.fullmatch(r"backup result=1i,age=1\.00\d\d,size=5\.000,took=2\.0\n", kept.told(capsys))
    assert not (kept.work / "gathered").exists()


def test_one_that_has_no_room_is_told_before_anything_is_written(kept, monkeypatch, tmp_path, capsys):
    held = dump.held_by(kept.server.url, "lab")
    assert held and held > 1000 and dump.held_by(kept.server.url, "none") == 0
    (closed,) = ports.free(1)
    assert dump.held_by(f"http://127.0.0.1:{closed}", "lab") is None
    record.write(kept.work, record.BackupRecord())
    free = shutil.disk_usage(tmp_path)
    for more in ([], ["--gather-in", str(tmp_path)]):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=dump.SPARE + int(held)))
        kept.backup("--init")
        assert kept.backup(*more) == 1
        said = capsys.readouterr().err
        where = tmp_path if more else kept.work
        assert f"the disk of {where} has 0.2 GB free, and a backup needs 0.2 GB there" in said
        assert "as the database has" in said and "nothing was written" in said
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=dump.SPARE + 2 * int(held)))
    assert kept.backup("--gather-in", str(tmp_path)) == 0
    assert list(tmp_path.iterdir()) == []


def test_without_a_word_of_the_database_it_is_as_large_as_the_last_time(tmp_path):
    dump.room_for(tmp_path, 0, None)
    with pytest.raises(StackError, match=r"needs 1200000000\.2 GB there meanwhile, as the last backup took 10+\.0 GB"):
        dump.room_for(tmp_path, 1e18, None)


def test_one_that_fills_the_disk_is_ended(monkeypatch, tmp_path):
    endless = tmp_path / "influxd"
    endless.write_text(f'#!/bin/sh\necho $$ > "{tmp_path}/pid"\nexec sleep 100000\n')
    endless.chmod(0o755)
    monkeypatch.setattr(influxdb, "get", lambda: influxdb.Part("InfluxDB", endless, "1", ""))
    free = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=dump.SPARE - (tmp_path / "pid").exists()))
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(StackError, match=r"has but 0\.2 GB free, with a part of the database on it: free some space"),
    ):
        port = f"127.0.0.1:{listening.getsockname()[1]}"
        dump.gather(tmp_path, database="lab", port=port, grafana=None, files=[])
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()


def test_where_the_share_is_not_mounted_nothing_is_written(kept, capsys):
    kept.backup("--init")
    capsys.readouterr()
    before = sorted(kept.repository.rglob("*"))
    assert kept.backup("--mount", str(kept.repository.parent)) == 1
    assert "nothing is mounted at" in capsys.readouterr().err
    assert sorted(kept.repository.rglob("*")) == before
    assert "result=1i" in kept.told(capsys)
    record.write(kept.work, record.BackupRecord())  # the timer's service looks for the repository first
    assert kept.backup("--init", "--mount", str(kept.repository.parent)) == 1
    assert "result=1i" in kept.told(capsys)


def test_what_is_old_goes_and_the_newest_stays(kept):
    kept.backup("--init")
    for _ in range(2):
        assert kept.backup("--keep", "1,0,0") == 0
    said = subprocess.run(
        ["restic", "--repo", kept.repository, "--password-file", kept.password, "snapshots", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(said.stdout)) == 1


def test_a_repository_gets_another_password_and_the_former_one_opens_it_no_more(kept, tmp_path, capsys):
    former, others = tmp_path / "former", tmp_path / "others"
    former.write_text(kept.password.read_text())
    others.write_text(f"never its password\n{former.read_text()}")
    kept.backup("--init")
    kept.password.write_text("the next one")
    assert kept.backup("--init") == 1
    assert "wrong password" in capsys.readouterr().err
    for told in ("has its new password", "is there"):
        assert kept.backup("--init", "--former", str(others)) == 0
        assert capsys.readouterr().out.endswith(f": {told}\n")
    assert kept.backup() == 0
    words = ["backup", "--init", "--to", str(kept.repository), "--work", str(tmp_path)]
    assert cli.main([*words, "--password-file", str(former)]) == 1
    assert "wrong password" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--to", "/dev/null/x", "--password-file", "/dev/null"], "restic cat, /dev/null/x"),
        (["--to", "/nowhere"], "name the repository of the backups, and --password-file FILE"),
    ],
)
def test_what_is_wrong_is_told(more, said, tmp_path, capsys):
    file = tmp_path / "site.yml"
    file.write_text(SITE)
    assert cli.main(["backup", str(file), "--init", "--work", str(tmp_path), *more]) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_a_restoring_needs_the_database_and_an_empty_folder(kept, tmp_path, capsys):
    words = ["restore", str(kept.lab / "site.yml"), *kept.where("--from"), "--secrets", str(kept.lab / "secrets")]
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    assert cli.main([*words, "--into", str(tmp_path / "full")]) == 1
    assert "is not empty" in capsys.readouterr().err
    other = tmp_path / "other.yml"
    other.write_text((kept.lab / "site.yml").read_text().replace("database: lab", "database: none"))
    words[1] = str(other)
    assert cli.main([*words, "--into", str(tmp_path / "into")]) == 1
    assert "labline apply makes it first" in capsys.readouterr().err


def test_it_goes_over_sftp_to_a_machine_whose_key_is_known(kept, tmp_path, capsys):
    with tempfile.TemporaryDirectory(prefix="labline-sftp-", dir="/var/tmp") as name, ExitStack() as undo:
        Path(name).chmod(0o755)
        sshd = SftpServer(Path(name) / "served")
        undo.callback(sshd.stop)
        place = f"sftp://{sshd.user}@127.0.0.1:{sshd.port}/{sshd.folder}/repository"
        words = ["--to", place, "--ssh-key", str(sshd.key)]
        known = ["--known-hosts", str(sshd.known_hosts)]
        assert kept.backup("--init", *words, *known) == 0
        assert kept.backup(*words, *known) == 0
        assert (sshd.folder / "repository/config").exists()
        stranger = tmp_path / "known_hosts"
        stranger.touch()
        capsys.readouterr()
        assert kept.backup(*words, "--known-hosts", str(stranger)) == 1
        assert "Host key verification failed" in capsys.readouterr().err
