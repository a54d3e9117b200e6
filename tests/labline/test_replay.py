"""What the real database lacks of the journal is written again: those points, at those times, and no others."""

from __future__ import annotations

import pytest

from labline.local import journal
from labline.local.replay import replay
from provisioning.influxdb_server import DatabaseError, Server

TIME = 1_795_000_000_000_000_000
SECOND = 10**9


def line(at: int, value: float = 1.5, channel: str = "a b") -> str:
    tags = f"channel={channel.replace(' ', chr(92) + ' ')},host=here,instrument=meter,site=bench"
    return f'scpi,{tags} level={value},status="ok" {TIME + at * SECOND}'


@pytest.fixture
def again(database, influxd, tmp_path):
    """Give a function that writes again what the database lacks of these files, from the first second on."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 0s REPLICATION 1 DEFAULT')

    def done(*files: list[str]):
        for number, lines in enumerate(files):
            (tmp_path / f"readings.{number}.lp").write_text("".join(f"{one}\n" for one in lines))
        return replay(
            journal.parts(tmp_path, 0),
            ["scpi"],
            influxd.server,
            database=database.name,
            site="bench",
            since_ns=TIME + SECOND,
        )

    return done


def test_what_is_lacking_is_written_and_nothing_else(again, database):
    database.write("\n".join(line(at) for at in range(1, 50)), "raw")
    database.write("\n".join(line(at, channel="b") for at in range(1, 101)), "raw")
    journal = [line(at, channel=channel) for at in range(101) for channel in ("a b", "b")]
    done = again(journal)
    assert done.points == 100 and not done.torn and not done.refused  # the other channel was whole
    rows = database.rows("SELECT level FROM raw.scpi GROUP BY channel")
    assert len(rows) == 200 and {row["time"] for row in rows} == {TIME + at * SECOND for at in range(1, 101)}
    assert again(journal).points == 0


def test_a_file_that_is_there_is_not_written_again_another_is(again, database):
    database.write("\n".join(line(at) for at in range(1, 50)), "raw")
    done = again([line(at) for at in range(1, 50)], [line(at) for at in range(50, 70)] + ["scpi,torn"])
    assert (done.points, done.torn) == (20, 1)
    again, torn = done.lines()
    assert again == "20 points written again from the journal, at the same times."
    assert torn.startswith("1 line of the journal can't be read: torn, as") and torn.endswith("readings.1.lp, line 21.")


def test_what_the_database_refuses_is_told_and_the_rest_is_written(again, database):
    database.write(f"scpi,channel=x level=5i {TIME}", "raw")
    done = again(
        [line(at) for at in range(1, 10)] + [line(at, channel="b").replace("=1.5", "=1i") for at in range(1, 4)]
    )
    assert done.points == 3 and "field type conflict" in done.refused
    assert any("field type conflict" in told for told in done.lines())


def test_a_database_that_is_away_settles_nothing(tmp_path):
    (tmp_path / "readings.1.lp").write_text(f"{line(1)}\n")
    with pytest.raises(DatabaseError, match="nothing answers"):
        replay(
            journal.parts(tmp_path, 0),
            ["scpi"],
            Server("http://127.0.0.1:9"),
            database="lab",
            site="bench",
            since_ns=0,
        )
