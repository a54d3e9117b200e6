"""Has the pictures of a project carried away, by a short-lived program: readings wait for none, and no memory stays."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from ._scipion_files import Ctf

PROGRAM = f"{__package__}._picture_program"
UNSAFE = re.compile(r"[^\w.-]+|^\.+")
AWAITED_SECONDS = 600.0  # how long a file that is not whole is waited for


@dataclass
class Picture:
    """One picture to carry: ``kind`` is micrograph, psd or shifts; ``order`` its row's number and creation."""

    key: str
    file: str
    tags: dict[str, str]
    kind: str
    source: str
    micrograph: str
    time_ns: int
    order: tuple[int, str]
    last: bool  # of its row


@dataclass
class Carried:
    """What became of one: ``name`` below the folder and ``size`` in bytes where it has arrived, else ``why`` not."""

    picture: Picture
    name: str = ""
    size: int = 0
    why: str = ""


class Carrier:
    """Carries pictures, one batch after another; ``trouble`` is why the last one did not arrive ("" where it did)."""

    def __init__(self, target: str, key: str | None, known_hosts: str | None):
        self._to = target, key, known_hosts
        self._done: list[Carried] = []
        self._thread: threading.Thread | None = None
        self._program: subprocess.Popen[str] | None = None
        self._closed = False
        self.trouble = ""

    @property
    def busy(self) -> bool:
        """Tell whether it carries, or nobody has taken what it carried."""
        return bool(self._done) or (self._thread is not None and self._thread.is_alive())

    def hand(self, pictures: list[Picture]) -> None:
        """Give it the next batch, while it is not busy."""
        self._thread = threading.Thread(target=self._carry, args=(pictures,), daemon=True, name="pictures")
        self._thread.start()

    def take(self) -> list[Carried]:
        """Take what became of a batch; nothing while it is on its way."""
        if self._thread is None or self._thread.is_alive():
            return []
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """End the program, wherever it is: what has not arrived whole is carried anew."""
        self._closed = True
        if self._program is not None:
            self._program.kill()

    def join(self) -> None:
        """Wait for the batch."""
        if self._thread is not None:
            self._thread.join()

    def _carry(self, pictures: list[Picture]) -> None:
        trouble = ""
        try:
            trouble = self._run(pictures)
        except (OSError, ValueError) as error:
            trouble = f"the program that carries pictures: {error}"
        self.trouble = "" if self._closed else trouble

    def _run(self, pictures: list[Picture]) -> str:
        """Let the program carry a batch; returns why not all of it could be. Raises OSError, ValueError."""
        command = [sys.executable, "-m", PROGRAM]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as program:
            self._program = program
            if self._closed:
                program.kill()
            assert program.stdin is not None and program.stdout is not None
            try:
                program.stdin.write(
                    json.dumps({"to": self._to, "pictures": [_asked(each) for each in pictures]}) + "\n"
                )
                program.stdin.flush()
                for line in program.stdout:
                    said = json.loads(line)
                    if isinstance(said, dict):
                        return str(said["trouble"])
                    number, *became = said
                    self._done.append(Carried(pictures[number], *became))
            finally:
                with contextlib.suppress(BrokenPipeError):
                    program.stdin.close()
                program.wait()
        if program.returncode == -signal.SIGALRM:
            return "the pictures of a row did not come through in two minutes: does a disk or the other machine hang?"
        return f"the program that carries pictures ended with status {program.returncode}"


def pictures_of(row: Ctf, folder: str, key: str, place: str, tags: dict[str, str]) -> list[Picture]:
    """List what there is to see of a row, of which the last one ends it."""
    order = row.id, row.creation
    name = row.values["micrograph"] or ""
    sources = [(kind, os.path.join(folder, source)) for kind, source in row.pictures.items()]
    return [
        Picture(key, place, {**tags, "kind": kind}, kind, source, name, row.time_ns, order, number == len(sources))
        for number, (kind, source) in enumerate(sources, 1)
    ]


def _asked(picture: Picture) -> dict[str, Any]:
    """Say what the program has to know of a picture."""
    named = os.path.splitext(picture.micrograph)[0] or str(picture.order[0])
    parts = picture.tags["project"], picture.tags["run"], f"{named}_{picture.kind}"
    return {
        "set": f"{picture.key}\n{picture.file}",
        "row": picture.order,
        "source": picture.source,
        "stem": "/".join(UNSAFE.sub("_", part) or "_" for part in parts),
        "awaited": time.time() - picture.time_ns / 1e9 < AWAITED_SECONDS,
    }
