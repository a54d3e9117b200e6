"""What carries lines to Telegraf: a bounded queue and a thread, so that a stalled reader never stalls sampling."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import struct
import termios
import threading
import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .point import Point

QUEUE_LINES = 10000  # as Telegraf's own metric_buffer_limit
WHOLE = select.PIPE_BUF  # what a pipe takes in one piece or not at all (POSIX)
POLL_SECONDS = 0.01


class Writer:
    """Writes batches to a file descriptor; when nobody takes them, the oldest that wait are given up, and counted.

    A batch is one write. Where a pipe has no room for all of it, it goes in pieces of whole lines, each small enough that
    the pipe takes it whole or not at all: whenever the program ends, no line is torn, and what was written is known.
    """

    def __init__(self, fd: int, on_closed: Callable[[], None], limit: int = QUEUE_LINES):
        self._fd, self._on_closed, self._limit = fd, on_closed, limit
        is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)
        self._capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) if is_pipe else 0
        self._queue: deque[list[tuple[bytes, int]]] = deque()  # batches of lines, each with its number of readings
        self._lines = 0  # in the queue
        self._writing: list[tuple[bytes, int]] = []
        self._changed = threading.Condition()
        self.dropped_lines = self.dropped_readings = 0
        self.closed = False
        threading.Thread(target=self._run, daemon=True, name="writer").start()

    def put(self, points: list[Point]) -> None:
        """Queue one batch. Never blocks."""
        batch = [(line.encode(), point.readings) for point in points if (line := point.line())]
        with self._changed:
            self._queue.append(batch)
            self._lines += len(batch)
            while self.closed and self._queue or self._lines > self._limit and len(self._queue) > 1:
                self._drop(self._take_batch())
            self._changed.notify_all()

    @property
    def behind(self) -> bool:
        """Whether more than the newest batch waits to be taken."""
        return len(self._queue) > 1

    def _idle(self) -> bool:
        return not (self._queue or self._writing)

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

    def _take_batch(self) -> list[tuple[bytes, int]]:
        batch = self._queue.popleft()
        self._lines -= len(batch)
        return batch

    def _drop(self, lines: list[tuple[bytes, int]]) -> None:
        self.dropped_lines += len(lines)
        self.dropped_readings += sum(readings for _, readings in lines)

    def _run(self) -> None:
        try:
            while self._write_next():
                pass
        except OSError:  # nobody reads any more
            self._close()

    def _write_next(self) -> bool:
        """Wait for lines and for room, and write what there is room for; False where all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue)
        select.select([], [self._fd], [])
        room = self._room()
        with self._changed:
            if self.closed:
                return False
            data = self._next_piece(room)
        if not data:
            time.sleep(POLL_SECONDS)  # one line that is longer than a pipe takes whole waits until it is empty
        self._write(data)
        with self._changed:
            self._writing = []
            self._changed.notify_all()
        return True

    def _room(self) -> int:
        """Tell how many bytes can be written now, whole."""
        if not self._capacity:
            return 1 << 30  # a file or a terminal
        (waiting,) = struct.unpack("i", fcntl.ioctl(self._fd, termios.FIONREAD, b"\0\0\0\0"))
        return WHOLE if waiting else self._capacity

    def _next_piece(self, room: int) -> bytes:
        """Take the lines of the oldest batch, as many as there is room for, off the queue."""
        if not self._queue:
            return b""
        batch, size, count = self._queue[0], 0, 0
        for line, _ in batch:
            if size + len(line) > room and not (count == 0 and len(line) > self._capacity):
                break
            size, count = size + len(line), count + 1
        self._writing, batch[:count] = batch[:count], []
        self._lines -= count
        if not batch:
            self._queue.popleft()
        return b"".join(line for line, _ in self._writing)

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data):]
            except BlockingIOError:  # whoever started us made it so
                select.select([], [self._fd], [])

    def _close(self) -> None:
        with self._changed:
            self.closed = True
            self._drop(self._writing)
            self._writing = []
            while self._queue:
                self._drop(self._take_batch())
            self._changed.notify_all()
        self._on_closed()
