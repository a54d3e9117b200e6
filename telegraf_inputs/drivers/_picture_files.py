"""Pictures that others write into files: a camera that uploads by FTP, a program that takes one each minute."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import ClassVar

from ..errors import Disconnected, NoAnswer
from ..snapshot import LARGEST, Snapshots
from ..stop import Stop
from ._pictures import is_ended

NAME = re.compile(r"[^.].*\.(?:jpe?g|png)\Z", re.ASCII | re.IGNORECASE)
WRITING = 0.8  # of the timeout: so long is waited for the end of what is being written
LOOK_SECONDS = 0.05


class PictureFiles(Snapshots):
    """Gives a file, or the newest picture in a folder; ``answered_ns`` is the time (ns, UTC) at which it was written."""

    # By place, of all instruments: a read that hangs in the kernel is there until it returns, though the way is opened anew.
    _reading: ClassVar[dict[str, threading.Thread]] = {}

    def __init__(self, place: str, timeout: float, stop: Stop):
        super().__init__(place, timeout, stop)
        self._written_ns = 0
        self._cancelled = threading.Event()

    def fetch(self) -> bytes:
        before = self._reading.get(self.place)
        if before is not None and before.is_alive():
            raise NoAnswer(f"{self.place}: a read of it hangs")
        self._cancelled.clear()
        data = super().fetch()
        self.answered_ns = self._written_ns
        return data

    def _get(self) -> bytes:
        self._reading[self.place] = threading.current_thread()
        until = time.monotonic() + WRITING * self.timeout
        while True:
            try:
                with open(self._newest(), "rb") as file:
                    data, self._written_ns = file.read(LARGEST + 1), os.fstat(file.fileno()).st_mtime_ns
            except OSError as error:
                raise Disconnected(f"{error.filename or self.place}: {error.strerror}") from None
            if is_ended(data) or time.monotonic() > until or self._cancelled.wait(LOOK_SECONDS):
                return data

    def _newest(self) -> str:
        if not os.path.isdir(self.place):
            return self.place
        with os.scandir(self.place) as files:
            found = [(file.stat().st_mtime_ns, file.path) for file in files if NAME.match(file.name)]
        if not found:
            raise Disconnected(f"{self.place}: there is no picture in it (*.jpg, *.jpeg, *.png)")
        return max(found)[1]

    def _cancel(self) -> None:
        self._cancelled.set()
