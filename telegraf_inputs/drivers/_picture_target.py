"""Where pictures are carried to: a folder of this machine, or one of another by SFTP. Each is there whole, or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from ..errors import BadInput

SECONDS = 20.0  # for each step of a connection
PARTIAL = ".part"
ADDRESS = re.compile(r"(https?://[\w.:\[\]-]+)?(/[\w.~/-]*)?\Z", re.ASCII)
HERE = "127.0.0.1"
EXPECTED = "expected file:///FOLDER or sftp://USER@HOST/FOLDER"


class PictureTarget(Protocol):
    """A folder in which pictures are put."""

    def put(self, name: str, data: bytes) -> None:
        """Put a picture there, by its name below the folder; it is there when this returns. Raises OSError."""


class LocalTarget:
    """A folder of this machine."""

    def __init__(self, folder: str):
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        path = os.path.join(self._folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}{PARTIAL}", "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}{PARTIAL}", path)


class SftpTarget:
    """A folder of another machine."""

    def __init__(self, client: Any, folder: str):
        self._client, self._folder = client, folder
        self._made: set[str] = set()

    def put(self, name: str, data: bytes) -> None:
        path = posixpath.join(self._folder, name)
        self._make(posixpath.dirname(path))
        self._client.putfo(io.BytesIO(data), f"{path}{PARTIAL}", len(data), confirm=True)
        self._client.posix_rename(f"{path}{PARTIAL}", path)

    def _make(self, folder: str) -> None:
        if folder in self._made or not folder.startswith(self._folder) or folder == self._folder:
            return
        self._make(posixpath.dirname(folder))
        try:
            self._client.stat(folder)
        except FileNotFoundError:
            self._client.mkdir(folder)
        self._made.add(folder)


def is_of_this_machine(address: str) -> bool:
    """Tell whether browsers find pictures at a port of this machine, and nobody else does."""
    url = urlsplit(address)
    return url.scheme == "http" and url.hostname == HERE and bool(url.port)


def without_address(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Give a stanza without the address at which its pictures are found, unless that is of this machine."""
    return {name: value for name, value in data.items() if name != key or is_of_this_machine(str(value))}


def local_folder(text: str) -> str:
    """Name the folder of this machine that a place for pictures is; "" where it is none."""
    url = urlsplit(text)
    return unquote(url.path) if url.scheme == "file" else ""


def check_target(text: str, key: str | None, path: tuple[Any, ...]) -> None:
    """Refuse (BadInput) what is no place for pictures."""
    try:
        url = urlsplit(text)
        local = url.scheme == "file" and not url.netloc
        named = bool(url.hostname and url.username and not url.password and (url.port or 22) > 0)
        remote = url.scheme == "sftp" and named
    except ValueError:
        local, remote = False, False
    if not (local or remote) or not url.path.startswith("/"):
        raise BadInput(f"found {text.split('@')[-1]!r}, {EXPECTED}; a password stands nowhere", path)
    if remote and not key:
        raise BadInput("needs the file of the private key with which to log in (picture_key)", path)


def check_address(text: str, path: tuple[Any, ...]) -> None:
    """Refuse (BadInput) what no browser finds pictures by."""
    if not ADDRESS.match(text):
        raise BadInput(f"found {text!r}, expected /FOLDER beside Grafana, or https://HOST/FOLDER", path)


@contextlib.contextmanager
def reached(text: str, key: str | None, known_hosts: str | None) -> Iterator[PictureTarget]:
    """Reach a place for pictures. Raises OSError; a host whose key is not known is not believed."""
    if folder := local_folder(text):
        yield LocalTarget(folder)
        return
    import paramiko

    url = urlsplit(text)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.load_host_keys(known_hosts or os.path.expanduser("~/.ssh/known_hosts"))
        client.connect(
            url.hostname or "",
            url.port or 22,
            unquote(url.username or ""),
            key_filename=key,
            allow_agent=False,
            look_for_keys=False,
            timeout=SECONDS,
            banner_timeout=SECONDS,
            auth_timeout=SECONDS,
        )
        sftp = client.open_sftp()
        sftp.get_channel().settimeout(SECONDS)
        yield SftpTarget(sftp, unquote(url.path))
    except (paramiko.SSHException, EOFError) as error:
        raise OSError(f"{url.hostname}: {error or type(error).__name__}") from None
    finally:
        client.close()
