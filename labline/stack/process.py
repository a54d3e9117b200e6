"""One child process: started with a log file, waited for, stopped; it never outlives the program that started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from . import told
from .errors import StartFailed
from .partslock import PartsLock

POLL = 0.05  # seconds between two looks at whether a part is ready
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HELPING = re.compile(r"\bE!|lvl=(error|fatal)|level=(error|fatal|critical)|^(panic|fatal error|run): |\bError\b|rror: ")
LONGEST_LINE = 300  # characters of a log's line that are shown
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_started: weakref.WeakSet[Process] = weakref.WeakSet()


class _HeldBack:
    """Holds back what asks the program to stop, until ``release``, which then raises what it would have raised.

    A mask (``mask`` is that from before) holds it back from this thread alone: another one may get it, whereupon Python runs
    the handler here.
    """

    def __init__(self) -> None:
        self._came: list[int] = []
        self._handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                handler = signal.getsignal(number)
                if callable(handler):  # what is ignored stays so, for the part, too
                    self._handlers[number] = handler
                    signal.signal(number, lambda number, _: self._came.append(number))
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)

    def release(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
        for number in self._came:
            self._handlers[number](number, None)


class Process:
    """A running program. Start it from the main thread: the kernel ends it when the thread that started it ends.

    ``lock`` is held by it and its children too. It has a session of its own: Ctrl-C in the terminal reaches labline alone, which then stops the parts in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: int = subprocess.DEVNULL,
        lock: PartsLock | None = None,
    ):
        self.name, self.command, self.log = name, [str(word) for word in command], log
        log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()

        # While it forks, Python would lose the exception that a signal raises, and a part that nobody knows would be left.
        held = _HeldBack()

        def die_with_parent() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, held.mask)
            if _libc is not None:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it ended before the line above
                os._exit(1)

        try:
            self._start(log, die_with_parent, env, cwd, stdin, [lock.descriptor] if lock else [])
        except BaseException:
            held.release()
            raise
        try:
            held.release()
        except BaseException:  # the signal that was held back
            self.stop()
            raise

    def _start(
        self,
        log: Path,
        first: Callable[[], None],
        env: Mapping[str, str] | None,
        cwd: Path | None,
        stdin: int,
        inherited: Sequence[int],
    ) -> None:
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            self._log_start = output.tell()
            try:
                self._popen = subprocess.Popen(
                    self.command,
                    stdin=stdin,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    cwd=cwd,
                    pass_fds=inherited,
                    start_new_session=True,
                    preexec_fn=first,
                )
            except OSError as error:
                raise StartFailed(f"{self.name} can't be started: {self.command[0]}: {error.strerror}") from None
        self.pid = self._popen.pid
        # Readable when the process has ended, before it is reaped: until then its number can't belong to another one.
        self._ended = os.pidfd_open(self.pid)
        _started.add(self)

    @property
    def running(self) -> bool:
        """Tell whether the process has not ended yet."""
        return self._popen.returncode is None and not self._wait(0)

    @property
    def status(self) -> int | None:
        """The exit status (negative: the signal that ended it), or None while it runs."""
        return self._popen.poll()

    def output(self) -> str:
        """Read what this process, and not an earlier run, has written to its log."""
        with open(self.log, "rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def is_ready(self, ready: Callable[[], bool]) -> bool:
        """Look once whether it is ready. Raises StartFailed where it has ended."""
        if ready():
            return True
        if not self.running:
            status = self.stop()  # with its orphans
            raise StartFailed(self.explain(f"{self.name} ended when it was started (exit status {status})"))
        return False

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until ``ready()``. Raises StartFailed where the process ends, or takes longer than ``seconds``."""
        deadline = time.monotonic() + seconds
        try:
            while not self.is_ready(ready):
                self._wait(POLL)
                if time.monotonic() > deadline:
                    raise StartFailed(self.explain(f"{self.name} was not ready within {seconds:g} s"))
        except BaseException:  # Ctrl-C too: who never got the part can't stop it
            self.stop()
            raise

    def explain(self, message: str, lines: int = 4) -> str:
        """Add to a message the last errors that the log tells, or else its last lines, and where all of it is."""
        said = [line for line in self.output().splitlines() if line.strip()]
        words = ([line for line in said if HELPING.search(line)] or said)[-lines:]
        tail = [f"  | {line if len(line) <= LONGEST_LINE else f'{line[:LONGEST_LINE]} …'}" for line in words]
        head = message + (", its last words:" if tail else ", without a word")
        return "\n".join([head, *tail, f"  log: {told.path(self.log)}"])

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for the end; gives the exit status, or None where it still runs after ``seconds``."""
        return self._popen.wait() if self._popen.returncode is not None or self._wait(seconds) else None

    def stop(self, seconds: float = 10, first: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, wait up to ``seconds``, then end it and whatever it left behind; gives the exit status."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._popen.send_signal(first)
            self.go_on()
            self._wait(seconds)
            # Not reaped yet, so the group is still ours: this ends a stubborn process, and orphans of an ended one.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()
        if self._ended >= 0:
            os.close(self._ended)
            self._ended = -1
        return self._popen.returncode

    def go_on(self) -> None:
        """Let it and its children go on where they were stopped (SIGSTOP)."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it and its children at once: whoever waits in ``stop`` waits no longer."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _wait(self, seconds: float | None) -> bool:
        try:
            return self._ended < 0 or bool(select.select([self._ended], [], [], seconds)[0])
        except (OSError, ValueError):  # another thread has just stopped it
            return True

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def kill_all() -> None:
    """End at once whatever this program has started and not stopped yet."""
    for process in list(_started):
        process.kill()


def continue_all() -> None:
    """Let go on whatever was stopped of what this program has started: it could neither write what it holds, nor end."""
    for process in list(_started):
        process.go_on()
