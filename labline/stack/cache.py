"""The user's cache: what was downloaded, unpacked or built once is kept for every clone and every run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import StackError, Unavailable
from .progress import say


def directory() -> Path:
    """Find, or make, ``$XDG_CACHE_HOME/labline`` or ``~/.cache/labline``. Raises StackError."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules: a relative path is to be ignored.
    path = (Path(root) if os.path.isabs(root) else Path.home() / ".cache") / "labline"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"the cache {path} can't be made: {error.strerror}; set XDG_CACHE_HOME to a directory that you can write to"
        ) from None
    return path


@contextlib.contextmanager
def new(name: str) -> Iterator[Path | None]:
    """Give a scratch directory to fill, or None where ``name`` is kept already.

    It is kept, whole, when the block ends well, and removed when it does not (Unavailable, where the disk is full).
    One process at a time: a second one waits for the first, and finds its result.
    """
    final = directory() / name
    if final.exists():
        yield None
        return
    with _lock(final.with_name(f".{name}.lock"), f"waiting for another labline that is getting {name} …"):
        if final.exists():
            yield None
            return
        for torn in final.parent.glob(f".{name}.part-*"):  # of a process that was killed: we hold the lock
            remove(torn)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}.part-", dir=final.parent))
        try:
            yield scratch
            scratch.chmod(0o755)
            os.replace(scratch, final)
        except OSError as error:
            raise Unavailable(f"{name} can't be kept in {final.parent}: {error.strerror or error}") from None
        finally:
            remove(scratch)


def remove(path: Path) -> None:
    """Delete a directory tree where there is one."""
    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path, waiting: str) -> Iterator[None]:
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
