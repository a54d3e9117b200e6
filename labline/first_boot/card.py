"""The boot partition of a card: a folder where it is mounted, or the card, or an image of it, that nothing has mounted."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from telegraf_inputs.errors import BadInput

from ..stack import debian
from ..stack.errors import StackError, Unavailable
from . import partition

CMDLINE = "cmdline.txt"
OF_A_PI = {CMDLINE, "config.txt"}  # with a kernel beside them
RUNNING = ("/boot", "/boot/firmware")  # where the system that runs has its own


class Card(Protocol):
    """Files of a boot partition, by their names; ``shown`` is what the person called it."""

    shown: str

    def has(self, name: str) -> bool: ...

    def read(self, name: str) -> str | None:
        """Read a file; None where there is none."""

    def write(self, name: str, text: str) -> None: ...


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Card]:
    """Open the boot partition at ``path``. Raises BadInput where it is none of a Raspberry Pi's, or is in use."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise BadInput(f"can't be read: {error.strerror}", file=str(path)) from None
    if stat.S_ISDIR(mode):
        if path.resolve() in map(Path, RUNNING) and os.path.ismount(path):
            raise BadInput(
                "is the boot partition of the system that runs here; expected that of another card", file=str(path)
            )
        yield _known(_Folder(path))
    elif stat.S_ISBLK(mode) or stat.S_ISREG(mode):
        with _held(path, stat.S_ISBLK(mode)) as file:
            yield _known(_Image(path, partition.start(file, str(path))))
    else:
        raise BadInput("expected a folder, an image file or a card", file=str(path))


def _known(card: _Folder | _Image) -> Card:
    names = {name.lower() for name in card.names()}
    if not names >= OF_A_PI or not any(name.startswith(("kernel", "vmlinuz")) for name in names):
        raise BadInput(
            "is no boot partition of Raspberry Pi OS: it has no cmdline.txt, config.txt and kernel. Expected the folder where "
            "the card's partition `bootfs` is mounted, or an image of a card",
            file=card.shown,
        )
    return card


@contextlib.contextmanager
def _held(path: Path, device: bool) -> Iterator[BinaryIO]:
    """Open a card or an image, which nobody may have mounted meanwhile."""
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if Path(backing.read_text().rstrip("\n")) == path.resolve():
                raise BadInput(
                    f"is attached to /dev/{backing.parents[1].name}; let go of it first (umount, losetup --detach), or give the "
                    "folder where its first partition is mounted",
                    file=str(path),
                )
    try:
        # The kernel gives a card exclusively to one alone, and never where a partition of it is mounted.
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_EXCL if device else 0))
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise BadInput(
                "is in use: a partition of it is mounted. Unmount it first, or give the folder where its first partition is "
                "mounted",
                file=str(path),
            ) from None
        raise BadInput(f"can't be written: {error.strerror}", file=str(path)) from None
    with os.fdopen(descriptor, "rb") as file:
        yield file
        os.fsync(descriptor)


_WAYS = {
    errno.EROFS: "; is the card's lock on? Else `sudo mount -o remount,rw` with this folder",
    errno.EACCES: "; run this by sudo, as the folder is not yours",
}


class _Folder:
    """A boot partition that is mounted."""

    def __init__(self, path: Path):
        self.path, self.shown = path, str(path)

    def names(self) -> list[str]:
        return [file.name for file in self.path.iterdir()]

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def read(self, name: str) -> str | None:
        try:
            return (self.path / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=".labline-")
        except OSError as error:
            raise BadInput(
                f"can't be written: {error.strerror}{_WAYS.get(error.errno or 0, '')}", file=self.shown
            ) from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, self.path / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


class _Image:
    """A boot partition inside an image or on a card, by mtools: nothing is mounted, and no root needed."""

    def __init__(self, path: Path, start: int):
        self.shown, self._drive, self._programs = str(path), f"{path.resolve()}@@{start}", _mtools()
        self._names = [line.rpartition("/")[2] for line in self._run("mdir", "-b", "-a", "::/").decode().splitlines()]

    def names(self) -> list[str]:
        return self._names

    def has(self, name: str) -> bool:
        return name in self._names

    def read(self, name: str) -> str | None:
        return self._run("mtype", f"::/{name}").decode(errors="replace") if self.has(name) else None

    def write(self, name: str, text: str) -> None:
        with tempfile.TemporaryDirectory(prefix="labline-image-") as folder:
            file = Path(folder) / name
            file.write_bytes(text.encode())
            self._run("mcopy", "-o", file, f"::/{name}")

    def _run(self, program: str, *words: str | Path) -> bytes:
        command = [self._programs / program, *words[:-1], "-i", self._drive, words[-1]]
        environment = {"PATH": os.defpath, "MTOOLSRC": os.devnull, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            told = " ".join(done.stderr.decode(errors="replace").split())
            raise StackError(f"{self.shown}: {program}: {told or f'exit status {done.returncode}'}")
        return done.stdout


def _mtools() -> Path:
    """Find the folder of mtools: on PATH, else Debian's package, unpacked into the cache."""
    if found := shutil.which("mcopy"):
        return Path(found).parent
    try:
        return debian.unpack("mtools") / "usr/bin"
    except Unavailable as error:
        raise StackError(
            f"an image is written by mtools, which can't be had here: {error}; install the package mtools"
        ) from None
