"""Channels that are found in the data: in the table, in the alarms and on the dashboards, though no stanza names them.

The lab has the door of tests/telegraf_inputs/room: of its lamps and cards the stanza names one, `desk`.
"""

from __future__ import annotations

import json
import re
import time

import pytest

from grafana_dashboards import emit
from grafana_dashboards.check import panels_of
from labline.live.watch import Watch
from provisioning import measurements
from provisioning import site as sites
from provisioning.influxdb_server import Server
from provisioning.site import FOUND_SECONDS
from tests.telegraf_inputs import plugged

SITE = """\
site: found
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - name: door
    driver: room_door
    connection: tcp://192.168.1.5:7777
    interval: 1s
    channels: {{air: , desk: {{label: Lamp on the desk, limits: {{power: {{warning: {{above: 90 W}}}}}}}}}}
"""


@pytest.fixture(autouse=True)
def room():
    with plugged.in_place(plugged.ROOM):
        yield


@pytest.fixture
def lab(database, influxd, tmp_path):
    """The site, with a database for which ``put`` writes."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    (tmp_path / "found.yml").write_text(SITE.format(database=database.name))

    class Lab:
        site = sites.load(tmp_path / "found.yml")
        now = time.time()
        rows = staticmethod(database.rows)

        def put(self, measurement, channel, fields, ago=1.0):
            tags = f"site=found,instrument=door,channel={channel}"
            database.write(f"{measurement},{tags} {fields} {int((self.now - ago) * 1e9)}", "raw")

        def report(self):
            for ago in (0, 100):
                when = int((self.now - ago) * 1e9) - 1
                database.write(f'instrument,site=found,instrument=door state="ok",up=1i {when}', "raw")

        def look(self):
            self.report()
            server = Server(database.url, database.reader, database.reader_password)
            return Watch(self.site, server, 0).look()

        def rule(self, title):
            groups = json.loads(emit.render(self.site)[emit.RULES])["groups"]
            (rule,) = [rule for group in groups for rule in group["rules"] if rule["title"] == title]
            return rule

        def asked(self, query):
            """Run one query of a rule as of now; by channel."""
            since = self.now - query["relativeTimeRange"]["from"]
            text = query["model"]["query"].replace("$timeFilter", f"time >= {since:.0f}s AND time <= {self.now:.0f}s")
            return {row.pop("channel", ""): next(v for k, v in row.items() if k != "time") for row in self.rows(text)}

    return Lab()


def test_the_table_shows_those_that_came_within_a_day_each_in_its_stream(lab):
    lab.put("room_air", "air", 'temperature=21.5,status="ok"')
    lab.put("room_lamp", "desk", 'power=20.5,status="ok"')
    lab.put("room_lamp", "hall", 'power=60.5,status="ok"')
    lab.put("room_card", "hall", 'answer="refused",status="ok"')
    lab.put("room_lamp", "attic", 'power=60.5,status="ok"', FOUND_SECONDS + 60)
    snapshot = lab.look()
    assert [(row.channel.label, row.quantity.name, row.value) for row in snapshot.rows] == [
        ("air", "temperature", 21.5),
        ("Lamp on the desk", "power", 20.5),
        ("hall", "answer", "refused"),
        ("hall", "power", 60.5),
    ]
    assert snapshot.well


def test_where_none_was_found_yet_the_table_says_what_is_waited_for(lab):
    lab.put("room_air", "air", 'temperature=21.5,status="ok"')
    rows = {(row.channel.label, row.quantity.name): row for row in lab.look().rows}
    assert rows["each channel", "power"].alarm == "stale" and rows["each channel", "answer"].alarm == ""
    assert {rows["each channel", name].state for name in ("power", "answer")} == {"waiting"}


def test_a_silent_one_is_stale_and_a_faulty_one_is_told(lab):
    lab.put("room_air", "air", 'temperature=21.5,status="ok"')
    lab.put("room_lamp", "desk", 'power=20.5,status="ok"')
    lab.put("room_lamp", "hall", 'power=60.5,status="ok"', 600)
    lab.put("room_lamp", "porch", 'status="failed"')
    rows = {row.channel.label: row for row in lab.look().rows}
    assert (rows["hall"].alarm, rows["hall"].note) == ("stale", "door hall brought nothing new for 10 min")
    assert rows["porch"].state == "failed" and rows["porch"].faulty


def test_an_alarm_comes_for_each_that_falls_silent_while_the_instrument_delivers(lab):
    rule = lab.rule("door: no good reading of a channel (room_lamp)")
    missing, _, every, _, condition = rule["data"]
    assert lab.asked(missing) == {} and lab.asked(every) == {}, "nothing came: that is the stale-data alarm's to tell"
    for ago, channel in ((600, "hall"), (5, "porch"), (600, "desk"), (FOUND_SECONDS + 60, "attic")):
        lab.put("room_lamp", channel, 'power=60.5,status="ok"', ago)
    lab.put("room_lamp", "hall", 'status="failed"', 2)
    assert lab.asked(missing) == {"hall": 0, "porch": 1}, "those that are well, of those that were within a day"
    assert lab.asked(every) == {}, "its program says nothing: that is the stale-data alarm's to tell"
    lab.report()
    assert lab.asked(every) == {"": 1}
    assert condition["model"]["expression"] == "$B < 1 && $E >= 1" and rule["condition"] == condition["refId"]
    assert "{{ $labels.channel }}" in rule["annotations"]["summary"] and "channel" not in rule["labels"]


def test_the_database_knows_their_fields_and_no_tag_is_called_like_one(lab, tmp_path):
    fields = measurements.of_site(i.stanza for i in lab.site.instruments)
    assert fields["room_lamp"]["power"] == "float" and fields["room_card"]["answer"] == "str"
    text = SITE.format(database="lab").replace("interval: 1s", "interval: 1s\n    tags: {power: '1'}")
    (tmp_path / "tag.yml").write_text(text)
    with pytest.raises(sites.BadSite, match="'power' is a tag or field that labline writes itself"):
        sites.load(tmp_path / "tag.yml")


def test_the_dashboards_show_them_and_let_people_choose(lab):
    lab.put("room_lamp", "desk", 'power=20.5,status="ok"')
    lab.put("room_lamp", "hall", 'power=60.5,status="ok"')
    lab.put("room_card", "anna", 'answer="refused",status="ok"')
    lab.put("room_air", "air", 'temperature=21.5,status="ok"')
    files = emit.render(lab.site)
    overview, door = (json.loads(files[f"dashboards/{name}.json"]) for name in ("overview", "room_door"))
    (choice,) = [v for v in door["templating"]["list"] if v["name"] == "channel"]
    assert {row["value"] for row in lab.rows(filled(lab, choice["query"]))} == {"desk", "hall", "anna", "air"}
    shown = {
        (panel["title"], row["channel"], row["last"] if "last" in row else row["mean"])
        for dashboard in (overview, door)
        for panel in panels_of(dashboard)
        for target in panel.get("targets", [])
        if "room_" in target["query"]
        for row in lab.rows(filled(lab, target["query"]))
        if row.get("channel") and (row.get("last") or row.get("mean"))
    }
    assert {
        ("each channel power", "hall", 60.5),
        ("each channel answer", "anna", "refused"),
        ("Answer", "anna", "refused"),
        ("Power", "hall", 60.5),
        ("Power", "desk", 20.5),
        ("Status of channels", "hall", "ok"),
    } <= shown
    assert ("each channel power", "desk", 20.5) not in shown, "the stanza names it: it has a place of its own"


def test_links_lead_to_the_dashboard_of_the_driver_whatever_its_measurements_are_called(lab):
    files = emit.render(lab.site)
    urls = {link for text in files.values() for link in re.findall(r"/d/(found-[^?\"]+)", text)}
    assert urls == {"found-room_door", "found-overview", "found-health", "found-host"}


def filled(lab, query):
    known = {
        "timeFilter": f"time >= {lab.now - 600:.0f}s AND time <= {lab.now + 60:.0f}s",
        "__interval": "10s",
        "__to": f"{(lab.now + 60) * 1000:.0f}",
        "rp": "raw",
        "instrument": ".*",
        "channel": ".*",
    }
    return re.sub(r"\$\{?(\w+)\}?", lambda m: known.get(m[1], ""), query)
