"""What was got once is kept, whole or not at all, and by one process at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labline.stack import cache
from labline.stack.errors import StackError, Unavailable


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_it_is_filled_once(tmp_path):
    for _ in range(2):
        with cache.new("thing") as scratch:
            if scratch:
                (scratch / "file").write_text("made")
    assert (tmp_path / "labline" / "thing" / "file").read_text() == "made"
    with cache.new("thing") as scratch:
        assert scratch is None


def test_what_fails_half_way_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), cache.new("thing") as scratch:
        (scratch / "file").write_text("half")
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "labline").iterdir()] == [".thing.lock"]


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    torn = tmp_path / "labline" / ".thing.part-abc"
    torn.mkdir(parents=True)
    with cache.new("thing"):
        assert not torn.exists()


def test_a_full_disk_is_told():
    with pytest.raises(Unavailable, match=r"thing can't be kept in .*labline: No space left"), cache.new("thing"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_cache_that_can_not_be_made_is_told(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nobody")
    with pytest.raises(StackError, match="set XDG_CACHE_HOME"):
        cache.directory()


def test_a_relative_cache_home_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.directory() == Path(tmp_path) / ".cache" / "labline"


GETTER = """\
from labline.stack import cache
import sys
with cache.new("thing") as scratch:
    print("filling" if scratch else "found", flush=True)
    if scratch:
        sys.stdin.readline()
        (scratch / "file").write_text("by the first")
"""


def test_a_second_getter_waits_and_finds_the_result_of_the_first(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen([sys.executable, "-c", GETTER], **pipes) as first,
        first.stdin,
    ):
        assert first.stdout.readline() == "filling\n"
        with subprocess.Popen([sys.executable, "-c", GETTER], **pipes) as second:
            assert "waiting for another labline" in second.stderr.readline()
            first.stdin.write("go\n")
            first.stdin.flush()
            assert second.stdout.readline() == "found\n"
    assert (tmp_path / "labline" / "thing" / "file").read_text() == "by the first"


def keep(name: str = "thing", text: str = "#!/bin/sh\necho kept\n") -> Path:
    """Keep a program, as a download or a build does; gives where it is."""
    with cache.new(name) as scratch:
        if scratch:
            (scratch / "program").write_text(text)
            (scratch / "program").chmod(0o755)
    return cache.directory() / name / "program"


def test_it_is_its_owners_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        assert cache.directory().stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)
    cache.directory().chmod(0o755)  # as others may read, but not write
    assert cache.directory().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_one_that_others_may_write_is_refused(mode):
    cache.directory().chmod(mode)
    with pytest.raises(StackError, match=rf"not to be trusted: .* written by others \(mode {mode:04o}\).*chmod go-w"):
        cache.directory()


def test_a_kept_program_is_held_against_its_digest():
    program = keep()
    assert cache.verified(program) == program
    program.write_text("#!/bin/sh\necho other\n")
    with pytest.raises(Unavailable, match=r"not as it was when it was kept.*rm -r .*/labline/thing$"):
        cache.verified(program)
    cache.remove(program.parent)
    assert cache.verified(keep()) == program


def test_what_is_kept_without_a_digest_is_got_anew():
    program = keep()
    (cache.directory() / ".thing.sha256").unlink()
    with pytest.raises(Unavailable, match="without a digest"):
        cache.verified(program)
    assert cache.verified(keep(text="#!/bin/sh\necho anew\n")).read_text().endswith("anew\n")


def test_a_program_that_another_put_in_is_not_run(monkeypatch):
    put_in = keep()
    (put_in.parent / "another").write_text("#!/bin/sh\n")
    with pytest.raises(Unavailable, match="not as it was"):
        cache.verified(put_in.parent / "another")
