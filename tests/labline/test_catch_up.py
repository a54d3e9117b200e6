"""What Telegraf could not keep for the database is written again from the journal; what it delivered is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import provisioning.site
from labline.local import catch_up
from labline.local.catch_up import CatchUp
from provisioning import telegraf_config
from provisioning.influxdb_server import DatabaseError, Server
from provisioning.telegraf_config import JOURNAL_FILE

TIME = 1_795_000_000_000_000_000
START = "\n# start\n"


def reading(number: int) -> str:
    tags = "channel=a,host=here,instrument=meter,site=bench"
    return f"scpi,{tags} level={number}.5 {TIME + number}\n"


def readings(first: int, after: int) -> str:
    return "".join(map(reading, range(first, after)))


def output(waiting: int, dropped: int = 0, alias: str = "database", written: int = 7) -> str:
    fields = (
        f"buffer_limit=10000i,buffer_size={waiting}i,errors=0i,metrics_dropped={dropped}i,metrics_written={written}i"
    )
    return f"internal_write,alias={alias},host=here,output=influxdb,site=bench {fields} {TIME}\n"


class Told(Server):
    """A server that takes down what it gets, or is away."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9")
        self.lines: list[str] = []
        self.away = False

    def write(self, lines: str | bytes, database: str, policy: str) -> None:
        if self.away:
            raise DatabaseError("nothing answers")
        assert isinstance(lines, bytes) and (database, policy) == ("lab", "raw")
        self.lines += lines.decode().splitlines(keepends=True)

    def took(self) -> str:
        """Give what it got since the last time."""
        lines, self.lines = self.lines, []
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@pytest.fixture
def server() -> Told:
    return Told()


@pytest.fixture
def following(tmp_path: Path, server: Told) -> CatchUp:
    return follow(tmp_path, server)


def follow(folder: Path, server: Told) -> CatchUp:
    return CatchUp(folder, server, "lab", "raw", ["instrument", "scpi"], folder / "delivered.json")


def add(folder: Path, text: str) -> None:
    with open(folder / JOURNAL_FILE, "a") as file:
        file.write(text)


def test_what_is_delivered_is_not_written_again(tmp_path, server, following):
    add(tmp_path, START + readings(0, 3) + output(2) + readings(3, 6) + output(0) + readings(6, 9) + output(0))
    assert list(following.look()) == [] and server.took() == ""


def test_what_telegraf_held_when_it_ended_is_written_again(tmp_path, server, following):
    add(
        tmp_path,
        START + readings(0, 3) + output(0) + readings(3, 6) + output(0) + readings(6, 9) + output(3) + readings(9, 12),
    )
    assert list(following.look()) == []
    add(tmp_path, START + readings(12, 15))
    (said,) = list(following.look())
    # From what it said before it said that nothing waits.
    assert server.took() == readings(3, 12)
    assert said.startswith("9 points of ") and "Telegraf ended" in said
    add(tmp_path, output(0) + output(0))
    assert list(following.look()) == [] and server.took() == ""


def test_what_telegraf_dropped_is_written_again_once_the_database_takes_it(tmp_path, server, following):
    add(
        tmp_path,
        START + output(0) + readings(0, 3) + output(0) + readings(3, 6) + output(10, dropped=2) + readings(6, 9),
    )
    assert list(following.look()) == []
    add(tmp_path, output(0, dropped=5) + readings(9, 12) + output(0, dropped=5))
    (said,) = list(following.look())
    assert server.took() == readings(0, 9) and "no room" in said
    add(tmp_path, output(0, dropped=5))
    assert list(following.look()) == []


def test_where_some_points_always_wait_what_was_written_is_known(tmp_path, server, following):
    told = [output(3, written=written) for written in (0, 3, 6, 9, 12)]
    add(tmp_path, START + told[0] + readings(0, 3) + told[1] + readings(3, 6) + told[2] + readings(6, 9))
    add(tmp_path, told[3] + told[4])
    assert list(following.look()) == []
    add(tmp_path, START)
    assert list(following.look())
    assert server.took() == readings(6, 9)


def test_where_some_points_always_wait_what_was_dropped_is_written_again(tmp_path, server, following):
    add(tmp_path, START + output(3, written=0) + readings(0, 3) + output(3, written=3) + output(3, written=6))
    add(tmp_path, readings(3, 6) + output(9, dropped=2, written=6) + readings(6, 9) + output(9, dropped=4, written=6))
    assert list(following.look()) == [] and server.took() == ""
    add(tmp_path, output(3, dropped=4, written=15))
    (said,) = following.look()
    assert server.took().endswith(readings(3, 9)) and "no room" in said


def test_as_long_as_the_database_is_away_it_waits(tmp_path, server, following):
    add(tmp_path, START + readings(0, 3) + START)
    server.away = True
    for _ in range(2):
        with pytest.raises(DatabaseError):
            list(following.look())
    server.away = False
    assert list(following.look()) and server.took() == readings(0, 3)


def test_each_look_may_be_a_new_ones(tmp_path, server):
    for number in range(0, 12, 3):
        add(tmp_path, readings(number, number + 3) if number else START + readings(0, 3))
        assert list(follow(tmp_path, server).look()) == []
        add(tmp_path, output(0))
        assert list(follow(tmp_path, server).look()) == []
    add(tmp_path, readings(12, 15) + START)
    server.away = True
    with pytest.raises(DatabaseError):
        list(follow(tmp_path, server).look())
    server.away = False
    assert len(list(follow(tmp_path, server).look())) == 1 and server.took() == readings(9, 15)
    assert list(follow(tmp_path, server).look()) == [] and server.took() == ""


def test_it_goes_on_through_files_that_are_full_and_after_an_end_of_its_own(tmp_path, server, following):
    add(tmp_path, START + readings(0, 3) + output(0) + readings(3, 6) + output(0) + readings(6, 9))
    list(following.look())
    (tmp_path / JOURNAL_FILE).rename(tmp_path / "readings.2026-11-29-1795000000.lp")
    add(tmp_path, readings(9, 12) + START)
    again = follow(tmp_path, server)
    assert list(again.look()) and server.took() == readings(3, 12)
    assert list(follow(tmp_path, server).look()) == [] and server.took() == ""


def test_what_another_version_left_is_left_alone(tmp_path, server, following):
    add(tmp_path, readings(0, 3) + START + readings(3, 6) + START)
    assert list(following.look()) and server.took() == readings(3, 6)


def test_a_torn_line_is_told_and_not_written(tmp_path, server, following):
    add(tmp_path, START + reading(0) + reading(1)[:-5] + "\n# start\n")
    *_, torn = list(following.look())
    assert server.took() == reading(0) and torn.startswith("1 line of the journal can't be read. First: ")


def test_what_another_output_says_is_no_matter(tmp_path, server, following):
    add(tmp_path, START + readings(0, 3) + output(0, alias="journal") + output(0, alias="journal") + START)
    list(following.look())
    assert server.took() == readings(0, 3)


def test_it_finds_its_way_from_what_telegraf_reads(tmp_path):
    site = provisioning.site.load(provisioning.site.SITES / "demo.yml")
    conf = tmp_path / "telegraf.conf"
    conf.write_text(telegraf_config.render(site, site.nodes[0])[telegraf_config.CONF])
    made = catch_up.follower(conf, tmp_path, tmp_path / "state")
    assert made._folder == Path("/var/lib/labline/journal") and made._server.user == "writer"
    assert made._target == (site.influxdb.database, "raw") and "instrument" in made._measurements
