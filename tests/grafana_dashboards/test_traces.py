"""What the alarms make of an hour in a laboratory: rules as they are rendered, asked of a real InfluxDB, through Grafana's machine."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from grafana_dashboards import emit, latches
from provisioning import limit_rules
from provisioning.influxdb_server import Server
from tests.telegraf_inputs import plugged

from .machine import LOOK, Machine, Past

MINUTE, HOUR = 60, 3600
NODE = "nodes: [{name: daq}]\n"


@pytest.fixture
def past(database, influxd) -> Past:
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION INF REPLICATION 1 DEFAULT')
    reader = Server(database.url, database.reader, database.reader_password)
    return Past(reader, database.name, lambda lines: database.write(lines, "raw"))


@pytest.fixture
def rule(site) -> Callable[..., dict[str, Any]]:
    """Render a site and choose one of its rules, by words of its title."""

    def choose(text: str, *words: str) -> dict[str, Any]:
        groups = json.loads(emit.render(site(f"{text}alarms: {{every: {LOOK}s}}\n"))[emit.RULES])["groups"]
        found = [r for g in groups for r in g["rules"] if all(word in r["title"] for word in words)]
        assert len(found) == 1, [r["title"] for r in found]
        return dict(found[0])

    return choose


def gauge(limits: str = "", interval: str = "5s", more: str = "") -> str:
    read = '{value: {query: "V?", unit: V, description: A voltage, low: -1000, high: 1000}}'
    return f"""\
  - name: rack
    driver: scpi
    connection: tcp://127.0.0.1:9
    interval: {interval}
    {more}
    channels:
      c: {{label: C, read: {read}{f", limits: {{value: {{{limits}}}}}" if limits else ""}}}
"""


def course(past: Past, value: Callable[[float], float | None], until: int, every: int = 5, since: int = 0) -> None:
    """Write a channel's readings."""

    def values(at: float) -> dict[str, Any]:
        found = value(at)
        return {} if found is None else {"value": found, "status": "ok"}

    past.points("scpi", {"instrument": "rack", "channel": "c"}, range(since, until, every), values)


FREEZER = "critical: {above: 10 V}, hysteresis: 2 V, for: 10m"
GOOD, BAD, BETWEEN = 5.0, 20.0, 9.0
M = MINUTE


def steps(*parts: tuple[float, float | None]) -> Callable[[float], float | None]:
    """Make a course of (until (s), value)."""
    return lambda at: next((value for until, value in parts if at < until), None)


@pytest.mark.parametrize(
    ("what", "limits", "value", "away", "told"),
    [
        # (when, what) is told to people: minutes, "on" or "off"; times may be a look and a reading late.
        ("it stays", FREEZER, steps((30 * M, GOOD), (60 * M, BAD)), [], [(40, "on")]),
        ("it is over before", FREEZER, steps((30 * M, GOOD), (39 * M, BAD), (60 * M, GOOD)), [], []),
        (
            "it goes",
            FREEZER,
            steps((10 * M, GOOD), (25 * M, BAD), (60 * M, GOOD)),
            [],
            [(20, "on"), (35, "off")],
        ),
        (
            "one reading, then no database: nothing is pending that could begin",
            FREEZER,
            steps((20 * M, GOOD), (20 * M + 5, BAD)),
            [(20 * M + 20, 32 * M)],
            [],
        ),
        ("one reading, then silence", FREEZER, steps((20 * M, GOOD), (20 * M + 5, BAD)), [], []),
        ("nine minutes, then silence", FREEZER, steps((20 * M, GOOD), (29 * M, BAD)), [], []),
        (
            "nine minutes, then no database, and then well",
            FREEZER,
            steps((20 * M, GOOD), (29 * M, BAD), (41 * M, None), (60 * M, GOOD)),
            [(29 * M, 41 * M)],
            [],
        ),
        (
            "an outage ends no alarm",
            FREEZER,
            steps((10 * M, GOOD), (60 * M, BAD)),
            [(25 * M, 45 * M)],
            [(20, "on")],
        ),
        (
            "silence ends none",
            FREEZER,
            steps((10 * M, GOOD), (25 * M, BAD)),
            [],
            [(20, "on")],
        ),
        (
            "an outage ends no alarm that was about to end",
            FREEZER,
            steps((5 * M, GOOD), (20 * M, BAD), (22 * M, GOOD), (40 * M, None), (60 * M, BAD)),
            [(22 * M, 40 * M)],
            [(15, "on")],
        ),
        (
            "the hysteresis is not forgotten in an outage",
            FREEZER,
            steps((5 * M, GOOD), (20 * M, BAD), (60 * M, BETWEEN)),
            [(25 * M, 27 * M), (40 * M, 40 * M + 10)],
            [(15, "on")],
        ),
        (
            "nor in silence",
            FREEZER,
            steps((5 * M, GOOD), (20 * M, BAD), (35 * M, None), (60 * M, BETWEEN)),
            [],
            [(15, "on")],
        ),
        ("the hysteresis begins nothing", FREEZER, steps((60 * M, BETWEEN)), [], []),
        (
            "switched on with a bad value, it waits as always",
            FREEZER,
            steps((20 * M, None), (60 * M, BAD)),
            [],
            [(30, "on")],
        ),
        (
            "a value that comes and goes is one alarm",
            "warning: {above: 10 V}, for: 1m",
            lambda at: BAD if at % 160 < 100 else GOOD,
            [],
            [(1, "on")],
        ),
        (
            "without a wait one reading is enough",
            "critical: {above: 10 V}, for: 0s",
            steps((20 * M, GOOD), (20 * M + 5, BAD), (60 * M, GOOD)),
            [],
            [(20, "on"), (25, "off")],
        ),
        (
            "below",
            "critical: {below: -10 V}, hysteresis: 2 V, for: 2m",
            steps((20 * M, -5.0), (30 * M, -20.0), (60 * M, -5.0)),
            [],
            [(22, "on"), (35, "off")],
        ),
    ],
)
def test_a_limit(past, rule, what, limits, value, away, told):
    course(past, value, HOUR)
    seen = past.looks(rule(gauge(limits), "C value"), 0, HOUR, away).told
    assert [how for _, how in seen] == [how for _, how in told], (what, seen)
    for (at, _), (minute, _) in zip(seen, told, strict=True):
        assert minute * M - LOOK <= at <= minute * M + 2 * LOOK, (what, seen)


def test_what_comes_when_something_happens_is_an_alarm_at_once_and_over_after_a_while(past, rule, site):
    """A door: opened at 10 min, closed at 20 min, and nothing else is ever said."""
    lab = site(gauge("critical: {above: 10 V}, for: 0s") + f"alarms: {{every: {LOOK}s}}\n")
    (instrument,) = lab.instruments
    (limit,) = instrument.limits
    stream = dataclasses.replace(limit.channel.stream, kind="event")
    limit = structs.replace(limit, channel=dataclasses.replace(limit.channel, stream=stream))
    (goes_by,) = limit_rules.of_limit(limit, instrument, lab.alarms)
    made = rule(gauge("critical: {above: 10 V}, for: 0s"), "C value")
    points = latches.Points("value", "scpi", "\"instrument\" = 'rack'", sample=0)
    made["data"][0]["model"]["query"] = latches.of_limit(goes_by, points)
    course(past, lambda at: {600: BAD, 1200: GOOD}.get(at), HOUR)
    assert past.looks(made, 0, HOUR).told == [(600, "on"), (1500, "off")]


@pytest.mark.parametrize("seed", range(3))
def test_noise_hinders_no_alarm_and_makes_none(past, rule, seed):
    """A fifth of noise: a tenth over the limit is told within minutes; a quarter below it is well."""
    chance = random.Random(seed)
    well, beyond = 0.75, 1.1
    course(past, lambda at: chance.gauss(1, 0.2) * 10 * (well if at < 30 * M else beyond), HOUR)
    told = past.looks(rule(gauge("critical: {above: 10 V}, for: 3m"), "C value"), 0, HOUR).told
    assert [how for _, how in told] == ["on"]
    assert 30 * M <= told[0][0] <= 42 * M


@pytest.mark.parametrize(
    ("bad", "told"), [((3000, 3001), []), ((3000, 4201), [3600]), ((3000, 9000), [3600])], ids=["one", "three", "many"]
)
def test_a_slow_sensors_outlier_is_no_alarm(past, rule, bad, told):
    course(past, lambda at: BAD if bad[0] <= at < bad[1] else GOOD, 9000, every=600)
    seen = past.looks(rule(gauge("critical: {above: 10 V}", "10m"), "C value"), 0, 7200).told
    assert [at for at, how in seen if how == "on"] == pytest.approx(told, abs=2 * LOOK)


SCANNER = """\
  - name: cryostat
    driver: lakeshore_372
    connection: tcp://127.0.0.1:9
    interval: 5s
    stale: 2m
    channels:
      "1": {label: One, limits: {temperature: {critical: {above: 10 K}, for: 1m}}}
      "2": {label: Two}
"""


def scan(past: Past, kelvin: Callable[[float], float | None], turn: int, until: int, status: str = "ok") -> None:
    """Write what a scanner says that comes round in ``turn`` seconds; the other channels have readings all the time."""

    def values(at: float) -> dict[str, Any]:
        found = kelvin(at)
        return {} if found is None else {"temperature": found, "status": status}

    tags = {"instrument": "cryostat", "channel": "1"}
    past.points("lakeshore_372", tags, range(7, until, turn), values)
    past.points(
        "lakeshore_372", {**tags, "channel": "2"}, range(0, until, 5), lambda at: {"temperature": 1.0, "status": "ok"}
    )


@pytest.mark.parametrize("turn", [40, 130, 400])
def test_a_scanners_channel_has_its_alarm_with_the_second_reading(past, rule, turn):
    begun = 6 * turn + 7
    scan(past, lambda at: BAD if at >= begun or at == turn + 7 else GOOD, turn, begun + 4 * turn)
    told = past.looks(rule(SCANNER, "One temperature"), 0, begun + 3 * turn).told
    assert [how for _, how in told] == ["on"]
    assert begun + turn <= told[0][0] <= begun + 2 * turn + 2 * LOOK


def test_a_well_scanner_has_no_alarm_of_a_channel_however_soon_silence_is_told(past, rule):
    scan(past, lambda at: GOOD, 960, HOUR)
    assert past.looks(rule(SCANNER, "no good reading of One"), 0, HOUR).changes == []


def test_a_scanners_channel_that_is_gone_or_in_error_is_told(past, rule):
    scan(past, lambda at: None, 960, HOUR)
    gone = past.looks(rule(SCANNER, "no good reading of One"), 20 * M, 40 * M).told
    assert [how for _, how in gone] == ["on"] and gone[0][0] <= 1920 + 2 * LOOK
    scan(past, lambda at: GOOD, 40, 20 * M, "sensor_open")
    faulty = past.looks(rule(SCANNER, "no good reading of One"), 0, 20 * M).told
    assert [how for _, how in faulty] == ["on"] and faulty[0][0] <= 10 * M


def node(past: Past, until: int, since: int = 0, clock: int = 0) -> None:
    """Write that a node's Telegraf is there, each ten seconds, and takes something in; its ``clock`` may be ahead (s)."""
    when = range(since + clock, until + clock, 10)
    past.points("internal_agent", {"host": "daq"}, when, lambda at: {"metrics_gathered": int(at) + 1000})
    tags = {"host": "daq", "alias": "scpi", "input": "execd"}
    past.points("internal_gather", tags, when, lambda at: {"metrics_gathered": int(at) + 1000})


def reports(past: Past, up: Callable[[float], bool], until: int, every: int = 5, since: int = 0) -> None:
    """Write what a program reports, while the instrument answers, or does not."""
    made, lost, errors, was = since // every, 0, 0, True

    def values(at: float) -> dict[str, Any]:
        nonlocal made, lost, errors, was
        now = up(at)
        made, errors, lost = made + now, errors + (not now), lost + (now and not was)
        was = now
        return {"readings": made, "up": int(now), "errors": errors, "reconnects": lost}

    past.points("instrument", {"instrument": "rack", "host": "daq"}, range(since, until, every), values)
    past.points(
        "scpi",
        {"instrument": "rack", "channel": "c"},
        range(since, until, every),
        lambda at: {"value": 1.0, "status": "ok"} if up(at) else {},
    )


def cable(out: int, back: int) -> Callable[[float], bool]:
    """Take a cable out for some seconds, and put it back for others, for 50 minutes from the tenth on."""
    return lambda at: not 10 * M <= at < 60 * M or (at - 10 * M) % (out + back) >= out


RULES = {"stale": "rack: no data", "channel": "no good reading", "unsteady": "comes and goes", "node": "Nothing comes"}


def told_of(
    past: Past, rule: Callable[..., dict[str, Any]], until: int, away: list[tuple[int, int]]
) -> dict[str, list[tuple[int, str]]]:
    """Look at all the rules that an instrument has without a word in the site file."""
    return {name: past.looks(rule(gauge(), text), 0, until, away).told for name, text in RULES.items()}


@pytest.mark.parametrize(
    ("what", "up", "away", "told"),
    [
        ("all is well", lambda at: True, [], {}),
        ("a pulled cable", lambda at: not 10 * M <= at < 30 * M, [], {"stale": [(11, "on"), (35, "off")]}),
        ("a cable that comes and goes slowly", cable(100, 60), [], {"stale": [(11, "on"), (65, "off")], "unsteady": [(17, "on"), (72, "off")]}),
        ("a cable that comes and goes fast", cable(40, 60), [], {"unsteady": [(14, "on"), (73, "off")]}),
        ("a short outage of the database", lambda at: True, [(20 * M, 32 * M)], {}),
        ("a pulled cable, and then no database", lambda at: at < 20 * M, [(20 * M + 30, 32 * M)], {"stale": [(32, "on")]}),
        ("a pulled cable is back without the database", lambda at: not 10 * M <= at < 20 * M, [(15 * M, 22 * M)], {"stale": [(11, "on"), (25, "off")]}),
    ],
)  # fmt: skip
def test_silence(past, rule, what, up, away, told):
    until = 80 * M
    node(past, until)
    reports(past, up, until)
    seen = {name: found for name, found in told_of(past, rule, until, away).items() if found}
    assert {name: [how for _, how in found] for name, found in seen.items()} == {
        name: [how for _, how in wanted] for name, wanted in told.items()
    }, (what, seen)
    for name, wanted in told.items():
        for (at, _), (minute, _) in zip(seen[name], wanted, strict=True):
            assert minute * M - LOOK <= at <= minute * M + 2 * M, (what, name, seen)


def test_a_node_that_is_away_is_one_alarm_and_not_one_for_each_instrument(past, rule):
    node(past, 20 * M)
    node(past, 60 * M, since=40 * M)
    reports(past, lambda at: True, 20 * M)
    seen = told_of(past, rule, 40 * M, [])
    assert [how for _, how in seen.pop("node")] == ["on"]
    assert not any(seen.values()), seen
    assert not past.looks(rule(gauge(), "The clock of daq is behind"), 0, HOUR).told


@pytest.mark.parametrize(
    ("clock", "which"), [(-70, "behind"), (-140, "behind"), (30, "ahead"), (70, "ahead"), (40000, "ahead"), (0, "")]
)
def test_a_wrong_clock_is_named_and_no_cable(past, rule, clock, which):
    words = {name: text for name, text in RULES.items() if name != "node"} | {
        "behind": "The clock of daq is behind",
        "ahead": "The clock of daq is ahead",
    }
    wanted = [rule(gauge(), text) for text in words.values()]

    def arrives(since: int, until: int) -> None:
        node(past, until, since, clock)
        reports(past, lambda at: True, until + clock, since=since + clock)

    arrives(-10 * M, 0)
    seen = {name: m.told for name, m in zip(words, past.live(wanted, 0, 8 * M, arrives), strict=True) if m.told}
    assert {name: [how for _, how in told] for name, told in seen.items()} == ({which: ["on"]} if which else {})


def test_errors_that_come_and_go_are_told_and_one_that_lasts_is_the_channels(past, rule):
    def write(name: str, errors: Callable[[float], int]) -> Machine:
        past.points(
            "instrument",
            {"instrument": name},
            range(0, HOUR, 5),
            lambda at: {"readings": int(at), "up": 1, "errors": errors(at), "reconnects": 0},
        )
        text = gauge().replace("name: rack", f"name: {name}")
        return past.looks(rule(text, "comes and goes"), 0, HOUR)

    assert not write("lasting", lambda at: int(at / 5)).told
    assert not write("once", lambda at: int(at > 1000)).told
    assert [how for _, how in write("often", lambda at: int(at / 20)).told] == ["on"]


def test_a_channel_whose_status_comes_and_goes_is_one_alarm(past, rule):
    past.points(
        "scpi",
        {"instrument": "rack", "channel": "c"},
        range(0, 80 * M, 5),
        lambda at: {"status": "overload" if 10 * M <= at < 60 * M and at % 60 < 45 else "ok"},
    )
    told = past.looks(rule(gauge(), "no good reading"), 0, 80 * M).told
    assert [how for _, how in told] == ["on", "off"]
    assert told[0][0] <= 14 * M and 64 * M <= told[1][0] <= 67 * M


@pytest.mark.parametrize(("back", "told"), [(True, []), (False, ["on"])])
def test_a_pause_is_no_alarm_until_its_time_is_over(past, rule, back, told):
    """An instrument that is let go of for half an hour, and then read again, or not found any more."""
    begin, end, until = 10 * M, 40 * M, 60 * M
    node(past, until)
    reports(past, lambda at: True, begin)
    past.points(
        "instrument",
        {"instrument": "rack", "host": "daq"},
        range(begin, end, 5),
        lambda at: {"up": 0, "paused": int(end - at), "state": "paused"},
    )
    reports(past, lambda at: back, until, since=end)
    seen = told_of(past, rule, until, [])
    assert [how for _, how in seen["stale"]] == told
    assert all(at >= end for at, _ in seen["stale"]) and not (seen["channel"] or seen["unsteady"] or seen["node"])


def test_a_node_that_is_back_before_its_alarm_is_none_though_the_database_is_away(past, rule):
    """What it read meanwhile is written a minute after the database is back."""
    down, up = 20 * M + 45, 32 * M
    watched = [rule(gauge(), "Nothing comes")]

    def arrives(since: int, until: int) -> None:
        if until <= 17 * M or since > up + 30:
            node(past, until, since)
        elif since == up + 30:
            node(past, until, since=21 * M)

    arrives(0, 17 * M)
    (seen,) = past.live(watched, 17 * M + 30, 45 * M, arrives, [(down, up)])
    assert not seen.told and any(state == "Pending" and at < down for at, _, state in seen.changes), seen.changes


def test_a_node_that_stays_away_is_told_again_after_the_database_was_away(past, rule):
    node(past, 10 * M)
    told = past.looks(rule(gauge(), "Nothing comes"), 0, 60 * M, [(20 * M, 40 * M)]).told
    assert [how for _, how in told] == ["on", "off", "on"]
    assert 20 * M + 5 * M <= told[1][0] < 40 * M < told[2][0] <= 42 * M


def test_a_clock_that_stays_behind_is_told_again_after_the_database_was_away(past, rule):
    """What the node says meanwhile is written a minute after the database is back."""
    down, up, clock = 20 * M, 40 * M, -70

    def arrives(since: int, until: int) -> None:
        if since == up + 30:
            node(past, until, down, clock)
        elif not down <= since < up + 30:
            node(past, until, since, clock)

    arrives(0, 9 * M)
    (seen,) = past.live([rule(gauge(), "The clock of daq is behind")], 9 * M + 30, 50 * M, arrives, [(down, up)])
    assert [how for _, how in seen.told] == ["on", "off", "on"], seen.changes
    assert down + 5 * M <= seen.told[1][0] < up < seen.told[2][0] <= up + 6 * M


@pytest.mark.parametrize(
    ("clock", "which", "back"), [(-70, "behind", 80), (30, "ahead", 30), (70, "ahead", 30), (40000, "ahead", 30)]
)
def test_a_clock_that_is_wrong_for_a_moment_is_no_alarm_though_the_database_is_away(past, rule, clock, which, back):
    """It is set right while the database is away; points of a future that came are there still."""
    watched = [rule(gauge(), f"The clock of daq is {which}")]
    wrong = 20 * M

    def arrives(since: int, until: int) -> None:
        if which == "behind" and wrong <= since < wrong + 12 * M:
            return  # nothing new, as of a clock that is set back
        node(past, until, since, clock if wrong <= since < wrong + back and which == "ahead" else 0)

    arrives(10 * M, wrong)
    (seen,) = past.live(watched, wrong + 30, 40 * M, arrives, [(wrong + back + 20, 33 * M)])
    assert not [at for at, how in seen.told if how == "on"], seen.changes


@pytest.mark.parametrize("clock", [30, 70])
def test_an_outage_does_not_end_the_alarm_of_a_clock_that_is_ahead(past, rule, clock):
    """What the node says meanwhile is written a minute after the database is back; at 40 min, its clock is set right."""
    down, up, right = 20 * M, 32 * M, 40 * M

    def arrives(since: int, until: int) -> None:
        if since == up + 30:
            node(past, until, down, clock)
        elif not down <= since < up + 30:
            node(past, until, since, clock if 10 * M <= since < right else 0)

    arrives(5 * M, 9 * M)
    (seen,) = past.live([rule(gauge(), "The clock of daq is ahead")], 9 * M + 30, 50 * M, arrives, [(down, up)])
    assert [how for _, how in seen.told] == ["on", "off"], seen.changes
    (began, _), (ended, _) = seen.told
    assert 10 * M < began <= 12 * M and right + 5 * M <= ended <= right + 5 * M + clock + 2 * LOOK


ROOM = """\
  - name: door
    driver: room_door
    connection: tcp://192.168.1.5:7777
    interval: 1s
    channels: {air: }
"""


@pytest.mark.parametrize(
    ("what", "gone", "away", "told"),
    [
        ("it stays away", (20 * M, 60 * M), [], [(22, "on")]),
        ("it is back", (20 * M, 30 * M), [], [(22, "on"), (35, "off")]),
        ("a short while, then no database", (20 * M, 20 * M + 110), [(20 * M + 100, 33 * M)], []),
        ("an outage ends none", (20 * M, 60 * M), [(25 * M, 45 * M)], [(22, "on")]),
    ],
)
def test_a_channel_that_was_found(past, rule, what, gone, away, told):
    with plugged.in_place(plugged.ROOM):
        watched = rule(ROOM, "no good reading of a channel (room_lamp)")
    past.points("instrument", {"instrument": "door", "host": "daq"}, range(0, HOUR, 5), lambda at: {"up": 1})
    for channel, silent in (("hall", gone), ("porch", (0, 0))):
        tags = {"instrument": "door", "channel": channel}
        past.points(
            "room_lamp",
            tags,
            range(0, HOUR, 5),
            lambda at, silent=silent: {} if silent[0] <= at < silent[1] else {"power": 1.0, "status": "ok"},
        )
    machine = past.looks(watched, 5 * M, HOUR, away)
    seen = machine.told
    assert [how for _, how in seen] == [how for _, how in told], (what, seen)
    assert {dict(labels)["channel"] for _, labels, _ in machine.changes} <= {"hall"}
    for (at, _), (minute, _) in zip(seen, told, strict=True):
        assert minute * M - LOOK <= at <= minute * M + 2 * LOOK, (what, seen)
