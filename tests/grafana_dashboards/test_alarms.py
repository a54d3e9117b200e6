"""Alarms: made of the site's limits, for every instrument that falls silent, and told to people no oftener than they can bear."""

from __future__ import annotations

import json
import re

import pytest

import provisioning.site
from grafana_dashboards import emit, messages, provision, signals, style
from grafana_dashboards.check import panels_of
from grafana_dashboards.places import placed
from grafana_dashboards.uids import uid
from provisioning import limit_rules
from tests.telegraf_inputs import plugged

CRYOSTAT = """\
  - name: cryostat
    driver: lakeshore_372
    connection: "sim:"
    interval: 5s
    channels:
      "5":
        label: Still
        limits:
          temperature:
            warning: {above: 1.2 K, below: 500 mK}
            critical: {above: 2 K}
            hysteresis: 50 mK
            for: 2m
            help: Is 100 % {{ of it }} at ${HOME} or $HOME?
"""


def rendered(site, **more):
    files = emit.render(site, **more)
    return {name: json.loads(text) for name, text in files.items() if name.endswith(".json")}


def rules_of(made, kind):
    found = [rule for group in made[emit.RULES]["groups"] for rule in group["rules"]]
    return {rule["title"]: rule for rule in found if rule["labels"]["kind"] == kind}


def asked(rule):
    """Give a rule's question, and how it compares with numbers: {">": {…}, …}."""
    query = rule["data"][0]["model"]["query"]
    return query, set(re.findall(r'"v" ([<>]=? [-\d.]+)', query))


def test_a_limit_makes_a_rule_for_each_side_with_hysteresis(site):
    rules = rules_of(rendered(site(CRYOSTAT)), "limit")
    made = {title: (rule["labels"]["severity"], asked(rule)[1]) for title, rule in rules.items()}
    assert made == {
        "cryostat: Still temperature below 0.5 K": ("warning", {"< 0.5", "<= 0.55"}),
        "cryostat: Still temperature above 1.2 K": ("warning", {"> 1.2", ">= 1.15"}),
        "cryostat: Still temperature above 2 K": ("critical", {"> 2.0", ">= 1.95"}),
    }


def test_nothing_waits_in_grafana_where_readings_decide(site):
    """What is pending begins, what recovers ends, and a hysteresis is forgotten, while the database is away."""
    made = rendered(site(CRYOSTAT))
    for kind in ("limit", "stale", "channel", "unsteady"):
        assert rules_of(made, kind)
        for rule in rules_of(made, kind).values():
            assert (rule["for"], rule["noDataState"], rule["execErrState"]) == ("0s", "KeepLast", "KeepLast")
            assert "keepFiringFor" not in rule
            assert rule["data"][-1]["model"]["conditions"] == [{"evaluator": {"type": "gt", "params": [0.5]}}]


def test_no_rule_that_waits_in_grafana_begins_in_an_outage(site):
    """With KeepLast, what is pending begins once its wait is over, whether the database answers or not."""
    found = """\
  - {name: door, driver: room_door, connection: tcp://192.168.1.5:7777, interval: 1s, channels: {air: }}
"""
    with plugged.in_place(plugged.ROOM):
        made = rendered(site(CRYOSTAT + CHILLER + found))
    rules = [rule for group in made[emit.RULES]["groups"] for rule in group["rules"]]
    assert {rule["labels"]["kind"] for rule in rules} == {"limit", "stale", "channel", "unsteady", "line"}
    assert any("no good reading of a channel" in rule["title"] for rule in rules)
    waiting = {rule["title"]: rule["execErrState"] for rule in rules if rule["for"] != "0s"}
    assert waiting == {
        "The database does not answer": "Alerting",
        "Nothing comes from daq": "OK",
        "The clock of daq is behind": "OK",
    }


def test_an_alarm_says_which_node_reads_its_instrument(site, tmp_path):
    kinds = {"limit", "stale", "channel"}
    path = tmp_path / "site.yml"

    def told(made):
        rules = [rule for kind in kinds for rule in rules_of(made, kind).values()]
        assert {rule["labels"]["kind"] for rule in rules} == kinds
        return {rule["labels"]["node"] for rule in rules}, [rule["annotations"]["description"] for rule in rules]

    nodes, descriptions = told(rendered(site(CRYOSTAT)))
    assert nodes == {"daq"} and not any("read by" in text for text in descriptions)
    text = path.read_text().replace(
        "[{name: daq}]", "[{name: hall}, {name: cellar}]\ninfluxdb: {url: 'http://hall:8086'}"
    )
    path.write_text(text.replace('connection: "sim:"', 'connection: "sim:"\n    node: cellar'))
    made = rendered(provisioning.site.load(path))
    nodes, descriptions = told(made)
    assert nodes == {"cellar"} and all("It is read by cellar." in text for text in descriptions)
    (stale,) = rules_of(made, "stale").values()
    assert stale["annotations"]["summary"] == "cryostat (cellar) has delivered nothing for 1 min"


def test_without_hysteresis_the_limit_itself_ends_the_alarm(site):
    rules = rules_of(rendered(site(CRYOSTAT.replace("            hysteresis: 50 mK\n", ""))), "limit")
    assert [asked(rule)[1] for rule in rules.values()] == [{"< 0.5"}, {"> 1.2"}, {"> 2.0"}]


def test_every_alarm_has_a_title_of_its_own_however_things_are_called(site):
    one = CRYOSTAT.replace("label: Still", "label: Stage") + CRYOSTAT.split("channels:\n")[1].replace(
        '"5"', '"6"'
    ).replace("label: Still", "label: Stage")
    two = one.replace("name: cryostat", f"name: other\n    label: {'x' * 200}")
    titles = [
        rule["title"]
        for kind in ("limit", "stale", "channel")
        for rule in rules_of(rendered(site(one + two)), kind).values()
    ]
    assert len(titles) == 2 * (2 * 3 + 1 + 2) and all(len(title) <= 190 for title in titles)


@pytest.mark.parametrize(("keys", "told"), [
    ("for: 2m", "comes after 2 min above 2 K, and ends after 5 min below 1.95 K."),  # as far apart as messages
    ("for: 10m", "comes after 10 min above 2 K, and ends after 10 min below 1.95 K."),
    ("for: 0s", "comes at once above 2 K, and ends after 5 min below 1.95 K."),
])  # fmt: skip
def test_a_limits_alarm_says_when_it_comes_and_ends(site, keys, told):
    made = rules_of(rendered(site(CRYOSTAT.replace("for: 2m", keys))), "limit")
    rule = made["cryostat: Still temperature above 2 K"]
    assert rule["annotations"]["description"].endswith(f"This alarm {told}")


def test_a_quantity_without_a_unit_has_a_limit_too(site):
    text = """\
  - name: pump
    driver: scpi
    connection: "sim:"
    channels: {a: {label: Pump, read: {hours: {query: "H?", unit: "", low: 0}}, limits: {hours: {warning: {above: 900}}}}}
"""
    (rule,) = rules_of(rendered(site(text)), "limit").values()
    assert rule["title"] == "pump: Pump hours above 900"
    assert rule["annotations"]["summary"] == 'pump: Pump hours is {{ printf "%.6g" $values.B.Value }} (alarm above 900)'


def test_a_pace_of_minutes_is_kept_by_all_durations(site):
    made = rendered(site(CRYOSTAT + "alarms: {every: 4m}\n"))
    rules = [rule for group in made[emit.RULES]["groups"] for rule in group["rules"]]
    assert {rule["for"] for rule in rules} == {"0s", "4m"}
    assert {rule["keepFiringFor"] for rule in rules if "keepFiringFor" in rule} == {"8m"}
    (limit, *_) = rules_of(made, "limit").values()
    assert "comes after 4 min below 0.5 K, and ends after 8 min" in limit["annotations"]["description"]


def test_a_database_that_does_not_answer_is_one_alarm_and_not_one_for_each_instrument(demo):
    (group,) = [g for g in rendered(demo)[emit.RULES]["groups"] if g["name"] == "demo: the line"]
    (rule,) = [r for r in group["rules"] if r["execErrState"] == "Alerting"]
    assert (rule["title"], rule["labels"]["severity"]) == ("The database does not answer", "critical")
    assert rule["noDataState"] == "OK", "that nothing comes is told for each instrument"
    assert "$" not in rule["annotations"]["summary"] + rule["annotations"]["help"], (
        "an error has no values and no labels"
    )
    others = [r for g in rendered(demo)[emit.RULES]["groups"] for r in g["rules"] if r != rule]
    assert {r["execErrState"] for r in others} == {"KeepLast", "OK"}


def test_readings_that_are_dropped_are_a_warning_that_leads_to_their_plot(demo):
    made = rendered(demo)
    rule = rules_of(made, "line")["Readings were lost before Telegraf"]
    assert rule["labels"]["severity"] == "warning" and rule["annotations"]["help"]
    dashboard = next(d for d in made.values() if d.get("uid") == rule["annotations"]["__dashboardUid__"])
    (panel,) = [p for p in dashboard["panels"] if str(p["id"]) == rule["annotations"]["__panelId__"]]
    assert panel["title"] == "Dropped"


def test_the_end_of_the_proxys_certificate_is_told_two_weeks_before(site):
    title = "The certificate of the proxy ends soon"
    assert title not in rules_of(rendered(site(CRYOSTAT)), "line")
    made = rendered(site(CRYOSTAT + "influxdb: {write: {url: 'https://server.lab:8443'}}\n"))
    rule = rules_of(made, "line")[title]
    assert 'min("expiry") / 86400' in rule["data"][0]["model"]["query"]
    (threshold,) = [query["model"] for query in rule["data"] if query["refId"] == "C"]
    assert threshold["conditions"][0]["evaluator"] == {"type": "lt", "params": [14.0]}
    dashboard = next(d for d in made.values() if d.get("uid") == rule["annotations"]["__dashboardUid__"])
    (panel,) = [p for p in dashboard["panels"] if str(p["id"]) == rule["annotations"]["__panelId__"]]
    assert panel["title"] == "Certificate of the proxy"


@pytest.mark.parametrize(("interval", "every", "window"), [
    ("5s", "10s", 600),
    ("10m", "10s", 1215),  # two reports
    ("1d", "10s", 3600),
    ("5s", "10m", 1800),  # seen at two looks, or it would never have lasted
])  # fmt: skip
def test_a_loss_is_seen_however_slowly_reports_come_and_however_seldom_grafana_looks(site, interval, every, window):
    text = CRYOSTAT.replace("interval: 5s", f"interval: {interval}").replace("for: 2m", "for: 1d")
    text += f"alarms: {{every: {every}}}\n"
    rules = [
        rule
        for title, rule in rules_of(rendered(site(text)), "line").items()
        if " daq" not in title and title != "What is read is not stored"
    ]  # those are of now
    assert len(rules) == 5 and {rule["data"][0]["relativeTimeRange"]["from"] for rule in rules} == {window}


def test_a_limit_without_help_says_nothing_of_it(site):
    help = "            help: Is 100 % {{ of it }} at ${HOME} or $HOME?\n"
    for rule in rules_of(rendered(site(CRYOSTAT.replace(help, ""))), "limit").values():
        assert "help" not in rule["annotations"]


def test_panels_and_alarms_have_the_same_limits(demo):
    made = rendered(demo)
    for signal in signals.of_site(demo):
        if not signal.limits or not signal.numeric:
            continue
        rules = [r for r in rules_of(made, "limit").values() if r["labels"]["instrument"] == signal.instrument.name
                 and r["labels"]["channel"] == signal.channel.id and f'"{signal.quantity.name}"' in r["data"][0]["model"]["query"]]  # fmt: skip
        wanted = sorted(float(t.split()[1]) for r in rules for t in asked(r)[1] if "=" not in t)
        assert wanted
        dashboards = {d["uid"]: d for d in made.values() if "panels" in d}
        linked = {(r["annotations"]["__dashboardUid__"], r["annotations"]["__panelId__"]) for r in rules}
        assert len(linked) == 1, "all alarms of a signal lead to its one plot"
        ((dashboard, panel),) = linked
        plot = next(p for p in dashboards[dashboard]["panels"] if str(p["id"]) == panel)
        stat = next(
            p for p in dashboards["demo-overview"]["panels"] if p.get("description", "").startswith(signal.description)
        )
        for shown in (plot, stat):
            steps = [step["value"] for step in shown["fieldConfig"]["defaults"]["thresholds"]["steps"]]
            assert steps == [None, *wanted], shown["title"]


def test_thresholds_go_from_critical_to_good_and_back(site):
    text = CRYOSTAT.replace("critical: {above: 2 K}", "critical: {above: 2 K, below: 300 mK}")
    (signal,) = [s for s in signals.of_site(site(text)) if s.limits]
    assert signals.steps(signal.limits, "green") == [
        (None, "red"),
        (0.3, "orange"),
        (0.5, "green"),
        (1.2, "orange"),
        (2.0, "red"),
    ]


def test_what_people_write_is_neither_template_nor_variable(site):
    (rule, *_) = rules_of(rendered(site(CRYOSTAT.replace("label: Still", "label: 5$ {{x}}"))), "limit").values()
    # Annotations: Go templates, and ${} in newer Grafanas. Titles: $ is expanded.
    assert rule["annotations"]["help"] == 'Is 100 % {{ "{" }}{{ "{" }} of it }} at {{ "$" }}{{ "{" }}HOME} or $HOME?'
    assert rule["annotations"]["summary"].startswith(
        'cryostat: 5$ {{ "{" }}{{ "{" }}x}} temperature is {{ printf "%.6g" $values.B.Value }} K'
    )
    assert rule["title"].startswith("cryostat: 5$$ {{x}} temperature")


@pytest.mark.parametrize(("keys", "window"), [
    ("interval: 5s", 60),  # the least
    ("interval: 1m", 180),  # three intervals
    ("interval: 5s\n    stale: 10m", 600),  # as it is asked for
    ("interval: 1m\n    stale: 1m", 140),  # but never less than two reports need
])  # fmt: skip
def test_the_stale_alarm_follows_the_instruments_own_cadence(site, keys, window):
    (rule,) = rules_of(rendered(site(CRYOSTAT.replace("interval: 5s", keys))), "stale").values()
    assert "'cryostat' AND" in asked(rule)[0] and f"time > now() - {window}s AND time <= now())" in asked(rule)[0]


@pytest.mark.parametrize(("driver", "watched"), [
    ("lakeshore_372", '"up" > 0'),  # busy with channels of which the site file has none, it brings nothing for minutes
    ("lakeshore_372\n    stale: 2m", 'non_negative_difference("readings")'),
    ("julabo", 'non_negative_difference("readings")'),
])  # fmt: skip
def test_of_a_scanner_the_stale_alarm_asks_whether_it_answers(site, driver, watched):
    text = CRYOSTAT.replace("driver: lakeshore_372", f"driver: {driver}")
    if driver == "julabo":
        text = text.partition("    channels:")[0]
    (rule,) = rules_of(rendered(site(text)), "stale").values()
    assert watched in asked(rule)[0]


def test_the_stale_alarm_is_on_for_every_instrument_unless_it_is_switched_off(demo, site):
    told = {rule["labels"]["instrument"] for rule in rules_of(rendered(demo), "stale").values()}
    assert told == {i.name for i in demo.instruments}
    off = rendered(site(CRYOSTAT.replace("interval: 5s", "interval: 5s\n    stale: 0s")))
    assert not rules_of(off, "stale") and not rules_of(off, "channel")


@pytest.mark.parametrize(("keys", "round"), [
    ("interval: 5s", 960),  # the scanner's round
    ("interval: 5s\n    stale: 2m", 960),  # however soon its silence is told
    ("interval: 10m", 1800),  # three intervals
])  # fmt: skip
def test_every_channel_has_an_alarm_of_its_own_with_time_for_a_scan(site, keys, round):
    text = CRYOSTAT.replace("interval: 5s", keys).replace("for: 2m", "for: 10m")
    (rule,) = rules_of(rendered(site(text)), "channel").values()
    assert (rule["labels"]["severity"], rule["labels"]["channel"]) == ("warning", "5")
    # Nothing well in two rounds, though the instrument delivered before them and does now.
    assert f"time > now() - {2 * round}s AND time <= now() - {round}s" in asked(rule)[0]


@pytest.mark.parametrize(("keys", "windows"), [
    ("interval: 5s", {180, 360, 720, 1440, 2880}),  # to twice the scanner's round: two readings are in there
    ("interval: 5s\n    stale: 0s", {180, 360, 720, 1440, 2880}),
    ("interval: 10m", {1800, 3600, 7200}),
    ("interval: 5s\n    stale: 30m", {180, 360, 720, 1440, 2880, 5760}),
])  # fmt: skip
def test_a_limits_windows_hold_two_readings_however_slowly_they_come(site, keys, windows):
    text = CRYOSTAT.replace("interval: 5s", keys).replace("for: 2m", "for: 10m" if "10m" in keys else "for: 2m")
    lab = site(text)
    (instrument,) = lab.instruments
    rules = [rule for limit in instrument.limits for rule in limit_rules.of_limit(limit, instrument, lab.alarms)]
    assert {frozenset(rule.begins) for rule in rules} == {frozenset(windows)}
    for rule in rules_of(rendered(lab), "limit").values():
        assert all(f"now() - {window}s" in asked(rule)[0] for window in windows)


def test_a_limit_neither_alarms_nor_ends_where_data_are_missing(demo):
    rules = rules_of(rendered(demo), "limit").values()
    assert {(rule["noDataState"], rule["execErrState"]) for rule in rules} == {("KeepLast", "KeepLast")}


@pytest.mark.parametrize(("names", "made"), [
    (["cryostat", "5", "temperature"], "cryostat-5-temperature"),
    (["a" * 60, "b" * 60, "critical"], f"{'a' * 31}-8da41ecf"),
    (["with.dots", "and/slashes", "é"], "with-dots-and-slashes-1edc6f84"),
])  # fmt: skip
def test_uids_fit_and_stay(names, made):
    assert uid(*names) == made
    assert len(made) <= 40 and all(c.isascii() and (c.isalnum() or c in "_-") for c in made)


def test_uids_do_not_meet():
    names = [("a-b", "c"), ("a", "b-c"), ("a.b", "c"), ("a b", "c"), ("x" * 50, "1"), ("x" * 50, "2"), ("a", "b", "c")]
    assert len({uid(*parts) for parts in names}) == len(names)


def test_a_rule_that_is_gone_is_deleted_for_good_and_may_come_back(site, tmp_path):
    def write(text):
        emit.write(site(text), tmp_path)
        written = json.loads((tmp_path / placed(emit.RULES, "test")).read_text(encoding="utf-8"))
        return {r["uid"] for g in written["groups"] for r in g["rules"]}, {
            d["uid"] for d in written.get("deleteRules", [])
        }

    whole, nothing = write(CRYOSTAT)
    assert not nothing
    fewer = CRYOSTAT.replace("            critical: {above: 2 K}\n", "")
    left, deleted = write(fewer)
    assert len(deleted) == 1 and left | deleted == whole
    assert write(fewer) == (left, deleted), "a Grafana that was away meanwhile is told too"
    assert write(CRYOSTAT) == (whole, set())


POINTS = """
notifications:
  contact_points:
    - {name: people, type: email, addresses: [a@example.org, b@example.org]}
    - {name: chat, type: webhook, url_file: chat_url, token_file: /run/token, severities: [critical]}
"""


def test_contact_points_name_their_secrets_and_hold_none(site):
    points = rendered(site(CRYOSTAT + POINTS), paths=emit.GrafanaPaths(secrets="/srv/secrets"))[emit.CONTACTS][
        "contactPoints"
    ]
    mail, hook = (point["receivers"][0] for point in points)
    assert mail["settings"]["addresses"] == "a@example.org;b@example.org" and mail["settings"]["singleEmail"]
    assert hook["settings"]["url"] == "$__file{/srv/secrets/chat_url}"
    assert hook["settings"]["authorization_credentials"] == "$__file{/run/token}"
    # Templates are called by name: a variable of Go's language would be taken for one of the environment's.
    assert all(
        "$" not in receiver["settings"][key]
        for receiver, key in ((mail, "subject"), (mail, "message"), (hook, "title"), (hook, "message"))
    )


MESSENGERS = """
notifications:
  contact_points:
    - {name: a, type: slack, url_file: slack_url}
    - {name: b, type: slack, token_file: slack_token, channel: "#lab"}
    - {name: c, type: teams, url_file: teams_url}
    - {name: d, type: mattermost, url_file: mattermost_url, channel: lab}
    - {name: e, type: telegram, token_file: bot, chat: "-100123"}
    - {name: f, type: ntfy, url: "https://ntfy.example.org/lab?template=grafana", token_file: ntfy_token}
    - {name: g, type: pushover, token_file: application, user_file: group}
"""


def test_messengers_are_grafanas_own_types_with_their_secrets_in_files(site):
    """The names of the settings are those that grafana/alerting reads (receivers/*/config.go)."""
    made = rendered(site(CRYOSTAT + MESSENGERS), paths=emit.GrafanaPaths(secrets="/s"))
    points = [point["receivers"][0] for point in made[emit.CONTACTS]["contactPoints"]]
    kept = {
        key for point in points for key, value in point["settings"].items() if value.startswith("$__file{/s/")
    }  # fmt: skip
    assert kept == {"url", "token", "bottoken", "apiToken", "userKey", "authorization_credentials"}
    subject, message = (
        f'{{{{ template "{messages.group(site(CRYOSTAT))}.{part}" . }}}}' for part in ("subject", "message")
    )
    assert [(point["type"], point["settings"]) for point in points] == [
        ("slack", {"url": "$__file{/s/slack_url}", "title": subject, "text": message}),
        ("slack", {"token": "$__file{/s/slack_token}", "recipient": "#lab", "title": subject, "text": message}),
        ("teams", {"url": "$__file{/s/teams_url}", "title": subject, "message": message}),
        ("slack", {"url": "$__file{/s/mattermost_url}", "recipient": "lab", "title": subject, "text": message}),
        ("telegram", {"bottoken": "$__file{/s/bot}", "chatid": "-100123", "message": f"{subject}\n\n{message}", "parse_mode": "None"}),
        ("webhook", {
            "url": "https://ntfy.example.org/lab?template=grafana", "httpMethod": "POST", "maxAlerts": "20", "title": subject,
            "message": message, "authorization_scheme": "Bearer", "authorization_credentials": "$__file{/s/ntfy_token}"}),
        ("pushover", {"apiToken": "$__file{/s/application}", "userKey": "$__file{/s/group}", "title": subject, "message": message}),
    ]  # fmt: skip


def test_a_contact_point_that_is_gone_is_deleted(site, tmp_path):
    emit.write(site(CRYOSTAT + POINTS), tmp_path)
    emit.write(site(CRYOSTAT), tmp_path)
    written = json.loads((tmp_path / placed(emit.CONTACTS, "test")).read_text(encoding="utf-8"))
    assert [entry["uid"] for entry in written["deleteContactPoints"]] == ["test-contact-chat", "test-contact-people"]
    (policy,) = json.loads((tmp_path / placed(emit.POLICIES, "test")).read_text(encoding="utf-8"))["policies"]
    assert policy["receiver"] == provision.NOBODY and "routes" not in policy


def test_each_is_told_of_the_severities_asked_for_in_a_bearable_number_of_messages(site):
    (policy,) = rendered(site(CRYOSTAT + POINTS))[emit.POLICIES]["policies"]
    told = [
        (r["receiver"], {m[0]: m[2] for m in r["object_matchers"]}["severity"], r["repeat_interval"])
        for r in policy["routes"]
    ]
    assert told == [
        ("people (test)", "warning", "1d"),
        ("people (test)", "critical", "4h"),
        ("chat (test)", "critical", "4h"),
    ]
    for name in ("people (test)", "chat (test)"):
        routes = [r for r in policy["routes"] if r["receiver"] == name]
        # Whatever breaks: a route is one group, as its only labels are the folder and the severity.
        assert all(r["continue"] and set(r["group_by"]) == {"grafana_folder", "severity"} for r in routes)
        an_hour = sum(60 / int(r["group_interval"].removesuffix("m")) for r in routes)
        assert an_hour <= 24, "mail accounts are blocked after several dozen an hour"


def test_what_nobody_asks_for_is_told_to_nobody(site, demo):
    only_critical = "\n".join(line for line in POINTS.splitlines() if "people" not in line) + "\n"
    made = rendered(site(CRYOSTAT + only_critical))[emit.POLICIES]
    (policy,) = made["policies"]
    told = [
        ({m[0]: m[2] for m in r["object_matchers"]}["severity"], r.get("mute_time_intervals")) for r in policy["routes"]
    ]
    (mute,) = made["muteTimes"]
    assert told == [("critical", None), ("warning", [mute["name"]])]
    assert mute["time_intervals"] == [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
    assert "muteTimes" not in rendered(demo)[emit.POLICIES]


def test_messages_have_a_subject_whatever_is_in_them_and_no_value_where_there_is_none(demo):
    made = rendered(demo)
    (template,) = made[emit.TEMPLATES]["templates"]
    called = {
        made[emit.CONTACTS]["contactPoints"][0]["receivers"][0]["settings"][key] for key in ("subject", "message")
    }
    assert all(
        f'{{{{ define "{name}"' in template["template"]
        for name in ("labline.demo.subject", "labline.demo.message", "labline.demo.alert")
    )
    assert called == {'{{ template "labline.demo.subject" . }}', '{{ template "labline.demo.message" . }}'}
    assert (
        "(alarm above 1.2 K)"
        in rules_of(made, "limit")["Dilution refrigerator: Still temperature above 1.2 K"]["annotations"]["summary"]
    )
    for rule in (r for kind in ("limit", "stale", "channel") for r in rules_of(made, kind).values()):
        label = rule["title"].partition(":")[0]
        assert rule["annotations"]["summary"].startswith(label), "two instruments have a cold plate"
    assert "CommonLabels" not in template["template"], "it is empty where a group holds several alarms"
    for rule in rules_of(made, "stale").values():
        assert "$values" not in rule["annotations"]["summary"]


CHILLER = """\
  - name: chiller
    driver: julabo
    connection: "sim:"
    label: Chiller
    channels:
      circulator:
        label: Circulator
        limits:
          status_code:
            warning: {alarm_when: [invalid command]}
            critical: {alarm_when: [low level alarm, temperature measurement alarm]}
            help: Fill it up.
  - name: hall
    driver: scpi
    connection: "sim:"
    channels:
      door: {label: Door, read: {open: {query: "D?", unit: "", type: bool, choices: {true: {word: "open {{wide}}", severity: warning}, false: closed}}},
             limits: {open: {critical: {alarm_when: ["open {{wide}}"]}, for: 0s}}}
      sign: {label: Sign, read: {says: {query: "S?", unit: "", type: str}}, limits: {says: {warning: {alarm_when: ["it's", off]}}}}
"""


def test_the_alarm_of_a_code_tells_words_and_no_number(site):
    rules = rules_of(rendered(site(CHILLER)), "limit")
    assert {title: (rule["labels"]["severity"], re.findall(r'WHERE (\("v" = [^)]*\))', asked(rule)[0])[0]) for title, rule in rules.items()} == {
        "Chiller: Circulator status code is invalid command": ("warning", '("v" = -8)'),
        "Chiller: Circulator status code is low level alarm or temperature measurement alarm": ("critical", '("v" = -1 OR "v" = -12)'),
        "hall: Door open is open {{wide}}": ("critical", '("v" = true)'),
        "hall: Sign says is it's or off": ("warning", """("v" = 'it\\'s' OR "v" = 'off')"""),
    }  # fmt: skip
    notes = rules["Chiller: Circulator status code is low level alarm or temperature measurement alarm"]["annotations"]
    assert notes["help"] == "Fill it up."
    assert notes["description"].endswith(
        "Warning when it is invalid command. Critical when it is low level alarm or temperature measurement alarm. "
        "This alarm comes after 1 min of 'low level alarm' or 'temperature measurement alarm', "
        "and ends after 5 min of anything else."
    )
    assert notes["summary"] == (
        "Chiller: Circulator status code is {{ if eq $values.B.Value 1.0 }}'low level alarm'"
        "{{ else if eq $values.B.Value 2.0 }}'temperature measurement alarm'{{ else }}something else{{ end }} "
        "(alarm when 'low level alarm' or 'temperature measurement alarm')"
    )
    (door,) = (rule for title, rule in rules.items() if title.startswith("hall: Door"))
    assert door["annotations"]["summary"].startswith(
        """hall: Door open is {{ if eq $values.B.Value 1.0 }}'open {{ "{" }}{{ "{" }}wide}}'{{ else }}something else{{ end }}"""
    )


def test_the_words_of_an_alarm_have_its_colour_where_its_link_leads(site):
    lab = site(CHILLER)
    made = rendered(lab)
    dashboards = {d["uid"]: d for d in made.values() if "panels" in d}
    limits = {(v.channel.id, v.severity): v for i in lab.instruments for v in i.limits}
    for rule in rules_of(made, "limit").values():
        dashboard = dashboards[rule["annotations"]["__dashboardUid__"]]
        plot = next(p for p in panels_of(dashboard) if str(p["id"]) == rule["annotations"]["__panelId__"])
        assert plot["type"] == "state-timeline"
        (mapping,) = plot["fieldConfig"]["defaults"]["mappings"]
        severity = rule["labels"]["severity"]
        colours = {text["text"]: text["color"] for text in mapping["options"].values()}
        for word in limits[rule["labels"]["channel"], severity].words:
            assert colours[word] == style.SEVERITY[severity], "the site's severity, not the driver's"
