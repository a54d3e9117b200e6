"""What the database missed of a node is sent again from the journal: after an outage, and after Telegraf lost its memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from msgspec import json

from labline.catch_up import MISSED, CatchUp, Line, Mark, main, read
from labline.stack import ports
from provisioning import site as sites
from provisioning import telegraf_config
from provisioning.database_error import DatabaseError
from provisioning.influxdb_server import Server
from provisioning.telegraf_paths import TelegrafPaths
from tests.conftest import Database

NOW = int(time.time())


def point(seconds: int, value: float) -> str:
    tags = "channel=bath,host=mast,instrument=laser,site=sheds"
    return f"julabo,{tags} temperature={value} {seconds}000000000\n"


class Node:
    """A node's journal, and its way to the database."""

    def __init__(self, folder: Path, database: Database):
        self.journal, self.state, self.started = folder / "journal", folder / "catch-up.json", folder / "started"
        self.journal.mkdir()
        self.line = Line(
            database.url, "", database.name, "autogen", database.writer, "writer", self.journal, ("julabo",)
        )
        self.server = Server(database.url, database.writer, database.writer_password)

    def wrote(self, lines: str, seconds: float, name: str = "readings.lp") -> None:
        file = self.journal / name
        file.write_text(lines)
        os.utime(file, (seconds, seconds))

    def was_well(self, seconds: float) -> None:
        self.state.write_bytes(json.encode(Mark(seconds)))

    def look(self, server: Server | None = None) -> str:
        return CatchUp(self.line, server or self.server, self.state, self.started).look()


@pytest.fixture
def node(tmp_path: Path, database: Database) -> Node:
    return Node(tmp_path, database)


def times(database: Database) -> list[int]:
    return [row["time"] // 10**9 - NOW for row in database.rows("SELECT temperature FROM julabo")]


def test_after_an_outage_its_time_is_sent_again(node: Node, database: Database) -> None:
    old, files = point(NOW - 9000, 1.0), [point(NOW - 5000, 2.0), point(NOW - 3000, 3.0), point(NOW - 10, 4.0)]
    node.wrote(old, NOW - 9000, "readings.2026-01-01-1.lp")
    node.wrote(point(NOW - 7000, 1.5) + files[0] + files[1], NOW - 3000, "readings.2026-01-01-2.lp")
    node.wrote(files[2], NOW - 10)
    node.was_well(NOW - 5000)
    assert "3 points of the journal" in node.look()
    assert times(database) == [-5000, -3000, -10]
    assert node.look() == ""


def test_while_all_is_well_nothing_is_sent(node: Node, database: Database) -> None:
    node.wrote(point(NOW - 100, 1.0), NOW)
    node.was_well(time.time() - MISSED + 60)
    assert node.look() == "" and times(database) == []


def test_what_telegraf_held_when_it_ended_is_sent_again(node: Node, database: Database) -> None:
    node.wrote(point(NOW - 100, 1.0), NOW)
    node.was_well(time.time() - 100)
    node.started.touch()
    assert "1 point of the journal" in node.look()
    assert times(database) == [-100]


def test_a_node_without_a_mark_sends_all_that_it_has_but_torn_lines(node: Node, database: Database) -> None:
    node.wrote(point(NOW - 90000, 1.0) + point(NOW - 50, 2.0)[:-12] + "\n" + point(NOW - 40, 3.0), NOW)
    assert "2 points of the journal, all that is there" in node.look()
    assert times(database) == [-90000, -40]


def test_while_the_database_is_away_the_mark_stays(node: Node, database: Database) -> None:
    node.wrote(point(NOW - 900, 1.0), NOW)
    node.was_well(NOW - 1000)
    with pytest.raises(DatabaseError):
        node.look(Server(f"http://127.0.0.1:{ports.free(1)[0]}", "writer", "x"))
    with pytest.raises(DatabaseError):
        node.look(Server(database.url, database.writer, "another"))
    node.look()
    assert times(database) == [-900]


def test_what_is_refused_is_told_and_keeps_nothing_else_back(node: Node, database: Database) -> None:
    database.write(point(NOW - 950, 1.0))
    wrong = point(NOW - 900, 1.0).replace("temperature=1.0", 'temperature="warm"')
    node.wrote(wrong + point(NOW - 800, 3.0), NOW)
    node.was_well(NOW - 1000)
    assert "It did not take all: " in node.look()
    assert times(database) == [-950, -800]


def test_it_reads_what_labline_renders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "ansible/examples/nodes/site.yml").read_text()
    url = f"http://127.0.0.1:{ports.free(1)[0]}"
    site = sites.parse(text.replace("http://127.0.0.1:8086", url), "site.yml")
    paths = TelegrafPaths(journal=str(tmp_path))
    conf = tmp_path / "telegraf.conf"
    conf.write_text(telegraf_config.render(site, site.nodes[1], paths)["telegraf.conf"])
    line = read(conf)
    assert (line.url, line.database, line.policy) == (url, "sheds", "raw")
    assert (line.user, line.secret_name, line.journal) == ("writer", "writer", tmp_path)
    assert line.measurements == ("instrument", "julabo")
    words = ["--config", str(conf), "--secrets", str(tmp_path)]
    assert main(words) == 1
    assert "expected the password of database user 'writer'" in capsys.readouterr().err
    (tmp_path / "writer").write_text("secret password")
    (tmp_path / "writer").chmod(0o600)
    tmp_path.chmod(0o700)
    assert main(words) == 0
    assert "The database takes nothing now" in capsys.readouterr().out
