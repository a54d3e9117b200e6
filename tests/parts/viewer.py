"""Asks a lab that runs as Grafana does, for its dashboards and alarms to be held against."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from labline.lab import Lab
from labline.stack import credentials
from provisioning import influxdb_schema
from provisioning.influxdb_server import Server

LONGEST = 120  # s; only a fault takes so long


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
                values[variable["name"]] = (
                    variable.get("allValue", ".*") if chosen == ["$__all"] else f"({'|'.join(chosen)})"
                )
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
