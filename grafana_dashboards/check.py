"""Holds rendered files against the schemas, and against each other: what Grafana would pass over, or not start with, is not written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from . import schema_alerting, style
from .provision import DATASOURCE_UID, EXPRESSION_UID
from .schema_dashboard import PROPERTIES, Dashboard

LONGEST_TITLE = 190  # of a rule
EVERY_SECONDS = 10  # Grafana looks at alert groups in steps of this
PREFIXES = ("suffix:", "prefix:", "si:")
# Beside those of style.UNITS.
UNITS = {*style.UNITS.values(), "sci", "short", "dateTimeFromNow", "dtdurations"}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def faults(files: dict[str, Any]) -> list[str]:
    """List what is wrong with the files (path -> content); empty if nothing is."""
    return [f"{where}: {what}" for where, what in _faults(files)]


def panels_of(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List a dashboard's panels, also those in closed rows, without the rows."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


def _faults(files: dict[str, Any]) -> Iterator[tuple[str, str]]:
    dashboards: dict[str, Any] = {}
    for path, content in files.items():
        kind = schema_alerting.FILES.get(path, Dashboard)
        try:
            msgspec.convert(content, kind)
        except msgspec.ValidationError as error:
            yield path, str(error)
            return  # what follows takes the keys for granted
        if kind is Dashboard:
            yield from ((path, what) for what in _dashboard(content, dashboards))
    rules = files.get("alerting/rules.json", {"groups": []})
    for group in rules["groups"]:
        if seconds(group["interval"]) % EVERY_SECONDS:
            yield (
                f"group {group['name']!r}",
                f"interval {group['interval']} is no multiple of {EVERY_SECONDS} s: Grafana does not start",
            )
    yield from _rules([rule for group in rules["groups"] for rule in group["rules"]], dashboards)
    deleted = {d["uid"] for d in rules.get("deleteRules", [])}
    for uid in sorted(deleted & {rule["uid"] for group in rules["groups"] for rule in group["rules"]}):
        yield "alerting/rules.json", f"rule {uid!r} is made and deleted"
    named = {c["name"] for c in files.get("alerting/contact_points.json", {"contactPoints": []})["contactPoints"]}
    muted = {m["name"] for m in files.get("alerting/policies.json", {}).get("muteTimes", [])}
    for policy in files.get("alerting/policies.json", {"policies": []})["policies"]:
        for route in policy.get("routes", []):
            if route["receiver"] not in named:
                yield "alerting/policies.json", f"{route['receiver']!r} is no contact point"
            for name in set(route.get("mute_time_intervals", [])) - muted:
                yield "alerting/policies.json", f"{name!r} is no mute timing"


def seconds(duration: str) -> float:
    """Read a duration of one unit, as they are written here."""
    number = duration.rstrip("mshd")
    return float(number) * SECONDS[duration[len(number) :]]


def _dashboard(dashboard: dict[str, Any], seen: dict[str, Any]) -> Iterator[str]:
    for key in ("uid", "title"):
        if any(other[key] == dashboard[key] for other in seen.values()):
            yield f"{key} {dashboard[key]!r} stands in another dashboard too: Grafana writes neither"
    seen[dashboard["uid"]] = dashboard
    ids = [
        panel["id"]
        for panel in (*dashboard["panels"], *(p for row in dashboard["panels"] for p in row.get("panels", [])))
    ]
    if len(ids) != len(set(ids)):
        yield "panel ids stand twice"
    for panel in panels_of(dashboard):
        yield from (f"panel {panel['id']} {panel['title']!r}: {what}" for what in _panel(panel))


def _panel(panel: dict[str, Any]) -> Iterator[str]:
    place = panel["gridPos"]
    if place["x"] + place["w"] > style.WIDTH:
        yield f"reaches column {place['x'] + place['w']}"
    refs = [target["refId"] for target in panel.get("targets", [])]
    if len(refs) != len(set(refs)):
        yield "two queries of one refId"
    defaults = panel["fieldConfig"]["defaults"]
    unit = defaults.get("unit")
    if panel["type"] in ("timeseries", "stat") and not unit:
        yield "has no unit"
    for override in panel["fieldConfig"]["overrides"]:
        for entry in override["properties"]:
            if entry["id"] not in PROPERTIES:
                yield f"override {entry['id']!r} is not known"
                continue
            try:
                msgspec.convert(entry["value"], PROPERTIES[entry["id"]])
            except msgspec.ValidationError as error:
                yield f"override {entry['id']!r}: {error}"
    if unit and unit not in UNITS and not unit.startswith(PREFIXES):
        yield f"unit {unit!r} is none of Grafana's"
    steps = [step["value"] for step in defaults.get("thresholds", {}).get("steps", [])]
    if steps and (steps[0] is not None or None in steps[1:] or steps[1:] != sorted(set(steps[1:]))):
        yield f"thresholds {steps} do not rise"


def _rules(rules: list[dict[str, Any]], dashboards: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    titles: set[str] = set()
    panels = {uid: {str(panel["id"]) for panel in panels_of(dashboard)} for uid, dashboard in dashboards.items()}
    for rule in rules:
        where = f"rule {rule['title']!r}"
        if rule["uid"] in seen:
            yield where, f"uid {rule['uid']!r} stands twice"
        seen.add(rule["uid"])
        if rule["title"] in titles or len(rule["title"]) > LONGEST_TITLE:
            yield where, f"the title stands twice, or has more than {LONGEST_TITLE} characters: Grafana does not start"
        titles.add(rule["title"])
        refs = [query["refId"] for query in rule["data"]]
        if rule["condition"] not in refs or len(refs) != len(set(refs)):
            yield where, f"condition {rule['condition']!r} is none of {refs}, or one of these stands twice"
        notes = rule["annotations"]
        if notes["__panelId__"] not in panels.get(notes["__dashboardUid__"], set()):
            yield where, f"links to panel {notes['__panelId__']} of {notes['__dashboardUid__']!r}, which there is not"
        for query in rule["data"]:
            if query["datasourceUid"] not in (DATASOURCE_UID, EXPRESSION_UID):
                yield where, f"data source {query['datasourceUid']!r} is not provisioned"
            text = query["model"].get("query", "").replace("$timeFilter", "")
            if "$" in text:
                yield where, f"uses a variable, which alerts do not have: {text}"
