"""Carries the pictures of a project away, in a thread: a connection that hangs must not keep readings."""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
from dataclasses import dataclass
from functools import partial

from ..errors import BadAnswer
from ._mrc_picture import NotWhole, png_of
from ._picture_target import PictureTarget, reached
from ._scipion_files import Ctf

PLACE = re.compile(r"(?:(\d+)@)?(.+)\Z", re.S)  # an image of a stack is 3@file.mrcs
UNSAFE = re.compile(r"[^\w.-]+|^\.+")
AWAITED_SECONDS = 600.0  # how long a file that is not whole is waited for
LARGEST_PLAIN = 20_000_000  # bytes, of a picture that is one already
PNG, JPEG = b"\x89PNG", b"\xff\xd8"
PLAIN = (".png", ".jpg", ".jpeg")


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
        self._reach = partial(reached, target, key, known_hosts)
        self._done: list[Carried] = []
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
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
        """Begin no other picture; one that hangs is left alone."""
        self._stopped.set()

    def join(self) -> None:
        """Wait for the batch."""
        if self._thread is not None:
            self._thread.join()

    def _carry(self, pictures: list[Picture]) -> None:
        done: list[Carried] = []
        held: set[tuple[str, str]] = set()
        try:
            with self._reach() as target:
                for (key, file, _), row in itertools.groupby(pictures, lambda each: (each.key, each.file, each.order)):
                    if self._stopped.is_set():
                        break
                    if (key, file) in held:
                        continue
                    try:
                        made = [(picture, *_made(picture)) for picture in row]
                    except NotWhole:  # this row and those behind it are looked at again
                        held.add((key, file))
                        continue
                    done += [_carried(picture, data, why, target) for picture, data, why in made]
            self.trouble = ""
        except ImportError as error:
            self.trouble = f"carrying pictures needs {error.name}: pip install 'labline[scipion]'"
        except Exception as error:
            self.trouble = str(error) or type(error).__name__
        finally:
            self._done = done


def pictures_of(row: Ctf, folder: str, key: str, place: str, tags: dict[str, str]) -> list[Picture]:
    """List what there is to see of a row, of which the last one ends it."""
    order = row.id, row.creation
    name = row.values["micrograph"] or ""
    sources = [(kind, os.path.join(folder, source)) for kind, source in row.pictures.items()]
    return [
        Picture(key, place, {**tags, "kind": kind}, kind, source, name, row.time_ns, order, number == len(sources))
        for number, (kind, source) in enumerate(sources, 1)
    ]


def _made(picture: Picture) -> tuple[bytes, str]:
    """Make a picture, or tell why there is none. Raises NotWhole where it may yet come."""
    try:
        return _data(picture.source), ""
    except NotWhole as error:
        if time.time() - picture.time_ns / 1e9 < AWAITED_SECONDS:
            raise
        return b"", str(error)
    except (BadAnswer, OSError) as error:
        return b"", str(error)


def _carried(picture: Picture, data: bytes, why: str, target: PictureTarget) -> Carried:
    """Carry a picture. Raises OSError where the target can't be written."""
    if why:
        return Carried(picture, why=why)
    stem = os.path.splitext(picture.micrograph)[0] or str(picture.order[0])
    form = "png" if data.startswith(PNG) else "jpg"
    parts = picture.tags["project"], picture.tags["run"], f"{stem}_{picture.kind}.{form}"
    name = "/".join(UNSAFE.sub("_", part) or "_" for part in parts)
    target.put(name, data)
    return Carried(picture, name, len(data))


def _data(source: str) -> bytes:
    match = PLACE.match(os.path.basename(source))
    path = os.path.join(os.path.dirname(source), match[2] if match else "")
    if not path.lower().endswith(PLAIN):
        return png_of(path, int(match[1] or 1) if match else 1)
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_PLAIN + 1)
    except FileNotFoundError:
        raise NotWhole(f"{path}: it is not there") from None
    if len(data) > LARGEST_PLAIN or not data.startswith((PNG, JPEG)):
        raise BadAnswer(f"{path}: it is no picture of less than {LARGEST_PLAIN} bytes")
    return data
