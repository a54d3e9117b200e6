"""The library that Docker's own command reads Compose files with, in a small program; built once, into the cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from labline.stack import cache, telegraf_build

SOURCES = Path(__file__).parent / "compose_check"


def read(*files: Path) -> subprocess.CompletedProcess[str]:
    """Read Compose files that belong together: prints what they mean, or, with status 1, why they are refused."""
    return subprocess.run([_program(), *files], capture_output=True, text=True, timeout=120)


def _program() -> Path:
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SOURCES.iterdir()))).hexdigest()[:8]
    name = f"tests-compose-{digest}"
    with cache.new(name) as scratch:
        if scratch:
            environment = {
                **os.environ,
                "CGO_ENABLED": "0",
                "GOFLAGS": "-trimpath -modcacherw -mod=readonly",
                "GOTOOLCHAIN": "local",
                "GOPATH": str(scratch / "gopath"),
                "GOCACHE": str(scratch / "gocache"),
            }
            command = [telegraf_build.go(scratch), "build", "-C", SOURCES, "-o", scratch / "compose_check", "."]
            subprocess.run(command, check=True, env=environment, capture_output=True)
            for left in ("go", "gopath", "gocache"):
                cache.remove(scratch / left)
    return cache.directory() / name / "compose_check"
