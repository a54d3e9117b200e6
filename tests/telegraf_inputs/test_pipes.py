"""Pipes that are waited for are closed with who has them, and with who forgets them: ``select`` takes no more than 1024."""

from __future__ import annotations

import gc
import os

import pytest

from telegraf_inputs.inbox import Inbox
from telegraf_inputs.reading import Reading
from telegraf_inputs.stdin import Trigger
from telegraf_inputs.stop import Stop


def opened() -> int:
    return len(os.listdir("/proc/self/fd"))


def trigger() -> Trigger:
    return Trigger(Stop())


@pytest.mark.parametrize("kind", [Stop, Inbox, trigger])
def test_what_is_forgotten_leaves_nothing_open(kind):
    gc.collect()
    before = opened()
    kept = [kind() for _ in range(20)]
    assert opened() >= before + 40
    del kept
    gc.collect()
    assert opened() == before


@pytest.mark.parametrize("kind", [Stop, Inbox])
def test_what_is_let_go_of_is_closed_once(kind):
    gc.collect()
    before = opened()
    made = kind()
    made.close()
    made.close()
    assert opened() == before


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
