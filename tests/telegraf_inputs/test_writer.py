"""What carries the lines: whole, never in the way of sampling, and counted to the last."""

from __future__ import annotations

import os
import select
import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_inputs import writer as module
from telegraf_inputs.point import Point
from telegraf_inputs.writer import WHOLE, Writer


class Pipe:
    """A pipe with a Writer on one end; lines that come out of it are numbers with padding."""

    def __init__(self, limit: int = module.QUEUE_LINES):
        self.reading, self.writing = os.pipe()
        self.closed = threading.Event()
        self.writer = Writer(self.writing, self.closed.set, limit)
        self.made = 0

    def put(self, *lengths: int) -> None:
        """Put a batch of one point a length, each with one reading."""
        batch = []
        for length in lengths:
            point = Point("m", {}, {"n": self.made, "pad": "x" * length}, 1, 1)
            batch.append(point)
            self.made += 1
        self.writer.put(batch)

    def rest(self) -> list[int]:
        """Close the writing end, read all that is in the pipe; the numbers of its lines, each of which must be whole."""
        os.close(self.writing)
        data = b""
        while part := os.read(self.reading, 1 << 20):
            data += part
        assert data == b"" or data.endswith(b'" 1\n')
        lines = data.decode().splitlines()
        assert all(line.startswith("m n=") and line.endswith('" 1') for line in lines)
        return [int(line[4:].partition("i,")[0]) for line in lines]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let a pipe be as Linux makes it."""
    monkeypatch.setattr(module, "PIPE_BYTES", 65536)


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    for fd in (made.reading, made.writing):
        try:
            os.close(fd)
        except OSError:
            pass


@pytest.mark.parametrize(
    "lengths", [(5,), (100,) * 16, (100,) * 300], ids=["a line", "a batch", "a batch over PIPE_BUF"]
)
def test_a_batch_is_one_write(pipe, monkeypatch, lengths):
    writes = []
    real = os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: writes.append(len(data)) or real(fd, data))
    for _ in range(3):
        pipe.put(*lengths)
        taken = 0
        while taken < len(lengths):
            taken += os.read(pipe.reading, 1 << 20).count(b"\n")
    assert pipe.writer.finish(10)
    assert len(writes) == 3


def test_a_stalled_reader_stalls_nothing_and_the_count_is_exact(pipe):
    pipe.writer._limit = 500
    for _ in range(400):
        pipe.put(*(100,) * 16)  # 0.8 MB into a pipe of 64 KiB
    assert pipe.writer.dropped_readings > 4000
    assert not pipe.writer.finish(0.05)
    numbers = pipe.rest()
    assert len(numbers) + pipe.writer.dropped_readings == pipe.made == 6400
    assert pipe.writer.dropped_readings == pipe.writer.dropped_lines
    assert numbers == sorted(set(numbers))


def test_the_newest_are_kept_for_a_reader_that_comes_back(pipe):
    pipe.writer._limit = 160
    for _ in range(400):
        pipe.put(*(100,) * 16)
    numbers: list[int] = []
    data = b""
    while len(numbers) + pipe.writer.dropped_readings < pipe.made:
        data += os.read(pipe.reading, 1 << 20)
        numbers = [int(line[4:].partition(b"i,")[0]) for line in data.splitlines()]
    assert pipe.writer.finish(10)
    assert numbers[-160:] == list(range(6240, 6400))
    assert numbers == sorted(numbers)


@settings(deadline=None, max_examples=25)
@given(
    batches=st.lists(
        st.lists(st.sampled_from([0, 10, 500, 3000, WHOLE, 2 * WHOLE]), min_size=1, max_size=20), max_size=12
    ),
    takes=st.lists(st.integers(1, 40000), max_size=20),
)
def test_no_line_is_ever_torn(batches, takes):
    pipe = Pipe(limit=30)
    took = b""
    for lengths, take in zip(batches, takes + [0] * len(batches), strict=False):
        pipe.put(*lengths)
        if take and select.select([pipe.reading], [], [], 0.01)[0]:
            took += os.read(pipe.reading, take)
    pipe.writer.finish(0.02)
    os.close(pipe.writing)
    while part := os.read(pipe.reading, 1 << 20):
        took += part
    os.close(pipe.reading)
    lines = took.decode().splitlines(keepends=True)
    assert all(line.startswith("m n=") and line.endswith('" 1\n') for line in lines)
    assert len(lines) + pipe.writer.dropped_readings == pipe.made


def test_a_reader_that_has_gone_is_told_and_what_it_did_not_take_is_counted(pipe):
    os.close(pipe.reading)
    pipe.put(10, 10)
    assert pipe.closed.wait(10)
    pipe.put(10)
    assert not pipe.writer.finish(1)
    assert pipe.writer.dropped_readings == 3


def test_what_does_not_block_is_written_all_the_same():
    near, far = socket.socketpair()
    with near, far:
        far.setblocking(False)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        writer = Writer(far.fileno(), lambda: None)
        for _ in range(10):
            writer.put([Point("m", {}, {"pad": "x" * 1000}, 1, 1) for _ in range(100)])  # 1 MB, far more than it holds
        lines = 0
        while lines < 1000:
            assert select.select([near], [], [], 10)[0], writer.trouble
            lines += near.recv(10000).count(b"\n")
        assert writer.finish(10) and writer.dropped_lines == 0


def test_a_pipe_is_waited_for_until_it_is_read(pipe, monkeypatch):
    pipe.put(10)
    assert pipe.writer.finish(10)
    waits = []
    monkeypatch.setattr(module.time, "sleep", lambda seconds: waits.append(os.read(pipe.reading, 20)))
    pipe.writer.drain(10)
    assert len(waits) > 1 and pipe.writer._unread() == 0
    pipe.writer.drain(10)  # nothing is in it


def test_a_pipe_that_nobody_reads_is_not_waited_for_longer(pipe):
    pipe.put(10)
    assert pipe.writer.finish(10)
    pipe.writer.drain(0.02)
    assert pipe.writer._unread() > 0


def test_a_file_takes_all(tmp_path):
    with open(tmp_path / "lines", "wb") as file:
        writer = Writer(file.fileno(), lambda: None)
        writer.put([Point("m", {}, {"f": "x" * 100000}, 1, 1), Point("empty")])
        assert writer.finish(10)
    assert (tmp_path / "lines").stat().st_size > 100000


def test_whoever_waits_for_a_batch_is_told_what_became_of_it(pipe):
    told, called = [], threading.Semaphore(0)

    def put(name: str, count: int) -> None:
        def receipt(done: bool) -> None:
            told.append((name, done))
            called.release()

        pipe.writer.put([Point("m", {}, {"pad": "x" * 200}, n, 1) for n in range(count)], receipt=receipt)

    put("taken", 3)
    assert called.acquire(timeout=10) and told == [("taken", True)]
    put("more than a pipe holds", 1000)
    for _ in range(20):
        put("behind it", module.QUEUE_LINES // 10)
    assert called.acquire(timeout=10) and told[1:] and not any(done for _, done in told[1:])
    pipe.writer.finish(0.0)
    assert len(told) == 22 and [done for _, done in told].count(True) == 1
