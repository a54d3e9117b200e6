"""The table "Is it stored?", asked of a real InfluxDB."""

from __future__ import annotations

import time

from grafana_dashboards import delivery
from labline.live.canary import delivered
from labline.live.outputs import CANARY, Trouble
from labline.local.health import prepared
from telegraf_inputs.point import Point


def test_it_shows_what_is_well_and_what_failed_and_no_reason_that_never_was(site, database, influxd):
    """`labline run` writes points of each reason of a bad disk beforehand, which say that it is not so."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION INF REPLICATION 1 DEFAULT')
    lab = site('  - {name: rack, driver: julabo, connection: "sim:"}\n')
    now = time.time_ns()

    def shown() -> set[tuple[str, str, int, bool]]:
        (target,) = delivery.table().targets
        rows = database.rows(target.query.replace("$rp", "raw"))
        return {(row["output"], row["why"], row["failing"], bool(row["reason"])) for row in rows}

    def write(*points: Point) -> None:
        database.write("".join(point.line() for point in points), "raw")

    write(*prepared(lab, now - 30 * 10**9), delivered(lab, "daq", "database", None, now - 20 * 10**9))
    assert shown() == {("database", "none", 0, False)}
    full = Trouble(CANARY, "no space left on device", False, 0, 0)
    write(delivered(lab, "daq", CANARY, full, now - 10 * 10**9), delivered(lab, "daq", CANARY, None, now))
    well = {("database", "none", 0, False), (CANARY, "none", 0, False)}
    assert shown() == well | {(CANARY, "disk full", 1, True)}
    write(*prepared(lab, now))
    assert shown() == well | {(CANARY, "disk full", 1, True)}, "the next run ends no row that failed within the hour"
