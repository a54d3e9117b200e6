"""How long shards are and which level a dashboard reads: each number of it held to what it is for."""

from __future__ import annotations

import time

import pytest

from provisioning import influxdb_schema, levels, site, site_file
from provisioning.influxdb_schema import RetentionPolicy
from provisioning.site_file import LONGEST, Keep
from telegraf_inputs import duration

HOUR, DAY, WEEK, YEAR = 3600, 86400, 604800, 365 * 86400
USUAL = [HOUR, 6 * HOUR, DAY, 3 * DAY, WEEK, 30 * DAY, 90 * DAY, YEAR, 2 * YEAR, 10 * YEAR, LONGEST]
# InfluxDB's advice for shards ("Shard group duration overview"): a thousand points or more of each series in one.
POINTS_PER_SHARD = 1000
SCREEN = 1920  # pixels: a curve across it has a point for each
# What a curve may read: a dashboard asks for a dozen at once, and a small machine reads about a million values a second.
MOST_POINTS = 200_000
LONGEST_OUTAGE = 600  # s, of Telegraf or the database: a restart, an update; longer ones are for `labline apply --fill`


@pytest.fixture
def made(written):
    """Make the schema of a site that keeps its data so."""

    def make(retention: str) -> influxdb_schema.Schema:
        text = (
            "site: test\nnodes: [{name: daq}]\n"
            f"influxdb: {{retention: {retention}}}\n"
            "instruments:\n  - {name: it, driver: lakeshore_372, connection: 'sim:', stale: 0s}\n"
        )
        return influxdb_schema.schema(site.load(written(text)))

    return make


def raw_of(schema) -> RetentionPolicy:
    return next(policy for policy in schema.policies if policy.name == levels.RAW)


@pytest.mark.parametrize("keep", USUAL)
def test_expired_data_do_not_fill_the_disk_and_shards_do_not_fill_the_memory(made, keep):
    """Data go a shard at a time, and each shard that is there costs memory."""
    policy = raw_of(made(f"{{raw: {duration.exact(keep)}, downsampled: {{}}}}"))
    assert policy.keep == keep
    assert policy.shard <= max(HOUR, keep / 10), "a tenth more than what is kept; no shard is shorter than an hour"
    assert keep / policy.shard <= 70 or policy.shard == 52 * WEEK


@pytest.mark.parametrize("keep", ["1h", "36h", "30d", "10y", "100y", "forever"])
def test_the_server_takes_the_shards_as_they_are(made, database, influxd, keep):
    """It refuses a shard that is longer than what is kept, and rounds others: each apply would find a difference."""
    policy = raw_of(made(f"{{raw: {keep}, downsampled: {{}}}}"))
    influxd.server.query(influxdb_schema.create(policy, database.name))
    (there,) = (
        row for row in influxd.server.rows(f'SHOW RETENTION POLICIES ON "{database.name}"') if row["name"] == "raw"
    )
    assert there["shardGroupDuration"] == f"{policy.shard // HOUR}h0m0s"


def test_readings_that_are_kept_for_ever_have_the_servers_own_shards(made, database, influxd):
    """Those of a year, full of readings, would be more than a small machine can compact."""
    influxd.server.query(f'CREATE RETENTION POLICY "own" ON "{database.name}" DURATION 0s REPLICATION 1')
    rows = influxd.server.rows(f'SHOW RETENTION POLICIES ON "{database.name}"')
    (own,) = (row["shardGroupDuration"] for row in rows if row["name"] == "own")
    assert own == f"{raw_of(made('{raw: forever}')).shard // HOUR}h0m0s"


@pytest.mark.parametrize("level", ["1m: 1y", "1m: forever", "10m: 5y", "1h: 10y", "1h: forever"])
def test_a_shard_of_a_level_has_enough_points_of_each_series(made, level):
    schema = made(f"{{raw: 30d, downsampled: {{{level}}}}}")
    policy = next(p for p in schema.policies if p.name == level.partition(":")[0])
    assert policy.shard / duration.read(policy.name) >= POINTS_PER_SHARD


def test_what_says_which_level_is_read_lies_in_one_shard_for_ever(made):
    """Its rows stand decades apart, from 1970 on; a week each would be thousands of shards to look through."""
    (forever,) = (p for p in made("{}").policies if p.name == levels.FOREVER)
    assert (forever.keep, forever.shard) == (0, 52 * WEEK)


@pytest.mark.parametrize("retention", ["{}", "{raw: 1y, downsampled: {1m: 5y, 10m: 20y, 3h: forever}}"])
def test_a_curve_fills_the_screen_and_reads_no_more_than_a_small_machine_can(made, retention):
    schema = made(retention)
    steps = {query.level.name: query.level.seconds_per_point for query in schema.queries}
    for row in schema.rows[1:]:
        assert row.start / 1000 / steps[row.rp] >= SCREEN, "a coarser level would be seen as steps"
    for row in schema.rows[1:-1]:
        assert row.end / 1000 / steps[row.rp] <= MOST_POINTS
    assert schema.rows[0].end / 1000 <= MOST_POINTS, "of an instrument that is read each second"


def test_the_rows_cover_every_range_that_can_be_shown(made):
    rows = made("{}").rows
    assert rows[0].start == 0
    assert [row.start for row in rows[1:]] == [row.end for row in rows[:-1]], "without a gap"
    # Grafana's longest range begins in 1970; a browser's numbers are exact up to 2^53.
    assert time.time() * 1000 + 100 * YEAR * 1000 < rows[-1].end < 2**53


def test_a_level_that_is_kept_for_ever_has_each_beginning(made):
    """`time > now() - from` holds where the row stands later than the present, and the server can write its time."""
    last = made("{raw: 30d, downsampled: {1m: 1y, 1h: forever}}").rows[-1]
    latest = 2**63 - 1  # ns, of a time
    assert max(time.time() + 100 * YEAR, LONGEST) * 1e9 < last.time < latest


def test_levels_take_in_what_came_late_by_a_restart(made):
    for query in made("{raw: 30d, downsampled: {10s: 60d, 1m: 1y, 1h: 10y}}").queries:
        assert query.level.late >= LONGEST_OUTAGE
        assert query.level.late >= 2 * query.level.seconds_per_point, "the point before the one that is not full yet"
        again = query.level.late / query.level.seconds_per_point
        assert again <= 60, "so many points are computed anew each time"


def test_a_month_of_readings_and_ten_years_of_hours_are_kept_where_nobody_says_otherwise():
    """What is looked at after a run, and what a lab compares over years; at 20 instruments it fits a small disk."""
    usual = site_file.Retention()
    assert usual.raw == Keep(30 * DAY)
    assert usual.downsampled == {"1m": "1y", "1h": "10y"}
