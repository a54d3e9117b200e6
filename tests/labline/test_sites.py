"""The site files of whole laboratories: all arrives and is right, each question brings data, faults are told and heal."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana_dashboards import emit
from grafana_dashboards.check import panels_of
from labline.lab import Lab
from labline.places import Places
from labline.stack import credentials
from provisioning import site as sites
from provisioning.influxql import identifier, text
from provisioning.site import SiteInstrument
from telegraf_inputs import simulators
from tests.parts.served import Served
from tests.parts.viewer import Viewer, until

LABS = sorted(path.stem for path in sites.SITES.glob("*.yml") if path.stem != "demo")
SCANNED = ("lakeshore_372",)  # one channel after the other, for seconds each: those with limits are enough here
MAY_BE_ABSENT = ('"temp"', 'last("clock")')  # where a machine has none of it, its plot shows other things
RANGE = 300  # s
COMPUTED = {("helium", "ups_load", "output", "load"): 100 * 13 / 15}  # of what is served: the power, and what is rated
DIGITS = {("helium", "wavemeter", "laser", "frequency"): 15}  # that must survive


class Running(Viewer):
    """A lab of a site file on simulators, and who asks it."""

    def __init__(self, lab: Lab, served: Served):
        super().__init__(lab)
        self.instruments, self.served = lab.site.enabled, served

    def last(self, instrument: str, channel: str, measurement: str, quantity: str) -> list[object]:
        """Give the newest value, if there is one."""
        where = f'"instrument" = {text(instrument)} AND "channel" = {text(channel)}'
        query = f'SELECT last({identifier(quantity)}) AS "last" FROM "raw".{identifier(measurement)} WHERE {where}'
        return [row["last"] for row in self.rows(query)]

    def newest(self, instrument: str, channel: str, quantity: str) -> list[object]:
        """Give the newest value, whatever measurement it is in."""
        stanza = next(one.stanza for one in self.instruments if one.name == instrument)
        return self.last(instrument, channel, stanza.find(channel).measurement, quantity)

    def missing(self) -> list[str]:
        """List what has not arrived yet."""
        return [
            f"{one.name}.{channel.id}.{quantity}"
            for one in self.instruments
            for channel in one.stanza.channels
            for quantity in channel.quantities
            if not self.last(one.name, channel.id, channel.measurement, quantity)
        ]

    def state(self, instrument: str) -> str:
        rows = self.rows(
            f'SELECT last("state") AS "last" FROM "raw"."instrument" WHERE "instrument" = {text(instrument)}'
        )
        return str(rows[0]["last"]) if rows else ""

    def arrived(self, what: Callable[[], object], words: str) -> None:
        """Wait for something while the lab's parts are looked after."""

        def looked() -> object:
            self.lab.look_after()
            return what()

        until(looked, words)


@contextlib.contextmanager
def running(name: str, folder: Path) -> Iterator[Running]:
    written = yaml.safe_load((sites.SITES / f"{name}.yml").read_text(encoding="utf-8"))
    for node in written["nodes"]:
        node["flush"] = "1s"
    for one in written["instruments"]:
        if one["driver"] in SCANNED:
            one["channels"] = {key: channel for key, channel in one["channels"].items() if "limits" in channel}
    served = Served([one.stanza for one in sites.load(sites.SITES / f"{name}.yml").enabled], folder)
    written["instruments"] = [one for one in written["instruments"] if one["name"] not in served.absent]
    for one in written["instruments"]:
        one.update(served.changed.get(one["name"], {}))
    (folder / f"{name}.yml").write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    try:
        site = sites.load(folder / f"{name}.yml")
        secrets = credentials.private_directory(Places(folder / "state", site, simulated=False).secrets)
        for file, secret in served.secrets.items():
            (secrets / file).write_text(secret)
        lab = Lab(site, folder / "state", lambda _: None)
        try:
            lab.start()
            yield Running(lab, served)
        finally:
            lab.close()
    finally:
        served.stop()


@pytest.mark.parametrize("name", LABS)
def test_a_whole_lab_runs(name, tmp_path, telegraf_path, monkeypatch):
    monkeypatch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")  # nobody: the vendor's server would be waited for
    with running(name, tmp_path) as lab:
        lab.arrived(lambda: not lab.missing(), "every quantity of every channel arrives")
        lab.arrived(lambda: {lab.state(one.name) for one in lab.instruments} <= {"ok", ""}, "every instrument is well")
        lab.arrived(lambda: not too_short(name, lab), "all digits arrive")
        assert not wrong_values(lab)
        for (_, *where), expected in ((key, value) for key, value in COMPUTED.items() if key[0] == name):
            assert lab.newest(*where) == [pytest.approx(expected)]
        lab.arrived(lambda: not without_data(lab), "every question of every dashboard brings data")
        assert not [title for title, rows in alarms(lab) if not rows]
        assert not (unseen := pictures(lab)), unseen
        kinds: dict[str, SiteInstrument] = {}
        for one in lab.instruments:
            if one.stanza.simulated:
                kinds.setdefault(one.stanza.driver.name, one)
        for one in kinds.values():
            lab.fault(one.name, a_fault(one))
        for fault in lab.served.faults.values():
            fault.begin()
        lab.arrived(lambda: all(lab.state(one.name) not in ("ok", "") for one in kinds.values()), "the faults are told")
        lab.arrived(lambda: not untold(lab), f"faults of what Telegraf reads itself are told: {[*lab.served.faults]}")
        for one in kinds.values():
            lab.fault(one.name, "none")
        for fault in lab.served.faults.values():
            fault.end()
        healed = time.time_ns()
        lab.arrived(lambda: all(lab.state(one.name) == "ok" for one in kinds.values()), "all are well again")
        lab.arrived(lambda: not still_away(lab, healed), "what Telegraf reads itself is read again")
        lab.lab.stop()
        entries = lab.lab.counting.entries
        assert {entry.instrument for entry in entries if entry.made} == {one.name for one in lab.instruments}
        assert all(entry.made == entry.written and not entry.lost for entry in entries)


def a_fault(instrument: SiteInstrument) -> str:
    """Choose a fault that its simulator can have, and that takes the instrument away."""
    simulator = simulators.load(instrument.stanza.driver.name).of(instrument.stanza)
    return next(fault for fault in ("silent", "disconnect") if fault not in simulator.not_faults)


def untold(lab: Running) -> dict[str, str]:
    """List the natives with a fault of which no alarm begins, or no reason is told, with what is told instead."""
    found = {}
    for name, fault in lab.served.faults.items():
        reason = lab.lab.details().get(name, "")
        if fault.said not in reason or lab.latch(rule(lab, name)) != 1:
            found[name] = reason
    return found


def still_away(lab: Running, since_ns: int) -> list[str]:
    """List the natives of which no reading came since then, or whose alarm goes on beginning."""
    back = []
    for name in lab.served.faults:
        (one,) = (one for one in lab.instruments if one.name == name)
        newest = [
            row["time"]
            for measurement in one.stanza.measurements
            for row in lab.rows(
                f'SELECT last("status") FROM "raw".{identifier(measurement)} WHERE "instrument" = {text(name)}'
            )
        ]
        if max(newest) > since_ns and lab.latch(rule(lab, name)) != 1:
            back.append(name)
    return [name for name in lab.served.faults if name not in back]


def rule(lab: Running, instrument: str) -> dict[str, Any]:
    """Find the alarm of an instrument that brings nothing."""
    groups = json.loads(emit.render(lab.lab.site)[emit.RULES])["groups"]
    wanted = {"instrument": instrument, "kind": "stale"}
    (found,) = (each for group in groups for each in group["rules"] if wanted.items() <= each["labels"].items())
    return found


def wrong_values(lab: Running) -> list[str]:
    """List the newest values that are not what the simulators and servers deliver."""
    found = []
    for (instrument, channel, quantity), expected in lab.served.expected.items():
        (value,) = lab.newest(instrument, channel, quantity)
        if value != expected:
            found.append(f"{instrument}.{channel}.{quantity}: {value}, and not {expected}")
    for one in lab.instruments:
        if not one.stanza.simulated:
            continue
        simulator = simulators.load(one.stanza.driver.name).of(one.stanza)(
            one.stanza, seed=simulators.settings(one.stanza.connection)["seed"]
        )
        bands, words = simulator.bands(), simulator.words()
        for channel in one.stanza.channels:
            for quantity in channel.quantities:
                (value,) = lab.last(one.name, channel.id, channel.measurement, quantity)
                low, high = bands.get((channel.id, quantity), (None, None))
                right = value in words[channel.id, quantity] if low is None else low <= float(str(value)) <= high
                if not right:
                    found.append(f"{one.name}.{channel.id}.{quantity}: {value}")
    return found


def too_short(name: str, lab: Running) -> list[str]:
    """List what has to have more digits than its newest value has; where the last one is a 0, the next will do."""
    return [
        key[1]
        for key, digits in DIGITS.items()
        if key[0] == name and len(str(lab.newest(*key[1:])[0]).replace(".", "")) != digits
    ]


def without_data(lab: Running) -> list[tuple[str, str, str]]:
    """List the questions of dashboards that bring nothing."""
    now = time.time()
    start, empty = now - RANGE, []
    files = emit.render(lab.lab.site)
    for file in (name for name in files if name.endswith(".json") and "alerting" not in name):
        dashboard = json.loads(files[file])
        values = lab.levels(dashboard, start, now)
        for panel in panels_of(dashboard):
            for target in panel.get("targets", []):
                interval = lab.least_interval(panel, values)
                rows = lab.rows(lab.filled(target["query"], start, now, interval, **values))
                if not rows and not any(absent in target["query"] for absent in MAY_BE_ABSENT):
                    empty.append((file, panel["title"], target["query"]))
    return empty


def pictures(lab: Running) -> list[str]:
    """List the pictures of galleries that a browser would not get."""
    found = []
    for one in lab.instruments:
        for channel in one.stanza.channels:
            for quantity in (q for q in channel.quantities.values() if q.picture):
                query = f'SELECT "{quantity.name}" AS "path" FROM "raw"."{channel.measurement}"'
                for row in lab.rows(f'{query} WHERE "instrument" = {text(one.name)} LIMIT 3'):
                    address = f"{one.stanza.options[quantity.picture]}/{row['path']}"
                    with urllib.request.urlopen(address, timeout=10) as answer:
                        if not answer.read().startswith((b"\x89PNG", b"\xff\xd8")):
                            found.append(address)
    return found


def alarms(lab: Running) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Yield each limit's alarm, by its title, with the value that its message would show."""
    groups = json.loads(emit.render(lab.lab.site)[emit.RULES])["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        lab.alert(rule)
        if rule["labels"]["kind"] == "limit":
            yield rule["title"], lab.alert(rule, 1)
