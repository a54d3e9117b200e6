"""What a message says at three in the morning: rendered by Go's own templates, of what Grafana hands to them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from grafana_dashboards import emit, messages

LAB = """\
  - name: store
    label: Sample store
    driver: scpi
    connection: "sim:"
    channels:
      a: {label: Freezer, read: {t: {query: "T?", unit: °C, low: -300, high: 100}}, limits: {t: {critical: {above: -10 °C}, help: Shut the door.}}}
"""
URL = "https://grafana.example.org/lab"


def alert(number: int, status: str = "firing", **more):
    found = {
        "Status": status,
        "Labels": {"alertname": f"Freezer {number}: temperature above -10 °C", "severity": "critical", "kind": "limit"},
        "Annotations": {
            "summary": f"Freezer {number} is -8 °C (alarm above -10 °C)",
            "help": "Is its door shut? The spare freezer is in room 214. " * 8,
            "helpid": "h01234567",
            "link": f"{URL}/d/lab-ds18b20?viewPanel={number}",
        },
        "StartsAt": "2026-01-10T02:12:00Z",
        "EndsAt": "2026-01-10T02:30:30.4Z",
        "PanelURL": f"http://localhost:3000/d/lab-ds18b20?viewPanel={number}",
    }
    return found | more


@pytest.fixture(scope="module")
def renderer(tmp_path_factory) -> Path:
    go = shutil.which("go")
    if not go:
        pytest.skip("no Go here: templates are looked at by check_alerting.py alone")
    program = tmp_path_factory.mktemp("messages") / "messages"
    subprocess.run([go, "build", "-o", program, Path(__file__).with_name("messages.go")], check=True)
    return program


def said(renderer, site, *alerts, more: str = f"zone: Europe/Paris\ngrafana: {{url: {URL}}}\n"):
    (template,) = messages.templates(site(LAB + more))
    data = {"Alerts": alerts, "GroupLabels": {"severity": "critical"}}
    text = json.dumps({"Group": template.name, "Text": template.text, "Messages": [data]})
    ran = subprocess.run([renderer], input=text, capture_output=True, text=True, check=True)
    ((subject, message),) = json.loads(ran.stdout)
    return subject, message


def test_one_alarm_is_told_with_its_time_in_the_labs_zone_its_help_and_its_link(renderer, site):
    subject, message = said(renderer, site, alert(3))
    assert subject == "[critical: 1 active] Freezer 3: temperature above -10 °C (test)"
    assert "- critical: Freezer 3 is -8 °C (alarm above -10 °C), since 2026-01-10 03:12:00 CET\n" in message
    assert message.count("What to do: Is its door shut?") == 1
    assert f"See: {URL}/d/lab-ds18b20?viewPanel=3" in message and f"All: {URL}/d/test-overview" in message
    assert "localhost" not in message


def test_a_subject_of_five_alarms_names_them(renderer, site):
    subject, _ = said(renderer, site, *map(alert, range(5)))
    assert subject == (
        "[critical: 5 active] Freezer 0: temperature above -10 °C; Freezer 1: temperature above -10 °C; "
        "Freezer 2: temperature above -10 °C and 2 more (test)"
    )


def test_forty_alarms_of_one_help_are_a_short_message(renderer, site):
    subject, message = said(renderer, site, *map(alert, range(40)))
    assert message.count("What to do:") == 1 and message.count("\n- critical:") == 19
    assert "- and 20 more\n" in message and f"All: {URL}/d/test-overview" in message
    assert len(message) < 3000 and len(subject) < 300


def test_a_message_is_bounded_whatever_is_in_it(renderer, site):
    def big(number):
        notes = {
            "summary": "s" * 200,
            "help": f"{number} " + "x" * 500,
            "helpid": f"h{number:08x}",
            "description": "d" * 500,
        }
        return alert(number, Annotations=notes)

    over = [alert(number, "resolved") for number in range(100)]
    _, message = said(renderer, site, *map(big, range(100)), *over)
    assert message.count("What to do:") == messages.HELPS
    assert len(message) < 14_000


def test_what_is_over_says_how_long_it_was(renderer, site):
    subject, message = said(renderer, site, alert(3, "resolved"))
    assert subject == "[over] Freezer 3: temperature above -10 °C (test)"
    assert "Over:\n- Freezer 3: temperature above -10 °C, after 18m30s, at 2026-01-10 03:30:30 CET\n" in message
    assert "What to do" not in message


def test_what_may_be_over_because_nobody_could_ask_says_so(renderer, site):
    """Rules that wait in Grafana end in an outage of the database, too (docs/decisions/0023)."""
    groups = json.loads(emit.render(site(LAB))[emit.RULES])["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    noted = {rule["title"]: rule["annotations"]["over"] for rule in rules if "over" in rule["annotations"]}
    waits = {rule["title"] for rule in rules if rule["for"] != "0s" and rule.get("keepFiringFor")}
    assert noted.keys() == waits == {"Nothing comes from daq", "The clock of daq is behind"}
    for title, words in noted.items():
        over = alert(3, "resolved", Annotations={"over": words})
        over["Labels"] |= {"alertname": title, "kind": "line"}
        _, message = said(renderer, site, over)
        assert "CET, or the database did not answer for 5 min: then it begins again\n" in message


def test_without_a_zone_and_a_url_a_message_has_what_grafana_knows(renderer, site):
    _, message = said(renderer, site, alert(3, Annotations={"summary": "It is -8 °C"}), more="")
    assert "See: http://localhost:3000/d/lab-ds18b20?viewPanel=3" in message and "All:" not in message


def test_rules_have_the_labs_links_and_names_for_their_help(site):
    rules = json.loads(emit.render(site(f"{LAB}grafana: {{url: {URL}/}}\n"))[emit.RULES])["groups"][0]["rules"]
    for rule in rules:
        notes = rule["annotations"]
        assert notes["link"] == f"{URL}/d/{notes['__dashboardUid__']}?viewPanel={notes['__panelId__']}"
        assert ("helpid" in notes) == ("help" in notes)
    assert len({rule["annotations"]["helpid"] for rule in rules}) == len(
        {rule["annotations"]["help"] for rule in rules}
    )
