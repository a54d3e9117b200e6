"""Files below a folder, such as those that the kernel shows of a bus: ``file:///sys/bus/w1/devices``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import ClassVar

from ..errand import Errand
from ..errors import BadInput, Disconnected, NoAnswer, Stopped
from ..line import Tap, Wire
from ..stop import Stop
from ..transport import Transport
from ..url import Url

LARGEST = 4096  # bytes of a file that are read: such files are small
WRITES = " = "  # between the name of a file and what is written into it, as a tap is told


class Folder:
    """The way to what are files below a folder.

    A file is read by a thread of its own: a read in the kernel can't be interrupted, and one that never returns holds
    up nobody else. ``answered_ns`` is the time (ns, UTC) when the last file was read; ``tap`` is told each file that is
    asked for, by its name in the folder, and what it held.
    """

    tap: Tap | None = None

    # By file, of all folders: a read that hangs in the kernel is there until it returns, though the way is opened anew.
    _accesses: ClassVar[dict[str, Errand[tuple[str, int]]]] = {}

    def __init__(self, path: str, timeout: float, stop: Stop):
        self.path, self.timeout, self.stop = path, timeout, stop
        self.answered_ns = 0

    def present(self, *names: str) -> bool:
        """Tell whether the folder is there, or what is named in it."""
        return os.path.exists(os.path.join(self.path, *names)) if names else os.path.isdir(self.path)

    def names(self) -> list[str]:
        """List what is in the folder; nothing where it is not there."""
        try:
            return sorted(os.listdir(self.path))
        except OSError:
            return []

    def pause(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        if self.stop.wait(seconds):
            raise Stopped

    def read(self, *names: str) -> str:
        """Read a small file whole, within ``timeout`` seconds. Raises OSError, NoAnswer, Stopped."""
        self._tell(">", os.path.join(*names))
        text, self.answered_ns = self._do(os.path.join(self.path, *names))
        self._tell("<", text)
        return text

    def write(self, text: str, *names: str) -> None:
        """Write into a file that is there, within ``timeout`` seconds. Raises OSError, NoAnswer, Stopped."""
        self._tell(">", f"{os.path.join(*names)}{WRITES}{text.rstrip()}")
        self._do(os.path.join(self.path, *names), text)

    def _do(self, path: str, text: str | None = None) -> tuple[str, int]:
        what = "read" if text is None else "write"
        before = self._accesses.get(path)
        if before is not None and not before.back_within(0, self.stop):
            raise NoAnswer(f"{path}: a {what} of it hangs for {before.seconds:.0f} s")
        access = self._accesses[path] = Errand(_access(path, text), f"access {path}")
        if not access.back_within(self.timeout, self.stop):
            if self.stop.is_set:
                raise Stopped
            raise NoAnswer(f"{path}: a {what} of it does not come back within {self.timeout:g} s")
        (done,) = access.brought()
        return done

    def _tell(self, direction: str, text: str) -> None:
        if self.tap is not None:
            self.tap(direction, text.encode())

    def discard(self, quiet: float = 0.0) -> int:
        """Do nothing: a file has no late answers."""
        return 0

    def close(self) -> None:
        """Do nothing: no file is held open."""


def _access(path: str, text: str | None) -> Iterator[tuple[str, int]]:
    """Read one file, or write the ``text`` that is given; yields what was read, and when (ns, UTC)."""
    if text is None:
        with open(path, encoding="ascii", errors="replace") as file:
            read = file.read(LARGEST)
        yield read, time.time_ns()
        return
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)
    yield "", time.time_ns()


class File(Transport):
    """Reaches what the operating system shows as files."""

    scheme = "file"
    example = "file:///sys/bus/w1/devices"
    may_have_at = True

    def check(self, url: Url, wire: Wire) -> None:
        if url.options or not url.rest.startswith("/"):
            raise BadInput(f"{url.text!r} is no folder's URL; expected such as {self.example} (three slashes)")

    def open(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Folder:
        folder = Folder(url.rest, timeout, stop)
        if not folder.present():
            raise Disconnected(f"there is no folder {url.rest}")
        return folder

    def page(self, wire: Wire) -> str:
        return "`file://FOLDER`: files below a folder"


TRANSPORT = File()
