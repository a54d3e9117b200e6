"""Holds the files of alerting against each other, and their texts against what Grafana makes of ``$`` and ``{{``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from telegraf_inputs import duration

from .provision import DATASOURCE_UID, EXPRESSION_UID, NOBODY

RULES, CONTACTS, POLICIES, TEMPLATES = (
    f"alerting/{name}.json" for name in ("rules", "contact_points", "policies", "templates")
)
DATASOURCES = "datasources/influxdb.yaml"
LONGEST_TITLE = 190  # of a rule
EVERY_SECONDS = 10  # Grafana looks at alert groups in steps of this
# Below these keys Grafana leaves "$" alone; of annotations, newer Grafanas expand "${NAME}".
AS_WRITTEN = ("model", "annotations", "muteTimes")
ON_PURPOSE = re.compile(r"\$__(?:env|file)\{[^}]+\}")
DEFINED, CALLED = (re.compile(rf'\{{\{{-?\s*{word}\s+"([^"]*)"') for word in ("define", "template"))
NAMED = re.compile(r"[A-Z]")  # in an expression
VALUE = re.compile(r"\$values\.(\w+)")


def faults(
    files: dict[str, Any], panels: dict[str, set[str]], elsewhere: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """List what is wrong as (where, what); ``files`` have the right keys, ``panels`` are the ids on each dashboard.

    ``elsewhere`` are contact points of other files.
    """
    groups = files.get(RULES, {}).get("groups", [])
    points = files.get(CONTACTS, {}).get("contactPoints", [])
    mutes = files.get(POLICIES, {}).get("muteTimes", [])
    texts = [template["template"] for template in files.get(TEMPLATES, {}).get("templates", [])]
    for path in (RULES, CONTACTS, POLICIES):
        for where, text in _texts(files.get(path, {}), ""):
            if "$" in ON_PURPOSE.sub("", text.replace("$$", "")):
                yield path, f"{where} has a single $: Grafana takes what follows for a variable of the environment"
    for path, what, names in (
        (RULES, "group", [f"{group['folder']}/{group['name']}" for group in groups]),
        (CONTACTS, "contact point", [point["name"] for point in points]),
        (CONTACTS, "uid", [receiver["uid"] for point in points for receiver in point["receivers"]]),
        (POLICIES, "mute timing", [mute["name"] for mute in mutes]),
        (TEMPLATES, "group", [template["name"] for template in files.get(TEMPLATES, {}).get("templates", [])]),
        (TEMPLATES, "template", [name for text in texts for name in DEFINED.findall(text)]),
    ):
        yield from ((path, f"{what} {name!r} stands twice") for name in _twice(names))
    for group in groups:
        if duration.read(group["interval"]) % EVERY_SECONDS:
            yield (
                f"group {group['name']!r}",
                f"interval {group['interval']} is no multiple of {EVERY_SECONDS} s: Grafana does not start",
            )
    rules = [rule for group in groups for rule in group["rules"]]
    yield from _rules(rules, panels)
    made = {rule["uid"] for rule in rules}
    for entry in files.get(RULES, {}).get("deleteRules", []):
        if entry["uid"] in made:
            yield RULES, f"rule {entry['uid']!r} is made and deleted"
    named, muted = {NOBODY, *elsewhere, *(point["name"] for point in points)}, {mute["name"] for mute in mutes}
    for policy in files.get(POLICIES, {}).get("policies", []):
        yield from ((POLICIES, what) for what in _policy(policy, named, muted))
    defined = {name for text in texts for name in DEFINED.findall(text)}
    calling = [(TEMPLATES, text) for text in texts] + [(CONTACTS, text) for _, text in _texts(points, "")]
    for path, text in calling:
        for name in sorted(set(CALLED.findall(text)) - defined):
            yield path, f"calls the template {name!r}, which there is not: messages would go out broken"


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """List all texts that Grafana expands, and where they stand."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in AS_WRITTEN:
                yield from _texts(item, f"{where}.{key}".lstrip("."))


def _twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _policy(policy: dict[str, Any], named: set[str], muted: set[str]) -> Iterator[str]:
    if policy["receiver"] not in named:
        yield f"{policy['receiver']!r} is no contact point"
    for name in sorted(set(policy.get("mute_time_intervals", [])) - muted):
        yield f"{name!r} is no mute timing"
    for route in policy.get("routes", []):
        yield from _policy(route, named, muted)


def _rules(rules: list[dict[str, Any]], panels: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    for name in _twice(rule["uid"] for rule in rules):
        yield RULES, f"uid {name!r} stands twice"
    for name in _twice(rule["title"] for rule in rules):
        yield RULES, f"title {name!r} stands twice: Grafana does not start"
    for rule in rules:
        yield from ((f"rule {rule['title']!r}", what) for what in _rule(rule, panels))


def _rule(rule: dict[str, Any], panels: dict[str, set[str]]) -> Iterator[str]:
    if len(rule["title"]) > LONGEST_TITLE:
        yield f"the title has more than {LONGEST_TITLE} characters: Grafana does not start"
    refs = [query["refId"] for query in rule["data"]]
    yield from (f"refId {ref!r} stands twice" for ref in _twice(refs))
    if rule["condition"] not in refs:
        yield f"condition {rule['condition']!r} is none of {refs}"
    for query in rule["data"]:
        ref, model = query["refId"], query["model"]
        if model["refId"] != ref:
            yield f"refId {ref!r} is {model['refId']!r} in its model"
        for other in NAMED.findall(model.get("expression", "")):
            if other not in set(refs) - {ref}:
                yield f"{ref!r} looks at {other!r}, which is none of the others of {refs}"
        if query["datasourceUid"] not in (DATASOURCE_UID, EXPRESSION_UID):
            yield f"data source {query['datasourceUid']!r} is not provisioned"
        text = model.get("query", "").replace("$timeFilter", "")
        if "$" in text:
            yield f"uses a variable, which alerts do not have: {text}"
    notes = rule["annotations"]
    if notes["__panelId__"] not in panels.get(notes["__dashboardUid__"], set()):
        yield f"links to panel {notes['__panelId__']} of {notes['__dashboardUid__']!r}, which there is not"
    for name, text in notes.items():
        if "${" in text:
            yield f"annotation {name!r} has '${{', which newer Grafanas take for a variable of the environment"
        for ref in sorted(set(VALUE.findall(text)) - set(refs)):
            yield f"annotation {name!r} shows the value of {ref!r}, which is none of {refs}"
