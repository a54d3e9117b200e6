"""The real parts, started once for all tests."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from labline.stack import credentials, influxdb, telegraf
from provisioning.influxdb_server import Server
from telegraf_inputs import clock, memory

_numbers = itertools.count(1)
TESTS = Path(__file__).parent
# What puts sites on machines keeps a processor busy all the while; all else waits much.
MACHINES = (
    "ansible/test_site",
    "ansible/test_proxy.py",
    "ansible/test_preflight.py",
    "ansible/test_example_helium.py",
    "ansible/test_example_tracker.py",
    "ansible/test_nodes.py",
    "chaos/test_chaos.py",
)
# Files by their beginnings that run in one process: what they share takes minutes to make, or two of them would only take longer.
TOGETHER = (MACHINES, ("kernel/",), ("grafana_dashboards/",))
# What has servers of asyncio in this very process, before others have left their threads in it; then what takes longest. The last are for the
# process that has nothing else to do.
FIRST, LAST = ("native/", *MACHINES), ("kernel/",)

# Whether this machine's clock follows another one is no matter of the tests, but of those that are about clocks.
os.environ.setdefault("LABLINE_CLOCK", "unchecked")
# What the tests run has its folder where it is run, and no place in the lists of whoever runs them.
os.environ["LABLINE_STATE"] = ".labline"
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="labline-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # Under nohup, what the tests start would have it from them and ignore a lost terminal too.
    signal.signal(signal.SIGHUP, lambda *_: None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's `&` does that; what the tests start would ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Database:
    """An empty database on the shared server, with a user who may write and one who may read, and nothing else."""

    url: str
    name: str
    writer: str
    writer_password: str
    reader: str
    reader_password: str

    def write(self, lines: str, policy: str = "") -> None:
        """Write line protocol as the writer. Raises DatabaseError where it is refused."""
        Server(self.url, self.writer, self.writer_password).write(lines, self.name, policy)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Query as the reader; a row is a dict of column to value (time: ns), the tags of its series included."""
        answer = Server(self.url, self.reader, self.reader_password).query(statement, self.name)
        return [{**series.tags, **row} for series in answer for row in series.rows]


@pytest.fixture(autouse=True)
def memories(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test's instruments begin without a memory; what a test sets in this process ends with it."""
    monkeypatch.setenv(memory.VARIABLE, str(tmp_path_factory.getbasetemp() / f"memory-{next(_numbers)}"))
    monkeypatch.setenv(clock.VARIABLE, os.environ[clock.VARIABLE])


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[influxdb.InfluxDB]:
    """A private InfluxDB, with authentication, shared by the whole session; ``server`` queries it as administrator."""
    directory = tmp_path_factory.mktemp("influxdb")
    with influxdb.InfluxDB(influxdb.get().path, directory / "data", directory / "secrets") as started:
        yield started


@pytest.fixture(scope="session")
def telegraf_path() -> Path:
    """The telegraf program: found, kept, downloaded or, once, built."""
    return telegraf.get().path


@pytest.fixture
def database(influxd: influxdb.InfluxDB) -> Iterator[Database]:
    """A fresh database with its own writer and reader; dropped after the test."""
    number = next(_numbers)
    passwords = credentials.generate(), credentials.generate()
    made = Database(influxd.url, f"lab{number}", f"writer{number}", passwords[0], f"reader{number}", passwords[1])
    ask = influxd.server.query
    ask(f'CREATE DATABASE "{made.name}"')
    for user, password, right in zip((made.writer, made.reader), passwords, ("WRITE", "READ"), strict=True):
        ask(f"CREATE USER \"{user}\" WITH PASSWORD '{password}'", hidden=password)
        ask(f'GRANT {right} ON "{made.name}" TO "{user}"')
    yield made
    ask(f'DROP DATABASE "{made.name}"')
    for user in (made.writer, made.reader):
        ask(f'DROP USER "{user}"')


class _ByFile(LoadFileScheduling):
    """Gives a process all tests of a file, and of those that belong TOGETHER."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((files[0] for files in TOGETHER if file.removeprefix("tests/").startswith(files)), file)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep the paths of one process of several short: sockets have theirs below them."""
    if hasattr(config, "workerinput"):  # a pytest that a test starts is none of them
        config.option.basetemp = config.option.basetemp.replace("popen-gw", "")


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what is to be FIRST, and last what is to be LAST."""
    places = {item: item.path.relative_to(TESTS).as_posix() for item in items}
    items.sort(
        key=lambda item: [places[item].startswith(LAST), *(not places[item].startswith(first) for first in FIRST)]
    )
