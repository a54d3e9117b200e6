"""Programs that take a picture and print it: ``command://rpicam-still``, with its arguments in the stanza."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

from ..errors import BadAnswer, BadInput, Disconnected
from ..line import Wire
from ..snapshot import LARGEST, Snapshots
from ..stop import Stop
from ..transport import Transport
from ..url import Url

LONGEST_COMPLAINT = 200  # characters of what a program says of its fault


class CommandSnapshots(Snapshots):
    """Runs a program, never a shell, for each picture; ``arguments`` are set before the first."""

    arguments: Sequence[str] = ()

    def __init__(self, program: str, timeout: float, stop: Stop):
        super().__init__(program, timeout, stop)
        self._process: subprocess.Popen[bytes] | None = None

    def _get(self) -> bytes:
        command = [self.place, *self.arguments]
        with tempfile.TemporaryFile() as complaints:  # a pipe that nobody empties would hold up the program
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
                )
            except OSError as error:
                raise Disconnected(f"{self.place} can't be run: {error.strerror}") from None
            self._process = process
            with process:
                assert process.stdout
                data = process.stdout.read(LARGEST + 1)
                if len(data) > LARGEST:
                    self._cancel()
                    return data
            complaints.seek(0)
            said = complaints.read(LARGEST)[-LONGEST_COMPLAINT:].decode(errors="replace").strip()
        if process.returncode:
            for device in self.arguments:
                if device.startswith("/dev/") and not os.path.exists(device):
                    raise Disconnected(f"there is no {device}: is it plugged in?")
            raise BadAnswer(f"{self.place} ended with status {process.returncode}{f': {said!r}' if said else ''}")
        return data

    def _cancel(self) -> None:
        """End the program, and whatever it started."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)


class Command(Transport):
    """Reaches a camera by a program of this machine."""

    scheme = "command"
    example = "command://rpicam-still"

    def check(self, url: Url, wire: Wire) -> None:
        if url.options or not url.rest or url.rest.startswith("-") or " " in url.rest:
            raise BadInput(
                f"{url.text!r} names no program; expected such as {self.example}, and its arguments in arguments:"
            )

    def place(self, url: Url) -> str:
        return ""  # two instruments may be read by one program, of two cameras

    def open(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Any:
        if shutil.which(url.rest) is None:
            raise Disconnected(f"there is no program {url.rest} on the PATH of whoever runs this")
        return CommandSnapshots(url.rest, timeout, stop)

    def page(self, wire: Wire) -> str:
        return (
            "`command://PROGRAM`: a program that takes one picture and writes it to its standard output; `arguments` are "
            'its own. On a Raspberry Pi `command://rpicam-still` with `arguments: [-n, --immediate, -o, "-"]`; of a USB camera '
            '(V4L2) `command://ffmpeg` with `arguments: [-f, v4l2, -i, /dev/video0, -frames:v, 1, -f, mjpeg, "-"]`. Its user '
            "has to be in the group `video`"
        )


TRANSPORT = Command()
