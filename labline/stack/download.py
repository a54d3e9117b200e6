"""Files from the vendors' servers: checked against a checksum, unpacked into the cache."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import requests
import urllib3

from . import cache
from .errors import Unavailable
from .progress import Progress

CONNECT, READ = 4, 30  # seconds: a server that can't be reached must not hold up the ways after it
PINNED = Path(__file__).parent / "archives.sha256"  # as sha256sum writes it; `make lock` renews it
UNPINNED = "LABLINE_TAKE_UNPINNED"  # "1": an archive that is not pinned may be fetched
PUBLISHED = (".sha256", ".DIGESTS")  # what vendors call the file with the checksum


def release(name: str, url: str) -> Path:
    """Give the one directory that the archive (tar.gz) at ``url`` holds, unpacked in the cache. Raises Unavailable.

    Its checksum is the one that the project pins. Where it pins none, it is not fetched, unless somebody says so
    (UNPINNED): then it is the one that the vendor publishes beside the archive, which finds a torn or mixed-up
    download, and trusts the server (over TLS) for the rest.
    """
    with cache.new(name) as scratch:
        if scratch:
            archive = scratch / "archive.tar.gz"
            expected = pinned().get(url.rpartition("/")[2]) or _unpinned(url)
            found = fetch(url, archive)
            if found != expected:
                raise Unavailable(f"{url} has the wrong checksum: {found}, expected {expected}; it was not kept")
            _unpack(archive, scratch)
            archive.unlink()
    return next((cache.directory() / name).iterdir())


def fetch(url: str, to: Path) -> str:
    """Download a file; gives its SHA-256. Raises Unavailable where the server can't be reached or the file is torn."""
    digest, done, size = hashlib.sha256(), 0, 0
    try:
        with requests.get(url, stream=True, timeout=(CONNECT, READ)) as answer, open(to, "wb") as file:
            answer.raise_for_status()
            size = int(answer.headers.get("Content-Length", 0))
            with Progress(f"downloading {url.rpartition('/')[2]}") as progress:
                # The bytes as they are sent: a .gz stays a .gz. Fewer than promised are an error.
                while block := answer.raw.read(1 << 16):
                    file.write(block)
                    digest.update(block)
                    done += len(block)
                    progress.update(f"{done / 1e6:.0f} of {size / 1e6:.0f} MB" if size else f"{done / 1e6:.0f} MB")
    except urllib3.exceptions.HTTPError:  # while it was read
        raise Unavailable(f"{url} came torn: {done} of {size} bytes") from None
    except OSError as error:  # requests' errors, and the disk's
        raise Unavailable(_reason(url, error)) from None
    return digest.hexdigest()


def pinned() -> dict[str, str]:
    """Read the checksums that the project pins, by the archives' names."""
    return {name: digest for digest, name in map(str.split, PINNED.read_text().splitlines())}


def published(url: str) -> str:
    """Read the archive's SHA-256 from the file beside it: the bare sum, or a line of `sha256sum` with its name."""
    archive = url.rpartition("/")[2]
    for beside in PUBLISHED:
        try:
            answer = requests.get(url + beside, timeout=(CONNECT, READ))
            answer.raise_for_status()
        except requests.HTTPError:
            continue
        except OSError as error:
            raise Unavailable(_reason(url + beside, error)) from None
        found = re.search(rf"^([0-9a-f]{{64}})(\s*$|\s+\*?(\S*/)?{re.escape(archive)}$)", answer.text, re.MULTILINE)
        if found:
            return found[1]
    raise Unavailable(f"{url} has no checksum beside it ({', '.join(PUBLISHED)}), so it was not taken")


def _unpinned(url: str) -> str:
    """Give the checksum of an archive that is not pinned, where that is allowed. Raises Unavailable."""
    if os.environ.get(UNPINNED) != "1":
        raise Unavailable(
            f"labline has no checksum of {url.rpartition('/')[2]} of its own, so it was not fetched; {UNPINNED}=1 takes it by "
            "the one that its server publishes"
        )
    return published(url)


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
