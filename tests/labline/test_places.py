"""Where a lab keeps its things, and how `labline status` finds them."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from pathlib import Path

import pytest

from labline import cli, known_labs, status
from labline.lab import Lab
from labline.places import VARIABLE, Places, simulated, state_of
from labline.stack import credentials, runlock
from labline.stack.errors import AlreadyRunning, StackError
from provisioning import site as sites
from provisioning.influxdb_schema import READER
from provisioning.influxdb_server import DatabaseError
from telegraf_inputs.errors import BadInput

SITE = """\
site: trial
title: A trial lab
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}
"""


def with_password(lab):
    """Give a lab the password that its database's reader gets at the start."""
    credentials.secret(lab.places.secrets, READER)
    return lab


def test_a_simulated_run_is_shown_as_such_and_never_before_the_real_one(tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    arguments = argparse.Namespace(verb="status", site=str(file), state=tmp_path / "state", secrets=tmp_path)
    simulated = with_password(Lab(sites.load(file), arguments.state, print, simulate=True))
    simulated.lock.tell(influxdb="http://127.0.0.1:1")
    assert status._watch(arguments).site.title == "A trial lab (simulated)"
    real = with_password(Lab(sites.load(file), arguments.state, print))
    real.lock.tell(influxdb="http://127.0.0.1:2")
    assert status._watch(arguments).site.title == "A trial lab"
    real.close()
    simulated.close()


def test_what_runs_is_shown_whatever_the_file_says_by_now(tmp_path, capsys):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    arguments = argparse.Namespace(verb="status", site=str(file), state=tmp_path / "state", secrets=tmp_path)
    said = []
    lab = with_password(Lab(sites.load(file), arguments.state, said.append))
    lab.lock.tell(influxdb="http://127.0.0.1:2")
    lab.look_after()
    status._watch(arguments)
    assert not said and not lab.notice and not capsys.readouterr().err
    for text in (SITE.replace("A trial lab", "Another"), "site: [", SITE.replace("site: trial", "site: other")):
        file.write_text(text)
        lab.look_after()
        assert lab.notice.startswith("trial.yml changed at ")
        assert status._watch(arguments).site.title == "A trial lab"
        assert "says something else than what runs" in capsys.readouterr().err
    assert len(said) == 1
    file.unlink()
    lab.look_after()
    assert "is gone" in lab.notice and status._watch(arguments).site.title == "A trial lab"
    file.write_text(SITE)
    lab.look_after()
    assert said[-1] == "trial.yml is again what runs" and not lab.notice
    lab.close()


def test_a_lab_that_is_being_started_is_not_said_not_to_run(tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    arguments = argparse.Namespace(verb="status", site=str(file), state=tmp_path / "state", secrets=tmp_path)
    lab = Lab(sites.load(file), arguments.state, print)
    with pytest.raises(DatabaseError, match="trial is still starting"):
        status._watch(arguments)
    lab.close()
    with pytest.raises(DatabaseError, match="trial does not run here"):
        status._watch(arguments)


def test_a_relative_folder_is_the_same_from_everywhere(tmp_path, monkeypatch):
    """Telegraf refuses secrets in a path with .. in it, and runs elsewhere."""
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert Places(Path("../x"), sites.load(file)).secrets == tmp_path.resolve() / "x" / "trial" / "secrets"


@pytest.fixture
def as_a_user(monkeypatch):
    """Forget where tests keep things."""
    monkeypatch.delenv(VARIABLE)


def test_a_lab_is_its_site_file_from_wherever_it_is_run(tmp_path, monkeypatch, as_a_user):
    file = tmp_path / "my" / "trial.yml"
    file.parent.mkdir()
    file.write_text(SITE)
    roots = set()
    for here, written in ((file.parent, "trial.yml"), (tmp_path, "my/trial.yml"), ("/", str(file))):
        monkeypatch.chdir(here)
        roots.add(Places(None, sites.load(written)).root)
    (tmp_path / "link.yml").symlink_to(file)
    roots.add(Places(None, sites.load(tmp_path / "link.yml")).root)
    assert roots == {file.parent.resolve() / ".labline" / "trial"}


def test_a_site_that_comes_with_labline_has_its_lab_in_the_clone(tmp_path, monkeypatch, as_a_user):
    monkeypatch.chdir(tmp_path)
    assert Places(None, sites.load(sites.find("demo"))).root == sites.SITES.parents[1] / ".labline" / "demo"


def test_in_a_clone_that_is_another_users_each_has_a_lab_of_his_own(tmp_path, monkeypatch, as_a_user):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, how: False)
    assert Places(None, sites.load(sites.find("demo"))).root == tmp_path / "labline" / "demo"


def test_one_folder_is_not_for_two_site_files_and_a_moved_one_takes_it_along(tmp_path):
    one, two = tmp_path / "one.yml", tmp_path / "two.yml"
    for file in (one, two):
        file.write_text(SITE)
    Lab(sites.load(one), tmp_path / "state", print).close()
    with pytest.raises(StackError, match=r"(?s)has the data of .*one\.yml, and .*two\.yml has the same name"):
        Lab(sites.load(two), tmp_path / "state", print)
    one.unlink()
    Lab(sites.load(two), tmp_path / "state", print).close()
    assert [lab.file for lab in known_labs.all_of() if lab.root.is_relative_to(tmp_path)] == [two.resolve()]


def test_instruments_are_not_read_twice_for_two_folders(tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    lab = Lab(sites.load(file), tmp_path / "state", print)
    with pytest.raises(AlreadyRunning):
        Lab(sites.load(file), tmp_path / "other", print)
    lab.close()
    Lab(sites.load(file), tmp_path / "other", print).close()


def test_data_that_lie_where_the_user_stands_are_told(tmp_path, monkeypatch, as_a_user):
    (tmp_path / "my").mkdir()
    file = tmp_path / "my" / "trial.yml"
    file.write_text(SITE)
    (tmp_path / ".labline/trial/influxdb").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    said = []
    Lab(sites.load(file), None, said.append).close()
    assert len(said) == 1 and "--state .labline" in said[0] and str(tmp_path / "my/.labline/trial") in said[0]


def test_labs_are_listed_with_their_files(tmp_path, capsys):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    lab = Lab(sites.load(file), tmp_path / "state", print)
    lab.lock.tell(influxdb="http://127.0.0.1:2")
    assert cli.main(["labs"]) == 0
    said = capsys.readouterr().out
    assert f"site file  {file}" in said and f"folder     {tmp_path}/state/trial" in said
    assert "influxdb   http://127.0.0.1:2" in said and "runs" in said
    lab.close()
    file.unlink()
    assert cli.main(["labs"]) == 0
    said = capsys.readouterr().out.partition(f"{tmp_path}/")[2]
    assert "there is no such file any more" in said and "stopped" in said


@pytest.mark.parametrize("name", ['st"q', "st'q", "$HOME", "a}b", "a\\b", "a\nb", "`id`"])
def test_a_folder_that_the_parts_would_take_for_something_else_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(BadInput, match="choose one with --state"):
        state_of(tmp_path / "lab.yml", tmp_path / name)
    with pytest.raises(BadInput, match="choose one with --state"):
        state_of(tmp_path / name / "lab.yml")
    assert state_of(tmp_path / "lab.yml", tmp_path / "Labor für Kälte") == tmp_path / "Labor für Kälte"


def test_a_copy_of_a_site_file_in_another_clone_does_not_read_the_same_instruments(tmp_path):
    """Two of the same name, or not: what counts is what they read; what serves many, or is turned off, is read by both."""
    one, two = tmp_path / "one" / "trial.yml", tmp_path / "two" / "trial.yml"
    for file in (one, two):
        file.parent.mkdir()
        file.write_text(SITE.replace("cryostat", "fridge") if file == two else SITE)
    lab = Lab(sites.load(one), one.parent / "state", print)
    lab.look_after()
    with pytest.raises(
        AlreadyRunning, match=r"(?s)fridge \(192\.168\.1\.5:7777\) is read already, as cryostat of .*one/trial"
    ):
        Lab(sites.load(two), two.parent / "state", print)
    Lab(sites.load(two), two.parent / "state", print, simulate=True).close()
    other = "\n  - {name: gauge, driver: lakeshore_372, connection: sim}\n"
    two.write_text(two.read_text().replace('5:7777"', '5:7777", enabled: false').rstrip() + other)
    second = Lab(sites.load(two), two.parent / "state", print)
    two.write_text(SITE)
    with pytest.raises(AlreadyRunning):
        second.take_up()
    second.close()
    lab.close()
    Lab(sites.load(two), two.parent / "state", print).close()


def test_two_users_do_not_read_one_site(tmp_path, monkeypatch):
    """Another user has another list of labs, and chose another folder; a file that an editor put in its place is held anew."""
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    lab = Lab(sites.load(file), tmp_path / "state", print)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    (tmp_path / "new.yml").write_text(SITE)
    for _ in range(2):
        with pytest.raises(AlreadyRunning, match=rf"trial\.yml is run already: process {os.getpid()} of user "):
            Lab(sites.load(file), tmp_path / "others", print)
        (tmp_path / "new.yml").replace(file)
        with contextlib.suppress(FileNotFoundError):
            lab._alone.check(lab.places.root, lab.site)
        (tmp_path / "new.yml").write_text(SITE)
    Lab(sites.load(file), tmp_path / "others", print, simulate=True).close()
    lab.close()
    Lab(sites.load(file), tmp_path / "others", print).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_lab_is_told_as_such(tmp_path):
    """As user nobody, beside a lab of root's: who runs it, or whose its folder is."""
    shared = tmp_path / "shared"
    shared.mkdir()
    for folder in (shared, tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    file = shared / "trial.yml"
    file.write_text(SITE)

    site = sites.load(file)  # as nobody, Python's own folders may be closed to it

    def as_nobody(told):
        if child := os.fork():
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        found = ""
        try:
            os.setresuid(65534, 65534, 65534)
            try:
                Lab(site, shared / ".labline", print)
            except AlreadyRunning as error:
                found = str(error)
            except OSError as error:
                found = cli._file_trouble(error)
        finally:
            os._exit(not re.search(told, found))

    lab = Lab(sites.load(file), shared / ".labline", print)
    assert as_nobody(rf"trial\.yml is run already: process {os.getpid()} of user root")
    lab.close()
    assert as_nobody(r"\.labline.*Permission denied; it is user root's: run this as that user\. Else choose .* --state")


def test_whoever_looks_at_a_lock_for_a_moment_keeps_nobody_from_starting(tmp_path, monkeypatch):
    taken, looks = runlock.fcntl.flock, []

    def flock(file, how):
        looks.append(how)
        if len(looks) == 1:
            raise BlockingIOError
        taken(file, how)

    monkeypatch.setattr(runlock.fcntl, "flock", flock)
    runlock.RunLock(tmp_path).close()
    assert len(looks) == 2


def test_a_lab_of_ones_own_that_another_user_has_by_now_keeps_no_other_from_starting(tmp_path, monkeypatch):
    one, two = tmp_path / "one.yml", tmp_path / "two.yml"
    for file in (one, two):
        file.write_text(SITE)
        Lab(sites.load(file), tmp_path / file.stem, print).close()

    def holder(_):
        raise PermissionError

    monkeypatch.setattr(runlock, "holder", holder)
    Lab(sites.load(two), tmp_path / "two", print).close()


def test_what_is_simulated_whole_puts_no_pictures_among_those_of_the_lab(tmp_path):
    file = tmp_path / "trial.yml"
    there = "pictures: 'sftp://lab@192.168.1.60/srv', picture_key: /k, pictures_url: /pictures"
    file.write_text(
        SITE
        + f"  - {{name: session, driver: scipion, connection: 'file:///data', {there}, channels: {{pictures: }}}}\n"
        + "  - name: door\n    driver: camera\n    connection: http://192.168.1.60/x.jpg\n    pictures_url: http://127.0.0.1:8098\n"
        + "    channels: {picture: {folder: /srv/door, label: Door, limits: {brightness: {warning: {below: 5 %}}}}}\n"
    )
    site = sites.load(file)
    made = {one.name: one for one in simulated(site, tmp_path).instruments}
    for one in made.values():
        assert all(
            folder.startswith(f"{tmp_path}/pictures/{one.name}") for folder in one.stanza.driver.folders(one.stanza)
        )
    assert [*made["session"].stanza.driver.folders(made["session"].stanza)] == [f"{tmp_path}/pictures/session"]
    assert made["session"].stanza.options["pictures_url"] is None
    assert made["door"].stanza.options["pictures_url"] == "http://127.0.0.1:8098"
    assert made["door"].limits == {one.name: one for one in site.instruments}["door"].limits
    assert made["cryostat"] == site.instruments[0]
