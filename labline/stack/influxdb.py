"""InfluxDB 1.x: found or fetched, and started on loopback with authentication on."""

from __future__ import annotations

import functools
import re
import shutil
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

from provisioning import influxdb_passwords, influxql, toml
from provisioning.influxdb_schema import ADMIN
from provisioning.influxdb_server import DatabaseError, Server

from . import cache, credentials, debian, listener, loopback, ports, told, write_ahead
from .errors import StartFailed, Unavailable, WrongPassword
from .part import Part, first_way, output
from .partslock import PartsLock
from .process import POLL, Process

LONGEST_START = 600  # seconds: what many months left is read for minutes on a small machine
ADVICE = "Install InfluxDB 1.x so that `influxd` is on PATH (Debian, Raspberry Pi OS: sudo apt-get install influxdb)."

# Everything listens on loopback; retention and continuous queries are InfluxDB's own defaults.
# Whoever reaches its backup port may take all data and put others in, without a password, and it can't be left out. But
# Linux lets nobody connect to a broadcast address, so a socket that listens on one is reached by nobody.
_CONFIG = """\
reporting-disabled = true
bind-address = "127.255.255.255:0"
[meta]
  dir = {meta}
[data]
  dir = {data}
  wal-dir = {wal}
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = true
  pprof-enabled = false
  log-enabled = false
{socket}[monitor]
  store-enabled = false
[continuous_queries]
  log-enabled = false
"""


_SOCKET = """\
  unix-socket-enabled = true
  bind-socket = "{}"
"""
LONGEST_SOCKET = 107  # bytes of its path, unix(7)


def socket_of(directory: Path) -> Path | None:
    """Name the Unix socket at which a server with its data in ``directory`` takes HTTP, too: its owner alone gets there.

    None where the path is too long for one, or would have to be escaped in a URL.
    """
    path = directory.absolute() / "influxdb.sock"
    text = str(path)
    return path if len(text) <= LONGEST_SOCKET and re.fullmatch(r"[A-Za-z0-9_./+-]+", text) else None


def get() -> Part:
    """Find ``influxd`` 1.x: on PATH, else Debian's package unpacked into the cache. Raises NotFound."""
    return first_way("InfluxDB", [("on PATH", _on_path), ("Debian's package, unpacked", _unpacked)], ADVICE)


class InfluxDB:
    """A private InfluxDB server: ``url``, ``server`` to query it as its administrator, ``stop()``."""

    def __init__(
        self,
        program: Path,
        directory: Path,
        secrets: Path,
        port: int | None = None,
        *,
        wait: bool = True,
        lock: PartsLock | None = None,
    ):
        """Start it; returns when it answers and the administrator can log in. Raises StartFailed.

        Data and log lie under ``directory``, the password in ``secrets/labadmin``; ``port`` is a free one by default.
        Without ``wait`` it only begins: call ``is_up`` now and then. It holds ``lock`` while it runs.
        """
        port = port or ports.free(1)[0]
        ports.claim("InfluxDB", port)
        self.admin, self.password = ADMIN, credentials.secret(secrets, ADMIN)
        self.url = f"http://{ports.LOOPBACK}:{port}"
        self.server = Server(self.url, self.admin, self.password)
        self.directory = credentials.private_directory(directory).absolute()
        config = self.directory / "influxdb.conf"
        socket = socket_of(self.directory)
        config.write_text(
            _CONFIG.format(**_folders(self.directory), port=port, socket=_SOCKET.format(socket) if socket else "")
        )
        self.up = False
        self.mended = False  # a torn write-ahead log was cut off
        self._command: list[str | Path] = [program, "-config", config]
        self._secrets, self._lock = secrets, lock
        self._steps = self._start()
        if wait:
            self._wait()
        else:
            self.is_up()

    def is_up(self) -> bool:
        """Go on with a start; True once it is done. Raises StartFailed; then nothing runs."""
        next(self._steps, None)
        return self.up

    def _wait(self) -> None:
        deadline = time.monotonic() + LONGEST_START
        try:
            while not self.is_up():
                if time.monotonic() > deadline:
                    raise StartFailed(self.process.explain(f"InfluxDB was not ready within {LONGEST_START:g} s"))
                time.sleep(POLL)
        except BaseException:  # Ctrl-C too: who never got it can't stop it
            self._steps.close()
            raise

    def _start(self) -> Generator[None, None, None]:
        """Start it, out of everybody's reach until its write-ahead log is whole; pauses while it has to be waited for."""
        apart = write_ahead.doubtful(self.directory)
        for _ in range(write_ahead.MOST_STARTS):
            address, environment = out_of_reach(ports.free(1)[0]) if apart else ("", {})
            url = f"http://{address}" if apart else self.url
            self.process = Process(
                "InfluxDB", self._command, self.directory / "influxd.log", environment, lock=self._lock
            )
            try:
                while not self.process.is_ready(functools.partial(self._answers, url)):
                    yield
                torn = write_ahead.TORN in self.process.output()
                self.mended |= torn
                if not torn and not apart:
                    self._make_admin(self._secrets)
                    self.up = True
                    return
            except BaseException:
                self.stop()
                raise
            self.stop()
            apart = torn
        raise StartFailed(write_ahead.stays_torn(self.directory / "wal"))

    def _answers(self, url: str) -> bool:
        return listener.ours("InfluxDB", urlsplit(url).port or 0, self.process.pid) and loopback.answers(
            f"{url}/ping", 204
        )

    def stop(self) -> int:
        """Stop the server; what was written is on disk."""
        return self.process.stop(30)

    def _make_admin(self, secrets: Path) -> None:
        # Without any user the server takes this one statement from anybody; with one it wants the password.
        statement = f"CREATE USER {influxql.identifier(self.admin)} WITH PASSWORD {influxql.text(self.password)} WITH ALL PRIVILEGES"
        try:
            self.server.query(statement, hidden=self.password)
        except DatabaseError as error:
            if influxdb_passwords.finish(self.server, secrets, self.admin):
                return
            raise WrongPassword(
                f"the data in {told.path(self.directory)} were made with another password than the one in "
                f"{told.path(secrets / ADMIN)} ({error}); bring that one back, "
                f"or delete {told.path(self.directory)} to begin with an empty database"
            ) from None

    def __enter__(self) -> InfluxDB:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def out_of_reach(port: int) -> tuple[str, dict[str, str]]:
    """Choose an address that nobody knows, and the environment in which a server has it, and writes nothing by itself."""
    address = f"{ports.LOOPBACK}:{port}"
    return address, {
        "INFLUXDB_HTTP_BIND_ADDRESS": address,
        "INFLUXDB_HTTP_UNIX_SOCKET_ENABLED": "false",
        "INFLUXDB_CONTINUOUS_QUERIES_ENABLED": "false",
    }


def _folders(directory: Path) -> dict[str, str]:
    return {name: toml.value(str(directory / name)) for name in ("meta", "data", "wal")}


def _on_path() -> tuple[Path, str]:
    found = shutil.which("influxd")
    if not found:
        raise Unavailable("no influxd on PATH")
    return Path(found), _version(Path(found))


def _unpacked() -> tuple[Path, str]:
    program = cache.verified(debian.unpack("influxdb") / "usr" / "bin" / "influxd")
    return program, _version(program)


def _version(program: Path) -> str:
    """Ask for the version. Raises Unavailable where it is not 1.x."""
    text = output(program, "version")
    found = re.search(r"InfluxDB v?(\d+)\.([\w.~+-]+)", text)
    if not found or found[1] != "1":
        raise Unavailable(f"{program} is not InfluxDB 1.x: it says {text.strip()!r}")
    return f"{found[1]}.{found[2]}"
