"""What each user of the database may do, statement by statement on the real server: the table of docs/security.md is tried."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from provisioning import files, influxdb_apply, influxdb_schema
from provisioning.influxdb_server import DatabaseError, Server

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(r"^\| `([A-Z][^`]*)` \| (yes|no) \| (yes|no) \| (yes|no) \|$", re.MULTILINE)
WHO = ("writer", "reader", "nobody")
LINE = "readings,t=a v=1"  # at the present
DOWNSAMPLING = (
    'CREATE CONTINUOUS QUERY "labline_1m" ON "{lab}" BEGIN '
    'SELECT mean("v") AS "v" INTO "{lab}"."1m"."readings" FROM "{lab}"."raw"."readings" GROUP BY time(1m) END'
)


class Databases:
    """A lab's database and another one on the server, filled; ``restore`` makes them anew, users included."""

    def __init__(self, server: Server):
        self.server = server
        self.names = {"lab": "rights", "other": "rights_other", "writer": "rights_writer", "reader": "rights_reader"}

    def restore(self) -> None:
        names, ask = self.names, self.server.query
        self.drop()
        for database in (names["lab"], names["other"]):
            ask(f'CREATE DATABASE "{database}" WITH DURATION 30d REPLICATION 1 SHARD DURATION 1d NAME "raw"')
            ask(f'CREATE RETENTION POLICY "1m" ON "{database}" DURATION 60d REPLICATION 1')
            self.server.write(LINE, database, "1m")
        ask(DOWNSAMPLING.format(**names))
        for user, right in (("writer", "WRITE"), ("reader", "READ")):
            ask(f"CREATE USER \"{names[user]}\" WITH PASSWORD 'word'")
            ask(f'GRANT {right} ON "{names["lab"]}" TO "{names[user]}"')

    def drop(self) -> None:
        for database in ("lab", "other"):
            self.server.query(f'DROP DATABASE "{self.names[database]}"')
        for user in ("writer", "reader"):
            with contextlib.suppress(DatabaseError):
                self.server.query(f'DROP USER "{self.names[user]}"')

    def named(self, statement: str) -> str:
        """Put the names that the tests use into a statement of the page."""
        return re.sub(r'"(\w+)"', lambda match: f'"{self.names.get(match[1], match[1])}"', statement)

    def user(self, name: str) -> Server:
        return self.server.as_user(self.names[name], "word") if name in self.names else Server(self.server.url)


@pytest.fixture
def databases(influxd):
    made = Databases(influxd.server)
    made.restore()
    yield made
    made.drop()


def takes(databases: Databases, user: str, statement: str) -> bool:
    try:
        databases.user(user).query(databases.named(statement), databases.names["lab"])
    except DatabaseError as error:
        assert re.search("not authorized|requires admin|authenticat|credentials|authorization", str(error)), error
        return False
    return True


def test_each_user_may_do_what_the_page_says_and_no_more(databases):
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(rows) > 30
    found = []
    for statement, *_ in rows:
        may = []
        for user in WHO:
            may.append("yes" if takes(databases, user, statement) else "no")
            if may[-1] == "yes" and not statement.startswith(("SELECT", "SHOW", "EXPLAIN")):
                databases.restore()
        found.append((statement, *may))
    assert found == rows


def test_what_the_writer_may_drop_is_gone(databases):
    lab = databases.names["lab"]
    readings = f'SELECT * FROM "{lab}"."1m"."readings"'
    assert databases.server.rows(readings)
    for statement in ('DROP SERIES FROM "readings"', 'DELETE FROM "readings"', 'DROP RETENTION POLICY "1m" ON "lab"'):
        databases.restore()
        assert takes(databases, "writer", statement)
        with contextlib.suppress(DatabaseError):  # the policy is not found
            assert not databases.server.rows(readings)


def test_the_writer_writes_into_its_database_alone_and_the_reader_nowhere(databases):
    lab, other = databases.names["lab"], databases.names["other"]
    databases.user("writer").write(LINE, lab, "raw")
    for user, database in (("writer", other), ("reader", lab), ("nobody", lab)):
        with pytest.raises(DatabaseError, match="does not take what is written"):
            databases.user(user).write(LINE, database, "raw")


def test_it_is_said_where_the_right_is_given(lab):
    plan = influxdb_apply.plan(lab.url, influxdb_schema.schema(lab.site), lab.secrets)
    (given,) = (difference.text for difference in plan.differences if "'writer' WRITE" in difference.text)
    for text in (given, files.render(lab.site)[files.SCHEMA], files.render(lab.site)["telegraf/telegraf.conf"]):
        assert "WRITE is more than writing" in text and "may only write" not in text
