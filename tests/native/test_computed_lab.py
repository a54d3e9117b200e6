"""What is computed of others, in a lab that runs: of a program's readings and of what Telegraf reads itself; and spikes."""

from __future__ import annotations

import json
import socketserver
import threading
from pathlib import Path

import pytest

import provisioning.site
from grafana_dashboards import emit
from grafana_dashboards.check import panels_of
from labline.lab import Lab
from labline.live.watch import Watch
from provisioning import influxdb_schema
from tests.grafana_dashboards.conftest import Viewer, until

SITE = """\
site: computed
nodes: [{{name: daq}}]
instruments:
  - name: product
    label: Product
    driver: derived
    stale: 3s
    channels:
      both:
        label: Both
        read: {{power: {{expression: "gauge.1.pressure * gpu.load / 100 %", unit: Pa}}}}
        limits: {{power: {{warning: {{above: 0 Pa}}, for: 0s}}}}
      half:
        read: {{power: {{expression: "product.both.power / 2", unit: Pa}}}}
  - name: gauge
    driver: pfeiffer_tpg
    model: tpg362
    connection: "sim:?seed=1"
    interval: 1s
    channels: {{"1": }}
  - name: fridge
    driver: scpi
    connection: tcp://127.0.0.1:{port}
    interval: 100ms
    channels:
      shelf:
        filter: {{median: 5, mad: 6}}
        read: {{temperature: {{query: "MEAS:TEMP?", unit: °C}}}}
        limits: {{temperature: {{critical: {{above: 60 °C}}, for: 0s}}}}
  - name: gpu
    driver: telegraf
    interval: 1s
    stale: 3s
    input: {{file: {{files: [{file}], data_format: influx}}}}
    channels: {{one: {{measurement: gpu, filter: {{median: 3}}, read: {{load: {{unit: "%"}}}}}}}}
"""


class Computing(Viewer):
    """The lab, running."""

    def __init__(self, lab: Lab, file: Path, thermometer: Thermometer):
        super().__init__(lab)
        self.file, self.thermometer = file, thermometer
        self.watch = Watch(lab.site, lab.reader, lab.since_ns, lab.details)

    def points(self, measurement: str, channel: str) -> list[dict]:
        return self.rows(f'SELECT * FROM "raw"."{measurement}" WHERE "channel" = \'{channel}\'')


class Thermometer(socketserver.ThreadingTCPServer):
    """Answers 4 °C, but for each of ``once`` one time."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        self.once: list[float] = []
        super().__init__(("127.0.0.1", 0), Answers)


class Answers(socketserver.StreamRequestHandler):
    """One conversation with it."""

    def handle(self) -> None:
        once = self.server.once  # type: ignore[attr-defined]
        for line in self.rfile:
            word = line.strip()
            said = "ACME,T1,7,1.0" if word == b"*IDN?" else str(once.pop(0) if once else 4.0)
            self.wfile.write(f"{said}\n".encode())


@pytest.fixture(scope="module")
def computing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("computed")
    file = folder / "load"
    file.write_text("gpu load=50\n")
    thermometer = Thermometer()
    threading.Thread(target=thermometer.serve_forever, daemon=True).start()
    port = thermometer.server_address[1]
    (folder / "computed.yml").write_text(SITE.format(file=file, port=port))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")  # nobody: the vendor's server would be waited for
        lab = Lab(provisioning.site.load(folder / "computed.yml"), folder / "state", lambda _: None)
        try:
            lab.start()
            made = Computing(lab, file, thermometer)
            until(lambda: len(made.points("derived", "half")) > 2, "what is computed")
            yield made
        finally:
            lab.close()
            thermometer.shutdown()
            thermometer.server_close()


def test_a_value_is_that_of_the_readings_of_its_time(computing):
    pressures = {row["time"]: row["pressure"] for row in computing.points("pfeiffer_tpg", "1")}
    loads = {row["time"] for row in computing.points("gpu", "one")}
    found = computing.points("derived", "both")[1:]
    assert found
    for row in found:
        assert row["time"] in pressures or row["time"] in loads
        # One that was true just before may still be on its way to Telegraf.
        last = sorted(time for time in pressures if time <= row["time"])[-2:]
        assert row["power"] in [pytest.approx(pressures[time] * 100 / 2, rel=1e-12) for time in last]
        assert {row["status"], row["instrument"], row["site"], row["host"]} == {"ok", "product", "computed", "daq"}
    halves = {row["time"]: row["power"] for row in computing.points("derived", "half")}
    assert all(halves[row["time"]] == row["power"] / 2 for row in found[:-1])


def test_it_has_its_dashboard_its_alarms_and_its_row_in_the_table(computing):
    files = emit.render(computing.lab.site)
    dashboard = json.loads(files["dashboards/derived.json"])
    assert "Both" in json.dumps(list(panels_of(dashboard)), ensure_ascii=False)
    rules = [rule for group in json.loads(files[emit.RULES])["groups"] for rule in group["rules"]]
    mine = {rule["labels"]["kind"]: rule for rule in rules if rule["labels"].get("instrument") == "product"}
    assert set(mine) == {"limit", "channel"}  # its silence is that of what it is computed of
    until(lambda: computing.latch(mine["limit"]) == 1, "the limit is passed")
    assert computing.latch(mine["channel"]) != 1
    snapshot = computing.watch.look()
    assert snapshot.states["product"] == "ok", snapshot.notes


def test_what_is_missing_is_told_by_its_name_and_heals(computing):
    computing.file.unlink()
    until(lambda: computing.points("derived", "both")[-1]["status"] == "stale gpu.one.load", "what is stale")
    assert computing.points("derived", "both")[-1]["power"] is None
    assert computing.points("derived", "half")[-1]["status"] == "no product.both.power"
    until(lambda: computing.watch.look().states["product"] == "degraded", "the table tells")
    computing.file.write_text("gpu load=50\n")
    until(lambda: computing.points("derived", "both")[-1]["status"] == "ok", "it is well again")


def test_a_spike_is_in_no_mean_no_curve_and_no_alarm_and_is_kept(computing):
    until(lambda: len(computing.points("scpi", "shelf")) > 10, "readings before it")
    computing.thermometer.once += [84.0, 4.0, 4.0, -84.0]
    until(lambda: len([row for row in computing.points("scpi", "shelf") if row.get("quality")]) == 2, "spikes")
    rows = computing.points("scpi", "shelf")
    kept = [row for row in rows if row["quality"]]
    told = [(row["quality"], row["temperature_spike"], row["temperature"]) for row in kept]
    assert told == [("spike", 84.0, None), ("spike", -84.0, None)]
    assert {row["status"] for row in rows} == {"ok"} and {row["temperature"] for row in rows} == {4.0, None}

    schema = influxdb_schema.schema(computing.lab.site)
    (query,) = [q for q in schema.queries if q.measurement == "scpi" and q.level.name == "1m"]
    minute, end = 60 * 10**9, rows[-1]["time"]
    computing.admin.query(query.select(rows[0]["time"] // minute * minute, (end // minute + 1) * minute))
    levels = computing.rows('SELECT * FROM "1m"."scpi"')
    assert {(row["temperature"], row["temperature_min"], row["temperature_max"]) for row in levels} == {(4.0, 4.0, 4.0)}
    assert sum(row["temperature_spike_n"] or 0 for row in levels) == 2

    files = emit.render(computing.lab.site)
    rules = [rule for group in json.loads(files[emit.RULES])["groups"] for rule in group["rules"]]
    (limit,) = [r for r in rules if r["labels"].get("instrument") == "fridge" and r["labels"]["kind"] == "limit"]
    for row in kept:
        assert all(answer["alarm"] != 1 for answer in computing.alert(limit, now=row["time"] / 1e9 + 0.01))
    shown = json.dumps([text for name, text in files.items() if name.endswith(".json")])
    assert "temperature_spike" not in shown and "spikes" in shown
    told = until(
        lambda: computing.rows('SELECT last("spikes") AS "n" FROM "raw"."instrument" WHERE "instrument" = \'fridge\''),
        "a report",
    )
    assert told[0]["n"] >= 1


def test_a_spike_of_what_telegraf_reads_itself_is_kept_and_computed_with_by_nobody(computing):
    until(lambda: len([row for row in computing.points("gpu", "one") if row["load"] == 50.0]) > 3, "readings before it")
    computing.file.write_text("gpu load=5000\n")
    found = until(lambda: [row for row in computing.points("gpu", "one") if row.get("quality") == "spike"], "a spike")
    computing.file.write_text("gpu load=50\n")
    assert (found[0]["load_spike"], found[0]["load"], found[0]["status"]) == (5000.0, None, "ok")
    assert not [row for row in computing.points("derived", "both") if row["time"] == found[0]["time"]]


def test_every_reading_of_it_is_in_the_ledger(computing):
    computing.lab.stop()
    entries = {entry.instrument: entry for entry in computing.lab.counting.entries}
    assert entries["product"].made > 4
    assert all((entry.lost, entry.uncounted) == (0, 0) for entry in entries.values()), entries
