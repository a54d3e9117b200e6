"""The schema on the real InfluxDB: made, found as it should be, mended where it differs, and working."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from labline.stack import credentials, influxdb
from provisioning import influxdb_apply, influxdb_fill, influxdb_schema, site
from provisioning.influxdb_apply import Plan
from provisioning.influxdb_schema import ContinuousQuery
from provisioning.influxdb_server import DatabaseError, Server, secret

MINUTE, HOUR, DAY = 60 * 10**9, 3600 * 10**9, 86400 * 10**9


def plan(lab) -> Plan:
    return influxdb_apply.plan(lab.url, influxdb_schema.schema(lab.site), lab.secrets)


def texts(lab) -> list[str]:
    return [difference.text for difference in plan(lab).differences]


def apply(lab) -> list[str]:
    told: list[str] = []
    influxdb_apply.apply(plan(lab), told.append)
    return told


def until(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait for what the server does by itself; its clock is the only one that knows when."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def test_once_applied_nothing_is_left_to_do(lab):
    told = apply(lab)
    assert told[0] == f"make database {lab.site.influxdb.database!r} with retention policy 'raw' (kept 30 d)"
    assert "write which level dashboards read: raw to 2 d, 1m to 120 d, 1h beyond" in told
    assert texts(lab) == []


def test_comparing_changes_nothing(lab):
    before = lab.admin.query("SHOW DATABASES"), lab.admin.query("SHOW USERS")
    assert texts(lab)
    assert (lab.admin.query("SHOW DATABASES"), lab.admin.query("SHOW USERS")) == before


def test_the_database_has_the_policies_of_the_site_and_no_other(lab):
    apply(lab)
    rows = lab.admin.rows(f'SHOW RETENTION POLICIES ON "{lab.site.influxdb.database}"')
    assert {(row["name"], row["duration"], row["default"]) for row in rows} == {
        ("raw", "720h0m0s", True),
        ("1m", "8760h0m0s", False),
        ("1h", "87600h0m0s", False),
        ("forever", "0s", False),
    }


def test_the_writer_only_writes_and_the_reader_only_reads(lab):
    apply(lab)
    database = lab.site.influxdb.database
    writer, reader = (Server(lab.url, user, secret(lab.secrets, user)) for user in ("writer", "reader"))
    writer.write("m v=1 1", database, "forever")
    assert reader.rows('SELECT * FROM "forever"."m"', database) == [{"time": 1, "v": 1}]
    with pytest.raises(DatabaseError, match="not authorized"):
        writer.rows('SELECT * FROM "forever"."m"', database)
    with pytest.raises(DatabaseError, match="not authorized"):
        reader.write("m v=2 2", database, "forever")
    with pytest.raises(DatabaseError, match="not authorized|requires admin"):
        writer.query(f'DROP DATABASE "{database}"')


@pytest.mark.parametrize(
    ("spoil", "mended"),
    [
        ('DROP RETENTION POLICY "1h" ON "{db}"', "make retention policy '1h' (kept 10 y)"),
        (
            'ALTER RETENTION POLICY "1m" ON "{db}" DURATION 90d',
            "change retention policy '1m': keep 1 y instead of 90 d",
        ),
        (
            'ALTER RETENTION POLICY "1m" ON "{db}" SHARD DURATION 1d',
            "change retention policy '1m': new shards of 28 d instead of 1 d",
        ),
        (
            'ALTER RETENTION POLICY "1m" ON "{db}" DEFAULT',
            "change retention policy 'raw': make it the default instead of '1m'",
        ),
        (
            'DROP CONTINUOUS QUERY "labline_1m_cpu" ON "{db}"',
            "downsample 'cpu' to 1m (continuous query labline_1m_cpu)",
        ),
        ('DROP USER "reader"', "make user 'reader'"),
        ('REVOKE ALL ON "{db}" FROM "reader"', "let user 'reader' READ in '{db}'"),
        ('GRANT ALL ON "{db}" TO "reader"', "let user 'reader' READ in '{db}' (now ALL)"),
        ('GRANT ALL PRIVILEGES TO "writer"', "user 'writer' is an administrator: make it an ordinary user"),
        ("SET PASSWORD FOR \"writer\" = 'another-1A'", "set the password of user 'writer'"),
        (
            'CREATE CONTINUOUS QUERY "labline_5m_old" ON "{db}" BEGIN SELECT mean("v") INTO "x" FROM "y" GROUP BY time(5m) END',
            "drop continuous query labline_5m_old, which the site no longer needs; what it wrote stays",
        ),
    ],
)
def test_what_differs_is_told_and_mended_and_nothing_else_is(lab, spoil: str, mended: str):
    apply(lab)
    database = lab.site.influxdb.database
    lab.admin.query(spoil.format(db=database))
    told = apply(lab)
    assert mended.format(db=database) in told
    assert len(told) <= 2  # a user that is gone has lost its right too
    assert texts(lab) == []


def test_what_is_not_ours_is_left_alone_and_mentioned(lab):
    apply(lab)
    database = lab.site.influxdb.database
    lab.admin.query(f'CREATE RETENTION POLICY "mine" ON "{database}" DURATION 5d REPLICATION 1')
    lab.admin.query(
        f'CREATE CONTINUOUS QUERY "my_mean" ON "{database}" BEGIN SELECT mean("v") INTO "x" FROM "y" GROUP BY time(5m) END'
    )
    found = plan(lab)
    assert found.differences == []
    assert "retention policy 'mine' is not in the site file; it stays" in found.notes[0]
    assert "continuous query 'my_mean' is not one of labline's" in found.notes[1]


def test_a_changed_site_changes_its_queries_and_the_table_of_levels(lab):
    apply(lab)
    lab.change("1m: 1y, 1h: 10y", "5m: 1y")
    lab.change('"5":\n', '"5":\n        calibration: {of: resistance, to: field, unit: T, form: linear, b: 2}\n')
    assert plan(lab).warnings == []  # they are its own
    told = apply(lab)
    assert "make retention policy '5m' (kept 1 y)" in told
    assert "drop continuous query labline_1m_lakeshore_372, which the site no longer needs; what it wrote stays" in told
    assert "write which level dashboards read: raw to 10 d, 5m beyond" in told
    assert texts(lab) == []
    rows = lab.admin.rows('SELECT "rp", "idx" FROM "forever"."rp_config"', lab.site.influxdb.database)
    assert {(row["idx"], row["rp"]) for row in rows} == {("1", "raw"), ("2", "5m")}
    lab.change("to: field", "to: strength")
    assert apply(lab) == [
        "downsample 'lakeshore_372' to 5m anew: its fields or times changed (continuous query labline_5m_lakeshore_372)",
        "note the type and unit of 1 field",
    ]


def test_the_database_of_another_site_is_taken_over_only_by_consent(lab):
    apply(lab)
    lab.change("site: test", "site: other")
    lab.change("{1m: 1y, 1h: 10y}", "{1m: 1y}")
    database = lab.site.influxdb.database
    (warning,) = plan(lab).warnings
    assert warning.startswith(f"database {database!r} belongs to site 'test'; as that of 'other' it is no longer")
    assert apply(lab)[-1] == f"mark database {database!r} as that of site 'other'"
    assert texts(lab) == [] and plan(lab).warnings == []


def test_a_takeover_that_was_cut_short_is_asked_for_again(lab):
    apply(lab)
    lab.change("site: test", "site: other")
    lab.change("1h: 10y", "1h: 9y")
    plan(lab).differences[0].act()
    assert "belongs to site 'test'" in plan(lab).warnings[0]


def test_queries_of_nobody_knows_which_site_are_dropped_only_by_consent(lab):
    apply(lab)
    lab.admin.query('DROP SERIES FROM "labline"', lab.site.influxdb.database)
    assert plan(lab).warnings == []
    lab.change("{1m: 1y, 1h: 10y}", "{1h: 10y}")
    warnings = plan(lab).warnings
    assert len(warnings) > 1
    assert (
        "continuous query labline_1m_cpu is there already, and may be that of another site: it would be dropped"
        in warnings
    )


def test_a_password_that_is_in_use_is_changed_only_by_consent(lab):
    apply(lab)
    database, file = lab.site.influxdb.database, lab.secrets / "writer"
    lab.admin.query('CREATE DATABASE "elsewhere"')
    lab.admin.query('GRANT WRITE ON "elsewhere" TO "writer"')
    try:
        before = Server(lab.url, "writer", file.read_text())
        file.write_text(credentials.generate())
        (warning,) = plan(lab).warnings
        assert warning.startswith(
            f"user 'writer' has another password than the one in {file}, and uses 'elsewhere', {database!r} with it;"
        )
        assert warning.endswith(f"To keep the present one, put it into {file}")
        assert before.refusal() == ""
        apply(lab)
        assert before.refusal() and plan(lab).warnings == []
    finally:
        lab.admin.query('DROP DATABASE "elsewhere"')


def test_another_default_is_told_and_made_only_by_consent(lab):
    database = lab.site.influxdb.database
    lab.admin.query(f'CREATE DATABASE "{database}"')
    found = plan(lab)
    assert found.differences[0].text == "make retention policy 'raw' (kept 30 d), the default instead of 'autogen'"
    (warning,) = found.warnings
    assert warning.startswith(
        f"retention policy 'raw' becomes the default of database {database!r} instead of 'autogen' (kept for ever): "
        "what other programs write there without naming a policy is kept 30 d from now on"
    )
    apply(lab)
    assert plan(lab).warnings == []


def test_an_administrator_is_made_an_ordinary_user_only_by_consent(lab):
    apply(lab)
    lab.admin.query('GRANT ALL PRIVILEGES TO "writer"')
    assert plan(lab).warnings == ["user 'writer' is an administrator, and would no longer be one"]


def test_a_shorter_retention_says_what_it_would_drop(lab):
    apply(lab)
    now, database = time.time_ns(), lab.site.influxdb.database
    points = [f'lakeshore_372,channel=5 temperature=1.5,status="ok" {now - age * DAY}' for age in (1, 12, 13, 20)]
    lab.admin.write("\n".join(points), database, "raw")
    lab.change("raw: 30d", "raw: 15d")
    (loss,) = plan(lab).warnings
    day = time.strftime("%Y-%m-%d", time.gmtime((now - 20 * DAY) / 1e9))
    assert loss.startswith(
        f"retention policy 'raw' would keep 15 d only: 2 values in 1 measurement(s) are older, the oldest of {day}"
    )
    lab.change("raw: 15d", "raw: 25d")
    assert plan(lab).warnings == []
    assert texts(lab)[0] == "change retention policy 'raw': keep 25 d instead of 30 d, new shards of 1 d instead of 3 d"


def test_a_continuous_query_downsamples_what_is_written_late_data_included(lab):
    lab.change("{1m: 1y, 1h: 10y}", "{1s: 1y}")
    apply(lab)
    database = lab.site.influxdb.database
    second = time.time_ns() // 10**9 * 10**9
    lines = [
        f'lakeshore_372,channel=5 temperature={value},status="{status}" {second - 4 * 10**9 + offset}'
        for value, status, offset in ((1.0, "ok", 0), (4.0, "over", 10**8))
    ]
    lab.admin.write("\n".join(lines), database, "raw")

    def points() -> list[dict]:
        return lab.admin.rows(f'SELECT * FROM "1s"."lakeshore_372" WHERE time = {second - 4 * 10**9}', database)

    until(points)
    found = {name: value for name, value in points()[0].items() if value is not None}
    assert found.pop("resistance_n", 0) == 0
    assert found == {
        "time": second - 4 * 10**9,
        "channel": "5",
        "temperature": 2.5,
        "temperature_min": 1.0,
        "temperature_max": 4.0,
        "temperature_n": 2,
        "status": "over",
    }
    lab.admin.write(f"lakeshore_372,channel=5 temperature=7 {second - 4 * 10**9 + 2 * 10**8}", database, "raw")
    until(lambda: points()[0]["temperature_n"] == 3)
    assert points()[0]["temperature_max"] == 7.0


def test_a_new_level_is_filled_from_the_readings_there_are(lab):
    lab.change("{1m: 1y, 1h: 10y}", "{1m: 1y}")
    apply(lab)
    database, hour = lab.site.influxdb.database, time.time_ns() // HOUR * HOUR
    first = hour - 20 * DAY
    lines = [f"lakeshore_372,channel=5 temperature={step} {first + step * MINUTE}" for step in range(120)]
    lines += [f"instrument,instrument=cryostat up=1i {hour - 2 * HOUR}"]
    lab.admin.write("\n".join(lines), database, "raw")
    lab.change("{1m: 1y}", "{1m: 1y, 1h: 10y}")
    apply(lab)
    rows = lab.admin.rows(
        'SELECT "temperature", "temperature_n", "temperature_max" FROM "1h"."lakeshore_372"', database
    )
    assert [(row["time"], row["temperature"], row["temperature_n"], row["temperature_max"]) for row in rows] == [
        (first, 29.5, 60, 59.0),
        (first + HOUR, 89.5, 60, 119.0),
    ]
    assert lab.admin.rows('SELECT "up" FROM "1h"."instrument"', database) == [{"time": hour - 2 * HOUR, "up": 1.0}]


def test_a_level_whose_filling_was_cut_short_is_filled_by_the_next_run(lab, monkeypatch: pytest.MonkeyPatch):
    lab.change("{1m: 1y, 1h: 10y}", "{1m: 1y}")
    apply(lab)
    database, day = lab.site.influxdb.database, time.time_ns() // DAY * DAY
    ages = (20, 10, 2)  # in three weeks, each downsampled by itself
    lines = [f"lakeshore_372,channel=5 temperature={age} {day - age * DAY}" for age in ages]
    lab.admin.write("\n".join(lines), database, "raw")
    lab.change("{1m: 1y}", "{1m: 1y, 1h: 10y}")
    whole = influxdb_fill.fill

    def killed(server: Server, query: ContinuousQuery, start_ns: int, end_ns: int) -> None:
        whole(server, query, start_ns, start_ns + DAY)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(influxdb_fill, "fill", killed)
        with pytest.raises(KeyboardInterrupt):
            apply(lab)

    def filled() -> list[float]:
        return [
            row["temperature"] for row in lab.admin.rows('SELECT "temperature" FROM "1h"."lakeshore_372"', database)
        ]

    assert filled() == [20]
    assert "downsample 'lakeshore_372' to 1h (continuous query labline_1h_lakeshore_372)" in apply(lab)
    assert filled() == [20, 10, 2]
    assert texts(lab) == []


def test_what_comes_while_a_level_is_filled_is_in_it(lab, monkeypatch: pytest.MonkeyPatch):
    lab.change("{1m: 1y, 1h: 10y}", "{1s: 1y}")
    for difference in plan(lab).differences:
        if "labline_1s_lakeshore_372" not in difference.text:
            difference.act()
    database, second = lab.site.influxdb.database, time.time_ns() // 10**9 * 10**9
    came = second - 2 * HOUR  # longer ago than the continuous query will look back
    lab.admin.write(f"lakeshore_372,channel=5 temperature=1 {came - DAY}", database, "raw")
    clock = iter([came - HOUR, second])  # the first filling takes three hours

    def fill(server: Server, query: ContinuousQuery, start_ns: int, end_ns: int) -> None:
        whole(server, query, start_ns, end_ns)
        lab.admin.write(f"lakeshore_372,channel=5 temperature=2 {came}", database, "raw")

    whole = influxdb_fill.fill
    with monkeypatch.context() as patched:
        patched.setattr(influxdb_fill, "fill", fill)
        patched.setattr(influxdb_fill, "time", SimpleNamespace(time_ns=lambda: next(clock)))
        influxdb_fill.begin(lab.admin, influxdb_schema.schema(lab.site).queries[0])
    rows = lab.admin.rows('SELECT "temperature" FROM "1s"."lakeshore_372"', database)
    assert [row["temperature"] for row in rows] == [1, 2]


def test_readings_that_came_too_late_get_into_the_levels_when_asked(lab):
    lab.change("{1m: 1y, 1h: 10y}", "{1m: 1y, 1d: 10y}")
    apply(lab)
    database, day = lab.site.influxdb.database, time.time_ns() // DAY * DAY
    edge = day - 30 * DAY  # the day whose first readings have expired, of which only some are left
    lab.admin.write(f"lakeshore_372,channel=5 temperature=2 {edge + DAY - 10**9}", database, "raw")
    lab.admin.write(f"lakeshore_372,channel=5 temperature=9 {edge}", database, "1d")
    late = [f"lakeshore_372,channel=5 temperature={value} {day - DAY + value * MINUTE}" for value in (1, 2, 3)]
    lab.admin.write("\n".join(late), database, "raw")
    influxdb_fill.refill(lab.url, influxdb_schema.schema(lab.site), lab.secrets, 31 * 86400)
    found = {
        row["time"]: row["temperature"]
        for row in lab.admin.rows('SELECT "temperature" FROM "1d"."lakeshore_372"', database)
    }
    assert found == {edge: 9, day - DAY: 2}
    assert len(lab.admin.rows('SELECT * FROM "1m"."lakeshore_372"', database)) >= 3


def test_every_measurement_of_the_demo_lab_is_taken_by_the_server_as_it_is_written(lab):
    demo = site.load(site.find("demo"))
    wanted = influxdb_schema.schema(demo)
    text = influxdb_schema.render(demo)
    assert all(f"{query.statement};" in text for query in wanted.queries)
    lab.path.write_text(
        site.find("demo").read_text().replace("database: lab", f"database: {lab.site.influxdb.database}")
    )
    lab.site = site.load(lab.path)
    apply(lab)
    assert texts(lab) == []


class TestABareServer:
    """A server on which nobody is known yet."""

    @pytest.fixture
    def bare(self, tmp_path: Path):
        with influxdb.InfluxDB(influxdb.get().path, tmp_path / "data", tmp_path / "admin") as server:
            server.server.query('DROP USER "labadmin"')
            yield server

    def test_the_administrator_is_made_first(self, bare, lab, tmp_path: Path):
        lab.url = bare.url
        assert texts(lab)[0] == "make the administrator 'labadmin'"
        assert apply(lab)
        assert texts(lab) == []

    def test_without_authentication_it_is_said_that_anybody_may_do_anything(self, bare, lab):
        bare.stop()
        config = bare.directory / "influxdb.conf"
        config.write_text(config.read_text().replace("auth-enabled = true", "auth-enabled = false"))
        from labline.stack import loopback
        from labline.stack.process import Process

        process = Process("InfluxDB", bare.process.command, bare.directory / "second.log")
        try:
            process.wait_ready(lambda: loopback.answers(f"{bare.url}/ping", 204), 30)
            lab.url = bare.url
            apply(lab)
            found = plan(lab)
            assert [d.text for d in found.differences] == []
            assert "asks for no password" in found.notes[0]
        finally:
            process.stop(30)


def test_a_refused_password_says_where_to_put_the_right_one(lab):
    (lab.secrets / "labadmin").write_text(credentials.generate())
    with pytest.raises(
        DatabaseError, match="refuses 'labadmin' with the password in .*/labadmin: authorization failed"
    ) as caught:
        plan(lab)
    assert "CREATE USER \"labadmin\" WITH PASSWORD '…' WITH ALL PRIVILEGES" in str(caught.value)


@pytest.mark.parametrize("word", ["Geheim€uro-1", "GeheimÄöü-1", 'it\'s \\ "quoted"-1'])
def test_a_password_of_any_visible_characters_is_the_users(lab, word: str):
    for user in ("writer", "reader"):
        (lab.secrets / user).write_text(word, encoding="utf-8")
    apply(lab)
    assert texts(lab) == []
    assert Server(lab.url, "reader", word).refusal() == ""
    assert Server(lab.url, "reader", word + "x").refusal()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        ("", "is empty"),
        ("right-word-1\n", "has spaces or a line's end around the password, which Telegraf takes"),
        ("right\nword-1", r"character 6 is invisible \(U\+000A\)"),
        ("right\u200bword-1", r"character 6 is invisible \(U\+200B\)"),
    ],
)
def test_a_password_that_can_not_be_used_is_told_before_anything_is_done(lab, content, says):
    (lab.secrets / "reader").unlink()
    if content is not None:
        (lab.secrets / "reader").write_text(content, encoding="utf-8")
    with pytest.raises(DatabaseError, match=says) as caught:
        plan(lab)
    assert "word-1" not in str(caught.value)
    assert lab.site.influxdb.database not in {row["name"] for row in lab.admin.rows("SHOW DATABASES")}


def test_a_password_that_anybody_may_read_is_told(lab):
    for name, mode in (("labadmin", 0o600), ("reader", 0o640), ("writer", 0o644)):
        (lab.secrets / name).chmod(mode)
    (note,) = plan(lab).notes
    assert note.startswith(f"anybody on this machine may read {lab.secrets / 'writer'};")


def test_no_database_where_nothing_listens(lab):
    lab.url = "http://127.0.0.1:1"
    with pytest.raises(DatabaseError, match="nothing answers at http://127.0.0.1:1; is InfluxDB running"):
        plan(lab)


def test_a_password_is_never_told(lab):
    word = credentials.generate().translate({ord(mark): "x" for mark in credentials.MARKS})
    with pytest.raises(DatabaseError) as caught:
        lab.admin.query(f"CREATE USER x WITH PASSWORD {word}", hidden=word)
    assert word not in str(caught.value)
    assert "***" in str(caught.value)
