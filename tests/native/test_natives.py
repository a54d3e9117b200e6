"""What Telegraf reads itself, from real servers to the database, the dashboards, the alarms, the table and the ledger."""

from __future__ import annotations

import json
import time

import pytest

from grafana_dashboards import emit
from grafana_dashboards.check import panels_of
from grafana_dashboards.uids import uid
from telegraf_inputs import native_simulation
from telegraf_inputs.native import telegraf
from tests.grafana_dashboards.conftest import until

from .conftest import EVERY, SECRETS, SITE, Natives, start

MAY_BE_ABSENT = ("absent", '"temp" WHERE', 'last("clock")')
INSTRUMENTS = ("ups", "plant", "esp", "plc", "gpus")


@pytest.fixture(scope="module")
def rendered(natives):
    return {name: json.loads(text) for name, text in emit.render(natives.lab.site).items() if name.endswith(".json")}


@pytest.fixture(scope="module")
def rules(rendered):
    return {rule["uid"]: rule for group in rendered[emit.RULES]["groups"] for rule in group["rules"]}


@pytest.mark.parametrize(("instrument", "channel", "quantity"), EVERY)
def test_a_value_of_the_device_is_in_the_database_exactly(natives, instrument, channel, quantity):
    value, expected = natives.last(instrument, channel, quantity), EVERY[instrument, channel, quantity]
    assert (value, type(value) is bool) == (expected, type(expected) is bool)


def test_what_the_device_does_not_have_is_no_field(natives):
    assert natives.last("ups", "battery", "absent") is None
    assert natives.last("ups", "battery", "status") == "ok"


def test_a_point_has_the_tags_of_every_other_and_no_others(natives):
    for measurement in ("snmp", "modbus", "mqtt", "opcua", "nvidia_smi"):
        tags = {row["tagKey"] for row in natives.rows(f'SHOW TAG KEYS FROM "{measurement}"')}
        assert tags == {"host", "site", "instrument", "channel"} | ({"circuit"} if measurement == "modbus" else set())


def test_times_are_not_cut_to_seconds(natives):
    rows = natives.rows('SELECT "charge" FROM "raw"."snmp" LIMIT 5')
    assert any(row["time"] % 10**9 for row in rows)


def test_every_panel_of_every_dashboard_has_data(natives, rendered):
    dashboards = {name: found for name, found in rendered.items() if name.startswith("dashboards/")}
    assert {f"dashboards/{name}.json" for name in ("snmp", "modbus", "mqtt", "opcua", "telegraf")} <= dashboards.keys()

    def empty() -> list[tuple[str, str]]:
        now = time.time()
        found = []
        for dashboard in dashboards.values():
            values = natives.levels(dashboard, now - 300, now)
            for panel in panels_of(dashboard):
                interval = natives.least_interval(panel, values)
                for target in panel.get("targets", []):
                    query = natives.filled(target["query"], now - 300, now + 1, interval, **values)
                    if not any(words in query for words in MAY_BE_ABSENT) and not natives.rows(query):
                        found.append((panel["title"], query))
        return found

    natives.servers.publish()
    until(lambda: not empty(), f"data for {empty()}")  # of Telegraf itself they come every 10 s


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_the_alarms_of_an_instrument_ask_for_its_points(natives, rules, instrument):
    natives.servers.publish()
    mine = [rule for rule in rules.values() if rule["labels"].get("instrument") == instrument]
    assert {rule["labels"]["kind"] for rule in mine} >= {"stale", "channel"}
    for rule in mine:
        if (
            "channel" not in rule["labels"] and rule["labels"]["kind"] == "channel"
        ):  # of those that are found in the data
            until(lambda: natives.alert(rule), f"{rule['title']} has data")  # noqa: B023
            continue
        assert natives.latch(rule) != 1, rule["title"]
        if rule["labels"]["kind"] == "limit":
            until(lambda: natives.alert(rule, 1), f"{rule['title']} has data")  # noqa: B023


def test_a_code_that_is_grave_is_the_status_of_its_channel(natives):
    agent = natives.servers.agent
    agent.stop()
    agent.answer((agent.records).replace("4.1.0|2|3", "4.1.0|2|5"))
    agent.start()
    until(lambda: natives.last("ups", "output", "status") == "battery", "the status follows the code")
    assert natives.last("ups", "output", "source") == 5
    snapshot = natives.watch.look()
    assert snapshot.states["ups"] == "degraded" and "battery" in snapshot.notes["ups"]


def test_a_value_out_of_range_is_no_reading(natives):
    natives.servers.plc.set("Level", 130.0)
    until(lambda: natives.last("plc", "tank", "status") == "out_of_range", "it is out of range")
    natives.servers.plc.set("Level", 20.0, status=0x808C0000)  # BadSensorFailure
    until(lambda: natives.last("plc", "tank", "status") == "bad_quality", "its quality is bad")
    assert natives.last("plc", "tank", "level") == 55.5
    natives.servers.plc.set("Level", 21.0)
    until(lambda: natives.last("plc", "tank", "status") == "ok", "it is well again")
    assert natives.last("plc", "tank", "level") == 21.0


def test_what_was_published_while_telegraf_was_away_is_kept_by_the_broker(natives):
    (acquisition,) = natives.lab._acquisitions
    acquisition.stop()
    natives.servers.broker.publish("ESP01/sensors/BME/temp", "33.25")
    acquisition.start()
    until(lambda: natives.last("esp", "BME", "temp") == 33.25, "the broker hands it over")


def test_servers_that_go_are_told_and_heal(natives, rules):
    servers, watch = natives.servers, natives.watch
    stale = {name: rules[uid("natives", name, "stale")] for name in INSTRUMENTS}
    servers.stop()
    try:
        for name, rule in stale.items():
            until(lambda: natives.latch(rule) == 1, f"{name}: its alarm begins")  # noqa: B023
        until(lambda: set(watch.look().states.values()) == {"silent"}, "the table tells it")
        told = watch.look().notes
    finally:
        servers.start()
    assert all(told[name].startswith(f"{name} does not answer: ") for name in INSTRUMENTS), told
    assert all("connection refused" in told[name] for name in ("ups", "plant", "plc")), told
    until(lambda: servers.broker.subscribers(), "Telegraf subscribes anew")

    def healed():
        servers.publish()
        return all(natives.latch(rule) != 1 for rule in stale.values()) and not {"silent"} & set(
            watch.look().states.values()
        )

    until(healed, "all is well again")


def test_at_the_end_all_that_was_gathered_is_in_the_database(natives):
    natives.lab.stop()
    entries = {entry.instrument: entry for entry in natives.lab.counting.entries}
    assert all((entry.lost, entry.uncounted) == (0, 0) for entry in entries.values()), natives.lab.counting.entries
    assert all(entries[name].made == entries[name].written > 5 for name in INSTRUMENTS)


def test_without_its_servers_all_is_simulated(servers, tmp_path, monkeypatch):
    monkeypatch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")
    lab = start(servers, tmp_path, SITE, {}, simulate=True)
    try:
        natives = Natives(lab, servers)
        every = [(i, native_simulation.FOUND if channel == "attic" else channel, q) for i, channel, q in EVERY]
        until(lambda: all(natives.last(*each) is not None for each in every), "a value of each quantity")
        for instrument in lab.site.instruments:
            for channel in instrument.stanza.channels:
                assert natives.last(instrument.name, channel.id, "status") == "ok"
        lab.stop()
        assert all(entry.made == entry.written > 0 for entry in lab.counting.entries), lab.counting.entries
    finally:
        lab.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ups_auth", "not authentic"),
        ("broker", "refuses this user or password"),
        ("plc", "wrong user or password"),
    ],
)
def test_a_wrong_password_is_told_and_the_others_go_on(servers, tmp_path, monkeypatch, name, words):
    monkeypatch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")
    lab = start(servers, tmp_path, SITE, SECRETS | {name: "not-the-password"})
    try:
        natives = Natives(lab, servers)
        instrument = {"ups_auth": "ups", "broker": "esp", "plc": "plc"}[name]
        until(lambda: words in lab.details().get(instrument, ""), f"{words}: {lab.details()}")
        until(lambda: natives.last("plant", "TT01", "temperature") is not None, "the others go on")
        assert "not-the-password" not in lab.places.nodes["daq"].log.read_text()
        until(lambda: words in natives.watch.look().notes.get(instrument, ""), "the table tells it")
    finally:
        lab.close()


SERVICES = """\
  - name: services
    driver: telegraf
    input: {{systemd_units: {{pattern: ssh.service}}}}
    channels: {{ssh: {{measurement: systemd_units, tags: {{name: ssh.service}}, read: {{active: {{field: active_code, unit: "", type: int}}}}}}}}
"""


def test_a_password_or_a_bus_that_is_missing_is_told_and_the_others_go_on(servers, tmp_path, monkeypatch):
    monkeypatch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(telegraf.NEEDED, "systemd_units", (str(tmp_path / "no-bus"),))
    lab = start(
        servers, tmp_path, SITE + SERVICES, {name: text for name, text in SECRETS.items() if name != "ups_privacy"}
    )
    try:
        natives = Natives(lab, servers)
        until(lambda: natives.last("plant", "TT01", "temperature") is not None, "the others go on")
        assert "secrets/ups_privacy" in lab.details()["ups"]
        assert lab.details()["services"] == f"this machine has no {tmp_path}/no-bus", (
            "with it Telegraf would not have started"
        )
        words = "ups does not start: its password is missing"
        until(lambda: natives.watch.look().notes.get("ups", "").startswith(words), "the table tells it")
    finally:
        lab.close()
