"""What is computed of others, in a lab that runs: of a program's readings and of what Telegraf reads itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import provisioning.site
from grafana_dashboards import emit
from grafana_dashboards.check import panels_of
from labline.lab import Lab
from labline.live.watch import Watch
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
  - name: gpu
    driver: telegraf
    interval: 1s
    stale: 3s
    input: {{file: {{files: [{file}], data_format: influx}}}}
    channels: {{one: {{measurement: gpu, read: {{load: {{unit: "%"}}}}}}}}
"""


class Computing(Viewer):
    """The lab, running."""

    def __init__(self, lab: Lab, file: Path):
        super().__init__(lab)
        self.file = file
        self.watch = Watch(lab.site, lab.reader, lab.since_ns, lab.details)

    def points(self, measurement: str, channel: str) -> list[dict]:
        return self.rows(f"SELECT * FROM \"raw\".\"{measurement}\" WHERE \"channel\" = '{channel}'")


@pytest.fixture(scope="module")
def computing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("computed")
    file = folder / "load"
    file.write_text("gpu load=50\n")
    (folder / "computed.yml").write_text(SITE.format(file=file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")  # nobody: the vendor's server would be waited for
        lab = Lab(provisioning.site.load(folder / "computed.yml"), folder / "state", lambda _: None)
        try:
            lab.start()
            made = Computing(lab, file)
            until(lambda: len(made.points("derived", "half")) > 2, "what is computed")
            yield made
        finally:
            lab.close()


def test_a_value_is_that_of_the_readings_of_its_time(computing):
    pressures = {row["time"]: row["pressure"] for row in computing.points("pfeiffer_tpg", "1")}
    loads = {row["time"] for row in computing.points("gpu", "one")}
    found = computing.points("derived", "both")[1:]
    assert found
    for row in found:
        assert row["time"] in pressures or row["time"] in loads
        newest = max(time for time in pressures if time <= row["time"])
        assert row["power"] == pytest.approx(pressures[newest] * 100 / 2, rel=1e-12)
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


def test_every_reading_of_it_is_in_the_ledger(computing):
    computing.lab.stop()
    entries = {entry.instrument: entry for entry in computing.lab.counting.entries}
    assert entries["product"].made > 4
    assert all((entry.lost, entry.uncounted) == (0, 0) for entry in entries.values()), entries
