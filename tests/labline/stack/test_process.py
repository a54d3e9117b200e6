"""A process that labline starts: waited for, explained, stopped, and never left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from labline.stack.errors import StartFailed
from labline.stack.process import Process, kill_all


def shell(script: str, log: Path, **options) -> Process:
    return Process("the part", ["/bin/sh", "-c", script], log, **options)


def ended(pid: int, seconds: float = 10) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def lines(process: Process, count: int) -> list[str]:
    """Wait for the first lines of its output."""
    process.wait_ready(lambda: process.output().count("\n") >= count)
    return process.output().splitlines()


def test_it_has_its_environment_directory_and_log(tmp_path):
    script = 'echo "$GREETING from $PWD"; exec sleep 60'
    with shell(script, tmp_path / "log", env={"GREETING": "hello"}, cwd=tmp_path) as it:
        assert lines(it, 1) == [f"hello from {tmp_path}"]
        assert it.running and it.status is None
    assert not it.running and it.status == -signal.SIGTERM
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_output_is_that_of_this_run_and_the_log_keeps_all(tmp_path):
    for word in ("first", "second"):
        with shell(f"echo {word}", tmp_path / "log") as it:
            assert it.wait(10) == 0
            assert it.output() == f"{word}\n"
    assert (tmp_path / "log").read_text() == "first\nsecond\n"


def test_one_that_ends_before_it_is_ready_is_explained(tmp_path):
    it = shell("echo one; echo no such file: x >&2; exit 7", tmp_path / "log")
    with pytest.raises(StartFailed) as failure:
        it.wait_ready(lambda: False)
    message = str(failure.value)
    assert "the part ended when it was started (exit status 7)" in message
    assert "  | no such file: x" in message and str(tmp_path / "log") in message


def test_of_a_long_log_the_errors_are_shown(tmp_path):
    script = "echo 2026 E! no such plugin; for i in 1 2 3 4 5 6 7 8; do echo 2026 I! all is well $i; done"
    it = shell(script, tmp_path / "log")
    it.wait(10)
    said = it.explain("it ended")
    assert "  | 2026 E! no such plugin" in said and "all is well" not in said
    it.stop()
    quiet = shell("for i in 1 2 3 4 5 6 7 8; do echo $i; done; printf %01000d 0", tmp_path / "log")
    quiet.wait(10)
    shown = quiet.explain("it ended").splitlines()
    assert shown[1:4] == ["  | 6", "  | 7", "  | 8"] and len(shown[4]) < 400 and len(shown) == 6
    quiet.stop()


def test_all_that_was_started_can_be_ended_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("labline.stack.process._started", weakref.WeakSet())  # the database of all tests goes on
    parts = [shell("trap '' TERM; sleep 60 & echo $!; wait; wait", tmp_path / f"log{i}") for i in range(2)]
    children = [int(lines(it, 1)[0]) for it in parts]
    kill_all()
    assert all(it.stop(60) == -signal.SIGKILL for it in parts) and all(ended(child) for child in children)


def test_one_that_is_never_ready_is_stopped(tmp_path):
    it = shell("exec sleep 60", tmp_path / "log")
    with pytest.raises(StartFailed, match=r"not ready within 0\.1 s, without a word"):
        it.wait_ready(lambda: False, 0.1)
    assert not it.running


def test_a_program_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StartFailed, match="/nowhere/at/all: No such file"):
        Process("the part", ["/nowhere/at/all"], tmp_path / "log")


def test_a_stubborn_one_is_ended_with_its_children(tmp_path):
    with shell("trap '' TERM; sleep 60 & echo $!; echo $$; wait; wait", tmp_path / "log") as it:
        child, own = (int(line) for line in lines(it, 2))
        assert it.stop(0.1) == -signal.SIGKILL
    assert own == it.pid and ended(child) and ended(own)


def test_orphans_of_one_that_ended_well_are_ended_too(tmp_path):
    with shell("sleep 60 & echo $!; trap 'exit 0' TERM; wait", tmp_path / "log") as it:
        child = int(lines(it, 1)[0])
        assert it.stop() == 0
    assert ended(child)


def test_others_are_left_alone(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as other:
        with shell("exec sleep 60", tmp_path / "log"):
            pass
        assert other.poll() is None
        other.kill()


PARENT = """\
import pathlib, sys
from labline.stack.process import Process
it = Process("part", ["sleep", "60"], pathlib.Path(sys.argv[1]))
print(it.pid, flush=True)
sys.stdin.read()
"""


def test_it_dies_with_a_parent_that_is_killed(tmp_path):
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        part = int(parent.stdout.readline())
        assert not ended(part, 0)
        parent.kill()
        assert ended(part)


def test_the_terminals_interrupt_does_not_reach_it(tmp_path):
    with shell("exec sleep 60", tmp_path / "log") as it:
        assert os.getsid(it.pid) == it.pid != os.getsid(0)
