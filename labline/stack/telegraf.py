"""Telegraf: found, downloaded or built with only the plugins that are used, and started."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from . import cache, download, machine, telegraf_build
from .errors import Unavailable
from .part import Part, first_way, output
from .partslock import PartsLock
from .process import Process

OLDEST = (1, 38)  # strict handling of environment variables, and what the rendered configuration uses
VERSION = telegraf_build.VERSION
VENDOR = "https://dl.influxdata.com/telegraf/releases"  # or $LABLINE_TELEGRAF_URL
_PROGRAM = "usr/bin/telegraf"  # within the vendor's archive
ADVICE = f"""\
Install Telegraf {OLDEST[0]}.{OLDEST[1]} or newer so that `telegraf` is on PATH (https://docs.influxdata.com/telegraf/v1/install/),
or let this machine reach {VENDOR}, or PyPI and the Go module proxy (proxy.golang.org)."""


def get() -> Part:
    """Find Telegraf: on PATH, kept, the vendor's release, or built here. Raises NotFound."""
    ways = [
        ("on PATH", _on_path),
        ("kept", _kept),
        ("the vendor's release", _release),
        ("built here with go install", lambda: _checked(telegraf_build.build())),
    ]
    return first_way("Telegraf", ways, ADVICE)


def at_hand() -> Path | None:
    """Find a Telegraf that is here already, on PATH or kept; none is fetched or built."""
    for way in (_on_path, _kept):
        with contextlib.suppress(Unavailable):
            return way()[0]
    return None


class Telegraf:
    """A running Telegraf; ``stop()`` lets it end its programs and write what it holds."""

    def __init__(
        self,
        program: Path,
        config: Path,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        name: str = "Telegraf",
        *,
        wait: bool = True,
        lock: PartsLock | None = None,
    ):
        """Start it; returns when it has taken its configuration. Raises StartFailed. Without ``wait`` it only begins.

        ``env`` is added to the environment (passwords that the file refers to); ``log`` takes stdout and stderr;
        ``name`` is what it is called where one is told of it. It holds ``lock`` while it, or one of its programs, runs.
        """
        self.process = Process(name, [program, "--config", config], log, env, cwd, lock=lock)
        if wait:
            self.wait()

    def is_up(self) -> bool:
        """Look whether it has taken its configuration. Raises StartFailed where it has ended."""
        return self.process.is_ready(lambda: "[agent] Config:" in self.process.output())

    def wait(self) -> None:
        """Wait until it has. Raises StartFailed."""
        self.process.wait_ready(self.is_up, 30)

    def stop(self) -> int:
        """Stop it; it closes its programs, then writes what it holds. Waits for as long as that may take."""
        return self.process.stop(40, signal.SIGINT)

    def __enter__(self) -> Telegraf:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def version(program: Path) -> tuple[int, ...]:
    """Ask a telegraf for its version. Raises Unavailable where it does not tell."""
    text = output(program, "version")
    found = re.search(r"Telegraf v?(\d+)\.(\d+)\.(\d+)", text)
    if not found:
        raise Unavailable(f"{program} does not tell its version: {text.strip()!r}")
    return tuple(int(number) for number in found.groups())


def _checked(program: Path) -> tuple[Path, str]:
    return program, ".".join(str(number) for number in version(program))


def _on_path() -> tuple[Path, str]:
    found = shutil.which("telegraf")
    if not found:
        raise Unavailable("no telegraf on PATH")
    program, text = _checked(Path(found))
    if version(program) < OLDEST:
        raise Unavailable(f"{program} is version {text}; {OLDEST[0]}.{OLDEST[1]} or newer is needed")
    return program, text


def _release_name() -> str:
    return f"telegraf-{VERSION}-{machine.architecture()}"


def _kept() -> tuple[Path, str]:
    for released in (cache.directory() / _release_name()).glob(f"*/{_PROGRAM}"):
        return _checked(cache.verified(released))
    return _checked(telegraf_build.kept())


def _release() -> tuple[Path, str]:
    base = os.environ.get("LABLINE_TELEGRAF_URL", VENDOR)
    unpacked = download.release(_release_name(), f"{base}/{archive(machine.architecture())}")
    return _checked(cache.verified(unpacked / _PROGRAM))


def archive(architecture: str) -> str:
    """Name the vendor's archive for an architecture."""
    return f"telegraf-{VERSION}_linux_{architecture}.tar.gz"
