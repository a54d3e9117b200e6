"""Files from the vendors' servers: checked against a checksum, unpacked into the cache."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import requests

from . import cache
from .errors import Unavailable
from .progress import Progress

CONNECT, READ = 4, 30  # seconds: a server that can't be reached must not hold up the ways after it


def release(name: str, url: str, sha256: str | None = None) -> Path:
    """Give the one directory that the archive (tar.gz) at ``url`` holds, unpacked in the cache. Raises Unavailable.

    ``sha256`` is its checksum where we know it. Else it is the vendor's own, in ``<url>.sha256``: that finds a torn or
    mixed-up download, and trusts the server (over TLS) for the rest.
    """
    with cache.new(name) as scratch:
        if scratch:
            archive = scratch / "archive.tar.gz"
            expected = sha256 or _published_checksum(url)
            found = fetch(url, archive)
            if found != expected:
                raise Unavailable(f"{url} has the wrong checksum: {found}, expected {expected}; nothing of it was kept")
            _unpack(archive, scratch)
            archive.unlink()
    return next((cache.directory() / name).iterdir())


def fetch(url: str, to: Path) -> str:
    """Download a file; gives its SHA-256. Raises Unavailable where the server can't be reached or the file is torn."""
    digest, done = hashlib.sha256(), 0
    try:
        with requests.get(url, stream=True, timeout=(CONNECT, READ)) as answer, open(to, "wb") as file:
            answer.raise_for_status()
            size = int(answer.headers.get("Content-Length", 0))
            with Progress(f"downloading {url.rpartition('/')[2]}") as progress:
                # The bytes as they are sent: a .gz stays a .gz, and the length can be held against the promised one.
                while block := answer.raw.read(1 << 16):
                    file.write(block)
                    digest.update(block)
                    done += len(block)
                    progress.update(f"{done / 1e6:.0f} of {size / 1e6:.0f} MB" if size else f"{done / 1e6:.0f} MB")
                if size and done != size:
                    raise Unavailable(f"{url} came torn: {done} of {size} bytes")
    except OSError as error:  # requests' and the disk's errors alike
        raise Unavailable(_reason(url, error)) from None
    return digest.hexdigest()


def _published_checksum(url: str) -> str:
    try:
        answer = requests.get(f"{url}.sha256", timeout=(CONNECT, READ))
        answer.raise_for_status()
    except OSError as error:
        raise Unavailable(_reason(f"{url}.sha256", error)) from None
    found = re.match(r"[0-9a-f]{64}\b", answer.text.strip())
    if not found:
        raise Unavailable(f"{url}.sha256 holds no SHA-256 checksum")
    return found[0]


def _unpack(archive: Path, directory: Path) -> None:
    # tar refuses absolute names and `..`.
    command = ["tar", "-xzf", str(archive), "-C", str(directory), "--no-same-owner"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{archive.name} can't be unpacked: {(done.stderr.splitlines() or ['tar failed'])[0]}")
    if len(list(directory.iterdir())) != 2:  # itself and its one directory
        raise Unavailable(f"{archive.name} does not hold one directory, as the vendor's archives do")


def _reason(url: str, error: OSError) -> str:
    if isinstance(error, requests.HTTPError):
        return f"{url}: {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout):
        return f"{url}: no answer within {CONNECT} s"
    if isinstance(error, requests.ConnectionError):
        return f"{url}: the server can't be reached"
    return f"{url}: {error}"
