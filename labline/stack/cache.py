"""The user's cache: what was downloaded, unpacked or built once is kept for every clone and every run."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import credentials, xdg
from .errors import StackError, Unavailable
from .progress import say


def directory() -> Path:
    """Find, or make, ``$XDG_CACHE_HOME/labline`` or ``~/.cache/labline``. Raises StackError."""
    path = xdg.directory("XDG_CACHE_HOME", ".cache")
    try:
        return credentials.private_directory(path)
    except OSError as error:
        raise StackError(
            f"the cache {path} can't be made: {error.strerror}; set XDG_CACHE_HOME to a directory that you can write to"
        ) from None
    except StackError as error:
        raise StackError(f"the cache is not to be trusted: {error} (XDG_CACHE_HOME)") from None


@contextlib.contextmanager
def new(name: str) -> Iterator[Path | None]:
    """Give a scratch directory to fill, or None where ``name`` is kept already.

    It is kept, whole, when the block ends well, and removed when it does not (Unavailable, where the disk is full).
    One process at a time: a second one waits for the first, and finds its result.
    """
    final = directory() / name
    digests = _digests_of(name)
    if final.exists() and digests.exists():
        yield None
        return
    with _lock(final.with_name(f".{name}.lock"), f"waiting for another labline that is getting {name} …"):
        if final.exists() and digests.exists():
            yield None
            return
        remove(final)  # of an unknown digest
        for torn in final.parent.glob(f".{name}.part-*"):  # of a process that was killed: we hold the lock
            remove(torn)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}.part-", dir=final.parent))
        try:
            yield scratch
            scratch.chmod(0o755)
            digests.write_text("".join(f"{digest(file)}  {file.relative_to(scratch)}\n" for file in _programs(scratch)))
            os.replace(scratch, final)
        except OSError as error:
            raise Unavailable(f"{name} can't be kept in {final.parent}: {error.strerror or error}") from None
        finally:
            remove(scratch)


def verified(path: Path) -> Path:
    """Hold a kept program or library against the digest that it had when it was kept. Raises Unavailable."""
    file = path.resolve()
    name, _, inside = str(file.relative_to(directory().resolve())).partition("/")
    try:
        lines = _digests_of(name).read_text().splitlines()
    except OSError:
        raise Unavailable(f"{path} was kept without a digest, so it is got anew") from None
    if f"{digest(file)}  {inside}" not in lines:
        raise Unavailable(
            f"{path} is not as it was when it was kept: its SHA-256 is another. Somebody changed it, or the disk fails. "
            f"To have it got anew: rm -r {shlex.quote(str(directory() / name))}"
        )
    return path


def digest(file: Path) -> str:
    """Compute a file's SHA-256."""
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def remove(path: Path) -> None:
    """Delete a directory tree where there is one."""
    shutil.rmtree(path, ignore_errors=True)


def _digests_of(name: str) -> Path:
    return directory() / f".{name}.sha256"


def _programs(folder: Path) -> Iterator[Path]:
    """Find the programs and libraries below a folder."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and (os.access(file, os.X_OK) or ".so" in file.name):
            yield file


@contextlib.contextmanager
def _lock(path: Path, waiting: str) -> Iterator[None]:
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
