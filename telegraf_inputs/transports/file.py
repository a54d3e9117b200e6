"""Files below a folder, such as those that the kernel shows of a bus: ``file:///sys/bus/w1/devices``."""

from __future__ import annotations

import os
import threading
import time
from typing import ClassVar

from ..errors import BadInput, Disconnected, NoAnswer, Stopped
from ..line import Tap, Wire
from ..stop import Stop
from ..transport import Transport
from ..url import Url

LARGEST = 4096  # bytes of a file that are read: such files are small
GLANCE_SECONDS = 0.05  # how long a request to stop waits at most


class Folder:
    """The way to what are files below a folder.

    A file is read by a thread of its own: a read in the kernel can't be interrupted, and one that never returns holds
    up nobody else. ``answered_ns`` is the time (ns, UTC) when the last file was read; ``tap`` is told each file that is
    asked for, by its name in the folder, and what it held.
    """

    tap: Tap | None = None

    # By file, of all folders: a read that hangs in the kernel is there until it returns, though the way is opened anew.
    _reads: ClassVar[dict[str, _Read]] = {}

    def __init__(self, path: str, timeout: float, stop: Stop):
        self.path, self.timeout, self.stop = path, timeout, stop
        self.answered_ns = 0

    def present(self) -> bool:
        """Tell whether the folder is there."""
        return os.path.isdir(self.path)

    def read(self, *names: str) -> str:
        """Read a small file whole, within ``timeout`` seconds. Raises OSError, NoAnswer, Stopped."""
        path = os.path.join(self.path, *names)
        self._tell(">", os.path.join(*names))
        read = self._reads.get(path)
        if read is not None and read.is_alive():
            raise NoAnswer(f"{path}: a read of it hangs for {time.monotonic() - read.began:.0f} s")
        read = self._reads[path] = _Read(path)
        read.start()
        deadline = read.began + self.timeout
        while read.is_alive() and (rest := deadline - time.monotonic()) > 0:
            read.join(min(GLANCE_SECONDS, rest))
            if self.stop.is_set:
                raise Stopped
        if read.is_alive():
            raise NoAnswer(f"{path}: a read of it does not come back within {self.timeout:g} s")
        if read.error is not None:
            raise read.error
        self.answered_ns = read.ended_ns
        self._tell("<", read.text)
        return read.text

    def _tell(self, direction: str, text: str) -> None:
        if self.tap is not None:
            self.tap(direction, text.encode())

    def discard(self, quiet: float = 0.0) -> int:
        """Do nothing: a file has no late answers."""
        return 0

    def close(self) -> None:
        """Do nothing: no file is held open."""


class _Read(threading.Thread):
    """One read of one file."""

    def __init__(self, path: str):
        super().__init__(daemon=True, name=f"read {path}")
        self._path = path
        self.began, self.ended_ns = time.monotonic(), 0
        self.text = ""
        self.error: OSError | None = None

    def run(self) -> None:
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                self.text = file.read(LARGEST)
            self.ended_ns = time.time_ns()
        except OSError as error:
            self.error = error


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
