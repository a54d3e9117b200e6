"""A lab that runs, for its dashboards to ask, and sites that need not run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import provisioning.site
from labline.lab import Lab
from provisioning import influxdb_schema, measurements
from provisioning.influxdb_server import DatabaseError
from provisioning.site import Site
from telegraf_inputs.point import Point
from tests.parts.viewer import Viewer, until

DEMO = provisioning.site.SITES / "demo.yml"
MINUTE, HOUR, DAY = 60, 3600, 86400
# A range of each level: seconds back.
RANGES = {"raw": 5 * MINUTE, "1m": 3 * DAY, "1h": 200 * DAY}


@pytest.fixture(scope="session")
def demo() -> Site:
    return provisioning.site.load(DEMO)


@pytest.fixture
def site(tmp_path: Path) -> Callable[[str], Site]:
    """Load a site from text: what stands below ``instruments:``, and after it."""

    def load(text: str) -> Site:
        path = tmp_path / "site.yml"
        path.write_text(f"site: test\nnodes: [{{name: daq}}]\ninstruments:\n{text}", encoding="utf-8")
        return provisioning.site.load(path)

    return load


@pytest.fixture(scope="session")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """The demo lab, running: simulators, programs, Telegraf, InfluxDB. It holds data of every field, at every level."""
    folder = tmp_path_factory.mktemp("lab")
    text = DEMO.read_text(encoding="utf-8")
    for name, stale in (("magnet", "4s"), ("chiller", "5s")):  # so that nobody waits for minutes
        assert f"name: {name}\n" in text
        text = text.replace(f"name: {name}\n", f"name: {name}\n    stale: {stale}\n")
    (folder / "demo.yml").write_text(text, encoding="utf-8")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")  # nobody: the vendor's server would be waited for
        lab = Lab(provisioning.site.load(folder / "demo.yml"), folder / "state", said.append)
        try:
            lab.start()
            made = Viewer(lab)
            until(lambda: _complete(made), "every field has data")
            _an_hour_before(made)
            _downsample(made)
            yield made
        finally:
            lab.close()


def _complete(viewer: Viewer) -> bool:
    """Tell whether each field of each channel has arrived, and each counter twice."""
    try:
        for instrument in viewer.lab.site.instruments:
            for channel in instrument.stanza.channels:
                for name in channel.quantities:
                    where = f"\"instrument\" = '{instrument.name}' AND \"channel\" = '{channel.id}'"
                    if not viewer.rows(
                        f'SELECT last("{name}") FROM "raw"."{instrument.stanza.driver.name}" WHERE {where}'
                    ):
                        return False
        counted = viewer.rows('SELECT count("errors") AS "n" FROM "raw"."internal_write" GROUP BY "alias"')
        return bool(counted) and all(row["n"] >= 2 for row in counted)
    except DatabaseError:
        return False


def _an_hour_before(viewer: Viewer) -> None:
    """Write what there is once more, an hour older: a rate needs two points, and the coarsest level has one an hour."""
    types = measurements.of_site(i.stanza for i in viewer.lab.site.instruments)
    lines = []
    for measurement, fields in types.items():
        for series in viewer.reader.query(f'SELECT * FROM "raw"."{measurement}" GROUP BY *', viewer.database):
            for row in series.rows:
                values = {
                    name: float(row[name]) if kind == "float" else row[name]
                    for name, kind in fields.items()
                    if row.get(name) is not None
                }
                tags = {name: value for name, value in series.tags.items() if value}
                lines.append(Point(measurement, tags, values, row["time"] - HOUR * 10**9).line())
    viewer.admin.write("".join(lines), viewer.database, "raw")


def _downsample(viewer: Viewer) -> None:
    """Run the continuous queries by hand, over what there is; by themselves they would be waited for an hour."""
    now = time.time_ns()
    for query in influxdb_schema.schema(viewer.lab.site).queries:
        step = query.level.seconds_per_point * 10**9
        viewer.admin.query(query.select((now - 2 * HOUR * 10**9) // step * step, (now // step + 1) * step))
