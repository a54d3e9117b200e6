"""The rendered files: current, the same each time, held against strict schemas, and without what stops a Grafana."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys

import msgspec
import pytest
import yaml

from grafana_dashboards import check, emit, removal, signals, style
from grafana_dashboards.__main__ import main
from grafana_dashboards.check import panels_of
from provisioning import measurements
from provisioning import site as sites

COMMITTED = sites.SITES.parent / "grafana"
ENDS = r"(?:\$\{(?:lo|hi)\})?\""
FIELD = re.compile(rf'(?:mean|min|max|first|last|count|non_negative_difference|elapsed)\("([a-z0-9_]+){ENDS}')
BARE = re.compile(r', "([a-z_]+)"(?=[, ])')
AS_VALUE = re.compile(r'SELECT "([a-z_]+)" AS "v"')  # of an alarm's question
SOURCE = re.compile(r'FROM "(?:\$rp|raw)"\."([a-z0-9_]+)"')


def contents(files):
    """Read rendered files as they are checked: the site's own data source has another uid only in what is written."""
    files = {
        name: re.sub(r'((?:"uid"|"datasourceUid"|\buid): "?)[\w-]+-influxdb\b', r"\1influxdb", text)
        for name, text in files.items()
    }
    return {name: json.loads(text) if name.endswith(".json") else yaml.safe_load(text) for name, text in files.items()}


@pytest.fixture(scope="session")
def made(demo):
    return contents(emit.render(demo))


def dashboards_of(made):
    return {name: content for name, content in made.items() if "panels" in content}


def rules_of(made):
    return [rule for group in made[emit.RULES]["groups"] for rule in group["rules"]]


def queries_of(made):
    for dashboard in dashboards_of(made).values():
        for panel in panels_of(dashboard):
            yield from (target["query"] for target in panel.get("targets", []))
    yield from (rule["data"][0]["model"]["query"] for rule in rules_of(made))


def test_the_committed_files_are_current(demo):
    wanted = emit.on_disk(demo, before=COMMITTED)
    assert {name: (COMMITTED / name).read_text(encoding="utf-8") for name in wanted} == wanted, "run: make dashboards"
    assert not emit.left_over(demo, COMMITTED, wanted)


def test_two_renders_are_equal_to_the_byte(tmp_path):
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        command = [sys.executable, "-m", "grafana_dashboards", "demo", "--to", tmp_path / seed]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    first, second = (
        {p.relative_to(tmp_path / seed): p.read_bytes() for p in (tmp_path / seed).rglob("*") if p.is_file()}
        for seed in "12"
    )
    assert first == second and len(first) > 10


def test_every_query_names_a_field_that_somebody_declares(demo, made):
    known = measurements.of_site(i.stanza for i in demo.instruments)
    asked = set()
    for query in queries_of(made):
        (measurement,) = set(SOURCE.findall(query))
        fields = {*FIELD.findall(query), *AS_VALUE.findall(query), *(BARE.findall(query.partition(" FROM ")[0]))} - {
            "n",
            "newest",
            "v",
            "least",
            "most",
        }
        assert fields, query
        assert fields <= set(known[measurement]), query
        asked |= {(measurement, field) for field in fields}
    numbers = {(i.stanza.driver.name, q) for i in demo.instruments for c in i.stanza.channels for q in c.quantities}
    assert numbers <= asked, "every quantity is shown"


def test_every_panel_says_what_it_shows_and_none_overlaps(made):
    for dashboard in dashboards_of(made).values():
        for panels in (dashboard["panels"], *(p["panels"] for p in dashboard["panels"] if p["type"] == "row")):
            taken = set()
            for panel in panels:
                place = panel["gridPos"]
                cells = {
                    (x, y)
                    for x in range(place["x"], place["x"] + place["w"])
                    for y in range(place["y"], place["y"] + place["h"])
                }
                assert not cells & taken, panel["title"]
                taken |= cells
        for panel in panels_of(dashboard):
            assert panel["title"] and panel["description"]


def test_dashboards_share_the_crosshair_and_link_to_each_other_with_the_time_range(made):
    dashboards = dashboards_of(made)
    uids = {dashboard["uid"] for dashboard in dashboards.values()}
    for dashboard in dashboards.values():
        assert dashboard["graphTooltip"] == 2
        for link in dashboard["links"]:
            assert link["keepTime"] and (link["type"] == "dashboards" or link["url"].removeprefix("/d/") in uids)
        for panel in panels_of(dashboard):
            for link in panel["fieldConfig"]["defaults"].get("links", []):
                uid, variables = re.fullmatch(r"/d/(.+?)\?\$\{__url_time_range\}(.*)", link["url"]).groups()
                (target,) = [d for d in dashboards.values() if d["uid"] == uid]
                known = {v["name"] for v in target["templating"]["list"]}
                assert set(re.findall(r"var-(\w+)=", variables)) <= known


def break_at(made, path, value):
    """Set one value deep in the files; None takes it away."""
    broken = copy.deepcopy(made)
    *way, last = path
    at = broken
    for step in way:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return broken


OVERVIEW = "dashboards/overview.json"
RULE = (emit.RULES, "groups", 0, "rules", 0)
CONTACT = (emit.CONTACTS, "contactPoints", 0, "receivers", 0)
BROKEN = {
    "a misspelt key of a dashboard": ((OVERVIEW, "graphTooltips"), 2, "graphTooltips"),
    "a misspelt key of a panel": ((OVERVIEW, "panels", 0, "descripton"), "x", "descripton"),
    "a panel without a description": ((OVERVIEW, "panels", 0, "description"), None, "description"),
    "a panel of an unknown type": ((OVERVIEW, "panels", 0, "type"), "graph", "graph"),
    "a text for a number": ((OVERVIEW, "panels", 0, "gridPos", "w"), "12", "Expected `int`"),
    "a panel that reaches beyond": ((OVERVIEW, "panels", 0, "gridPos", "x"), 20, "column"),
    "an id twice": ((OVERVIEW, "panels", 0, "id"), 2, "twice"),
    "an unknown unit": ((OVERVIEW, "panels", 3, "fieldConfig", "defaults", "unit"), "furlong", "furlong"),
    "grafanalib's first threshold": ((OVERVIEW, "panels", 3, "fieldConfig", "defaults", "thresholds", "steps", 0, "value"), "null", "float"),
    "thresholds that do not rise": (
        (OVERVIEW, "panels", 3, "fieldConfig", "defaults", "thresholds", "steps"),
        [{"value": None, "color": "green"}, {"value": 2, "color": "red"}, {"value": 1, "color": "orange"}],
        "do not rise",
    ),
    "a bad uid": ((OVERVIEW, "uid"), "no spaces", "pattern|Expected `str`"),
    "the uid of another dashboard": ((OVERVIEW, "uid"), "demo-health", "stands in another"),
    "an old schema": ((OVERVIEW, "schemaVersion"), 12, "12|39"),
    "a misspelt key of a rule": ((*RULE, "keep_firing_for"), "5m", "keep_firing_for"),
    "a rule without a title": ((*RULE, "title"), None, "title"),
    "a rule that links to no panel": ((*RULE, "annotations", "__panelId__"), "999", "which there is not"),
    "a link without its panel": ((*RULE, "annotations", "__panelId__"), None, "__panelId__"),
    "an unknown state": ((*RULE, "noDataState"), "Panic", "Panic"),
    "a condition that is none": ((*RULE, "condition"), "Z", "'Z'"),
    "a variable in a rule": ((*RULE, "data", 0, "model", "query"), "SELECT last(x) FROM \"$rp\".\"m\"", "variable"),
    "a condition's query that is none": ((*RULE, "data", 2, "model", "expression"), "Z", "'B' looks at 'Z'"),
    "a condition that looks at itself": ((*RULE, "data", 2, "model", "expression"), "B", "'B' looks at 'B'"),
    "a query of two names": ((*RULE, "data", 0, "model", "refId"), "B", "'A' is 'B' in its model"),
    "a value of no query": ((*RULE, "annotations", "summary"), "{{ $values.Z.Value }}", "value of 'Z'"),
    "a variable in a label": ((*RULE, "labels", "channel"), "$5", r"rules\[0\].labels.channel has a single \$"),
    "a variable in a title": ((*RULE, "title"), "5 ${HOME}", r"rules\[0\].title has a single \$"),
    "three times $": ((*RULE, "title"), "5 $$$x", r"rules\[0\].title has a single \$"),
    "a variable in the name of a group": ((emit.RULES, "groups", 0, "name"), "$x", r"groups\[0\].name has a single \$"),
    "a variable in an annotation": ((*RULE, "annotations", "help"), "at ${HOME}", r"annotation 'help' has '\$\{'"),
    "two groups of one name": ((emit.RULES, "groups", 0, "name"), "demo: the line", "group 'demo alarms/demo: the line' stands twice"),
    "a folder in a folder": ((emit.RULES, "groups", 0, "folder"), "a/b", "pattern|Expected `str`"),
    "dashboards in a folder in a folder": ((emit.PROVIDER, "providers", 0, "folder"), "/", "pattern|Expected `str`"),
    "a root receiver that is none": ((emit.POLICIES, "policies", 0, "receiver"), "nobody", "'nobody' is no contact point"),
    "a variable in a receiver": ((emit.POLICIES, "policies", 0, "receiver"), "$people", "receiver has a single"),
    "two contact points of one name": ((emit.CONTACTS, "contactPoints", 0, "name"), "chat (demo)", r"contact point 'chat \(demo\)' stands twice"),
    "two contact points of one uid": ((*CONTACT, "uid"), "demo-contact-chat", "uid 'demo-contact-chat' stands twice"),
    "a variable in an address": ((*CONTACT, "settings", "addresses"), "$me@example.org", "addresses has a single"),
    "Go's variable in a subject": ((*CONTACT, "settings", "subject"), "{{ $x := 1 }}", "subject has a single"),
    "a template that is none": ((*CONTACT, "settings", "subject"), '{{ template "labline.topic" . }}', "'labline.topic', which there is not"),
    "a template that calls none": ((emit.TEMPLATES, "templates", 0, "template"), '{{- define "labline.subject" }}{{- template "x" }}{{ end }}', "'x', which there is not"),
    "an uneven pace": ((emit.RULES, "groups", 0, "interval"), "7s", "multiple"),
    "a receiver that is none": ((emit.POLICIES, "policies", 0, "routes", 0, "receiver"), "nobody", "nobody"),
    "a password in the file": ((emit.DATASOURCES, "datasources", 0, "secureJsonData", "password"), "secret", "pattern|Expected `str`"),
    "a provider's misspelt key": ((emit.PROVIDER, "providers", 0, "folderUID"), "x", "folderUID"),
}  # fmt: skip


def test_what_is_rendered_has_no_fault(made):
    assert check.faults(made) == []


@pytest.mark.parametrize("path, value, told", BROKEN.values(), ids=BROKEN)
def test_what_grafana_would_pass_over_or_not_start_with_is_a_fault(made, path, value, told):
    faults = check.faults(break_at(made, path, value))
    assert any(re.search(told, fault) for fault in faults), faults


def test_what_grafana_reads_from_a_file_or_the_environment_on_purpose_is_no_fault(made):
    addresses = (*CONTACT, "settings", "addresses")
    for text in ("$__file{/etc/labline/secrets/who}", "$__env{WHO}", "5 $$ and $$$$"):
        assert check.faults(break_at(made, addresses, text)) == []


def test_nothing_is_written_where_something_is_unfit(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "faults", lambda *_: ["dashboards/overview.json: no good"])
    with pytest.raises(emit.InvalidForGrafana, match="no good"):
        emit.write(demo, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_dashboard_that_is_no_longer_made_goes_and_those_of_others_stay(demo, tmp_path):
    emit.write(demo, tmp_path)
    folder = tmp_path / "dashboards/demo"
    (folder / "gone_driver.json").write_text((folder / "scpi.json").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "my_own.json").write_text('{"title": "Mine", "tags": []}', encoding="utf-8")
    assert emit.write(demo, tmp_path) == {"dashboards/demo/gone_driver.json": "no longer made"}
    assert (folder / "my_own.json").exists()


@pytest.mark.parametrize(("arguments", "status", "told"), [
    (["nonsense"], 2, "there is no file and no site 'nonsense'"),
    (["demo", "--to", "/proc/nowhere"], 1, "/proc/nowhere"),
])  # fmt: skip
def test_wrong_use_is_told_without_a_traceback(arguments, status, told, capsys):
    assert main(arguments) == status
    assert told in capsys.readouterr().err


def test_a_site_of_many_instruments_is_fit_too_and_asks_little_at_first(site):
    limits = "{temperature: {warning: {above: 1 K}}}"
    channels = ", ".join(f'"{n}": {{label: Stage {n}, limits: {limits}}}' for n in range(1, 17))
    text = "".join(
        f'  - {{name: cryo-{n}, driver: lakeshore_372, connection: "sim:", channels: {{{channels}}}}}\n'
        for n in range(30)
    )
    made = contents(emit.render(site(text)))
    assert len(rules_of(made)) > 30 * 17
    for dashboard in dashboards_of(made).values():
        assert sum(panel["type"] != "row" for panel in dashboard["panels"]) < 100, "closed rows ask for nothing"
    dashboard = made["dashboards/lakeshore_372.json"]
    assert [v["current"]["value"] for v in dashboard["templating"]["list"] if v["type"] == "custom"] == [
        ["cryo-0"],
        ["$__all"],
    ]


def test_a_slow_instrument_does_not_blur_the_others(site):
    made = contents(emit.render(site(FAST_AND_SLOW)))
    about_all = {OVERVIEW: ["State of instruments"], "dashboards/health.json": ["Time to read", "State of instruments"],
                 "dashboards/ds18b20.json": ["State of instruments", "Temperature", "Status of channels"]}  # fmt: skip
    for path, titles in about_all.items():
        for title in titles:
            found = {p["title"]: p for p in panels_of(made[path]) if p["title"].startswith(title)}
            fast, slow = (found[f"{title}: {names}"] for names in ("fast, also fast", "slow"))
            assert (fast["interval"], slow["interval"]) == ("${step}1s", "${step}1h")
            assert (gap_of(fast), gap_of(slow)) == (60, 4 * 3600)
            assert "'slow'" not in fast["targets"][0]["query"] and "= 'fast'" not in slow["targets"][0]["query"]


def gap_of(panel):
    return panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] / 1000


def test_instruments_of_one_pace_share_a_panel(site):
    made = contents(emit.render(site(FAST_AND_SLOW.replace("1h", "10s"))))
    titles = [p["title"] for p in panels_of(made["dashboards/ds18b20.json"])]
    assert "Temperature" in titles and not any(":" in title for title in titles)


@pytest.mark.parametrize(("stanza", "seconds"), [
    ("driver: lakeshore_372, channels: {'1': {label: Plate}, '2': {label: Still}}", 960),  # a scanner's round
    ("driver: lakeshore_372, stale: 0s, channels: {'1': {label: Plate}, '2': {label: Still}}", 960),  # and without alarms
    ("driver: lakeshore_372, stale: 90s, channels: {'1': {label: Plate}, '2': {label: Still}}", 90),  # who says it, knows it
    ("driver: ds18b20, interval: 30s, stale: 0s, channels: {a: {id: 28-0316a2795f1c}, b: {id: 28-0316a2795f1d}}", 120),
])  # fmt: skip
def test_a_line_breaks_where_a_channel_is_silent_for_longer_than_its_turn(site, stanza, seconds):
    made = contents(emit.render(site(f'  - {{name: it, connection: "sim:", {stanza}}}\n')))
    (dashboard,) = [d for d in dashboards_of(made).values() if "labline-instruments" in d["tags"]]
    course = [p for p in panels_of(dashboard) if p["type"] == "timeseries"]
    assert course and {gap_of(p) for p in course} == {seconds}
    stats = [p for p in panels_of(made[OVERVIEW]) if p["type"] == "stat"]
    assert {p["interval"] for p in stats} == {f"${{step}}{-(-seconds // 60)}m"}, (
        "whole minutes: Grafana cuts off the rest"
    )


def names_of(files):
    """List what Grafana knows by its name: another one under the same uid would keep it from starting."""
    made = contents(files)
    return {
        "folders": {p["folder"] for p in made[emit.PROVIDER]["providers"]}
        | {g["folder"] for g in made[emit.RULES]["groups"]},
        "providers": {p["name"] for p in made[emit.PROVIDER]["providers"]},
        "sources": {source["name"] for source in made[emit.DATASOURCES]["datasources"]},
        "groups": {group["name"] for group in made[emit.RULES]["groups"]},
        "points": {point["name"] for point in made[emit.CONTACTS]["contactPoints"]},
        "templates": {template["name"] for template in made[emit.TEMPLATES]["templates"]},
    }


def uids_of(files):
    texts = "".join(files.values())
    return {a or b for a, b in re.findall(r'"uid": "([^"]+)"|\buid: (\S+)', texts)} - {"__expr__"}


def test_a_text_for_people_changes_no_name_that_grafana_knows(demo):
    renamed = msgspec.structs.replace(demo, title="Lab A/B")
    assert names_of(emit.render(renamed)) == names_of(emit.render(demo))
    assert uids_of(emit.render(renamed)) == uids_of(emit.render(demo))


def test_two_sites_share_a_grafana(demo, tmp_path):
    other = msgspec.structs.replace(demo, name="other")
    own, others = names_of(emit.render(demo)), names_of(emit.render(other))
    assert not [(kind, own[kind] & others[kind]) for kind in own if own[kind] & others[kind]]
    assert not uids_of(emit.render(demo)) & uids_of(emit.render(other))
    one, two = emit.on_disk(demo, beside=[other]), emit.on_disk(other, beside=[demo])
    assert not one.keys() & two.keys()
    policies = [json.loads(files[f"alerting/{name}-policies.json"]) for files, name in ((one, "demo"), (two, "other"))]
    assert policies[0] == policies[1]  # whichever Grafana reads last
    asked = {tuple(matcher) for route in policies[0]["policies"][0]["routes"] for matcher in route["object_matchers"]}
    assert {("site", "=", "demo"), ("site", "=", "other")} <= asked
    for name in ("demo", "other"):
        emit.write(demo if name == "demo" else other, tmp_path)
        (provider,) = yaml.safe_load((tmp_path / f"dashboards/{name}.yaml").read_text())["providers"]
        assert (
            provider["options"]["path"].endswith(f"/dashboards/{name}")
            and (tmp_path / f"dashboards/{name}/host.json").exists()
        )


def test_what_a_site_was_called_before_is_removed_from_grafana(demo, tmp_path):
    emit.write(demo, tmp_path)
    made = contents(emit.on_disk(demo))
    for _ in range(2):  # written twice, it removes the same
        assert removal.write(tmp_path, "demo")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == [
        "alerting/demo-contact_points.json",
        "alerting/demo-rules.json",
        "alerting/demo-templates.json",
        "dashboards/demo.yaml",
        "datasources/demo.yaml",
    ]
    rules, points, templates = (
        json.loads((tmp_path / f"alerting/demo-{name}.json").read_text())
        for name in ("rules", "contact_points", "templates")
    )
    was = {rule["uid"] for group in made["alerting/demo-rules.json"]["groups"] for rule in group["rules"]}
    assert {entry["uid"] for entry in rules["deleteRules"]} == was and not rules["groups"]
    assert len(points["deleteContactPoints"]) == len(made["alerting/demo-contact_points.json"]["contactPoints"])
    assert templates["deleteTemplates"] == [{"name": "labline.demo", "orgId": 1}]
    source = yaml.safe_load((tmp_path / "datasources/demo.yaml").read_text())
    assert source["deleteDatasources"] == [{"name": "labline demo", "orgId": 1}] and not source["datasources"]


FAST_AND_SLOW = "".join(
    f'  - {{name: {name}, label: {label}, driver: ds18b20, connection: "sim:", interval: {interval}, '
    f"channels: {{one: {{id: 28-0316a2795f1c}}}}}}\n"
    for name, label, interval in (("fast", "fast", "1s"), ("slow", "slow", "1h"), ("fast-2", "also fast", "2s"))
)


@pytest.mark.parametrize("count", range(1, 7))
def test_no_line_of_plots_is_left_half_empty(site, count):
    channels = ", ".join(f"c{n}: {{id: 28-0316a2795f1{n}}}" for n in range(count))
    made = contents(
        emit.render(site(f'  - {{name: it, driver: ds18b20, connection: "sim:", channels: {{{channels}}}}}\n'))
    )
    row, *plots = made["dashboards/ds18b20.json"]["panels"][-count - 1 :]
    assert row["type"] == "row"
    widths = [plot["gridPos"]["w"] for plot in plots]
    assert sum(widths) % style.WIDTH in (0, 16), widths


def test_a_site_of_one_instrument_has_room_for_its_alarms(site):
    made = contents(
        emit.render(site('  - {name: it, driver: lakeshore_372, connection: "sim:", channels: {"1": {}}}\n'))
    )
    states, alarms, row = made[OVERVIEW]["panels"][:3]
    assert (alarms["type"], alarms["gridPos"]["h"]) == ("alertlist", 7)
    assert states["gridPos"]["h"] == row["gridPos"]["y"] == 7


def test_a_stat_without_a_value_says_so_and_has_no_colour_of_a_limit(made):
    stats = [p for d in dashboards_of(made).values() for p in panels_of(d) if p["type"] == "stat"]
    for stat in stats:
        defaults = stat["fieldConfig"]["defaults"]
        (empty,) = [m["options"] for m in defaults["mappings"] if m["type"] == "special"]
        assert stat["options"]["reduceOptions"]["calcs"] == ["last"], "of older values too"
        assert (empty["match"], empty["result"]["text"]) == ("null", "no data")
        assert empty["result"]["color"] not in {step["color"] for step in defaults["thresholds"]["steps"]}


def test_each_channel_has_its_course_below_its_value(made):
    """Grafana draws what is below the digits of a stat as a straight line: a vacuum's course is a plot of its own."""
    found = list(panels_of(made[OVERVIEW]))
    stats = [p for p in found if p["type"] == "stat"]
    naked = [p for p in stats if p["options"]["graphMode"] == "none" and p["title"] != "Circulator"]  # a word
    assert {p["title"] for p in naked} == {"Backing line", "Load lock", "Main chamber", "Ion source"}
    plots = {(p["gridPos"]["x"], p["gridPos"]["y"]): p for p in found if p["type"] == "timeseries"}
    for stat in naked:
        place = stat["gridPos"]
        plot = plots.pop((place["x"], place["y"] + place["h"]))
        assert plot["targets"] == stat["targets"]
        assert plot["fieldConfig"]["defaults"]["custom"]["scaleDistribution"]["type"] == "log"
        assert place["h"] + plot["gridPos"]["h"] == max(p["gridPos"]["h"] for p in stats)
    assert not plots


@pytest.mark.parametrize(("label", "quantity", "title"), [
    ("Set point", "setpoint", "Set point"),
    ("Set point", "setpoint_number", "Set point number"),
    ("Temp", "temperature", "Temp temperature"),  # a part of a word says another thing
    ("Heater", "heating_power", "Heater heating power"),
])  # fmt: skip
def test_a_title_says_nothing_twice(site, label, quantity, title):
    read = f'{{read: {{{quantity}: {{query: "A?", unit: K}}}}, label: {label}}}'
    (signal,) = signals.of_site(site(f'  - {{name: it, driver: scpi, connection: "sim:", channels: {{a: {read}}}}}\n'))
    assert signal.title == title


SEVERAL = """\
  - name: supply
    driver: scpi
    connection: "sim:"
    channels:
      a: {label: Coil, read: {level: {query: "A?", unit: A, low: 0, high: 5}}}
      b: {label: "Gate, left : low", read: {level: {query: "B?", unit: A}}}
      c: {label: Coil, read: {level: {query: "C?", unit: A}}}
"""


def test_a_choice_shows_labels_however_they_are_written(site):
    dashboard = contents(emit.render(site(SEVERAL)))["dashboards/scpi.json"]
    (channel,) = [v for v in dashboard["templating"]["list"] if v["name"] == "channel"]
    assert channel["query"] == "Coil (a) : a,Gate\\, left: low : b,Coil (c) : c"


RACK = """\
  - name: rack
    driver: scpi
    connection: "sim:"
    channels:
      pump: {label: Pump, read: {mode: {query: "P?", unit: "", type: int,
             choices: {0: off, 1: {word: on, severity: ok}, 2: {word: slow, severity: warning}, 3: {word: failed, severity: critical}, 4: standby}}}}
      spare: {label: Spare pump, read: {mode: {query: "Q?", unit: "", type: int,
             choices: {0: off, 1: {word: on, severity: ok}, 2: {word: slow, severity: warning}, 3: {word: failed, severity: critical}, 4: standby}}}}
      supply: {label: Supply, read: {mode: {query: "S?", unit: "", type: int, choices: {0: voltage, 1: current}}}}
      door: {label: Door, read: {open: {query: "D?", unit: "", type: bool, choices: {true: open, false: closed}}}}
      lamp: {label: Lamp, read: {lit: {query: "L?", unit: "", type: bool}}, limits: {lit: {critical: {alarm_when: [false]}}}}
      sign: {label: Sign, read: {says: {query: "T?", unit: "", type: str}}}
"""


def words_of(panel):
    """Give the texts and colours that a panel shows instead of values."""
    mappings = panel["fieldConfig"]["defaults"]["mappings"]
    return {v: (t["text"], t["color"]) for m in mappings if m["type"] == "value" for v, t in m["options"].items()}


def test_a_code_is_shown_as_its_word_in_the_colour_of_its_gravity(site):
    made = contents(emit.render(site(RACK)))
    drawn = {p["title"]: p for p in panels_of(made["dashboards/scpi.json"])}
    assert not [p["title"] for p in drawn.values() if p["type"] == "timeseries"], "nothing here is a curve"
    pumps = drawn["Mode: Pump, Spare pump"]
    words = words_of(pumps)
    assert {value: text for value, (text, _) in words.items()} == {
        "0": "off", "1": "on", "2": "slow", "3": "failed", "4": "standby",
    }  # fmt: skip
    assert [words[code][1] for code in "123"] == [style.GOOD, style.WARNING, style.CRITICAL]
    assert len({colour for _, colour in words.values()}) == 5, "those that say nothing differ, too"
    assert pumps["fieldConfig"]["defaults"]["thresholds"]["steps"] == [{"value": None, "color": style.UNDECLARED}]
    supply = drawn["Mode: Supply"]
    assert {text for text, _ in words_of(supply).values()} == {"voltage", "current"}
    assert "'supply'" in supply["targets"][0]["query"] and "'supply'" not in pumps["targets"][0]["query"]
    assert "'spare'" in pumps["targets"][0]["query"], "what means the same shares a panel"
    assert {value: text for value, (text, _) in words_of(drawn["Open"]).items()} == {"true": "open", "false": "closed"}
    assert words_of(drawn["Lit"]) == {"true": ("on", style.GOOD), "false": ("off", style.CRITICAL)}


def test_the_overview_shows_a_word_and_no_course(site):
    made = contents(emit.render(site(RACK)))
    stats = {p["title"]: p for p in panels_of(made[OVERVIEW]) if p["type"] == "stat"}
    assert all(p["options"]["graphMode"] == "none" for p in stats.values())
    assert words_of(stats["Spare pump"])["3"] == ("failed", style.CRITICAL)
    # Grafana shows numbers alone, unless it is told which series is meant.
    fields = {title: p["options"]["reduceOptions"]["fields"] for title, p in stats.items()}
    assert fields == {
        "Pump": "",
        "Spare pump": "",
        "Supply": "",
        "Door": "/^open$/",
        "Lamp": "/^lit$/",
        "Sign": "/^says$/",
    }
    aliases = {title: p["targets"][0]["alias"] for title, p in stats.items()}
    assert all(fields[title] in ("", f"/^{alias}$/") for title, alias in aliases.items())


def test_a_downsampled_code_is_asked_for_by_its_own_name(site):
    for query in queries_of(contents(emit.render(site(RACK)))):
        assert not re.search(r'"(mode|open|lit|says)\$', query), "it has no smallest and largest"
        assert not re.search(r'(mean|min|max|sum)\("(mode|open|lit|says)', query)


def test_many_codes_without_gravity_have_colours_for_each(site):
    many = ", ".join(f"{n}: word {n}" for n in range(len(style.MEANINGLESS)))
    text = f'  - {{name: it, driver: scpi, connection: "sim:", channels: {{a: {{read: {{q: {{query: "A?", unit: "", type: int, choices: {{{many}}}}}}}}}}}}}\n'
    (signal,) = signals.of_site(site(text))
    assert [colour for _, colour in signal.texts.values()] == list(style.MEANINGLESS)
    assert not set(style.MEANINGLESS) & {style.GOOD, style.WARNING, style.CRITICAL}


def test_of_a_very_large_site_the_first_channels_of_each_instrument_are_tried_out(demo, monkeypatch):
    monkeypatch.setattr(emit, "MOST_TRIED", 2 * len(demo.instruments))
    tried = emit._some(demo)
    assert [len(i.stanza.channels) for i in tried.instruments] == [
        min(2, len(i.stanza.channels)) for i in demo.instruments
    ]
    emit.try_out(demo)
    monkeypatch.undo()
    assert emit._some(demo) is demo
