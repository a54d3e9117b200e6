"""The database's own view: what it has of each field, its type and its unit, is never changed silently."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from labline.stack import influxdb
from provisioning import influxdb_apply, influxdb_fields, influxdb_schema, influxdb_server
from provisioning.influxdb_server import DatabaseError
from telegraf_inputs.point import Point

DAY = 86400 * 10**9
SUPPLY = """\
  - name: supply
    driver: scpi
    connection: "sim:"
    channels: {a: {read: {level: {query: "A?", unit: A, type: float}, mode: {query: "M?", unit: "", type: str}}}}
"""


@pytest.fixture
def supply(lab):
    """A lab with a power supply whose `level` is in A, applied."""
    lab.change(
        "      temperature: {warning: {above: 1 K}}\n", f"      temperature: {{warning: {{above: 1 K}}}}\n{SUPPLY}"
    )
    influxdb_apply.apply(plan(lab), lambda text: None)
    return lab


def plan(lab) -> influxdb_apply.Plan:
    return influxdb_apply.plan(lab.url, influxdb_schema.schema(lab.site), lab.secrets)


def write(lab, line: str, when: int, policy: str = "raw") -> None:
    lab.admin.write(f"{line} {when}", lab.site.influxdb.database, policy)


def everything(lab) -> list[object]:
    """Tell all that `apply` might change."""
    database = lab.site.influxdb.database
    asked = [f'SHOW RETENTION POLICIES ON "{database}"', "SHOW CONTINUOUS QUERIES", "SHOW USERS"]
    return [
        *(lab.admin.query(statement) for statement in asked),
        *(lab.admin.query(f'SELECT * FROM "forever".{name}', database) for name in ("/.*/",)),
    ]


def refused(lab) -> list[str]:
    """Apply what can't be; gives why, and holds that nothing was changed."""
    before = everything(lab)
    made = plan(lab)
    with pytest.raises(DatabaseError, match="nothing was changed"):
        influxdb_apply.apply(made, lambda text: pytest.fail(f"it began: {text}"))
    assert everything(lab) == before
    return made.refused


def now() -> int:
    return time.time_ns() - 10**9


def noted(server: influxdb_server.Server, database: str) -> int:
    asked = f'SELECT count("unit") AS "n" FROM "forever"."{influxdb_fields.NOTED}" GROUP BY *'
    rows = server.rows(asked, database)
    assert {row["n"] for row in rows} == {1}, "one point a field, however often it is noted"
    return len(rows)


def test_a_changed_unit_is_refused_with_both_and_a_way_out(supply):
    write(supply, "scpi,instrument=supply,channel=a level=1.5", now())
    supply.change("unit: A", "unit: mA")
    supply.change("1m: 1y, 1h: 10y", "1m: 2y, 1h: 10y")  # this would be done, were it not for the unit
    (text,) = refused(supply)
    database = supply.site.influxdb.database
    assert text == (
        f"field 'level' of measurement 'scpi' is in 'A' in database {database!r}, but the site wants it in 'mA'. "
        "Give the quantity another name, or convert what is there, or drop it; docs/site-file.md, "
        '"What the database has already", tells how'
    )


@pytest.mark.parametrize(
    ("field", "wanted", "there"),
    [
        ("level=5i", "float", "an integer"),
        ("level=1.5", "int", "a float"),
        ("level=true", "float", "a boolean"),
        ('level="on"', "bool", "a string"),
    ],
)
def test_a_changed_type_is_refused_with_both(supply, field, wanted, there):
    write(supply, f"scpi,instrument=supply,channel=a {field}", now())
    supply.change("type: float", f"type: {wanted}")
    (text,) = refused(supply)
    assert f"field 'level' of measurement 'scpi' is {there} in database" in text
    assert (
        f"(retention policy 'raw'), but the site wants a{'n' if wanted == 'int' else ''} {influxdb_fields.TYPES[wanted]}"
        in text
    )


def test_a_type_that_only_an_older_shard_has_is_refused(supply):
    """The server takes the new one in the present shard, and each is read as if all were of it."""
    write(supply, "scpi,instrument=supply,channel=a level=1i", now() - 20 * DAY)
    write(supply, "scpi,instrument=supply,channel=a level=1.5", now())
    (text,) = refused(supply)
    assert "is an integer in database" in text


def test_a_type_that_only_a_level_still_has_is_refused(supply):
    """Every reading has expired: a continuous query could write no minimum, and would tell nobody."""
    write(supply, "scpi,instrument=supply,channel=a level=1.0,level_min=1i,level_max=2i,level_n=3i", now(), "1m")
    (text,) = refused(supply)
    assert "field 'level_min' of measurement 'scpi' is an integer" in text and "(retention policy '1m')" in text


def test_what_the_continuous_queries_make_is_as_they_should_make_it(supply):
    """Of each type: mean, minimum, maximum and count of numbers, the last of others."""
    supply.change(
        "type: float}",
        'type: float}, count: {query: "C?", unit: "", type: int}, on: {query: "O?", unit: "", type: bool}',
    )
    influxdb_apply.apply(plan(supply), lambda text: None)
    when = (time.time_ns() // 10**9 - 7200) * 10**9
    write(supply, 'scpi,instrument=supply,channel=a level=1.5,count=3i,on=true,mode="x"', when)
    for query in influxdb_schema.schema(supply.site).queries:
        supply.admin.query(query.select(when - DAY, when + DAY))
    stored = influxdb_fields.read(supply.admin, supply.site.influxdb.database, ["raw", "1m", "1h"])
    assert {policy: len(fields.get("scpi", {})) for policy, fields in stored.types.items()} == {
        "raw": 4,
        "1m": 10,
        "1h": 10,
    }
    assert plan(supply).refused == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("instrument,instrument=supply up=1.0", "field 'up' of measurement 'instrument' is a float"),
        ("cpu,host=daq usage_idle=5i", "field 'usage_idle' of measurement 'cpu' is an integer"),
        ("scpi,instrument=supply,channel=a status=1i", "field 'status' of measurement 'scpi' is an integer"),
    ],
)
def test_it_holds_for_every_measurement_of_a_site(supply, line, says):
    write(supply, line, now())
    (text,) = refused(supply)
    assert says in text


def test_every_field_that_can_t_be_is_told(supply):
    write(supply, 'scpi,instrument=supply,channel=a level=1.5,mode="x"', now())
    supply.change("unit: A", "unit: mA")
    supply.change("type: str", "type: int")
    assert len(refused(supply)) == 2


def test_what_others_keep_in_policies_of_their_own_is_theirs(supply):
    database = supply.site.influxdb.database
    supply.admin.query(f'CREATE RETENTION POLICY "mine" ON "{database}" DURATION 5d REPLICATION 1')
    write(supply, "scpi,instrument=supply,channel=a level=1i", now(), "mine")
    assert plan(supply).refused == []


def test_a_unit_of_which_there_are_no_data_may_change(supply):
    supply.change("unit: A", "unit: mA")
    assert plan(supply).refused == []
    told: list[str] = []
    influxdb_apply.apply(plan(supply), told.append)
    assert told == ["note the type and unit of 1 field"]
    assert noted(supply.admin, supply.site.influxdb.database) == len(influxdb_schema.schema(supply.site).fields)
    write(supply, "scpi,instrument=supply,channel=a level=1.5", now())
    assert plan(supply).differences == [] and plan(supply).refused == []


def test_data_of_before_units_were_noted_have_those_of_the_site(supply):
    write(supply, "scpi,instrument=supply,channel=a level=1.5", now())
    supply.admin.query(f'DROP MEASUREMENT "{influxdb_fields.NOTED}"', supply.site.influxdb.database)
    count = len(influxdb_schema.schema(supply.site).fields)
    assert [d.text for d in plan(supply).differences] == [f"note the type and unit of {count} fields"]


def test_units_are_known_after_a_restart_of_the_server(supply, tmp_path: Path):
    """On a server of its own, which is stopped, and started with the same data."""
    secrets, program = tmp_path / "own", influxdb.get().path
    secrets.mkdir()
    for name in ("writer", "reader"):
        (secrets / name).write_text((supply.secrets / name).read_text())
    schema = influxdb_schema.schema(supply.site)
    point = Point("scpi", {"instrument": "supply", "channel": "a"}, {"level": 1.5}, now())
    with influxdb.InfluxDB(program, tmp_path / "data", secrets) as first:
        for _ in range(2):
            influxdb_apply.apply(influxdb_apply.plan(first.url, schema, secrets), lambda text: None)
        first.server.write(point.line(), schema.database, "raw")
        assert noted(first.server, schema.database) == len(schema.fields)
    with influxdb.InfluxDB(program, tmp_path / "data", secrets) as second:
        assert noted(second.server, schema.database) == len(schema.fields)
        again = influxdb_apply.plan(second.url, schema, secrets)
        assert (again.differences, again.refused) == ([], [])
        supply.change("unit: A", "unit: mA")
        made = influxdb_apply.plan(second.url, influxdb_schema.schema(supply.site), secrets)
        assert "is in 'A' in database" in made.refused[0]
        rows = second.server.rows('SELECT "level" FROM "raw"."scpi"', schema.database)
        assert [row["level"] for row in rows] == [1.5], "and the data are as they were"


# The ways out, as docs/site-file.md tells them.


def test_another_name_is_a_way_out(supply):
    write(supply, "scpi,instrument=supply,channel=a level=1.5", now())
    supply.change("level: {query", "current: {query")
    supply.change("unit: A", "unit: mA")
    assert plan(supply).refused == []


def statements(heading: str) -> list[str]:
    """Take the statements of one way out from the docs."""
    text = (Path(__file__).parents[2] / "docs" / "site-file.md").read_text(encoding="utf-8")
    block = text.partition(heading)[2].partition("```sql\n")[2].partition("```")[0]
    assert block, heading
    return [line for line in block.splitlines() if line and not line.startswith("--")]


def run(lab, heading: str) -> None:
    for statement in statements(heading):
        lab.admin.query(statement, lab.site.influxdb.database)


def test_converting_what_is_there_is_a_way_out(supply):
    when = now() // 60_000_000_000 * 60_000_000_000
    write(supply, 'scpi,instrument=supply,channel=a level=1.5,status="ok"', when)
    write(supply, "scpi,instrument=supply,channel=a level=1.5,level_min=1.0,level_max=2.0,level_n=3i", when, "1m")
    supply.change("unit: A", "unit: mA")
    assert refused(supply)
    run(supply, "**Convert the unit**")
    assert plan(supply).refused == []
    influxdb_apply.apply(plan(supply), lambda text: None)
    database = supply.site.influxdb.database
    (raw,) = supply.admin.rows('SELECT * FROM "raw"."scpi"', database)
    (minute,) = supply.admin.rows('SELECT * FROM "1m"."scpi"', database)
    assert (raw["level"], raw["status"], raw["channel"]) == (1500.0, "ok", "a")
    assert [minute[f"level{end}"] for end in ("", "_min", "_max", "_n")] == [1500.0, 1000.0, 2000.0, 3]


def test_writing_a_type_anew_is_a_way_out(supply):
    when = now()
    write(supply, 'scpi,instrument=supply,channel=a level=3i,status="ok"', when)
    assert refused(supply)
    run(supply, "**Write the type anew**")
    assert plan(supply).refused == []
    (row,) = supply.admin.rows('SELECT * FROM "raw"."scpi"', supply.site.influxdb.database)
    assert (row["time"], row["level"], row["status"], row["instrument"]) == (when, 3.0, "ok", "supply")
    write(supply, "scpi,instrument=supply,channel=a level=1.5", when + 1)


def test_dropping_what_is_there_is_a_way_out(supply):
    write(supply, "scpi,instrument=supply,channel=a level=3i", now())
    assert refused(supply)
    run(supply, "**Drop what is there**")
    assert plan(supply).refused == []
    write(supply, "scpi,instrument=supply,channel=a level=1.5", now())


def test_a_type_outlives_its_measurement_where_anothers_name_begins_with_it(supply):
    """What the docs warn of; where a newer InfluxDB forgets the type, the warning may go."""
    write(supply, "scpi,instrument=supply,channel=a level=3i", now())
    write(supply, "scpi_events,instrument=supply,channel=a level=3i", now())
    run(supply, "**Drop what is there**")
    assert plan(supply).refused == [], "it can't be seen any more"
    with pytest.raises(DatabaseError, match="field type conflict"):
        write(supply, "scpi,instrument=supply,channel=a level=1.5", now())


CODED = 'mode: {query: "M?", unit: "", type: int}'
MEANT = CODED.replace("type: int", "type: int, choices: {1: idle, 2: turning, 4: {word: failed, severity: critical}}")


def minutes(lab) -> dict[int, object]:
    """Downsample the last hours into minutes by hand; gives what they hold of `mode`, by time."""
    when = time.time_ns() // 60_000_000_000 * 60_000_000_000
    (query,) = (q for q in influxdb_schema.schema(lab.site).queries if (q.measurement, q.level.name) == ("scpi", "1m"))
    lab.admin.query(query.select(when - 3 * 3600 * 10**9, when))
    rows = lab.admin.rows('SELECT "mode" FROM "1m"."scpi"', lab.site.influxdb.database)
    return {row["time"]: row["mode"] for row in rows}


def test_of_a_code_a_level_keeps_the_last_for_a_mean_of_codes_means_nothing(supply):
    supply.change('mode: {query: "M?", unit: "", type: str}', MEANT)
    influxdb_apply.apply(plan(supply), lambda text: None)
    minute = (time.time_ns() // 60_000_000_000 - 60) * 60_000_000_000
    for second, code in ((1, 1), (20, 4), (40, 2)):
        write(supply, f"scpi,instrument=supply,channel=a level=1.5,mode={code}i", minute + second * 10**9)
    assert minutes(supply) == {minute: 2}
    stored = influxdb_fields.read(supply.admin, supply.site.influxdb.database, ["raw", "1m", "1h"])
    assert [name for name in stored.types["1m"]["scpi"] if name.startswith("mode")] == ["mode"], "no minimum of codes"
    again = plan(supply)
    assert (again.differences, again.refused) == ([], []), "the server tells its queries as they were written"


def test_words_may_be_declared_of_a_number_that_has_been_stored(supply):
    """Its means were floats: an integer in the same shard would be refused, and take the other fields along."""
    supply.change('mode: {query: "M?", unit: "", type: str}', CODED)
    influxdb_apply.apply(plan(supply), lambda text: None)
    minute = (time.time_ns() // 60_000_000_000 - 60) * 60_000_000_000
    write(supply, "scpi,instrument=supply,channel=a level=1.5,mode=1i", minute)
    assert minutes(supply) == {minute: 1}
    supply.change(CODED, MEANT)
    assert plan(supply).refused == []
    influxdb_apply.apply(plan(supply), lambda text: None)
    write(supply, "scpi,instrument=supply,channel=a level=2.5,mode=4i", minute + 60 * 10**9)
    assert minutes(supply) == {minute: 1, minute + 60 * 10**9: 4}
    rows = supply.admin.rows('SELECT "level" FROM "1m"."scpi"', supply.site.influxdb.database)
    assert [row["level"] for row in rows] == [1.5, 2.5]
