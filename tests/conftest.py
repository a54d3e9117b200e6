"""The real parts, started once for all tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from labline.stack import credentials, influxdb, telegraf


@dataclass(frozen=True)
class Database:
    """An empty database on the shared server, with a user who may write and one who may read, and nothing else."""

    url: str
    name: str
    writer: str
    writer_password: str
    reader: str
    reader_password: str
    server: influxdb.InfluxDB

    def write(self, lines: str, **params: str) -> requests.Response:
        """Send line protocol as the writer; ``rp="raw"`` and the like are passed on. The answer is not checked."""
        auth = (self.writer, self.writer_password)
        return requests.post(
            f"{self.url}/write", params={"db": self.name, **params}, data=lines.encode(), auth=auth, timeout=30
        )

    def rows(self, statement: str) -> list[dict]:
        """Query as the reader; a row is a dict of column to value, the tags of its series included."""
        auth = (self.reader, self.reader_password)
        answer = requests.get(f"{self.url}/query", params={"db": self.name, "q": statement}, auth=auth, timeout=30)
        results = answer.json().get("results", [answer.json()])
        assert not any("error" in result for result in results), f"{statement}: {results}"
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))}
            for result in results
            for series in result.get("series", [])
            for values in series["values"]
        ]


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[influxdb.InfluxDB]:
    """A private InfluxDB server, with authentication, shared by the whole session."""
    directory = tmp_path_factory.mktemp("influxdb")
    with influxdb.InfluxDB(influxdb.get().path, directory / "data", directory / "secrets") as server:
        yield server


@pytest.fixture(scope="session")
def telegraf_path() -> Path:
    """The telegraf program: found, kept, downloaded or, once, built."""
    return telegraf.get().path


_numbers = itertools.count(1)


@pytest.fixture
def database(influxd: influxdb.InfluxDB) -> Iterator[Database]:
    """A fresh database with its own writer and reader; dropped after the test."""
    number = next(_numbers)
    name, writer, reader = f"lab{number}", f"writer{number}", f"reader{number}"
    made = Database(influxd.url, name, writer, credentials.generate(), reader, credentials.generate(), influxd)
    influxd.query(f'CREATE DATABASE "{name}"')
    for user, password, right in ((writer, made.writer_password, "WRITE"), (reader, made.reader_password, "READ")):
        influxd.query(f"CREATE USER \"{user}\" WITH PASSWORD '{password}'")
        influxd.query(f'GRANT {right} ON "{name}" TO "{user}"')
    yield made
    influxd.query(f'DROP DATABASE "{name}"')
    influxd.query(f'DROP USER "{writer}"')
    influxd.query(f'DROP USER "{reader}"')
