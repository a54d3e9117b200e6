"""How alarms stand in the terminal: as Grafana's machine has it, also where the past has to be asked for."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import time

import pytest
from msgspec import structs

from grafana_dashboards import emit
from grafana_dashboards.uids import uid
from labline.live.course import Course
from labline.live.limits import NS, Key, LimitWatch
from labline.live.standing import Phase, Standing
from provisioning import limit_rules
from provisioning import site as sites
from provisioning.influxdb_server import Server
from tests.grafana_dashboards import machine

SITE = """\
site: trial
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - name: rack
    driver: scpi
    connection: tcp://127.0.0.1:9
    interval: 10s
    channels:
{channels}
"""
CHANNEL = """\
      c{number}:
        read: {{voltage: {{query: "VOLT{number}?", unit: V, description: A voltage, low: -10, high: 10}}}}
        limits: {{voltage: {{{severity}: {{{side}: {value} V}}, hysteresis: {hysteresis} V, for: {for_}}}}}
"""


def load(tmp_path, channels: str, database: str = "lab"):
    file = tmp_path / "trial.yml"
    file.write_text(SITE.format(database=database, channels=channels))
    return sites.load(file)


def channel(number=0, severity="warning", side="above", value=2, hysteresis=0.5, for_="30s") -> str:
    return CHANNEL.format(number=number, severity=severity, side=side, value=value, hysteresis=hysteresis, for_=for_)


def stood(rule, readings) -> str:
    """Let a rule take in readings, one every 10 s, None for none; a letter a look: how it stands after each."""
    standing, seen = Standing(rule), ""
    samples = {100 + n: [reading] for n, reading in enumerate(readings) if reading is not None}
    course = Course(rule, samples, 0, 101 + len(readings))
    for now in range(101, 101 + len(readings)):
        standing.look(10.0 * now, course.judged(now), course.newest(now))
        seen += standing.phase.value[0]
    return seen


def as_grafana_has_it(site, limits, server, database, looks) -> None:
    """Hold how limits stand at the end of some looks against what Grafana's rules make of the same data."""
    rules = json.loads(emit.render(site)[emit.RULES])["groups"][0]["rules"]
    past = machine.Past(server, database, str)
    since, until = looks[0] * 10 - machine.START, looks[-1] * 10 + 1 - machine.START
    for key, standings in limits._standings.items():
        for standing in standings:
            limit, side = standing.rule.limit, getattr(standing.rule, "side", "when")
            (rule,) = [r for r in rules if r["uid"] == uid("trial", *key, limit.severity, side)]
            states = [instance.state for instance in past.looks(rule, since, until, every=10).instances.values()]
            assert states == ["Alerting" if standing.on else "Normal"], (key, side)


@pytest.mark.parametrize(
    ("what", "readings", "phases"),
    [
        # `for` is 30 s, an alarm ends after 300 s below 1.5; a look sees what came in the 10 s before it.
        ("it lasts", [1, 1, 1, 3, 3, 3, 3, 3], "nnnppp ff"),
        ("an outlier", [1, 1, 1, 3, 1, 1], "nnnpnn"),
        ("it is over before", [1, 1, 1, 3, 3, 1, 1], "nnnppnn"),
        ("noise hinders nothing", [1, 1, 1, 3, 3, 1, 3, 3], "nnnppnp f"),
        ("the hysteresis begins nothing", [1.7, 1.7, 1.4, 1.7], "nnnn"),
        ("the hysteresis holds what is there", [3] * 5 + [1.7] * 40, "ppppf" + "f" * 40),
        ("it ends after a while", [3] * 5 + [1] * 31, "ppppf" + "e" * 29 + "nn"),
        ("it comes back before its end", [3] * 5 + [1] * 3 + [3, 1.7], "ppppfeeeff"),
        ("silence begins nothing", [3, 3, None, None, None, None], "pppppp"),
        ("silence keeps it", [3] * 5 + [None] * 50, "ppppf" + "f" * 50),
        ("silence ends nothing", [3] * 5 + [1] + [None] * 40, "ppppfe" + "e" * 40),
        ("after silence the hysteresis counts", [3] * 5 + [None, 1.7, 1.7], "ppppffff"),
    ],
)
def test_the_machine(tmp_path, what, readings, phases):
    site = load(tmp_path, channel())
    (limit,) = site.instruments[0].limits
    (rule,) = limit_rules.of_limit(limit, site.instruments[0], site.alarms)
    assert stood(rule, readings) == phases.replace(" ", ""), what


def test_below_is_the_other_way_round_and_without_a_wait_it_comes_at_once(tmp_path):
    site = load(tmp_path, channel(side="below", for_="0s"))
    (rule,) = limit_rules.of_limit(site.instruments[0].limits[0], site.instruments[0], site.alarms)
    assert stood(rule, [3, 1.9, 2.3, 2.5, 2.6]) == "nfffe"


def test_what_comes_when_something_happens_stands_until_there_is_more(tmp_path):
    """A door that opens, is looked at later, and closes: an alarm at once, over five minutes after it closed, though nothing more comes."""
    site = load(tmp_path, channel(for_="0s"))
    (limit,) = site.instruments[0].limits
    stream = dataclasses.replace(limit.channel.stream, kind="event")
    limit = structs.replace(limit, channel=dataclasses.replace(limit.channel, stream=stream))
    (rule,) = limit_rules.of_limit(limit, site.instruments[0], site.alarms)
    assert rule.held and rule.at_once
    readings = [None, 3, None, None, *[None] * 30, 1, *[None] * 31]
    assert stood(rule, readings) == "n" + "f" * 33 + "e" * 30 + "nn"


def test_who_comes_later_sees_what_was_seen_all_the_time(database, influxd, tmp_path):
    """Readings wander about their limits for an hour: who asks afterwards, or was away, sees what an onlooker saw.

    Every third channel, one without hysteresis, falls silent now and then.
    """
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    kinds = [*itertools.product(("above", "below"), (1,), (0, 0.5), ("0s", "40s"))]
    channels = [
        channel(n, side=side, value=value, hysteresis=back, for_=for_)
        for n, (side, value, back, for_) in enumerate(kinds)
    ]
    site = load(tmp_path, "".join(channels), database.name)
    keys = [("rack", f"c{n}", "voltage") for n in range(len(channels))]
    chance = random.Random(7)
    end = int(time.time()) // 10
    looks = range(end - 360, end + 1)
    lines = []
    values, silent = dict.fromkeys(keys, 1.5), dict.fromkeys(keys, 0)
    for look in looks:
        for key, (_, _, back, _) in zip(keys, kinds, strict=True):
            silent[key] = (
                silent[key] - 1 if silent[key] else chance.randint(5, 60) * (chance.random() < 0.02 and not back)
            )
            values[key] = min(4.0, max(-1.0, values[key] + chance.choice((0, 0, 0, 0, chance.gauss(0, 1)))))
            if chance.random() < 0.8 and not silent[key]:
                tags = f"site=trial,instrument=rack,channel={key[1]}"
                lines.append(f'scpi,{tags} voltage={values[key]},status="ok" {(look * 10 - 4) * NS}')
    database.write("\n".join(lines), "raw")
    server = Server(database.url, database.reader, database.reader_password)
    asked: list[str] = []

    def ask(statements):
        asked.extend(statements)
        return server.query(";\n".join(statements), database.name)

    def made():
        return LimitWatch(site, ask, "\"site\" = 'trial'")

    def stand(limits):
        return {key: [standing.phase for standing in limits.of(key)] for key in keys}

    onlooker, absent = made(), made()
    seen = set()
    for index, look in enumerate(looks):
        onlooker.look(look * 10)
        if index > 100 and not index % 13:
            late = made()
            late.look(look * 10)
            absent.look(look * 10)
            assert stand(late) == stand(absent) == stand(onlooker), index
            seen |= {phase for phases in stand(onlooker).values() for phase in phases}
    assert {Phase.NORMAL, Phase.FIRING, Phase.ENDING} <= seen
    as_grafana_has_it(site, onlooker, server, database.name, looks)
    assert any('"voltage" > 1' in one for one in asked) and any('"voltage" < 1' in one for one in asked)


WORDS = """\
      pump:
        read: {mode: {query: "M?", unit: "", type: int, choices: {0: off, 1: on, 2: slow, 3: {word: failed, severity: critical}}}}
        limits: {mode: {warning: {alarm_when: [slow]}, critical: {alarm_when: [failed, "off"]}, for: 30s}}
      door:
        read: {open: {query: "D?", unit: "", type: bool}}
        limits: {open: {critical: {alarm_when: [true]}, for: 0s}}
      sign:
        read: {says: {query: "S?", unit: "", type: str}}
        limits: {says: {warning: {alarm_when: [jammed, lost]}, for: 20s}}
"""


@pytest.mark.parametrize(
    ("what", "severity", "readings", "phases"),
    [
        # Every 10 s; `for` is 30 s, an alarm ends after 300 s of anything else.
        ("one word is as good as another", "critical", [1, 1, 3, 0, 3, 0, 0], "nnppp ff"),
        ("the other severity's word is none of it", "critical", [3, 2, 2, 2], "pnnn"),
        ("nor the other way round", "warning", [2, 3, 3, 3], "pnnn"),
        ("a code that is not declared is no alarm", "critical", [3, 9, 9, 9], "pnnn"),
        ("it ends", "critical", [3] * 5 + [1] * 31, "ppppf" + "e" * 29 + "nn"),
        ("it comes back", "critical", [3] * 5 + [1, 0, 2], "ppppfefe"),
        ("silence keeps it", "critical", [3] * 5 + [None] * 3 + [1], "ppppffffe"),
    ],
)
def test_the_machine_of_words(tmp_path, what, severity, readings, phases):
    site = load(tmp_path, WORDS)
    instrument = site.instruments[0]
    (limit,) = (v for v in instrument.limits if v.quantity.name == "mode" and v.severity == severity)
    (rule,) = limit_rules.of_limit(limit, instrument, site.alarms)
    assert stood(rule, readings) == phases.replace(" ", ""), what


def test_who_comes_later_sees_the_same_words(database, influxd, tmp_path):
    """Codes, truths and texts change for half an hour: who asks afterwards, or was away, sees what an onlooker saw."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    site = load(tmp_path, WORDS, database.name)
    kinds = {
        "pump": ("mode", (0, 1, 1, 2, 3)),
        "door": ("open", (True, False)),
        "sign": ("says", ("ready", "jammed", "lost")),
    }
    chance = random.Random(5)
    end = int(time.time()) // 10
    looks = range(end - 180, end + 1)
    values: dict[Key, object] = {("rack", name, field): words[0] for name, (field, words) in kinds.items()}
    lines = []
    for look in looks:
        for key in values:
            field, words = kinds[key[1]]
            if chance.random() < 0.05:
                values[key] = chance.choice(words)
            written = (
                {int: "{}i", bool: "{}", str: '"{}"'}[type(values[key])]
                .format(values[key])
                .replace("True", "true")
                .replace("False", "false")
            )
            lines.append(
                f'scpi,site=trial,instrument=rack,channel={key[1]} {field}={written},status="ok" {(look * 10 - 4) * NS}'
            )
    database.write("\n".join(lines), "raw")
    server = Server(database.url, database.reader, database.reader_password)

    def made():
        return LimitWatch(
            site, lambda statements: server.query(";\n".join(statements), database.name), "\"site\" = 'trial'"
        )

    def stand(limits):
        return {key: [standing.phase for standing in limits.of(key)] for key in values}

    onlooker, absent = made(), made()
    seen = set()
    for index, look in enumerate(looks):
        onlooker.look(look * 10)
        if index > 100 and not index % 13:
            late = made()
            late.look(look * 10)
            absent.look(look * 10)
            assert stand(late) == stand(absent) == stand(onlooker), index
            seen |= {phase for phases in stand(onlooker).values() for phase in phases}
    assert {Phase.NORMAL, Phase.FIRING, Phase.ENDING} <= seen
    as_grafana_has_it(site, onlooker, server, database.name, looks)
