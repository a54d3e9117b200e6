"""A vendor's server on loopback, and a machine on which nothing is installed."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labline.stack import download, machine


class Vendor:
    """A web server with small archives: ``url``, ``publish(…)``; ``torn`` names what it breaks off half-way."""

    def __init__(self, directory: Path):
        self.directory, self.torn = directory, set()
        vendor = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def copyfile(self, source, outputfile):
                content = source.read()
                outputfile.write(content[: len(content) // 2] if self.path[1:] in vendor.torn else content)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=directory)
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def publish(self, name: str, files: dict, beside: str = "{sum}  {name}\n", suffix: str = ".sha256") -> str:
        """Put an archive of programs, and its checksum, on the server; gives the checksum."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo(path)
                member.size, member.mode = len(text.encode()), 0o755
                archive.addfile(member, io.BytesIO(text.encode()))
        (self.directory / name).write_bytes(packed.getvalue())
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        (self.directory / (name + suffix)).write_text(beside.format(sum=digest, name=name))
        return digest

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    """A vendor's server with nothing on it yet."""
    directory = tmp_path / "vendor"
    directory.mkdir()
    server = Vendor(directory)
    yield server
    server.close()


@pytest.fixture(autouse=True)
def pin(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Nothing is pinned, and that is allowed, for the tests' archives are not the vendors'; the function pins one archive alone."""
    monkeypatch.setenv(download.UNPINNED, "1")
    file = tmp_path_factory.mktemp("pinned") / "archives.sha256"
    file.write_text("")
    monkeypatch.setattr(download, "PINNED", file)
    return lambda name, digest: file.write_text(f"{digest}  {name}\n")


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's programs on PATH, but none that the stack looks for, and nothing kept; gives the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in [*Path("/usr/bin").iterdir(), *Path("/usr/sbin").iterdir()]:
        if program.name not in ("influxd", "telegraf", "grafana", "grafana-server", "go"):
            with contextlib.suppress(FileExistsError):
                (programs / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(programs))
    return tmp_path / "cache" / "labline"


@pytest.fixture
def here() -> str:
    """Debian's name of this machine's architecture."""
    return machine.architecture()
