"""Passwords: generated once, each in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import secrets
import string
from pathlib import Path

from provisioning import ownership

from .errors import StackError

LENGTH = 24
MARKS = "-_=+"


def generate() -> str:
    """Make a password of 24 characters: lower, upper, digits and at least one of ``-_=+``; it begins with a letter."""
    # A cluster that may take over from InfluxDB one day asks for each of these kinds.
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, MARKS)
    while True:
        word = "".join(secrets.choice("".join(kinds)) for _ in range(LENGTH))
        if word[0].isalpha() and all(set(word) & set(kind) for kind in kinds):
            return word


def private_directory(path: Path) -> Path:
    """Make a directory of mode 0700, or narrow one's own to that. Raises StackError where it is not one's own."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_own(path)
    if path.stat().st_mode & 0o077:  # a disk that can't be written to any more refuses even what changes nothing
        path.chmod(0o700)
    return path


def check_own(path: Path) -> None:
    """Refuse (StackError) what belongs to somebody else, or may be written by others."""
    if why := ownership.fault(path):
        raise StackError(why)


def secret(directory: Path, name: str) -> str:
    """Read the password in ``directory/name``; generates it (file mode 0600) where there is none."""
    path = private_directory(directory) / name
    with contextlib.suppress(FileNotFoundError):
        check_own(path)
        word = path.read_text().strip()
        if not word:
            raise StackError(f"{path} is empty: put the password into it, or delete it to have a new one made")
        return word
    word = generate()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(word)
    return word
