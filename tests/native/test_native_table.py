"""How the live table tells what Telegraf reads itself, from points in a real InfluxDB."""

from __future__ import annotations

import time

import pytest

from labline.live.outputs import Trouble
from labline.live.snapshot import Row
from labline.live.watch import Watch
from provisioning import site as sites
from provisioning.influxdb_server import Server

SITE = """\
site: trial
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - name: ups
    driver: snmp
    connection: udp://192.168.1.9
    user: lab
    interval: 1s
    timeout: 1s
    channels:
      battery: {{label: Battery, read: {{charge: {{oid: 1.3.6.1, unit: "%"}}}}}}
      output: {{label: Output, read: {{voltage: {{oid: 1.3.6.2, unit: V}}}}}}
"""
PATIENCE = 28  # seconds


@pytest.fixture
def table(database, influxd, tmp_path):
    """Write points of some age (s) with ``put``, look with ``look``; Telegraf's log says ``details`` and ``troubles``."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    file = tmp_path / "trial.yml"
    file.write_text(SITE.format(database=database.name))
    site = sites.load(file)
    server = Server(database.url, database.reader, database.reader_password)

    class Table:
        details: dict[str, str] = {}
        troubles: list[Trouble] = []
        rows: dict[str, Row] = {}

        def put(self, age: float, line: str) -> None:
            measurement, fields = line.split(" ", 1)
            database.write(f"{measurement},site=trial,host=here {fields} {time.time_ns() - int(age * 1e9)}")

        def look(self, since: float = 600) -> tuple[str, str]:
            watch = Watch(site, server, time.time_ns() - int(since * 1e9), lambda: self.details, lambda: self.troubles)
            snapshot = watch.look()
            self.rows = {row.channel.id: row for row in snapshot.rows}
            return snapshot.states["ups"], snapshot.notes.get("ups", "")

    return Table()


def test_it_is_well_as_long_as_points_come(table):
    table.put(1, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    table.put(2, 'snmp,instrument=ups,channel=output voltage=231,status="ok"')
    assert table.look() == ("ok", "")


def test_a_channel_that_is_ill_is_told(table):
    table.put(1, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    table.put(1, 'snmp,instrument=ups,channel=output status="no_reading"')
    state, note = table.look()
    assert state == "degraded" and note == "ups: Output: the device says that it has no value"


def test_silence_has_the_reason_from_telegrafs_log(table):
    table.put(PATIENCE + 20, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    table.put(5, "internal_agent metrics_gathered=5i")
    state, note = table.look()
    assert state == "silent" and note.startswith("ups does not answer. Is it on?")
    table.details = {"ups": "request timeout"}
    assert table.look()[1].startswith("ups does not answer: request timeout. Is it on?")


def test_a_reading_that_is_older_than_the_run_is_shown_by_its_age_alone(table):
    """A broker retains what was said long ago, with a time of its own."""
    table.put(900, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    table.put(5, "internal_agent metrics_gathered=5i")
    for since, state in ((PATIENCE - 8, "starting"), (PATIENCE + 8, "silent")):
        assert table.look(since)[0] == state
        battery, output = table.rows["battery"], table.rows["output"]
        assert battery.value is None and battery.age == pytest.approx(900, abs=60) and not battery.alarm
        assert output.value is output.age is None
    said = "ups does not answer: nothing came since the run began, and its newest reading is 15 min old. Is it on?"
    assert table.look(PATIENCE + 8)[1].startswith(said)


def test_a_channel_whose_reading_is_older_than_the_run_is_waited_for(table):
    table.put(900, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    table.put(2, 'snmp,instrument=ups,channel=output voltage=231,status="ok"')
    assert table.look(since=20) == ("ok", "")
    battery = table.rows["battery"]
    assert (battery.value, battery.state) == (None, "waiting") and battery.age == pytest.approx(900, abs=60)


def test_where_telegraf_itself_is_silent_the_device_is_not_blamed(table):
    table.put(PATIENCE + 20, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    assert table.look() == (
        "no report",
        "ups brings nothing, nor does its Telegraf: is its machine on? There, Telegraf's log has the details.",
    )


def test_where_the_database_refuses_the_device_is_not_blamed(table):
    table.put(PATIENCE + 20, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    table.put(5, "internal_agent metrics_gathered=5i")
    now = time.time()
    table.troubles = [Trouble("database", "field type conflict", True, now, now)]
    assert table.look()[1].startswith("ups has no report in the database: what is wrong on the way there stands above")


def test_times_that_cant_be_believed_are_told_until_they_can(table):
    table.put(3, 'snmp,instrument=ups,channel=battery charge=98,status="ok",clock="unsynchronised"')
    table.put(2, 'snmp,instrument=ups,channel=output voltage=231,status="ok",clock="unsynchronised"')
    state, note = table.look()
    assert state == "clock" and "follows no other (timedatectl" in note
    for line in ('channel=battery charge=98,status="ok"', 'channel=output voltage=231,status="ok"'):
        table.put(1, f"snmp,instrument=ups,{line}")
    assert table.look() == ("ok", "")


def test_points_that_all_lie_in_the_future_are_a_clock_that_is_off(table):
    table.put(PATIENCE + 2, 'snmp,instrument=ups,channel=battery charge=98,status="ok"')
    table.put(-3600, 'snmp,instrument=ups,channel=battery charge=98,status="ok",clock="future"')
    state, note = table.look()
    assert state == "clock" and "ahead of here" in note
