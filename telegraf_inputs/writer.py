"""What carries lines to Telegraf: a bounded queue and a thread, so that a stalled reader never stalls sampling."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import stat
import sys
import termios
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .point import Point

QUEUE_LINES = 10000  # as Telegraf's own metric_buffer_limit
WHOLE = select.PIPE_BUF  # what a pipe takes in one piece or not at all (POSIX)
POLL_SECONDS = 0.01
PAGE = os.sysconf("SC_PAGE_SIZE")  # a pipe holds its data in pages
PIPE_BYTES = 1 << 20  # what an ordinary user may ask for; Linux gives 64 KiB, which Telegraf reads in 2 ms
BACKLOG, REST_SECONDS = 10, 0.001  # where so many batches wait, the pipe is given time to take several at once
Receipt = Callable[[bool], None]  # is told whether all is written, or dropped


@dataclass
class Batch:
    """Lines, and of each of them whose it is and how many readings it has; ``receipts``: who is to be told that they are out."""

    data: bytes
    readings: list[tuple[str, int]]
    receipts: list[Receipt] = field(default_factory=list)


class Writer:
    """Writes batches to a file descriptor; when nobody takes them, the oldest that wait are given up, and counted.

    A batch, or all that wait, is one write. Where a pipe has no room for it, it goes in pieces of whole lines, each small
    enough that the pipe takes it whole or not at all: whenever the program ends, no line is torn, and what was written is
    known.
    """

    def __init__(self, fd: int, on_closed: Callable[[], None], limit: int = QUEUE_LINES):
        self._fd, self._on_closed, self._limit = fd, on_closed, limit
        is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)
        self._capacity = 0
        if is_pipe:
            with contextlib.suppress(OSError):  # there may be a limit
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            self._capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
        self._in_pipe: deque[int] = deque()  # the sizes of the writes that are not all read
        self._queue: deque[Batch] = deque()
        self._lines = 0  # in the queue
        self._writing = Batch(b"", [])
        self._changed = threading.Condition()
        self.dropped_lines = 0
        self.dropped: Counter[str] = Counter()  # readings, by whose they are
        self.closed = False
        self.trouble = ""  # why nothing can be written any more
        self.failed = False  # for another reason than that nobody reads
        threading.Thread(target=self._run, daemon=True, name="writer").start()

    @property
    def dropped_readings(self) -> int:
        """How many readings were given up."""
        return self.dropped.total()

    def put(self, points: list[Point], owner: str = "", receipt: Receipt | None = None) -> None:
        """Queue one batch; ``owner`` is the instrument's name, ``receipt`` is told what becomes of it. Never blocks; safe from any thread."""
        lines, readings = [], []
        for point in points:
            if line := point.line():
                lines.append(line)
                readings.append((owner, point.readings))
        batch = Batch("".join(lines).encode(), readings, [receipt] if receipt else [])
        with self._changed:
            self._queue.append(batch)
            self._lines += len(readings)
            while self.closed and self._queue or self._lines > self._limit and len(self._queue) > 1:
                self._drop(self._take_batch())
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many batches wait to be taken."""
        return len(self._queue)

    def _idle(self) -> bool:
        return not (self._queue or self._writing.data)

    def finish(self, seconds: float) -> bool:
        """Wait until all is written, at most ``seconds``; the rest is dropped. Tells whether all was written."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._idle(), seconds)
            whole = not self.closed and self._idle()
            self.closed = True
            while self._queue:
                self._drop(self._take_batch())
            # A piece that a pipe takes is on its way for microseconds; a terminal that is held can keep it for ever.
            if not self._changed.wait_for(self._idle, 10 * POLL_SECONDS):
                self._drop(self._writing)
            return whole

    def drain(self, seconds: float) -> None:
        """Wait until all that is in the pipe has been read, at most ``seconds``."""
        end = time.monotonic() + seconds
        while self._capacity and self._unread() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)

    def _take_batch(self) -> Batch:
        batch = self._queue.popleft()
        self._lines -= len(batch.readings)
        return batch

    def _drop(self, batch: Batch) -> None:
        for receipt in batch.receipts:
            receipt(False)
        self.dropped_lines += len(batch.readings)
        for owner, readings in batch.readings:
            self.dropped[owner] += readings

    def _run(self) -> None:
        try:
            while self._write_next():
                pass
        except OSError as error:  # nobody reads any more, or a full disk
            self.trouble = error.strerror or str(error)
            self.failed = error.errno != errno.EPIPE
            self._close()

    def _write_next(self) -> bool:
        """Wait for lines and for room, and write what there is room for; False where all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue)
        select.select([], [self._fd], [])
        room = self._room()
        if room < self._capacity // 2 and len(self._queue) > BACKLOG:
            time.sleep(REST_SECONDS)
            room = self._room()
        with self._changed:
            if self.closed:
                return False
            data = self._next_piece(room)
        if not data:
            time.sleep(POLL_SECONDS)  # one line that is longer than a pipe takes whole waits until it is empty
        self._write(data)
        for receipt in self._writing.receipts:  # whoever waits for the end waits for these, too
            receipt(True)
        with self._changed:
            self._writing = Batch(b"", [])
            self._changed.notify_all()
        return True

    def _room(self) -> int:
        """Tell how many bytes can be written now, whole: a page is free, and those of what has been read."""
        if not self._capacity:
            return 1 << 30  # a file or a terminal
        unread = self._unread()
        while self._in_pipe and sum(self._in_pipe) - self._in_pipe[0] >= unread:
            self._in_pipe.popleft()
        pages = sum(-(-size // PAGE) for size in self._in_pipe)
        return max(WHOLE, self._capacity - pages * PAGE)

    def _unread(self) -> int:
        """Tell how many bytes are in the pipe."""
        return int.from_bytes(fcntl.ioctl(self._fd, termios.FIONREAD, bytes(4)), sys.byteorder)

    def _next_piece(self, room: int) -> bytes:
        """Take what there is room for off the queue: whole batches, or some lines of one that is larger."""
        taken: list[Batch] = []
        empty = room >= self._capacity
        while self._queue and len(self._queue[0].data) <= room:
            taken.append(self._take_batch())
            room -= len(taken[-1].data)
        if self._queue and not taken:
            batch = self._queue[0]
            end = batch.data.rfind(b"\n", 0, room) + 1
            if not end and empty:  # one line that is longer than all that a pipe holds
                end = batch.data.find(b"\n") + 1
            count = batch.data.count(b"\n", 0, end)
            taken.append(Batch(batch.data[:end], batch.readings[:count]))
            batch.data, batch.readings = batch.data[end:], batch.readings[count:]
            self._lines -= count
        data = b"".join(batch.data for batch in taken)
        self._writing = Batch(
            data, [n for batch in taken for n in batch.readings], [r for batch in taken for r in batch.receipts]
        )
        return data

    def _write(self, data: bytes) -> None:
        while data:
            try:
                size = os.write(self._fd, data)
                if self._capacity:
                    self._in_pipe.append(size)
                data = data[size:]
            except BlockingIOError:  # whoever started us made it so
                select.select([], [self._fd], [])

    def _close(self) -> None:
        with self._changed:
            self.closed = True
            self._drop(self._writing)
            self._writing = Batch(b"", [])
            while self._queue:
                self._drop(self._take_batch())
            self._changed.notify_all()
        self._on_closed()
