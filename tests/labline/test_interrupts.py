"""Ctrl-C at the worst moments: it is neither forgotten, nor does it leave a part that nobody knows."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

import psutil
import pytest

from labline.interrupts import Interrupts
from labline.stack.process import Process


@pytest.fixture(params=["alone", "beside other threads"])
def threads(request):
    """A signal goes to any thread of a process that does not hold it back."""
    over = threading.Event()
    if request.param != "alone":
        for _ in range(3):
            threading.Thread(target=over.wait, daemon=True).start()
    yield
    over.set()


def test_while_a_part_is_forked(tmp_path, monkeypatch, threads):
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

    with Interrupts(print, pytest.fail) as interrupts:
        interrupts.check()
        Callback()  # an exception from here is printed, and goes no further
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_second_time_while_stopping_changes_nothing_and_a_third_ends_all():
    said, killed = [], []
    with Interrupts(said.append, lambda: killed.append(True)) as interrupts:
        interrupts.be_patient()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGHUP)
        interrupts.be_patient()
        assert len(said) == 2 and "being written" in said[0] and not killed
        os.kill(os.getpid(), signal.SIGINT)
        assert killed
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_hangup_ends_it_unless_it_was_started_to_outlive_its_terminal():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with Interrupts(print, pytest.fail), pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
        with Interrupts(print, pytest.fail) as interrupts:
            interrupts.be_patient()
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
