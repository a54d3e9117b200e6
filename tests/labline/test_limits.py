"""How alarms stand in the terminal: as Grafana's machine has it, also where the past has to be asked for."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from labline.live.limits import NS, Key, Limits, Reading
from labline.live.standing import Phase, Standing
from provisioning import limit_rules
from provisioning import site as sites
from provisioning.influxdb_server import Server

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


@pytest.mark.parametrize(
    ("what", "readings", "phases"),
    [
        # One letter a look, every 10 s; `for` is 30 s, an alarm ends after 300 s below 1.5.
        ("it lasts", [1, 3, 3, 3, 3, 3], "nppp ff"),
        ("it is over before", [3, 3, 3, 1, 3], "pppnp"),
        ("the hysteresis holds what is to come", [3, 1.7, 1.7, 1.7], "pppf"),
        ("the hysteresis begins nothing", [1.7, 1.7, 1.4, 1.7], "nnnn"),
        ("the hysteresis holds what is there", [3] * 4 + [1.7] * 3, "pppffff"),
        ("it ends after a while", [3] * 4 + [1] * 31, "pppf" + "e" * 30 + "n"),
        ("it comes back before its end", [3] * 4 + [1] * 3 + [3, 1.7], "pppfeeeff"),
        ("while it ends the hysteresis holds nothing", [3] * 4 + [1] + [1.7] * 30, "pppf" + "e" * 30 + "n"),
        ("silence lets it come", [3, None, None, None, None], "pppff"),
        ("silence keeps it", [3] * 4 + [None] * 50, "pppf" + "f" * 50),
        ("silence lets it end", [3] * 4 + [1] + [None] * 30, "pppf" + "e" * 30 + "n"),
        ("after silence the limit itself counts", [3] * 4 + [None, 1.7], "pppffe"),
        ("silence begins nothing", [None, 1, None], "nnn"),
    ],
)
def test_the_machine(tmp_path, what, readings, phases):
    site = load(tmp_path, channel())
    (limit,) = site.instruments[0].limits
    (rule,) = limit_rules.of_limit(limit, site.instruments[0], site.alarms)
    standing, seen = Standing(rule), ""
    for number, reading in enumerate(readings):
        standing.look(1000.0 + 10 * number, reading)
        seen += standing.phase.value[0]
    assert seen == phases.replace(" ", ""), what


def test_below_is_the_other_way_round(tmp_path):
    site = load(tmp_path, channel(side="below", for_="0s"))
    (rule,) = limit_rules.of_limit(site.instruments[0].limits[0], site.instruments[0], site.alarms)
    standing, seen = Standing(rule), ""
    for number, reading in enumerate([3, 1.9, 2.3, 2.5, 2.6]):
        standing.look(10.0 * number, reading)
        seen += standing.phase.value[0]
    assert seen == "nfffe"


def test_who_comes_later_sees_what_was_seen_all_the_time(database, influxd, tmp_path):
    """Readings wander about their limits for an hour: who asks afterwards, or was away, sees what an onlooker saw.

    Every third channel, one without hysteresis, falls silent now and then.
    """
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    kinds = [*itertools.product(("above", "below"), (1, 2), (0, 0.5, 1.5), ("0s", "40s"))]
    channels = [
        channel(n, side=side, value=value, hysteresis=back, for_=for_)
        for n, (side, value, back, for_) in enumerate(kinds)
    ]
    site = load(tmp_path, "".join(channels), database.name)
    keys = [("rack", f"c{n}", "voltage") for n in range(len(channels))]
    chance = random.Random(7)
    end = int(time.time()) // 10
    looks = range(end - 360, end + 1)
    readings: list[dict[Key, Reading]] = []  # the newest ones, look by look
    lines = []
    values, silent = dict.fromkeys(keys, 1.5), dict.fromkeys(keys, 0)
    for look in looks:
        newest = dict(readings[-1]) if readings else {}
        for key, (_, _, back, _) in zip(keys, kinds, strict=True):
            silent[key] = (
                silent[key] - 1 if silent[key] else chance.randint(5, 60) * (chance.random() < 0.02 and not back)
            )
            values[key] = min(4.0, max(-1.0, values[key] + chance.choice((0, 0, 0, 0, chance.gauss(0, 1)))))
            if chance.random() < 0.8 and not silent[key]:
                newest[key] = (look * 10 - 4) * NS, values[key]
                tags = f"site=trial,instrument=rack,channel={key[1]}"
                lines.append(f'scpi,{tags} voltage={values[key]},status="ok" {newest[key][0]}')
        readings.append(newest)
    database.write("\n".join(lines), "raw")
    server = Server(database.url, database.reader, database.reader_password)
    asked: list[str] = []

    def ask(statements):
        asked.extend(statements)
        return server.query(";\n".join(statements), database.name)

    def made():
        return Limits(site, ask, "\"site\" = 'trial'")

    def stand(limits):
        return {key: [standing.phase for standing in limits.of(key)] for key in keys}

    onlooker, absent = Limits(site, lambda _: [], "true"), made()
    seen = set()
    for index, (look, newest) in enumerate(zip(looks, readings, strict=True)):
        onlooker.look(look * 10, newest)
        if index > 100 and not index % 13:
            late = made()
            late.look(look * 10, newest)
            absent.look(look * 10, newest)
            assert stand(late) == stand(absent) == stand(onlooker), index
            seen |= {phase for phases in stand(onlooker).values() for phase in phases}
    assert seen == set(Phase)
    assert any('"voltage" > 1' in one for one in asked) and any('"voltage" < 1' in one for one in asked)


@pytest.mark.parametrize(("silence", "phase"), [(50, Phase.FIRING), (120, Phase.ENDING)])
def test_a_reading_that_is_too_old_for_the_rule_is_none(tmp_path, silence, phase):
    """After silence Grafana passes over the hysteresis; it looks back for a minute here."""
    limits = Limits(load(tmp_path, channel()), lambda _: [], "true")
    key, now = ("rack", "c0", "voltage"), 10**9
    for seconds in range(0, 60, 10):
        limits.look(now + seconds, {key: ((now + seconds) * NS, 3.0)})
    for seconds in range(60, 60 + silence, 10):
        limits.look(now + seconds, {key: ((now + 50) * NS, 3.0)})
    limits.look(now + 60 + silence, {key: ((now + 60 + silence) * NS, 1.7)})
    assert [standing.phase for standing in limits.of(key)] == [phase]


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
        ("one word is as good as another", "critical", [1, 3, 0, 3, 0, 0], "nppp ff"),
        ("the other severity's word is none of it", "critical", [3, 3, 2, 3], "ppnp"),
        ("nor the other way round", "warning", [2, 2, 3, 2], "ppnp"),
        ("a code that is not declared is no alarm", "critical", [3, 9, 3], "pnp"),
        ("it ends", "critical", [3] * 4 + [1] * 31, "pppf" + "e" * 30 + "n"),
        ("it comes back", "critical", [3] * 4 + [1, 0, 2], "pppfefe"),
        ("silence keeps it", "critical", [3] * 4 + [None] * 3 + [1], "pppffffe"),
    ],
)
def test_the_machine_of_words(tmp_path, what, severity, readings, phases):
    site = load(tmp_path, WORDS)
    instrument = site.instruments[0]
    (limit,) = (v for v in instrument.limits if v.quantity.name == "mode" and v.severity == severity)
    (rule,) = limit_rules.of_limit(limit, instrument, site.alarms)
    standing, seen = Standing(rule), ""
    for number, reading in enumerate(readings):
        standing.look(1000.0 + 10 * number, reading)
        seen += standing.phase.value[0]
    assert seen == phases.replace(" ", ""), what


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
    readings: list[dict[Key, Reading]] = []
    lines = []
    for look in looks:
        newest = {}
        for key in values:
            field, words = kinds[key[1]]
            if chance.random() < 0.05:
                values[key] = chance.choice(words)
            newest[key] = (look * 10 - 4) * NS, values[key]
            written = (
                {int: "{}i", bool: "{}", str: '"{}"'}[type(values[key])]
                .format(values[key])
                .replace("True", "true")
                .replace("False", "false")
            )
            lines.append(
                f'scpi,site=trial,instrument=rack,channel={key[1]} {field}={written},status="ok" {newest[key][0]}'
            )
        readings.append(newest)
    database.write("\n".join(lines), "raw")
    server = Server(database.url, database.reader, database.reader_password)

    def made():
        return Limits(
            site, lambda statements: server.query(";\n".join(statements), database.name), "\"site\" = 'trial'"
        )

    def stand(limits):
        return {key: [standing.phase for standing in limits.of(key)] for key in values}

    onlooker, absent = Limits(site, lambda _: [], "true"), made()
    seen = set()
    for index, (look, newest) in enumerate(zip(looks, readings, strict=True)):
        onlooker.look(look * 10, newest)
        if index > 100 and not index % 13:
            late = made()
            late.look(look * 10, newest)
            absent.look(look * 10, newest)
            assert stand(late) == stand(absent) == stand(onlooker), index
            seen |= {phase for phases in stand(onlooker).values() for phase in phases}
    assert {Phase.NORMAL, Phase.FIRING, Phase.ENDING} <= seen
