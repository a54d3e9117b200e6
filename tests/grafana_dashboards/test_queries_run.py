"""Every query of every dashboard and alarm, on the real InfluxDB that the real line fills."""

from __future__ import annotations

import json
import re
import time

import pytest

from grafana_dashboards import emit, influxql
from grafana_dashboards.check import panels_of
from provisioning import influxdb_fields, influxdb_schema
from provisioning.influxdb_server import DatabaseError
from telegraf_inputs.point import Point

from .conftest import DAY, HOUR, MINUTE, RANGES, until

KEPT_RAW = 30 * DAY
# Where a machine has none of it, its plot shows other things.
MAY_BE_ABSENT = {'"temp"', 'last("clock")'}


@pytest.fixture(scope="session")
def dashboards(viewer):
    files = emit.render(viewer.lab.site)
    return {name: json.loads(text) for name, text in files.items() if name.endswith(".json") and "alerting" not in name}


@pytest.fixture(scope="session")
def rules(viewer):
    groups = json.loads(emit.render(viewer.lab.site)[emit.RULES])["groups"]
    return {rule["uid"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("level", RANGES)
def test_every_panel_has_data_on_every_level(viewer, dashboards, level):
    now = time.time()
    start = now - RANGES[level]
    empty, asked = [], 0
    for name, dashboard in dashboards.items():
        values = viewer.levels(dashboard, start, now)
        assert values["rp"] == level
        for panel in panels_of(dashboard):
            for target in panel.get("targets", []):
                interval = {"raw": viewer.least_interval(panel, values), "1m": "2m", "1h": "1h"}[level]
                rows = viewer.rows(viewer.filled(target["query"], start, now, interval, **values))
                asked += 1
                # A plot's columns all have values: a field that does not exist on a level would be null.
                columns = (
                    set().union(*rows) - {"time", "instrument", "channel", "host", "alias", "input", "output"}
                    if rows
                    else set()
                )
                dead = [c for c in columns if all(row.get(c) is None for row in rows)]
                if (not rows or dead) and not any(absent in target["query"] for absent in MAY_BE_ABSENT):
                    empty.append((name, panel["title"], target["query"], dead))
    assert not empty
    assert asked > 50


@pytest.mark.parametrize("level", RANGES)
def test_a_band_holds_the_mean_and_on_downsampled_data_the_lowest_and_highest_reading(viewer, dashboards, level):
    now = time.time()
    start = now - RANGES[level]
    dashboard = dashboards["dashboards/phidget.json"]
    values = viewer.levels(dashboard, start, now)
    panel = next(p for p in panels_of(dashboard) if p["title"] == "Laser head temperature")
    query = panel["targets"][0]["query"]
    # One point of the level an interval: a minimum of means would be the mean itself.
    interval = {"raw": "1m"}.get(level, level)
    rows = [r for r in viewer.rows(viewer.filled(query, start, now, interval, **values)) if r["mean"] is not None]
    assert rows and all(row["min"] <= row["mean"] <= row["max"] for row in rows)
    assert any(row["min"] < row["mean"] < row["max"] for row in rows)


@pytest.mark.parametrize(
    ("back", "span", "level"),
    [
        (HOUR, HOUR, "raw"),
        (2 * DAY, 2 * DAY, "raw"),
        (3 * DAY, 3 * DAY, "1m"),
        (200 * DAY, 200 * DAY, "1h"),
        (40 * DAY, HOUR, "1m"),  # an hour that is kept in full no more
        (2 * 365 * DAY, HOUR, "1h"),
        (50 * 365 * DAY, HOUR, "1h"),  # older than anything
        (KEPT_RAW - MINUTE, HOUR, "raw"),
    ],
)
def test_the_level_follows_the_span_and_the_age(viewer, dashboards, back, span, level):
    start = time.time() - back
    assert viewer.levels(dashboards["dashboards/overview.json"], start, start + span)["rp"] == level


@pytest.mark.parametrize("level", RANGES)
def test_no_panel_cuts_time_finer_than_its_level(viewer, dashboards, level):
    now = time.time()
    for dashboard in dashboards.values():
        values = viewer.levels(dashboard, now - RANGES[level], now)
        for panel in panels_of(dashboard):
            if "interval" in panel:
                own = viewer.least_interval(panel, values | {"step": ""})
                assert viewer.least_interval(panel, values) == (own if level == "raw" else level)


def test_panels_work_where_nothing_says_which_level_to_read(viewer, dashboards):
    admin, bare = viewer.admin, "bare"
    admin.query(f'CREATE DATABASE "{bare}" WITH DURATION 0s NAME "raw"')
    admin.query(f'CREATE RETENTION POLICY "forever" ON "{bare}" DURATION 0s REPLICATION 1')
    for measurement in {s for d in dashboards.values() for p in panels_of(d) for s in sources(p)}:
        admin.query(f'SELECT * INTO "{bare}"."raw"."{measurement}" FROM "lab"."raw"."{measurement}" GROUP BY *')
    now = time.time()
    asked = 0
    for dashboard in dashboards.values():
        values = viewer.levels(dashboard, now - 2 * HOUR, now, bare)
        assert {values[name] for name in ("rp", "lo", "hi", "step")} == {""}
        for panel in panels_of(dashboard):
            for target in panel.get("targets", []):
                interval = viewer.least_interval(panel, values)
                query = viewer.filled(target["query"], now - 2 * HOUR, now, interval, **values)
                assert admin.rows(query, bare) or any(absent in query for absent in MAY_BE_ABSENT), query
                asked += 1
    assert asked > 50


def sources(panel):
    return {name for target in panel.get("targets", []) for name in re.findall(r'"\."(\w+)"', target["query"])}


def test_a_value_that_is_too_old_is_not_shown_as_the_value_now(viewer, dashboards):
    now = time.time()
    stats = [(d, p) for d in dashboards.values() for p in panels_of(d) if p["type"] == "stat" and "interval" in p]
    assert len(stats) > 20
    for dashboard, panel in stats:
        values = viewer.levels(dashboard, now - HOUR, now)
        interval = viewer.least_interval(panel, values)

        def shown(end, panel=panel, values=values, interval=interval):
            query = viewer.filled(panel["targets"][0]["query"], now - HOUR, end, interval, **values)
            (column, *course) = [[v for k, v in row.items() if k not in ("time", "host")] for row in viewer.rows(query)]
            return [v for (v,) in (column, *course)]

        assert shown(now)[-1] is not None, panel["title"]
        later = shown(now + 2 * HOUR)  # as if nothing had come since
        assert later[-1] is None and any(v is not None for v in later), panel["title"]


def test_every_alarm_has_data_and_none_begins_where_all_is_well(viewer, rules):
    assert len(rules) > 10
    for rule in rules.values():
        (condition,) = rule["data"][-1]["model"]["conditions"]
        if rule["labels"]["kind"] == "line":
            if "clock" not in rule["title"]:
                (row, *_) = viewer.alert(rule)
                assert any(isinstance(value, (int, float)) for key, value in row.items() if key != "time"), rule[
                    "title"
                ]
            continue
        assert condition["evaluator"] == {"type": "gt", "params": [0.5]}
        assert viewer.latch(rule) in (None, 0), rule["title"]
        if rule["labels"]["kind"] == "limit":
            (row,) = viewer.alert(rule, 1)  # the value that the message shows
            assert all(isinstance(value, (int, float)) for value in row.values()), (rule["title"], row)


def test_where_there_are_no_readings_a_rule_has_no_row_and_so_no_value_that_could_alarm(viewer, rules):
    for rule in rules.values():
        assert viewer.alert(rule, now=time.time() + 2 * HOUR) == [], rule["title"]


def test_readings_that_are_dropped_show_in_their_alarm_for_each_instrument(viewer, rules):
    def dropped():
        query = rules["demo-dropped"]["data"][0]["model"]["query"]
        found = viewer.reader.query(viewer.filled(query, time.time() - 10 * MINUTE, time.time()), viewer.database)
        return {series.tags["instrument"]: series.rows[0]["dropped"] for series in found}

    before = dropped()
    assert set(before) == {i.name for i in viewer.lab.site.instruments} and not any(before.values())
    now = time.time_ns()
    counts = ((0, 20), (3, 10), (8, 0))  # (dropped until then, s ago)
    lines = [Point("instrument", {"instrument": "lossy"}, {"dropped": n}, now - s * 10**9).line() for n, s in counts]
    viewer.admin.write("".join(lines), viewer.database, "raw")
    try:
        assert dropped() == before | {"lossy": 8}
    finally:
        viewer.admin.query('DROP SERIES FROM "instrument" WHERE "instrument" = \'lossy\'', viewer.database)


def test_a_database_that_is_gone_is_an_error_and_not_an_empty_answer(viewer, rules):
    query = rules["demo-database"]["data"][0]["model"]["query"]
    with pytest.raises(DatabaseError):
        viewer.reader.rows(viewer.filled(query, 0, 1), "nowhere")


def test_an_instrument_that_falls_silent_shows_in_health_and_in_its_alarm_and_heals(viewer, dashboards, rules):
    rule = rules["demo-magnet-stale"]
    health = dashboards["dashboards/health.json"]
    timeline = next(p for p in panels_of(health) if p["title"].startswith("State of instruments"))

    def state():
        now = time.time()
        values = viewer.levels(health, now - MINUTE, now) | {"instrument": "magnet"}
        rows = viewer.rows(viewer.filled(timeline["targets"][0]["query"], now - MINUTE, now, "1s", **values))
        return [row["last"] for row in rows if row["last"] is not None][-1]

    assert state() == "ok" and viewer.latch(rule) != 1
    viewer.fault("magnet", "disconnect")
    try:
        assert until(lambda: state() != "ok" and state(), "the state tells") == "disconnected"
        until(lambda: viewer.latch(rule) == 1, "the alarm's question tells")
    finally:
        viewer.fault("magnet", "none")
    until(lambda: state() == "ok" and viewer.latch(rule) is None, "it heals; the alarm waits for more")


def test_what_a_lab_that_runs_has_stored_is_what_its_site_wants(viewer):
    """Of every measurement, Telegraf's own too, at every level: an apply has nothing to refuse."""
    wanted = influxdb_schema.schema(viewer.lab.site)
    stored = influxdb_fields.read(viewer.reader, wanted.database, wanted.kept_in)
    assert influxdb_fields.refusals(stored, wanted.fields, wanted.database) == []
    assert influxdb_fields.unnoted(stored, wanted.fields) == []
    measured = {(m, f) for policy in stored.types.values() for m, fields in policy.items() for f in fields}
    own = {f.name for f in wanted.fields if f.measurement == "instrument"}
    said_always = {("instrument", name) for name in own - {"paused", "spikes"}}  # where it is paused, or has a filter
    assert said_always <= measured


def test_a_code_that_is_an_alarm_shows_in_its_rule_as_the_number_of_its_word_and_heals(viewer, rules):
    (rule,) = (r for r in rules.values() if "working sensor alarm" in r["title"])

    def value():
        (row,) = viewer.alert(rule, 1)
        return row["status_code"]

    assert value() == 0
    viewer.fault("chiller", "over_range")
    try:
        # low level alarm, working sensor alarm, sensor difference alarm
        assert until(value, "the code tells") == 2
        assert "eq $values.B.Value 2.0 }}'working sensor alarm'" in rule["annotations"]["summary"]
    finally:
        viewer.fault("chiller", "none")
    until(lambda: value() == 0, "it heals")


@pytest.mark.parametrize(
    ("field", "values", "written", "found"),
    [
        ("code", [[3], [-1, -12]], ["code=3i", "code=-1i"], 2),
        ("code", [[3], [-1, -12]], ["code=-1i", "code=-12i"], 2),
        ("code", [[3], [-1, -12]], ["code=-1i", "code=3i"], 1),
        ("code", [[3], [-1, -12]], ["code=3i", "code=0i"], 0),
        ("code", [[3], [-1, -12]], [], None),
        ("open", [[True]], ["open=false", "open=true"], 1),
        ("open", [[True]], ["open=true", "open=false"], 0),
        ("says", [['it\'s \\ "so"'], ["off"]], ['says="off"', 'says="it\'s \\\\ \\"so\\""'], 1),
        ("says", [["it's"], ["off"]], ['says="it\'s"', 'says="OFF"'], 0),
    ],
)
def test_the_newest_value_alone_is_held_against_words(viewer, field, values, written, found):
    now = time.time()
    lines = [
        f"words,instrument=rack,channel=a {line} {int(now - age) * 10**9}"
        for line, age in zip(written, (20, 10), strict=False)
    ]
    viewer.admin.write(
        "\n".join([*lines, f"words,instrument=rack,channel=b code=3i,open=true {int(now) * 10**9}"]),
        viewer.database,
        "raw",
    )
    where = influxql.equal(instrument="rack", channel="a")
    try:
        rows = viewer.rows(viewer.filled(influxql.which_of(values, field, "words", where), now - MINUTE, now + 1))
        assert [row[field] for row in rows] == ([] if found is None else [found])
    finally:
        viewer.admin.query('DROP MEASUREMENT "words"', viewer.database)


@pytest.mark.parametrize("level", RANGES)
def test_a_code_is_one_of_its_words_on_every_level(viewer, dashboards, level):
    now = time.time()
    start = now - RANGES[level]
    dashboard = dashboards["dashboards/julabo.json"]
    values = viewer.levels(dashboard, start, now)
    for title in ("Status code", "Setpoint number"):
        panel = next(p for p in panels_of(dashboard) if p["title"] == title)
        (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
        rows = viewer.rows(
            viewer.filled(panel["targets"][0]["query"], start, now, {"raw": "10s"}.get(level, level), **values)
        )
        codes = {row["last"] for row in rows} - {None}
        assert codes and {f"{code:g}" for code in codes} <= set(mapping["options"]), title
