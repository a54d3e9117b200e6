"""Other passwords for the database's users: in their files and in the server, so that an end in between can be mended."""

from __future__ import annotations

import os
from pathlib import Path

from .influxdb_server import DatabaseError, Server, secret
from .influxql import identifier, text

BEFORE = ".before"  # behind a user's name: the file of the password that was, until the server has the new one


def rotate(server: Server, secrets: Path, user: str, password: str) -> None:
    """Give a user another password; where that is refused, its file says the old one again. Raises DatabaseError.

    The file comes first: what `labline apply` finds otherwise in the server it sets to what the file says. ``server`` is
    seen as an administrator.
    """
    path, old = secrets / user, secret(secrets, user)
    before = path.with_name(f"{user}{BEFORE}")
    _write(before, old, path)
    _write(path, password, path)
    try:
        server.query(_set(user, password), hidden=password)
    except DatabaseError:
        if server.as_user(user, password).refusal():  # an answer may have been lost
            _write(path, old, path)
            before.unlink()
            raise
    before.unlink()


def finish(server: Server, secrets: Path, user: str) -> bool:
    """Go on with a change that ended between file and server; False where there was none, or it is not to be mended.

    ``server`` is seen as anybody who may know neither password.
    """
    before = secrets / f"{user}{BEFORE}"
    if not before.exists():
        return False
    password, known = secret(secrets, user), server.as_user(user, secret(secrets, before.name))
    if known.refusal():
        return False
    known.query(_set(user, password), hidden=password)
    before.unlink()
    return True


def _set(user: str, password: str) -> str:
    return f"SET PASSWORD FOR {identifier(user)} = {text(password)}"


def _write(path: Path, password: str, like: Path) -> None:
    """Write a password's file, whole or not at all, whose owner and rights are those of ``like``."""
    info, new = like.stat(), path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(password)
        file.flush()
        os.fsync(file.fileno())
        if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(file.fileno(), info.st_uid, info.st_gid)
        os.fchmod(file.fileno(), info.st_mode & 0o777)
    new.replace(path)
