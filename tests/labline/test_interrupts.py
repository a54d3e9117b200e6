"""Ctrl-C at the worst moments: it is neither forgotten, nor does it leave a part that nobody knows."""

from __future__ import annotations

import os
import signal
import subprocess

import psutil
import pytest

from labline.interrupts import Interrupts
from labline.stack.process import Process


def test_while_a_part_is_forked(tmp_path, monkeypatch):
    started = []
    popen = subprocess.Popen

    def interrupted(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Process("a part", ["sleep", "100"], tmp_path / "log")
    assert started and not psutil.pid_exists(started[0].pid)


def test_a_part_can_still_be_asked_to_end(tmp_path):
    """What is held back while it is forked, it does not inherit."""
    process = Process("a part", ["sleep", "100"], tmp_path / "log")
    assert process.stop(first=signal.SIGINT) == -signal.SIGINT


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_where_python_loses_the_exception():
    class Callback:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    with Interrupts(print) as interrupts:
        interrupts.check()
        Callback()  # an exception from here is printed, and goes no further
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_second_time_while_stopping_changes_nothing():
    said = []
    with Interrupts(said.append) as interrupts:
        interrupts.be_patient()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGHUP)
    assert len(said) == 2 and "being written" in said[0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
