"""What makes Grafana forget a site: a site file's `site:` was changed, and all uids and names go by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from provisioning.telegraf_config import HEADER

from .check_alerting import CONTACTS, DATASOURCES, POLICIES, RULES, TEMPLATES
from .places import DASHBOARDS, placed
from .provision import ORG


def write(folder: Path, name: str) -> list[Path]:
    """Turn the rendered files of the site ``name`` into such as remove what they made; returns what was written.

    Dashboards go when their files do, as long as their provider is there. The policies are those of whoever else is
    in that Grafana.
    """
    rules, points, texts = (_read(folder / placed(path, name)) for path in (RULES, CONTACTS, TEMPLATES))
    source = folder / placed(DATASOURCES, name)
    known = yaml.safe_load(source.read_text(encoding="utf-8")) if source.exists() else {}
    receivers = [receiver for point in points.get("contactPoints", []) for receiver in point["receivers"]]
    made = {
        RULES: {
            "groups": [],
            "deleteRules": _uids(
                [r for group in rules.get("groups", []) for r in group["rules"]], rules, "deleteRules"
            ),
        },
        CONTACTS: {"contactPoints": [], "deleteContactPoints": _uids(receivers, points, "deleteContactPoints")},
        TEMPLATES: {
            "templates": [],
            "deleteTemplates": _names(texts.get("templates", []), texts.get("deleteTemplates", [])),
        },
    }
    (folder / placed(POLICIES, name)).unlink(missing_ok=True)
    for dashboard in (folder / DASHBOARDS / name).glob("*.json"):
        dashboard.unlink()
    written = []
    for path, content in made.items():
        file = folder / placed(path, name)
        if file.exists():
            file.write_text(json.dumps({"apiVersion": 1, **content}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            written.append(file)
    if source.exists():
        gone = _names(known.get("datasources", []), known.get("deleteDatasources", []))
        text = yaml.safe_dump({"apiVersion": 1, "datasources": [], "deleteDatasources": gone}, sort_keys=True)
        source.write_text(HEADER + text, encoding="utf-8")
        written.append(source)
    return written


def _uids(there: list[dict[str, Any]], before: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """List what is there, and what was to be deleted already, for deletion."""
    found = {entry["uid"] for entry in (*there, *before.get(key, []))}
    return [{"orgId": ORG, "uid": uid} for uid in sorted(found)]


def _names(there: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"orgId": ORG, "name": name} for name in sorted({entry["name"] for entry in (*there, *before)})]


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_bytes())) if file.exists() else {}
