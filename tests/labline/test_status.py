"""The live table, from points in a real InfluxDB."""

from __future__ import annotations

import io
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from labline.live import advice
from labline.live.screen import show
from labline.live.table import LiveTable, print_whole
from labline.live.telegraf_log import TelegrafLog, TelegrafLogs
from labline.live.watch import Watch
from provisioning import site as sites
from provisioning.influxdb_server import DatabaseError, Server

SITE = """\
site: trial
title: A trial lab
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - name: cryostat
    driver: lakeshore_372
    connection: tcp://192.168.1.5:7777
    interval: 1s
    stale: 1m
    channels:
      "1": {{label: Still}}
      "5":
        label: Mixing chamber
        limits:
          temperature: {{warning: {{above: 20 mK}}, critical: {{above: 50 mK}}, help: Look at the mixture.}}
          resistance: {{warning: {{below: 5 kΩ}}}}
  - name: oven
    driver: phidget
    connection: phidget://
    interval: 1s
    channels:
      gauge:
        class: VoltageInput
        label: Gauge
        calibration: {{of: voltage, to: pressure, unit: mbar, form: exponential, a: 1, b: 1.667, c: 11.33}}
alarms: {{for: 0s}}
"""

COMPUTED = """\
  - name: ratio
    driver: derived
    channels:
      of: {read: {part: {expression: 100 % * cryostat.1.resistance / cryostat.5.resistance, unit: "%"}}}
  - name: twice
    driver: derived
    channels:
      of: {read: {part: {expression: 2 * ratio.of, unit: "%"}}}
"""


@pytest.fixture
def lab(database, influxd, tmp_path):
    """A site with an empty database: write points with ``put``, look with ``look``."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    file = tmp_path / "trial.yml"
    file.write_text(SITE.format(database=database.name))
    site = sites.load(file)
    server = Server(database.url, database.reader, database.reader_password)
    now = time.time_ns()

    class Lab:
        @staticmethod
        def put(measurement, tags, fields, seconds_ago=0.0):
            line = f"{measurement},site=trial,{tags} {fields} {now - int(seconds_ago * 1e9)}"
            database.write(line, "raw")

        @staticmethod
        def look(details=dict, since_seconds_ago=600, site=site, troubles=list, runs=lambda node: None, **options):
            return Watch(site, server, now - int(since_seconds_ago * 1e9), details, troubles, runs, **options).look()

        @staticmethod
        def well(mixture=True):
            """Everything is as it should be; without the ``mixture`` of a test that tells its own course."""
            Lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i')
            Lab.put("instrument", "instrument=oven", 'state="ok",up=1i')
            Lab.put(
                "lakeshore_372", "instrument=cryostat,channel=1", 'temperature=0.85,resistance=2000.0,status="ok"', 2
            )
            if mixture:
                fields = 'temperature=0.0123,resistance=37133.0,status="ok"'
                Lab.put("lakeshore_372", "instrument=cryostat,channel=5", fields, 1)
            Lab.put("phidget", "instrument=oven,channel=gauge", 'voltage=2.5,pressure=6.9e-8,status="ok"', 1)

    return Lab


def drawn(snapshot, height=None, width=80, **options) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, height=height, force_terminal=height is not None, color_system=None, highlight=False
    )
    console.print(LiveTable(snapshot, **options))
    return out.getvalue()


def test_all_is_well(lab):
    lab.well()
    snapshot = lab.look()
    assert snapshot.well and snapshot.states == {"cryostat": "ok", "oven": "ok"}
    text = drawn(snapshot)
    lines = [line.split() for line in text.splitlines()]
    assert next(words[:4] for words in lines if "Still" in words) == ["cryostat", "Still", "0.8500", "K"]
    assert next(words for words in lines if "Mixing" in words)[:4] == ["Mixing", "chamber", "12.3", "mK"]
    assert next(words for words in lines if "Gauge" in words)[:4] == ["oven", "Gauge", "6.90e-08", "mbar"]
    assert "A trial lab" in text and "2 instruments: 2 ok" in text
    assert "\x1b" not in text and all(len(line) <= 80 for line in text.splitlines())


def test_simulated_instruments_are_named(lab, tmp_path):
    lab.well()
    assert "simulated" not in drawn(lab.look())
    file = tmp_path / "trial.yml"
    text = file.read_text().replace("tcp://192.168.1.5:7777", "'sim:'")
    for name, content in {"cryostat": text, "all": text.replace("phidget://", "'sim:'")}.items():
        file.write_text(content)
        said = "all simulated" if name == "all" else "simulated: cryostat"
        assert f"2 instruments: 2 ok  {said}" in drawn(lab.look(site=sites.load(file)))
    # Of a run with --simulate the file's connections tell nothing; what is off is not simulated either.
    file.write_text(text)
    assert "2 instruments: 2 ok  all simulated" in drawn(lab.look(site=sites.load(file), simulated=True))
    file.write_text(text.replace("    stale: 1m\n", "    stale: 1m\n    enabled: false\n"))
    site = sites.load(file)
    assert "simulated" not in drawn(lab.look(site=site)) and "all simulated" in drawn(
        lab.look(site=site, simulated=True)
    )


def test_what_is_computed_of_a_simulated_instrument_is_simulated(lab, tmp_path):
    file = tmp_path / "trial.yml"
    text = file.read_text().replace("alarms: ", COMPUTED + "alarms: ")
    for old, new, names in (
        ("phidget://", "'sim:'", "oven"),
        ("tcp://192.168.1.5:7777", "'sim:'", "cryostat, ratio, twice"),
    ):
        file.write_text(text.replace(old, new))
        assert lab.look(site=sites.load(file)).made_up == f"simulated: {names}"


def test_an_instrument_that_is_not_enabled_is_off_and_no_fault(lab, tmp_path):
    """Nothing comes of it any more, and its last value lies beyond a limit."""
    lab.put("instrument", "instrument=oven", 'state="ok",up=1i')
    lab.put("phidget", "instrument=oven,channel=gauge", 'voltage=2.5,pressure=6.9e-8,status="ok"', 1)
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.9,resistance=100.0,status="ok"', 300)
    file = tmp_path / "trial.yml"
    file.write_text(file.read_text().replace("    stale: 1m\n", "    stale: 1m\n    enabled: false\n"))
    snapshot = lab.look(site=sites.load(file))
    assert snapshot.well and snapshot.states == {"cryostat": "off", "oven": "ok"} and not snapshot.notes
    assert "off" in drawn(snapshot) and not snapshot.alarms


def test_the_raw_quantity_behind_a_calibration_is_shown_on_demand(lab):
    lab.well()
    assert "voltage" not in drawn(lab.look()) and "2.500" in drawn(lab.look(), everything=True)


def test_the_worst_limit_alarms_and_says_what_to_do(lab):
    lab.well()
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.0301,resistance=4000.0,status="ok"')
    snapshot = lab.look()
    assert snapshot.alarms == {"warning": 2} and not snapshot.well
    text = drawn(snapshot, width=100)
    assert "cryostat Mixing chamber: 30.1 mK is above 20 mK. Look at the mixture." in text
    assert "resistance" in text and "4000.00 Ω is below 5000 Ω" in text
    lab.put(
        "lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.0601,resistance=37133.0,status="ok"', -0.001
    )
    alarms = lab.look().alarms
    assert alarms["critical"] == 1 and not alarms["warning"]


def test_a_fault_shows_no_value_beside_its_status(lab):
    lab.well()
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'resistance=65000.0,status="temperature_over"')
    lab.put("instrument", "instrument=cryostat", 'state="degraded",up=1i', -0.001)
    temperature, resistance = (row for row in lab.look().rows if row.channel.id == "5")
    assert (temperature.value, temperature.state) == (None, "temperature_over") and temperature.faulty
    assert resistance.value == 65000.0
    text = drawn(lab.look())
    assert "temperature over" in text and "cryostat: Mixing chamber: RDGST? reports temperature over" in text


def test_faults_of_one_kind_are_told_together(lab):
    lab.put("instrument", "instrument=cryostat", 'state="degraded",up=1i')
    for channel in (1, 5):
        lab.put("lakeshore_372", f"instrument=cryostat,channel={channel}", 'status="no_curve"')
    said = "Still and 1 more: the input has no calibration curve: it has a resistance alone"
    assert lab.look(since_seconds_ago=20).notes["cryostat"] == f"cryostat: {said}"
    assert lab.look().notes["cryostat"] == f"cryostat brought nothing new for 10 min. {said}"
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'status="setup_failed: not today"', -0.001)
    assert lab.look().notes["cryostat"].endswith("; Mixing chamber: setup failed: not today")


def test_a_quantity_that_is_not_in_every_point_keeps_its_own_age(lab):
    lab.well()
    lab.put("lakeshore_372", "instrument=cryostat,channel=1", 'resistance=2001.0,status="ok"')
    temperature, resistance = (row for row in lab.look().rows if row.channel.id == "1")
    assert temperature.value == 0.85 and temperature.age - resistance.age == pytest.approx(2.0)


def test_a_program_that_does_not_start_is_told_after_a_moment(lab):
    why = {"cryostat": "its program ended, saying ModuleNotFoundError: No module named 'x'"}
    assert lab.look(lambda: why, since_seconds_ago=2).notes == {}
    late = lab.look(lambda: why, since_seconds_ago=10)
    assert late.states["cryostat"] == "starting"
    assert late.notes == {"cryostat": f"cryostat does not start: {why['cryostat']}."}


def test_a_pulled_cable(lab):
    lab.well()
    lab.put("instrument", "instrument=cryostat", 'state="disconnected",up=0i', -0.001)
    snapshot = lab.look(lambda: {"cryostat": "tcp://192.168.1.5:7777: Connection refused"})
    assert {row.state for row in snapshot.rows if row.instrument == "cryostat"} == {"disconnected"}
    assert "cryostat can't be reached: tcp://192.168.1.5:7777: Connection refused. Cable, power, address?" in drawn(
        snapshot, width=120
    )


def test_stale_data_and_a_program_that_is_gone(lab):
    lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i', 300)
    lab.put("lakeshore_372", "instrument=cryostat,channel=1", 'temperature=0.85,resistance=2000.0,status="ok"', 300)
    snapshot = lab.look()
    assert snapshot.states == {"cryostat": "no report", "oven": "no report"}
    assert snapshot.alarms == {"stale": 2}
    assert "5 min" in drawn(snapshot)


def test_one_dead_channel_is_stale_beside_one_that_lives(lab):
    for channel, seconds_ago in ((1, 1000), (5, 1)):
        lab.put(
            "lakeshore_372",
            f"instrument=cryostat,channel={channel}",
            'temperature=0.01,resistance=6e3,status="ok"',
            seconds_ago,
        )
    for instrument in ("cryostat", "oven"):
        lab.put("instrument", f"instrument={instrument}", 'state="ok",up=1i')
    lab.put("phidget", "instrument=oven,channel=gauge", 'pressure=6.9e-8,status="ok"', 1)
    snapshot = lab.look(since_seconds_ago=1200)
    assert [row.alarm for row in snapshot.rows] == ["stale", "stale", "", "", "", ""] and not snapshot.well
    assert snapshot.alarms == {"stale": 1}
    assert "cryostat Still brought nothing new for 17 min" in drawn(snapshot)


def test_a_scanner_has_its_turn_to_bring_a_channel(lab, tmp_path):
    """As the alert rules have it: however soon the site file wants to know of the whole scanner's silence."""
    file = tmp_path / "trial.yml"
    file.write_text(file.read_text().replace("    stale: 1m\n", ""))
    site = sites.load(file)
    turn, reading = site.instruments[0].stanza.driver.turn, 'temperature=0.01,resistance=6e3,status="ok"'
    assert turn > 2 * site.instruments[0].stale > 0
    lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i')
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", reading, 1)

    def stale_channels(site):
        rows = lab.look(since_seconds_ago=2 * turn, site=site).rows
        return {row.channel.id for row in rows if row.instrument == "cryostat" and row.alarm == "stale"}

    lab.put("lakeshore_372", "instrument=cryostat,channel=1", reading, turn + 30)
    assert stale_channels(site) == {"1"}
    lab.put("lakeshore_372", "instrument=cryostat,channel=1", reading, turn - 30)
    assert stale_channels(site) == set()
    file.write_text(file.read_text().replace("    interval: 1s\n", "    interval: 1s\n    stale: 5m\n", 1))
    assert stale_channels(sites.load(file)) == set()


@pytest.mark.parametrize(("state", "alarms"), [("ok", {""}), ("silent", {"stale"})])
def test_a_scanner_without_news_is_well_as_long_as_it_answers(lab, tmp_path, state, alarms):
    """It may be busy with channels of which the site file has none."""
    file = tmp_path / "trial.yml"
    file.write_text(file.read_text().replace("    stale: 1m\n", ""))
    lab.put("instrument", "instrument=cryostat", f'state="{state}",up=1i')
    for channel in (1, 5):
        lab.put("lakeshore_372", f"instrument=cryostat,channel={channel}", 'temperature=0.01,status="ok"', 200)
    rows = [row for row in lab.look(site=sites.load(file)).rows if row.instrument == "cryostat" and row.main]
    assert {row.alarm for row in rows} == alarms


def test_what_an_earlier_run_left_says_nothing_about_this_one(lab):
    lab.put("instrument", "instrument=cryostat", 'state="silent",up=0i', 300)
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.0601,resistance=4000.0,status="ok"', 300)
    snapshot = lab.look(since_seconds_ago=2)
    assert snapshot.states == {"cryostat": "starting", "oven": "starting"} and not snapshot.alarms
    lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i')
    rows = [row for row in lab.look(since_seconds_ago=2).rows if row.instrument == "cryostat"]
    assert {(row.value, row.state, row.alarm, row.trend.sparkline) for row in rows} == {(None, "waiting", "", "")}


def test_an_instrument_out_of_reach_has_no_value_and_keeps_its_alarm(lab):
    """As Grafana does: that nothing comes does not end it."""
    lab.well(mixture=False)
    for seconds_ago in (11, 0):
        fields = 'temperature=0.0601,resistance=37133.0,status="ok"'
        lab.put("lakeshore_372", "instrument=cryostat,channel=5", fields, seconds_ago)
    lab.put("instrument", "instrument=cryostat", 'state="disconnected",up=0i', -0.001)
    snapshot = lab.look()
    assert {row.value for row in snapshot.rows if row.instrument == "cryostat"} == {None}
    assert snapshot.alarms == {"critical": 1}
    assert "cryostat Mixing chamber: 60.1 mK was read last, and is above 50 mK. Look" in drawn(snapshot, width=100)


def lasting(lab, tmp_path, *readings: float, every: float = 5):
    """Look at the mixing chamber after some readings (mK): an alarm above 20 mK after 1 min, over below 18 mK."""
    file = tmp_path / "trial.yml"
    limits = "{warning: {above: 20 mK}, hysteresis: 2 mK, for: 1m, help: Look at the mixture.}"
    site = re.sub(r"temperature: \{warning.*", f"temperature: {limits}", file.read_text())
    file.write_text(site)
    lab.well(mixture=False)
    for index, reading in enumerate(reversed(readings)):
        fields = f'temperature={reading / 1000},resistance=37133.0,status="ok"'
        lab.put("lakeshore_372", "instrument=cryostat,channel=5", fields, every * index - 0.001)
    snapshot = lab.look(site=sites.load(file), since_seconds_ago=86400)
    return next(row for row in snapshot.rows if row.channel.id == "5"), snapshot


def test_an_alarm_comes_after_the_time_that_its_limit_says(lab, tmp_path):
    row, snapshot = lasting(lab, tmp_path, 12, 12, 30, 30, 30, 30, 30)
    assert row.alarm == "pending" and snapshot.well and snapshot.alarms == {"pending": 1}
    text = drawn(snapshot, width=120)
    assert re.search(r"Mixing chamber: 30.0 mK is above 20 mK, for \d+ s: a warning after 1 min. Look at", text)
    assert text.splitlines()[1].rstrip().endswith(" 1 pending")
    assert "pending" in next(line for line in text.splitlines() if "30.0 mK" in line)


@pytest.mark.parametrize(
    ("readings", "every", "alarm", "said"),
    [
        ([30] * 20, 5, "warning", "30.0 mK is above 20 mK. Look at the mixture."),
        ([30] * 20 + [19] * 10, 5, "warning", "19.0 mK was above 20 mK, and is not below 18 mK yet. Look"),
        (
            [30] * 20 + [12] * 10,
            5,
            "ending",
            r"12.0 mK is back from above 20 mK for [345]\d s; the warning ends after 5 min.",
        ),
        ([30] * 10 + [12] * 40, 10, "", ""),
        ([12, 30, 30, 30] + [19] * 60, 60, "warning", "19.0 mK was above"),
        ([30, 12] + [19] * 60, 60, "", ""),
    ],
)
def test_an_alarm_ends_behind_its_hysteresis_and_not_at_once(lab, tmp_path, readings, every, alarm, said):
    row, snapshot = lasting(lab, tmp_path, *readings, every=every)
    assert row.alarm == alarm and snapshot.well == (not alarm)
    assert snapshot.alarms == ({alarm: 1} if alarm else {})
    assert re.search(said, " ".join(drawn(snapshot, width=120).split()))


def test_faults_without_end_do_not_change_when_the_last_value_came(lab):
    lab.put("instrument", "instrument=cryostat", 'state="degraded",up=1i')
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.01,resistance=37133.0,status="ok"', 30)
    for seconds_ago in range(20):
        lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'status="resistance_over"', seconds_ago)
    rows = [row for row in lab.look(since_seconds_ago=300).rows if row.channel.id == "5"]
    assert all(30 <= row.age < 60 and row.state == "resistance_over" and row.value is None for row in rows)
    assert not any(row.alarm for row in rows)


def test_another_site_in_the_same_database_is_not_ours(lab, database):
    lab.well()
    line = f'lakeshore_372,site=other,instrument=cryostat,channel=5 temperature=9.0,status="ok" {time.time_ns()}'
    database.write(line, "raw")
    assert 9.0 not in [row.value for row in lab.look().rows]


def test_a_trend_comes_from_the_database(lab):
    lab.well()
    for index in range(240):
        lab.put(
            "lakeshore_372",
            "instrument=cryostat,channel=1",
            f'temperature={0.8 + index * 1e-3},status="ok"',
            480 - 2 * index,
        )
    row = next(row for row in lab.look().rows if row.channel.id == "1" and row.quantity.name == "temperature")
    curve = row.trend.sparkline.strip()  # a bin that has just begun may be empty
    assert row.trend.arrow == "↑" and curve[0] == "▁" and curve[-1] == "█"


def test_a_small_screen_shows_what_is_wrong_and_says_what_it_leaves_out(lab):
    lab.well()
    lab.put("instrument", "instrument=oven", 'state="silent",up=0i', -0.001)
    full = drawn(lab.look(), height=12, footer=["Ctrl-C ends this."])
    assert "more rows" not in full and "resistance" in full and len(full.splitlines()) == 12
    small = drawn(lab.look(), height=9, footer=["Ctrl-C ends this."])
    assert "silent" in small and "Ctrl-C ends this.  2 more rows in a taller window" in small
    assert "resistance" not in small and len(small.splitlines()) <= 9
    small = drawn(
        lab.look(), height=9, everything=True
    )  # the raw quantity of the oven is one row, the cryostat has two
    assert "voltage" in small and "resistance" not in small and "2 more rows" in small
    tiny = drawn(lab.look(), height=6)
    assert "Gauge" in tiny and "Still" not in tiny and "4 more rows" in tiny and len(tiny.splitlines()) <= 6


@pytest.mark.parametrize("width", [60, 72, 80, 120])
def test_names_and_alarms_are_read_on_a_narrow_screen_too(lab, width):
    lab.put("instrument", "instrument=cryostat", 'state="degraded",up=1i')
    lab.put("instrument", "instrument=oven", 'state="ok",up=1i')
    lab.put("lakeshore_372", "instrument=cryostat,channel=1", 'resistance=65000.0,status="resistance_over"')
    for seconds_ago in range(8):
        fields = f'temperature=0.06,resistance=37133.{seconds_ago},status="ok"'
        lab.put("lakeshore_372", "instrument=cryostat,channel=5", fields, 5 * seconds_ago)
    lab.put("phidget", "instrument=oven,channel=gauge", 'voltage=2.5,pressure=6.9e-8,status="ok"', 100)
    snapshot = lab.look()
    text = drawn(snapshot, width=width)
    assert all(len(line) <= width for line in text.splitlines())
    for words in ("Mixing chamber", "60.0 mK", "resistance over", "6.90e-08 mbar", " stale", " critical"):
        assert words in text
    assert text.splitlines()[1].rstrip().endswith("1 critical    1 stale")
    assert ("▅" in text) == (width >= 80)


def test_advice_is_not_cut_off(lab):
    lab.well()
    lab.put("instrument", "instrument=oven", 'state="disconnected",up=0i', -0.001)
    path = "serial:///home/somebody/a-long-folder/that/holds-ports/for-us/tty-USB0"
    detail = f"{path}: No such file or directory"
    snapshot = lab.look(lambda: {"oven": detail})
    whole = f"oven can't be reached: {detail}. Cable, power, address?"
    for height in (24, 14):  # with room for all, and without
        text = drawn(snapshot, height=height, footer=["Ctrl-C ends this."])
        assert whole in " ".join(text.split()) and len(text.splitlines()) <= height
        assert any(path in line for line in text.splitlines())  # in one piece, to be copied
    piped = io.StringIO()
    print_whole(Console(file=piped, width=80), snapshot)
    lines = piped.getvalue().splitlines()
    assert whole in lines and not any(line.endswith(" ") for line in lines)


def test_a_pipe_cuts_nothing_short(lab, tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(file.read_text().replace("Mixing chamber", "Mixing chamber, below the plate"))
    lab.well()
    lab.put("instrument", "instrument=cryostat", 'state="degraded",up=1i', -0.001)
    lab.put("lakeshore_372", "instrument=cryostat,channel=1", 'status="temperature_over"')
    piped = io.StringIO()
    print_whole(Console(file=piped, width=40), lab.look(site=sites.load(file)))
    assert "…" not in piped.getvalue()
    assert "Mixing chamber, below the plate " in piped.getvalue()


def test_on_a_wide_screen_values_stay_beside_their_names(lab):
    lab.well()
    (line,) = (line for line in drawn(lab.look(), width=200).splitlines() if "Gauge" in line)
    assert line.index("6.90e-08") - line.index("Gauge") < 20


def test_more_notes_than_a_screen_holds_are_counted(lab):
    lab.well()
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.0301,resistance=4000.0,status="ok"')
    lab.put("instrument", "instrument=oven", 'state="silent",up=0i', -0.001)
    text = drawn(lab.look(), height=7)
    assert "oven does not answer." in text and "and 2 more" in text


def test_a_refused_password_says_so(lab, database, tmp_path):
    site = sites.load(tmp_path / "trial.yml")
    with pytest.raises(DatabaseError, match="authorization failed"):
        Watch(site, Server(database.url, database.reader, "wrong"), 0).look()
    with pytest.raises(DatabaseError, match="nothing answers"):
        Watch(site, Server("http://127.0.0.1:9", "reader", "x"), 0).look()


def test_a_database_that_is_gone_is_told_without_the_query(lab, influxd, database):
    lab.well()
    influxd.server.query(f'DROP DATABASE "{database.name}"')
    with pytest.raises(DatabaseError, match=f"there is no database '{database.name}' .* labline apply") as caught:
        lab.look()
    assert "SELECT" not in str(caught.value)


def test_the_table_outlives_a_database_that_is_away(lab, monkeypatch):
    lab.well()
    seen = lab.look()
    answers = iter([seen, DatabaseError("nothing answers"), None, seen, KeyboardInterrupt()])

    def look():
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    drawn_with = []
    monkeypatch.setattr("labline.live.screen.LOOK_SECONDS", 0)
    monkeypatch.setattr("labline.live.screen.LiveTable", lambda _, footer, **__: drawn_with.append(footer) or "")
    with pytest.raises(KeyboardInterrupt):
        show(Console(file=io.StringIO()), look, ["The end."])
    assert [footer[0].partition(" since ")[0] for footer in drawn_with] == [
        "The end.",
        "The database is away",
        "The database is away",
        "The end.",
    ]

    def refused():
        raise DatabaseError("refused")

    with pytest.raises(DatabaseError):  # a first look that fails has no table to keep
        show(Console(file=io.StringIO()), refused, [])


def test_another_size_of_the_terminal_clears_it(lab, monkeypatch):
    """A terminal that breaks its lines anew puts them elsewhere: what is drawn over them would leave pieces behind."""
    lab.well()
    snapshot = lab.look()
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    cleared = []

    def look():
        cleared.append(console.file.getvalue().count("\x1b[2J"))
        if len(cleared) == 3:
            console.size = (60, 20)
        if len(cleared) == 6:
            raise KeyboardInterrupt
        return snapshot

    monkeypatch.setattr("labline.live.screen.LOOK_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        show(console, look, ["The end."])
    assert cleared == [0, 0, 0, 1, 1, 1]


def test_the_log_gives_reasons_and_takes_them_back(tmp_path):
    file = tmp_path / "telegraf.log"
    head = "2026-11-21T09:05:08Z"
    file.write_text(
        f"{head} E! [inputs.execd::a] [a] disconnected: tcp://h:1: Connection refused\n"
        f"{head} W! [inputs.execd::b] [b] degraded: 5: temperature_over\n"
        f"{head} E! [inputs.execd::c] stderr: \"ModuleNotFoundError: No module named 'x'\"\n"
        f"{head} E! [inputs.execd::c] Process python exited: exit status 1\n"
        f'{head} I! [agent] Failed to start inputs.nvidia_smi::d, shutting down plugin: exec: "nvidia-smi": not found\n'
        f"{head} I! [agent] unrelated\n{head} E! [inputs.exec"
    )
    log = TelegrafLog(file)
    assert log.details() == {
        "a": "tcp://h:1: Connection refused",
        "b": "5: temperature_over",
        "c": "its program ended, saying ModuleNotFoundError: No module named 'x'",
        "d": 'exec: "nvidia-smi": not found; once it is there, labline reload',
    }
    assert not log.troubles()
    with file.open("a") as more:
        more.write(f"d::b] [b] ok again (LSCI,MODEL372,1,1.3)\n{head} I! [inputs.execd::a] [a] ok again (x): fine\n")
    assert set(log.details()) == {"b", "c", "d"}


def test_what_an_input_of_telegrafs_own_said_is_over_when_it_says_no_more(tmp_path):
    """It says at each reading what is wrong; nothing is said when it is well again."""
    now, file = datetime.now(UTC), tmp_path / "telegraf.log"
    for name, seconds in (("ended", 60), ("lasts", 50), ("slow", 60)):
        with file.open("a") as log:
            stamp = (now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
            log.write(f"{stamp} E! [inputs.snmp::{name}] Error in plugin: timeout\n")
    with file.open("a") as log:  # of a broker it is said once
        log.write(f"{stamp} E! [inputs.mqtt_consumer::broker] Error in plugin: connection lost: EOF\n")
    natives = {"ended": 10.0, "lasts": 10.0, "slow": 60.0, "broker": 1.0}
    assert set(TelegrafLog(file, natives=natives).details()) == {"lasts", "slow", "broker"}


def test_it_is_not_asked_whether_telegraf_runs_where_it_does(lab):
    lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i', 300)
    asked = "cryostat has no program that reports. Does Telegraf run?"
    assert lab.look(runs=lambda node: False).notes["cryostat"].startswith(asked)
    lab.put("internal_agent", "host=here", "metrics_gathered=5i", 100)
    assert lab.look(runs=lambda node: False).notes["cryostat"].startswith(asked)
    assert (
        lab.look(runs=lambda node: True).notes["cryostat"].startswith("cryostat does not report, though Telegraf runs")
    )
    elsewhere = lab.look().notes["cryostat"]
    assert elsewhere.startswith("cryostat brings nothing, nor does its Telegraf: is its machine on?")
    lab.put("internal_agent", "host=here", "metrics_gathered=5i", 5)
    assert lab.look().notes["cryostat"].startswith("cryostat does not report, though Telegraf runs. Its program hangs")
    detail = {"cryostat": "its program ended, saying no"}
    assert (
        lab.look(lambda: detail).notes["cryostat"].startswith("cryostat has no program that reports: its program ended")
    )


def test_what_is_refused_is_not_called_a_telegraf_that_does_not_run(lab, tmp_path):
    lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i', 300)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = "E! [outputs.influxdb] Failed to write metric (will be dropped: 401 Unauthorized): authorization failed"
    file = tmp_path / "telegraf.log"
    file.write_text(f"{stamp} E! [outputs.influxdb::database] {said}\n")
    snapshot = lab.look(troubles=TelegrafLog(file).troubles)
    assert (
        snapshot.notes["cryostat"]
        == "cryostat has no report in the database: what is wrong on the way there stands above."
    )
    text = drawn(snapshot, width=200)
    assert text.index("The database refused all that Telegraf wrote") < text.index("cryostat has no report")


def test_a_read_that_hangs_is_told_by_its_program(lab):
    lab.well()
    lab.put("instrument", "instrument=cryostat", 'state="hung",up=0i', -0.001)
    snapshot = lab.look()
    assert snapshot.states["cryostat"] == "hung" and not snapshot.well
    assert {row.value for row in snapshot.rows if row.instrument == "cryostat"} == {None}
    assert "cryostat hangs in a read that does not come back. Power, cable?" in drawn(snapshot)


def test_a_clock_that_is_off_is_told_beside_the_values(lab):
    lab.well()
    lab.put("instrument", "instrument=cryostat", 'state="clock",up=1i', -0.001)
    lab.put("lakeshore_372", "instrument=cryostat,channel=1", 'resistance=65000.0,status="resistance_over"', -0.001)
    snapshot = lab.look(lambda: {"cryostat": "its clock is not synchronised"})
    assert snapshot.states["cryostat"] == "clock" and not snapshot.well
    rows = {(row.channel.id, row.quantity.name): row for row in snapshot.rows}
    assert (rows["5", "temperature"].value, rows["5", "temperature"].state) == (0.0123, "clock")
    assert rows["1", "temperature"].state == "resistance_over"
    assert (
        "cryostat has times not to be trusted: its clock is not synchronised. Is the clock of its machine set? There, timedatectl tells. Still: "
        in drawn(snapshot, width=200)
    )


def test_what_lies_in_the_future_is_never_the_newest(lab):
    lab.well()
    for measurement, tags, fields in (
        ("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=9.0,resistance=1.0,status="ok"'),
        ("instrument", "instrument=cryostat", 'state="ok",up=1i'),
    ):
        lab.put(measurement, tags, fields, -3600)
    snapshot = lab.look()
    assert snapshot.states["cryostat"] == "ok" and 9.0 not in [row.value for row in snapshot.rows]
    lab.put("instrument", "instrument=oven", 'state="ok",up=1i', -7200)
    ahead = lab.look(since_seconds_ago=600)
    assert ahead.states["oven"] == "ok"  # it reports now, too


def test_reports_that_all_lie_in_the_future_are_a_clock_that_is_off(lab):
    lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i', -3600)
    snapshot = lab.look()
    assert snapshot.states == {"cryostat": "clock", "oven": "no report"}
    assert "cryostat has times not to be trusted: it is 60 min ahead of here." in drawn(snapshot, width=120)


def test_an_age_below_0_is_shown_as_it_is(lab):
    lab.well()
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.0123,resistance=37133.0,status="ok"', -1.9)
    row = next(row for row in lab.look().rows if row.channel.id == "5")
    assert -2 < row.age < 0


@pytest.fixture
def spread(lab, tmp_path):
    """The same instruments, read by two nodes; all is well."""
    file = tmp_path / "trial.yml"
    text = file.read_text().replace("[{name: here}]", "[{name: hall}, {name: cellar}]")
    text = text.replace("connection: phidget://\n", "connection: phidget://\n    node: cellar\n")
    file.write_text(text.replace("influxdb: {", 'influxdb: {url: "http://hall:8086", '))
    lab.well()
    return sites.load(file)


def test_of_several_nodes_each_is_named(lab, spread):
    text = drawn(lab.look(site=spread), width=100)
    lines = [line.split() for line in text.splitlines()]
    assert lines[3][:2] == ["node", "instrument"]
    assert ["hall", "cryostat", "Still"] in [words[:3] for words in lines]
    assert ["cellar", "oven", "Gauge"] in [words[:3] for words in lines]
    assert text.count("hall") == text.count("cellar") == 1
    assert "node" not in drawn(lab.look(), width=100)


def test_what_is_wrong_is_said_with_its_node(lab, spread):
    lab.put("instrument", "instrument=oven", 'state="silent",up=0i', -0.001)
    lab.put("lakeshore_372", "instrument=cryostat,channel=5", 'temperature=0.0301,resistance=37133.0,status="ok"')
    text = drawn(lab.look(site=spread), width=60)
    assert "oven (cellar) does not answer." in text
    assert "cryostat (hall) Mixing chamber: 30.1 mK is above 20 mK" in " ".join(text.split())
    assert all(len(line) <= 60 for line in text.splitlines())


def test_a_telegraf_that_runs_is_that_of_its_own_node(lab, spread, database, influxd):
    influxd.server.query('DROP MEASUREMENT "instrument"', database.name)
    lab.put("internal_agent", "host=hall", "metrics_gathered=5i", 5)
    notes = lab.look(site=spread).notes
    assert notes["cryostat"].startswith("cryostat (hall) does not report, though Telegraf runs.")
    assert notes["oven"].startswith("oven (cellar) brings nothing, nor does its Telegraf: is its machine on?")


def test_the_troubles_of_nodes_are_told_apart(tmp_path, spread):
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = "E! [outputs.influxdb] Failed to write metric (will be dropped: 401 Unauthorized): authorization failed"
    logs = []
    for node in spread.nodes:
        file = tmp_path / f"{node.name}.log"
        file.write_text(f"{stamp} E! [outputs.influxdb::database] {said}\n")
        logs.append(TelegrafLog.of_node(spread, node, file))
    lines = [trouble.line() for trouble in TelegrafLogs(logs).troubles()]
    assert [line.partition(",")[0] for line in lines] == [
        f"The database refused all that {node}'s Telegraf wrote" for node in ("hall", "cellar")
    ]


CHILLER = """\
site: trial
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - name: chiller
    driver: julabo
    connection: tcp://192.168.1.6:7777
    interval: 1s
    channels:
      circulator:
        label: Circulator
        limits:
          status_code:
            critical: {{alarm_when: [low level alarm, sensor difference alarm]}}
            for: {wait}
            help: Fill it up.
      setpoint: {{label: Set point}}
"""


@pytest.fixture
def chiller(lab, database, tmp_path):
    def load(wait):
        file = tmp_path / "chiller.yml"
        file.write_text(CHILLER.format(database=database.name, wait=wait))
        lab.put("instrument", "instrument=chiller", 'state="ok",up=1i')
        for age in range(60, 0, -2):
            lab.put(
                "julabo",
                "instrument=chiller,channel=setpoint",
                'setpoint=15.0,setpoint_number=2i,external_control=true,status="ok"',
                age,
            )
            lab.put("julabo", "instrument=chiller,channel=circulator", 'status_code=3i,status="ok"', age)
        return sites.load(file)

    return load


def test_a_code_is_a_word_in_the_table_and_has_no_trend(lab, chiller):
    snapshot = lab.look(site=chiller("0s"))
    assert snapshot.well
    trends = {row.quantity.name: row.trend.sparkline for row in snapshot.rows}
    assert trends.pop("setpoint") and set(trends.values()) == {""}, trends
    text = drawn(snapshot)
    assert re.search(r"Circulator +remote start +\d", text) and re.search(r"setpoint number +set point 2 +\d", text)
    assert re.search(r"external control +external +\d", text)


def test_a_word_is_an_alarm(lab, chiller):
    site = chiller("0s")
    lab.put("julabo", "instrument=chiller,channel=circulator", 'status_code=-1i,status="-01 LOW LEVEL ALARM"', 0.5)
    snapshot = lab.look(site=site)
    assert snapshot.alarms == {"critical": 1} and not snapshot.well
    assert "chiller Circulator: status code is 'low level alarm'. Fill it up." in drawn(snapshot, width=100)


def test_a_word_must_last_to_be_an_alarm(lab, chiller):
    site = chiller("5m")
    lab.put("julabo", "instrument=chiller,channel=circulator", 'status_code=-6i,status="-06 SENSOR"', 0.5)
    snapshot = lab.look(site=site)
    assert snapshot.alarms == {"pending": 1}
    said = drawn(snapshot, width=160)
    assert re.search(r"status code is 'sensor difference alarm', for \d+ s: a critical after 5 min", said)


def test_a_word_that_was_an_alarm_ends_after_a_while(lab, chiller):
    site = chiller("0s")
    for age in range(110, 61, -2):
        lab.put("julabo", "instrument=chiller,channel=circulator", 'status_code=-1i,status="-01 LOW LEVEL ALARM"', age)
    snapshot = lab.look(site=site)
    assert snapshot.alarms == {"ending": 1}
    said = drawn(snapshot, width=200)
    assert re.search(r"status code is 'remote start', no alarm for \d+ s; the critical ends after 5 min", said)


def test_a_pause_is_nothing_wrong(lab):
    lab.well()
    lab.put("instrument", "instrument=cryostat", 'state="ok",up=1i', 200)
    lab.put("lakeshore_372", "instrument=cryostat,channel=1", 'temperature=0.85,resistance=2000.0,status="ok"', 200)
    lab.put("instrument", "instrument=cryostat", 'state="paused",up=0i,paused=100i')
    snapshot = lab.look({"cryostat": "until 16:20:05; its port is free for other programs"}.copy)
    assert snapshot.states["cryostat"] == "paused" and snapshot.well
    text = drawn(snapshot, width=120)
    assert "1 paused" in text and "1 ok" in text and "stale" not in text
    assert "cryostat is paused: until 16:20:05; its port is free for other programs." in text
    assert "0.85" not in text, "an old value stands there as if it were new"


def test_a_reason_that_ends_as_a_sentence_gets_no_second_end():
    assert advice.explained("a", "disconnected", "no answer; is it on?") == (
        "a can't be reached: no answer; is it on? Cable, power, address?"
    )
    assert advice.explained("a", "disconnected", "refused") == "a can't be reached: refused. Cable, power, address?"


@pytest.mark.parametrize(
    ("state", "detail", "told"),
    [
        (
            "disconnected",
            "there is no folder /d",
            "a can't be found: there is no folder /d. Was it moved? Is its disk there?",
        ),
        ("garbled", "malformed", "a has what can't be read: malformed. Is it whole? Who writes it can tell."),
        ("silent", "p.sqlite: who writes has locked it", "a can't be read: p.sqlite: who writes has locked it."),
        (
            "disconnected",
            "/d: Permission denied",
            "a can't be found: /d: Permission denied. May the user that runs the program read it, and all folders above?",
        ),
    ],
)
def test_of_what_is_read_from_files_nobody_is_sent_to_a_cable(state, detail, told):
    assert advice.explained("a", state, detail, scheme="file") == told
