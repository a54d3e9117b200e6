"""Passwords as a card keeps them: never plain."""

from __future__ import annotations

import ctypes
import hashlib
import secrets
import string

from ..stack.errors import StackError

SALT = string.ascii_letters + string.digits


def password(plain: str, earlier: str) -> str:
    """Hash a password of a Unix account by sha512-crypt (crypt(5)): to ``earlier``, where that is one of the same."""
    if earlier.startswith("$6$") and secrets.compare_digest(_crypt(plain, earlier), earlier):
        return earlier
    return _crypt(plain, "$6$" + "".join(secrets.choice(SALT) for _ in range(16)))


def network(name: str, passphrase: str) -> str:
    """Derive the key of a wireless network, 64 hexadecimal digits (IEEE 802.11i, annex H.4); one that is given stays."""
    if len(passphrase) == 64:
        return passphrase.lower()
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode(), name.encode(), 4096, 32).hex()


def _crypt(plain: str, setting: str) -> str:
    try:
        library = ctypes.CDLL("libcrypt.so.1")
    except OSError:
        raise StackError(
            "a password can't be hashed here: there is no libcrypt (Debian: apt install libcrypt1)"
        ) from None
    library.crypt.restype = ctypes.c_char_p
    found: bytes | None = library.crypt(plain.encode(), setting.encode())
    if not found or not found.startswith(b"$6$"):
        raise StackError("a password can't be hashed here: libcrypt knows no sha512")
    return found.decode()
