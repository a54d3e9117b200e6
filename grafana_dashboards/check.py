"""Holds rendered files against the schemas, and against each other: what Grafana would pass over, or not start with, is not written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from provisioning import unit_names

from . import check_alerting, schema_alerting, style
from .schema_dashboard import PROPERTIES, Dashboard

PREFIXES = ("suffix:", "prefix:", "si:")
# Beside those that a quantity may have.
UNITS = {*(unit.grafana for unit in unit_names.UNITS.values()), "sci", "short", "dateTimeFromNow", "dtdurations"}


def faults(files: dict[str, Any], elsewhere: Collection[str] = ()) -> list[str]:
    """List what is wrong with the files (path -> content); empty if nothing is.

    ``elsewhere`` are contact points that the same Grafana gets from other files.
    """
    return [f"{where}: {what}" for where, what in _faults(files, elsewhere)]


def panels_of(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List a dashboard's panels, also those in closed rows, without the rows."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


def _faults(files: dict[str, Any], elsewhere: Collection[str]) -> Iterator[tuple[str, str]]:
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
    for path, content in files.items():
        for panel in panels_of(content) if content.get("uid") in dashboards else ():
            for link in panel["fieldConfig"]["defaults"].get("links", []):
                if link["url"].removeprefix("/d/").partition("?")[0] not in dashboards:
                    yield path, f"panel {panel['id']} {panel['title']!r}: links to {link['url']}, which there is not"
    yield from check_alerting.faults(
        files, {uid: {str(p["id"]) for p in panels_of(dashboard)} for uid, dashboard in dashboards.items()}, elsewhere
    )


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
