"""Site files made for one test, and a lab's secrets on the shared server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import provisioning.site
from labline.stack import credentials, influxdb
from provisioning.influxdb_schema import ADMIN, READER
from provisioning.site import Site
from provisioning.telegraf_config import WRITER

BASE = """\
site: test
nodes: [{name: daq}]
influxdb:
  url: URL
  database: DATABASE
  retention: {raw: 30d, downsampled: {1m: 1y, 1h: 10y}}
instruments:
  - name: cryostat
    driver: lakeshore_372
    connection: sim:?seed=1
    interval: 1s
    channels:
      "5":
        limits:
          temperature: {warning: {above: 1 K}}
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write a site file."""

    def write(text: str) -> Path:
        path = tmp_path / "site.yml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


_numbers = itertools.count(1)


@pytest.fixture
def lab(influxd: influxdb.InfluxDB, written: Callable[[str], Path], tmp_path: Path) -> Iterator[Lab]:
    """A site whose database is not made yet, and its passwords; what a test made of it is dropped after it."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / ADMIN).write_text(influxd.password)
    for user in (WRITER, READER):
        credentials.secret(secrets, user)
    text = BASE.replace("URL", influxd.url).replace("DATABASE", f"site{next(_numbers)}")
    made = Lab(influxd, written, text, secrets)
    yield made
    influxd.server.query(f'DROP DATABASE "{made.site.influxdb.database}"')
    for row in influxd.server.rows("SHOW USERS"):
        if row["user"] in (WRITER, READER):
            influxd.server.query(f'DROP USER "{row["user"]}"')


class Lab:
    """A site file for the shared server: ``site``, ``path``, ``secrets`` (a folder), ``admin`` to query as administrator."""

    def __init__(self, influxd: influxdb.InfluxDB, written: Callable[[str], Path], text: str, secrets: Path):
        self.secrets, self.url, self.admin = secrets, influxd.url, influxd.server
        self._write, self._text = written, text
        self.change("", "")

    def change(self, old: str, new: str) -> Site:
        """Replace a piece of the site file."""
        assert old in self._text
        self._text = self._text.replace(old, new) if old else self._text
        self.path = self._write(self._text)
        self.site = provisioning.site.load(self.path)
        return self.site
