"""Pipes that are waited for are closed with who has them, and with who forgets them: ``select`` takes no more than 1024."""

from __future__ import annotations

import contextlib
import gc
import os

import pytest

from telegraf_inputs.inbox import Inbox
from telegraf_inputs.reading import Reading
from telegraf_inputs.stdin import Trigger
from telegraf_inputs.stop import Stop


def pipes() -> set[str]:
    """Name the pipes that are open, each as no later one is named; threads of other tests have theirs."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return {name for name in found if name.startswith("pipe:")}


def trigger() -> Trigger:
    return Trigger(Stop())


@pytest.mark.parametrize("kind", [Stop, Inbox, trigger])
def test_what_is_forgotten_leaves_nothing_open(kind):
    before = pipes()
    kept = [kind() for _ in range(20)]
    made = pipes() - before
    assert len(made) >= 20
    del kept
    gc.collect()
    assert not made & pipes()


@pytest.mark.parametrize("kind", [Stop, Inbox])
def test_what_is_let_go_of_is_closed_once(kind):
    before = pipes()
    made = kind()
    opened = pipes() - before
    made.close()
    made.close()
    assert opened and not opened & pipes()


def test_a_trigger_that_is_closed_takes_no_newline_into_another_pipe():
    stop = Stop()
    made = Trigger(stop)
    made.close()
    read, write = os.pipe()  # of the same numbers
    made.put(1)
    made.end()
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)


def test_an_inbox_that_is_closed_takes_no_reading_into_another_pipe():
    inbox = Inbox()
    inbox.close()
    read, write = os.pipe()
    inbox.put(Reading("a", {}, 1))
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)
