"""What belongs to somebody else, or may be changed by others, is not used: state, passwords, programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from labline.lab import Lab
from labline.stack import cache, credentials
from labline.stack.errors import StackError
from provisioning import ownership, site
from provisioning.influxdb_server import DatabaseError, secret

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give something away")


def test_ones_own_is_well_and_what_each_may_fill_too(tmp_path: Path):
    assert not ownership.fault(tmp_path)
    tmp_path.chmod(0o1777)  # as /tmp is
    assert not ownership.fault(tmp_path)
    tmp_path.chmod(0o777)
    assert "may be written by others (mode 0777)" in ownership.fault(tmp_path)


@as_root
def test_anothers_is_told_with_his_name_and_the_cure(tmp_path: Path):
    os.chown(tmp_path, NOBODY, -1)
    assert (
        f"{tmp_path} belongs to user nobody, and this is user root" in (told := ownership.fault(tmp_path))
        and f"chown -R 0 {tmp_path}" in told
    )


def test_roots_will_do_where_it_may(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    owner = Path("/etc")  # root's
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert not ownership.fault(owner, root=True)
    assert "/etc belongs to user root, and this is user nobody" in ownership.fault(owner)


def lab(state: Path) -> Lab:
    made = Lab(site.load(site.find("demo")), state, lambda text: None)
    made.close()
    return made


@pytest.mark.parametrize("below", ["", "demo", "demo/secrets"])
def test_no_folder_of_a_lab_may_be_written_by_others(tmp_path: Path, below: str):
    state = tmp_path / "state"
    lab(state)
    credentials.secret(state / "demo" / "secrets", "reader")
    (state / below).chmod(0o777)
    with pytest.raises(StackError, match=rf"{state / below} may be written by others"):
        credentials.secret(lab(state).places.secrets, "reader")
    (state / below).chmod(0o755)
    assert credentials.secret(lab(state).places.secrets, "reader")


@as_root
@pytest.mark.parametrize("below", ["", "demo", "demo/secrets", "demo/secrets/reader"])
def test_no_folder_of_a_lab_may_be_anothers(tmp_path: Path, below: str):
    state = tmp_path / "state"
    lab(state)
    credentials.secret(state / "demo" / "secrets", "reader")
    os.chown(state / below, NOBODY, -1)
    with pytest.raises(StackError, match=rf"{state / below} belongs to user nobody"):
        credentials.secret(lab(state).places.secrets, "reader")


@as_root
def test_a_cache_that_is_anothers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    os.chown(cache.directory(), NOBODY, -1)
    with pytest.raises(StackError, match="cache is not to be trusted: .* belongs to user nobody.*XDG_CACHE_HOME"):
        cache.directory()


@pytest.mark.parametrize("which", ["folder", "file"])
def test_passwords_that_others_may_write_are_not_taken(tmp_path: Path, which: str):
    folder = tmp_path / "secrets"
    credentials.secret(folder, "writer")
    assert secret(folder, "writer")
    (folder if which == "folder" else folder / "writer").chmod(0o722)
    with pytest.raises(DatabaseError, match="may be written by others"):
        secret(folder, "writer")


def test_a_lab_keeps_its_folder_out_of_git(tmp_path: Path):
    root = lab(tmp_path / "state").places.root
    credentials.secret(root / "secrets", "reader")
    assert root.stat().st_mode & 0o777 == 0o700
    assert (root / ".gitignore").read_text().splitlines()[-1] == "*"
    assert not (tmp_path / "state" / ".gitignore").exists()  # with --state it may be a folder with other things in it
    git = shutil.which("git")
    if git:
        subprocess.run([git, "init", "--quiet", tmp_path], check=True)
        status = subprocess.run(
            [git, "-C", tmp_path, "status", "--porcelain", "--untracked-files=all"], capture_output=True, text=True
        )
        assert status.stdout == ""
