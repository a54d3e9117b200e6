"""A lab that runs, for its dashboards to ask, and sites that need not run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import provisioning.site
from labline.lab import Lab
from labline.stack import credentials
from provisioning import influxdb_schema, measurements
from provisioning.influxdb_server import DatabaseError, Server
from provisioning.site import Site
from telegraf_inputs.point import Point

DEMO = provisioning.site.SITES / "demo.yml"
LONGEST = 120  # s; only a fault takes so long
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


class Viewer:
    """Asks the running lab as Grafana does: variables and macros filled in, the queries run as the user who may only read."""

    def __init__(self, lab: Lab):
        self.lab, self.reader, self.database = lab, lab.reader, lab.site.influxdb.database
        secrets = lab.places.secrets
        admin = influxdb_schema.ADMIN
        self.admin = Server(lab.site.influxdb.url, admin, credentials.secret(secrets, admin))

    def fault(self, instrument: str, fault: str) -> None:
        """Begin a simulator's fault, or end it: "none"."""
        with self.lab.places.control.open("w") as control:
            control.write(f"{instrument} {fault}\n")

    def filled(self, query: str, start: float, end: float, interval: str = "10s", **values: str) -> str:
        """Fill in a query; ``values`` are those of variables. Raises KeyError for one that there is not."""
        start_ms, end_ms = round(start * 1000), round(end * 1000)
        known = {
            "__from": start_ms,
            "__to": end_ms,
            "timeFilter": f"time >= {start_ms}ms and time <= {end_ms}ms",
            "__interval": interval,
        } | values
        return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: str(known[m[1] or m[2]]), query)

    def least_interval(self, panel: dict[str, Any], values: dict[str, str]) -> str:
        """Read a panel's least interval as Grafana does: the first duration that is written there."""
        written = self.filled(panel.get("interval", "1s"), 0, 0, **values)
        match = re.match(r"\d+(ms|[Mwdhmsy])", written)
        assert match, written
        return match[0]

    def levels(self, dashboard: dict[str, Any], start: float, end: float, database: str = "") -> dict[str, str]:
        """Resolve a dashboard's variables: the hidden ones by their queries, the others as they are at the start."""
        values = {}
        for variable in dashboard["templating"]["list"]:
            if variable["hide"]:
                rows = self.admin.rows(self.filled(variable["query"], start, end), database or self.database)
                read = [next(v for k, v in row.items() if k != "time") for row in rows]
                # As Grafana does: without an answer, the value is empty; of a pattern, the group counts.
                pattern = re.compile(variable.get("regex", "/(.*)/").strip("/"))
                values[variable["name"]] = pattern.search(read[0])[1] if read else ""
            else:
                chosen = variable["current"]["value"]
                values[variable["name"]] = variable["allValue"] if chosen == ["$__all"] else f"({'|'.join(chosen)})"
        return values

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.reader.rows(query, self.database)

    def alert(self, rule: dict[str, Any], query: int = 0, now: float | None = None) -> list[dict[str, Any]]:
        """Run one of a rule's queries, as of now or then."""
        asked, now = rule["data"][query], now or time.time()
        text = asked["model"]["query"].replace("now()", f"{round(now * 1000)}ms")
        return self.rows(self.filled(text, now - asked["relativeTimeRange"]["from"], now))

    def latch(self, rule: dict[str, Any]) -> int | None:
        """Tell what a rule's question says: 1, it begins, 0, it ends, None, it stays as it is."""
        rows = self.alert(rule)
        return rows[0]["alarm"] if rows else None


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until something holds, and give it."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    pytest.fail(f"not within {LONGEST} s: {what}")


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
