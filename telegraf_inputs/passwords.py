"""Passwords that drivers need: each in a file of its own, which the stanza names."""

from __future__ import annotations

from .errors import BadInput


def password(path: str | None, key: str = "password_file") -> bytes:
    """Read the password in a file; b"" where none is named. Raises BadInput."""
    if not path:
        return b""
    try:
        with open(path, "rb") as file:
            return file.read().strip()
    except OSError as error:
        raise BadInput(f"can't read {path}: {error.strerror}", (key,)) from None
