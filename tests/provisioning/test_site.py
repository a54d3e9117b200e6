"""The site file: what it means, and what is said about each way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana_dashboards import alerts
from provisioning import site, telegraf_config
from provisioning.influxdb_schema import schema
from telegraf_inputs.errors import BadInput

GOOD = """\
site: test
title: Test lab
zone: Europe/Paris
nodes: [{name: daq}]
influxdb:
  url: http://127.0.0.1:8086
  retention: {raw: 30d, downsampled: {1m: 1y, 1h: forever}}
instruments:
  - name: cryostat
    driver: lakeshore_372
    connection: tcp://192.168.1.5:7777
    interval: 2s
    channels:
      "5":
        limits:
          temperature: {warning: {above: 1.2 K, below: 500 mK}, critical: {above: 2 K}, hysteresis: 50 mK, for: 2m}
  - name: gauge
    driver: pfeiffer_tpg
    model: tpg262
    connection: serial:///dev/ttyUSB0
    channels:
      "1":
        limits: {pressure: {critical: {above: 10 Pa}}}
alarms: {for: 30s}
notifications:
  contact_points:
    - {name: people, type: email, addresses: [lab@example.org]}
"""


def test_a_site_is_what_its_file_says(written):
    lab = site.load(written(GOOD))
    assert (lab.name, lab.title, lab.zone, [node.name for node in lab.nodes]) == (
        "test",
        "Test lab",
        "Europe/Paris",
        ["daq"],
    )
    assert lab.influxdb.raw == 30 * 86400
    assert [(v.name, v.seconds_per_point, v.keep) for v in lab.influxdb.downsampled] == [
        ("1m", 60, 31536000.0),
        ("1h", 3600, 0.0),
    ]
    cryostat, gauge = lab.instruments
    assert [(v.severity, v.above, v.below, v.hysteresis, v.for_) for v in cryostat.limits] == [
        ("warning", 1.2, 0.5, 0.05, 120.0),
        ("critical", 2.0, None, 0.05, 120.0),
    ]
    assert [(v.quantity.unit, v.above, v.for_) for v in gauge.limits] == [("mbar", 0.1, 30.0)]
    assert lab.notifications.contact_points[0].severities == ("warning", "critical")


@pytest.mark.parametrize(
    ("raw", "levels"), [("30d", ["1m", "1h"]), ("2y", ["1h"]), ("1h", ["1m"]), ("10y", []), ("forever", [])]
)
def test_a_level_that_nobody_wrote_is_left_out_where_it_does_not_fit(written, raw, levels):
    lab = site.load(written(GOOD.replace("raw: 30d, downsampled: {1m: 1y, 1h: forever}", f"raw: {raw}")))
    assert [level.name for level in lab.influxdb.downsampled] == levels


def test_an_instrument_is_stale_after_three_of_its_own_intervals_unless_it_says_otherwise(written):
    assert [i.stale for i in site.load(written(GOOD)).instruments] == [60.0, 60.0]
    slow = GOOD.replace("interval: 2s", "interval: 5min").replace("for: 2m", "for: 5m")
    assert site.load(written(slow)).instruments[0].stale == 900.0
    assert (
        site.load(written(slow.replace("interval: 5min", "interval: 5min\n    stale: 2h"))).instruments[0].stale
        == 7200.0
    )
    assert (
        site.load(written(slow.replace("interval: 5min", "interval: 5min\n    stale: 0s"))).instruments[0].stale == 0.0
    )


def test_an_instrument_that_is_read_seldom_has_no_stale_alarm_where_that_is_switched_off(written):
    long = GOOD.replace("for: 2m", "for: 20d")
    seldom = long.replace("interval: 2s", "interval: 20d\n    stale: 0s")
    assert site.load(written(seldom)).instruments[0].stale == 0
    kept = long.replace("interval: 2s", "interval: 20d").replace(
        "raw: 30d, downsampled: {1m: 1y, 1h: forever}", "raw: forever"
    )
    assert site.load(written(kept)).instruments[0].stale == 60 * 86400


# (what is replaced in GOOD, by what, the line that the message names, what it says)
MISTAKES = [
    (
        "type: email",
        "type: teams, url: 'https://x.example.org/hook'",
        27,
        "url: belongs to webhook, ntfy, this contact point is of type teams; its URL is a secret",
    ),
    (
        "type: email",
        "type: telegram, token_file: bot",
        27,
        "chat: is missing; expected the number of the chat, in quotes",
    ),
    ("type: email", "type: pushover", 27, "token_file: is missing; expected the name of a file that holds the token"),
    ("type: email", "type: slack, token_file: bot", 27, "channel: is needed beside token_file"),
    (
        "type: email",
        "type: slack",
        27,
        "url_file: is missing; expected the name of a file that holds the URL; or token_file:",
    ),
    (
        "for: 2m",
        "for: 1s",
        16,
        "for: is 1 s, but a reading comes every 2 s, and an alarm that waits needs two; expected 2 s or longer, or 0s",
    ),
    ("for: 2m", "for: 60d", 16, "for: is 60 d, but every reading is kept for 30 d"),
    ("title: Test lab", "titel: Test lab", 2, "titel: is not a key of a site file; did you mean 'title'?"),
    ("site: test\n", "", 1, "site: is missing; expected the site's name"),
    ("site: test", "site: my lab", 1, "site: found 'my lab', expected letters, digits"),
    ("site: test", f"site: {'a' * 101}", 1, "100 of them at most: the site's name"),
    ("[{name: daq}]", f"[{{name: {'a' * 101}}}]", 4, "100 of them at most"),
    ("name: cryostat", f"name: {'a' * 101}", 9, "100 of them at most"),
    ("{name: daq}", f"{list(range(60))}", 4, "found [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16…,"),
    (
        "interval: 2s",
        f"description: {list(range(60))}",
        12,
        "found [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16…, expected a text",
    ),
    ("title: Test lab", "title: 5", 2, "title: found 5, expected a text"),
    (
        "Europe/Paris",
        "Europe/Pariss",
        3,
        "zone: found 'Europe/Pariss', expected a time zone such as Europe/Paris, or browser; did you mean",
    ),
    ("[{name: daq}]", "[]", 4, "nodes: found [], expected at least 1"),
    ("[{name: daq}]", "[{name: daq}, {name: daq}]", 4, "nodes[1].name: 'daq' is already the name of number 1"),
    (
        "[{name: daq}]",
        "[{name: a, server: true}, {name: b}, {name: c, server: true}]",
        4,
        "nodes[2].server: is so already of 'a'; one node has InfluxDB and Grafana",
    ),
    (
        "[{name: daq}]",
        "[{name: a}, {name: b, server: true, address: db.lab}]",
        6,
        "influxdb.url: http://127.0.0.1:8086 is each machine itself, but a writes there, too; expected the address of b, "
        "such as http://db.lab:8086",
    ),
    (
        "[{name: daq}]",
        "[{name: a}, {name: b, server: true, address: 'fd00::1'}]",
        6,
        "such as http://[fd00::1]:8086, or",
    ),
    (
        "[{name: daq}]",
        "[{name: daq, address: 'db:8086/x'}]",
        4,
        "nodes[0].address: found 'db:8086/x', expected a host name",
    ),
    ("[{name: daq}]", "[{name: daq, clock: unset}]", 4, "nodes[0].clock: found 'unset'"),
    ("interval: 2s", "node: dak", 12, "instruments[0].node: there is no node 'dak'; did you mean 'daq'?"),
    ("[{name: daq}]", "[{nam: daq}]", 4, "did you mean 'name'?"),
    ("http://127.0.0.1:8086", "127.0.0.1", 6, "influxdb.url: found '127.0.0.1', expected http:// or https://"),
    ("raw: 30d", "raw: 30", 7, "influxdb.retention.raw: found 30, expected a duration with its unit"),
    ("http://127.0.0.1:8086", "http://127.0.0.1", 6, "expected http:// or https://, host and port (1 to 65535)"),
    ("http://127.0.0.1:8086", "http://127.0.0.1:808666", 6, "expected http:// or https://, host and port (1 to 65535)"),
    ("http://127.0.0.1:8086", "http://127.0.0.1:65536", 6, "expected http:// or https://, host and port (1 to 65535)"),
    ("raw: 30d", "raw: 0s", 7, "found '0s', expected a duration that is longer, such as 30d, or forever"),
    ("1m: 1y", "1m: 0d", 7, "found '0d', expected a duration that is longer, such as 30d, or forever"),
    ("raw: 30d", "raw: 30min", 7, "influxdb.retention.raw: is 1800 s, expected 1h or more"),
    ("raw: 30d", "raw: 2h", 7, "raw is kept 2 h, but level '1h' looks back 3 h"),
    ("raw: 30d", "raw: forever", 7, "can't be kept longer than 'raw', which is kept for ever"),
    (
        "{1m: 1y, 1h: forever}",
        "{1h: 1y, 1m: forever}",
        7,
        "downsampled.1m: comes after '1h'; expected the levels from fine to coarse",
    ),
    ("1m: 1y", "1m: 10d", 7, "downsampled.1m: is kept 10 d, no longer than 'raw' (30 d)"),
    ("raw: 30d", "raw: 400y", 7, "retention.raw: found '400y', expected 100y at most, or forever"),
    ("1h: forever", "1h: 400y", 7, "downsampled.1h: found '400y', expected 100y at most, or forever"),
    ("1m: 1y", "1 minute: 1y", 7, "'1 minute' is no time per point"),
    ("1m: 1y", "1m: a year", 7, "downsampled.1m: found 'a year', expected a duration with its unit"),
    (
        "driver: lakeshore_372",
        "driver: lakeshore_327",
        10,
        "there is no driver 'lakeshore_327'; did you mean 'lakeshore_372'?",
    ),
    (
        "driver: lakeshore_372",
        "driver: lakeshore_241",
        10,
        "there is no driver 'lakeshore_241'; which one? lakeshore_218 (",
    ),
    ("interval: 2s", "interval: 2s\n    stale: off", 13, "found 'off', expected a duration with its unit"),
    ("interval: 2s", "interval: 2s\n    stale: false", 13, "default: follows the interval; 0s switches it off"),
    ("tcp://192.168.1.5:7777", "192.168.1.5", 11, "instruments[0].connection: '192.168.1.5' is no connection"),
    ("interval: 2s", "intervall: 2s", 12, "did you mean 'interval'?"),
    (
        "interval: 2s",
        "interval: 2s\n    stale: 1s",
        13,
        "instruments[0].stale: is 1 s, shorter than the interval of 2 s",
    ),
    (
        "interval: 2s",
        "interval: 2s\n    stale: 31d",
        13,
        "instruments[0].stale: the stale-data alarm looks back 31 d, but every reading is kept for 30 d; expected a longer "
        "influxdb.retention.raw, or a shorter stale",
    ),
    ("interval: 2s", "interval: 11d", 12, "instruments[0].interval: the stale-data alarm looks back 33 d, but"),
    (
        "interval: 2s",
        "interval: 15d\n    stale: 30d",
        13,
        "instruments[0].stale: the stale-data alarm looks back more than two intervals of 15 d, but every reading is kept for "
        "30 d; expected a longer influxdb.retention.raw, or stale: 0s: no such alarm",
    ),
    ("above: 1.2 K", "above: 1.2", 16, "warning.above: found 1.2 without a unit, expected such as '1.5 K'"),
    ("above: 1.2 K", "above: 1.2 mbar", 16, "found '1.2 mbar', expected 'K' or what converts to it"),
    ("above: 1.2 K", "above: 1.2 Kelvins per fortnite", 16, "'Kelvins per fortnite' is no unit that is known here"),
    ("above: 1.2 K", "above: warm", 16, "found 'warm', expected a value with its unit, such as '1.5 K'"),
    ("above: 1.2 K", "above: 3 K", 16, "warning.above: 3 K must be less than critical.above (2 K)"),
    (
        "critical: {above: 2 K}",
        "critical: {below: 1 K}",
        16,
        "warning.below: 0.5 K must be more than critical.below (1 K)",
    ),
    (
        "warning: {above: 1.2 K, below: 500 mK}, critical: {above: 2 K}",
        "warning: {above: 1 K}, critical: {below: 1 K}",
        16,
        "warning.above: 1 K must be more than critical.below (1 K): no value would be well",
    ),
    (
        "warning: {above: 1.2 K, below: 500 mK}, critical: {above: 2 K}",
        "warning: {below: 3 K}, critical: {above: 2 K}",
        16,
        "critical.above: 2 K must be more than warning.below (3 K): no value would be well",
    ),
    ("critical: {above: 2 K}", "critical: {above: 1200 K}", 16, "critical.above: 1200 K can never be passed"),
    ("critical: {above: 2 K}", "critical: {above: 1000 K}", 16, "critical.above: 1000 K can never be passed"),
    ("critical: {above: 2 K}", "critical: {below: 0 K}", 16, "critical.below: 0 K can never be passed"),
    ("critical: {above: 2 K}", "critical: {}", 16, "critical: is empty; expected above: VALUE"),
    ("below: 500 mK", "below: 1500 mK", 16, "is always on: above 1.2 K and below 1.5 K"),
    ("hysteresis: 50 mK", "hysteresis: 1 K", 16, "hysteresis: 1 K is wider than the band 0.5 … 1.2 K"),
    (
        "warning: {above: 1.2 K, below: 500 mK}, critical: {above: 2 K}",
        "warning: {above: 30 mK}",
        16,
        "hysteresis: 0.05 K is too wide for warning.above (0.03 K): that alarm ends below -0.02 K, which no value reaches",
    ),
    (
        "warning: {above: 1.2 K, below: 500 mK}, critical: {above: 2 K}",
        "critical: {below: 999.98 K}",
        16,
        "hysteresis: 0.05 K is too wide for critical.below (999.98 K): that alarm ends above 1000.03 K",
    ),
    (
        "warning: {above: 1.2 K, below: 500 mK}, critical: {above: 2 K}",
        "warning: {above: 1.2 K}, critical: {below: 1.16 K}",
        16,
        "hysteresis: 0.05 K is wider than the band from critical.below (1.16 K) to warning.above (1.2 K)",
    ),
    ("critical: {above: 2 K}", "critical: {below: 1500 K}", 16, "is always on"),
    ("critical: {above: 10 Pa}", "critical: {above: -60 mbar}", 23, "is always on: 'pressure' reaches from -50"),
    (
        "critical: {above: 10 Pa}",
        "critical: {above: 1e-5 mbar}, hysteresis: 1 Pa",
        23,
        "hysteresis: 0.01 mbar is too wide for critical.above (1e-05 mbar)",
    ),
    ("hysteresis: 50 mK", "hysteresis: -50 mK", 16, "hysteresis: found '-50 mK', expected 0 or more"),
    ("hysteresis: 50 mK", "hysterese: 50 mK", 16, "hysterese: is not a key here; did you mean 'hysteresis'?"),
    ("temperature: {warning", "pressure: {warning", 16, "this channel has no quantity 'pressure'"),
    ("name: gauge", "name: cryostat", 17, "'cryostat' is already the name of number 1 in this list"),
    (
        "connection: tcp://192.168.1.5:7777",
        "connection: serial:///dev/ttyUSB0",
        20,
        "/dev/ttyUSB0 is already used by 'cryostat'",
    ),
    (
        "connection: tcp://192.168.1.5:7777",
        "connection: visa://ASRL/dev/ttyUSB0::INSTR",
        20,
        "is already used by 'cryostat'",
    ),
    (
        "connection: serial:///dev/ttyUSB0",
        "connection: tcp://192.168.1.5:7777/",
        20,
        "192.168.1.5:7777 is already used by 'cryostat'; it serves one instrument",
    ),
    ("{for: 30s}", "{for: 30}", 24, "alarms.for: found 30, expected a duration"),
    ("{for: 30s}", "{for: 101y}", 24, "alarms.for: found '101y', expected 100y at most"),
    ("{for: 30s}", "{every: 15s}", 24, "alarms.every: is 15 s, expected a multiple of 10s"),
    ("{for: 30s}", "{stale_severity: bad}", 24, "alarms.stale_severity: found 'bad', expected critical or warning"),
    ("{for: 30s}", "{stale_factor: 1}", 24, "alarms.stale_factor: found 1, expected at least 2"),
    ("{for: 30s}", "{stale_factor: .inf}", 24, "alarms.stale_factor: found inf, expected at most 1000"),
    (
        "type: email",
        "type: mail",
        27,
        "notifications.contact_points[0].type: found 'mail', expected email or mattermost or ntfy",
    ),
    ("lab@example.org", "lab", 27, "addresses[0]: found 'lab', expected one e-mail address"),
    ("type: email", "type: webhook", 27, "belongs to email, this contact point is of type webhook"),
    (
        "addresses: [lab@example.org]",
        "url: https://a",
        27,
        "addresses: is missing; expected a list of e-mail addresses",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"), MISTAKES, ids=[f"{old} -> {new}" for old, new, _, _ in MISTAKES]
)
def test_a_mistake_is_told_with_its_file_its_line_and_what_was_expected(written, old, new, line, says):
    assert GOOD.count(old) == 1
    path = written(GOOD.replace(old, new))
    with pytest.raises(BadInput) as caught:
        site.load(path)
    assert f"{path}:{line}:" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "limit", ["above: 0 mbar}, hysteresis: 1 mbar", "above: -50 mbar}", "below: 1 mbar}, hysteresis: 1 bar"]
)
def test_a_limit_that_an_alarm_can_come_back_from_is_taken(written, limit):
    """A linear gauge swings below its zero; a limit there says so."""
    assert site.load(written(GOOD.replace("above: 10 Pa}", limit))).instruments[1].limits


@pytest.mark.parametrize(("value", "hysteresis", "fits"), [("20 °C", "293 K", True), ("20 °C", "294 K", False)])
def test_no_temperature_comes_back_over_absolute_zero(written, value, hysteresis, fits):
    text = SCPI.format(name="bath", type="float", other="w").replace("unit: V, type", "unit: °C, type")
    text += f"        limits: {{v: {{warning: {{above: {value}}}, hysteresis: {hysteresis}}}}}\n"
    path = written(GOOD.replace("alarms:", text + "alarms:"))
    if fits:
        assert site.load(path).instruments[2].limits
    else:
        with pytest.raises(BadInput, match="294 °C is too wide for warning.above"):
            site.load(path)


def test_a_unit_that_is_a_slip_is_refused_where_it_is_declared(written):
    """A limit in it would be refused, and the quantity would have it for ever."""
    text = SCPI.format(name="bath", type="float", other="w").replace("unit: V, type", "unit: Celcius, type")
    with pytest.raises(BadInput, match=r"channels\.a\.read\.v\.unit: found 'Celcius', expected '°C'"):
        site.load(written(GOOD.replace("alarms:", text + "alarms:")))


def test_one_port_by_two_names_is_one_port(written, tmp_path):
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    text = GOOD.replace("tcp://192.168.1.5:7777", f"serial://{tmp_path}/by-id")
    with pytest.raises(BadInput, match="ttyUSB0 is already used by 'cryostat'"):
        site.load(written(text.replace("/dev/ttyUSB0", f"{tmp_path}/ttyUSB0")))


@pytest.mark.parametrize("url", ["http://influx.lab:1", "https://[::1]:65535", "http://10.0.0.1:59999"])
def test_a_database_has_a_host_and_a_port(written, url):
    assert site.load(written(GOOD.replace("http://127.0.0.1:8086", url))).influxdb.url == url


SUPPLY = """\
  - name: NAME
    driver: scpi
    connection: CONNECTION
    channels: {a: {read: {v: {query: "V?", unit: V}}}}
"""
SENSORS = """\
  - name: NAME
    driver: ds18b20
    connection: CONNECTION
    channels: {a: {id: 28-0316a2795f1c}}
"""
PHIDGETS = """\
  - name: NAME
    driver: phidget
    connection: CONNECTION
    channels: {a: {class: VoltageInput, hub_port: 2}}
"""


@pytest.mark.parametrize(
    ("stanza", "one", "two", "says"),
    [
        (
            SUPPLY,
            "visa://USB0::0x1AB1::0x0E11::DP8A::INSTR",
            "visa://USB::0x1ab1::0x0e11::DP8A",
            "USB0::0X1AB1::0X0E11::DP8A",
        ),
        (SUPPLY, "visa://GPIB0::12::INSTR", "visa://GPIB::12::INSTR", "connection: GPIB0::12"),
        (SUPPLY, "visa://TCPIP::Psu::INSTR", "visa://TCPIP0::psu::inst0::INSTR", "connection: TCPIP0::PSU"),
        (SUPPLY, "visa://GPIB0::12::INSTR", "visa://GPIB0::13::INSTR", ""),
        (SUPPLY, "sim", "sim", ""),
        (SENSORS, "file:///sys/bus/w1/devices", "file:///sys/bus/w1/devices/", "channels.a.id: sensor 28-0316a2795f1c"),
        (SENSORS, "sim", "sim", ""),
        (PHIDGETS, "phidget://Pi/7", "phidget://pi:5661/7", "VoltageInput 0 at hub port 2 of Phidget 7 behind pi:5661"),
        (PHIDGETS, "phidget://", "phidget://", "channels.a: VoltageInput 0 at hub port 2 of any Phidget"),
        (PHIDGETS, "phidget://7", "phidget://8", ""),
        (PHIDGETS, "phidget://pi/7", "phidget://pj/7", ""),
    ],
)
def test_what_serves_one_instrument_is_not_used_by_two(written, stanza, one, two, says):
    both = stanza.replace("NAME", "one").replace("CONNECTION", one) + stanza.replace("NAME", "two").replace(
        "CONNECTION", two
    )
    path = written(GOOD.replace("alarms:", both + "alarms:"))
    if not says:
        site.load(path)
        return
    with pytest.raises(BadInput) as caught:
        site.load(path)
    assert "instruments[3]." in str(caught.value)
    assert f"{says} is already used by 'one'" in str(caught.value)


def test_all_that_can_be_seen_at_once_is_told_at_once_in_the_order_of_the_file(written):
    text = (
        GOOD.replace("Europe/Paris", "Mars")
        .replace("above: 1.2 K", "above: 1.2 V")
        .replace("model: tpg262", "model: tpg1")
    )
    with pytest.raises(site.BadSite) as caught:
        site.load(written(text))
    assert [error.line for error in caught.value.errors] == [3, 16, 19]
    assert len(str(caught.value).splitlines()) == 3


EVERYWHERE = """\
site: my lab
titel: Test lab
nodes: [{name: a b, nam: x}]
influxdb:
  url: 127.0.0.1
  retention: {raw: 30, downsampled: {1 minute: 1y, 1h: 400y}}
  databse: lab
instruments:
  - name: cryostat
    driver: lakeshore_372
    connection: tcp://192.168.1.5:7777
    intervall: 2s
    timeout: 5
    channels:
      "1": {lable: Plate}
      "5":
        limits:
          temperature:
            warning: {abov: 1.2 K}
            critical: {above: 2 K}
            for: 5
  - name: gauge
    driver: pfeiffer_tpg
    model: tpg262
    connection: serial:///dev/ttyUSB0
    channels:
      "1":
        limits:
          pressure:
            warning: {above: 1 V}
            critical: {above: high}
            hysteresis: -1 Pa
      "2": {limits: {pressure: {}}}
alarms: {for: 30, every: 15s, stale_factor: 1}
notifications:
  contact_points:
    - {name: people, type: mail}
    - name: others
      type: email
      addresses: [lab, lab@example.org, "@"]
      url: https://a
  repeat: soon
"""


def test_all_mistakes_are_told_at_once_from_the_top_to_the_last_key(written):
    path = written(EVERYWHERE)
    with pytest.raises(site.BadSite) as caught:
        site.load(path)
    assert [
        line.removeprefix(f"{path}:").partition(": ")[2].split(": ")[0] for line in str(caught.value).splitlines()
    ] == [
        "site",
        "titel",
        "nodes[0].nam",
        "nodes[0].name",
        "influxdb.url",
        "influxdb.retention.raw",
        "influxdb.databse",
        "instruments[0].intervall",
        "instruments[0].timeout",
        "instruments[0].channels.1.lable",
        "instruments[0].channels.5.limits.temperature.warning.abov",
        "instruments[0].channels.5.limits.temperature.for",
        "instruments[1].channels.1.limits.pressure.warning.above",
        "instruments[1].channels.1.limits.pressure.critical.above",
        "instruments[1].channels.1.limits.pressure.hysteresis",
        "instruments[1].channels.2.limits.pressure",
        "alarms.for",
        "alarms.stale_factor",
        "notifications.contact_points[0].type",
        "notifications.contact_points[1].addresses[0]",
        "notifications.contact_points[1].addresses[2]",
        "notifications.contact_points[1].url",
        "notifications.repeat",
    ]


def test_what_only_shows_in_keys_that_are_well_is_told_at_once_too(written):
    text = (
        GOOD.replace(
            "raw: 30d, downsampled: {1m: 1y, 1h: forever}", "raw: 30min, downsampled: {1 minute: 1y, 1m: 400y}"
        )
        .replace("lab@example.org", 'lab, lab@example.org, "@"')
        .replace("alarms: {for: 30s}", "alarms: {every: 15s}")
        .replace("name: gauge", "name: cryostat")
        .replace("serial:///dev/ttyUSB0", "tcp://192.168.1.5:7777")
    )
    with pytest.raises(site.BadSite) as caught:
        site.load(written(text))
    assert [(error.line, ".".join(map(str, error.path))) for error in caught.value.errors] == [
        (7, "influxdb.retention.raw"),
        (7, "influxdb.retention.downsampled.1 minute"),
        (7, "influxdb.retention.downsampled.1m"),
        (17, "instruments.1.name"),
        (24, "alarms.every"),
        (27, "notifications.contact_points.0.addresses.0"),
        (27, "notifications.contact_points.0.addresses.2"),
    ]


DEEP = """\
site: test
nodes: [{name: daq}, {name: daq}]
influxdb:
  url: http://10.0.0.1:8086
  retention: {raw: 30d, downsampled: {1h: 1y, 1m: 2y}}
instruments:
  - name: bath
    driver: julabo
    connection: tcp://192.168.1.5:7777
    interval: 2s
    node: attic
    channels:
      bath: {label: Bath, limits: {temperature: {warning: {above: 3 mbar}}}}
      circulator: {limits: {status_code: {critical: {above: 3}}}}
      heater: {}
  - name: supply
    driver: scpi
    connection: tcp://192.168.1.6:7777
    interval: 2s
    channels:
      a: {read: {v: {query: OUTP, unit: V}}}
      b: {read: {w: {query: "W?", unit: W, description: Power}, u: {query: "U?", unit: V, low: 2, high: 1}}}
"""
DEEP_PLACES = {
    "nodes.1.name",
    "influxdb.retention.downsampled.1m",
    "instruments.0.node",
    "instruments.0.channels.bath.limits.temperature.warning.above",
    "instruments.0.channels.circulator.limits.status_code.critical.above",
    "instruments.1.channels.a.read.v.query",
    "instruments.1.channels.b.read.u.low",
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("site: test", "site: a b"),
        ("[{name: daq}", "[{name: daq, clock: 5}"),
        ("url: http", "url: htp"),
        ("interval: 2s", "interval: 5"),
        ("interval: 2s", "stale: soon"),
        ("interval: 2s", "tags: {channel: x}"),
        ("heater: {}", "heatr: {}"),
        ("heater: {}", "heater: {lable: x}"),
        ("heater: {}", "heater: {label: 1.5}"),
        ("heater: {}", "heater: {limits: {power: {warning: {above: 1}}}}"),
        ("heater: {}", "heater: {calibration: {of: heating_power, to: p, unit: W}, limits: {p: {warning: {above: 1 W}}}}"),
        ("label: Bath", "label: 1.5"),
        ("{w: {", "{W: {"),
        ("unit: W, description: Power", "unit: W, descripton: Power"),
    ],
)  # fmt: skip
def test_one_mistake_hides_no_other(written, old, new):
    """Whatever is wrong beside them, all that does not hang on it is told."""
    with pytest.raises(site.BadSite) as caught:
        site.load(written(DEEP.replace(old, new)))
    places = {".".join(map(str, error.path)) for error in caught.value.errors}
    assert places > DEEP_PLACES and len(places) <= len(DEEP_PLACES) + 2, places ^ DEEP_PLACES


def test_mistakes_in_the_limits_of_two_channels_are_told_at_once(written):
    text = GOOD.replace('      "5":', '      "6": {limits: {temperature: {warning: {above: 1 V}}}}\n      "5":')
    with pytest.raises(site.BadSite) as caught:
        site.load(written(text.replace("above: 1.2 K", "above: 1.2")))
    assert [error.line for error in caught.value.errors] == [14, 17]


SCPI = """\
  - name: {name}
    driver: scpi
    connection: tcp://10.0.0.1:5025
    channels:
      a:
        read:
          v: {{query: "V?", unit: V, type: {type}}}
          {other}: {{query: "W?", unit: V}}
"""


def test_a_field_has_one_type_in_all_instruments(written):
    both = SCPI.format(name="one", type="float", other="w") + SCPI.format(name="two", type="int", other="w")
    with pytest.raises(BadInput, match=r"instruments\[3\].channels.a: 'v' has the type 'int' here, but 'float'"):
        site.load(written(GOOD.replace("alarms:", both + "alarms:")))


def test_a_tag_has_not_the_name_of_another_instruments_field(written):
    two = SCPI.format(name="two", type="float", other="z").replace("0.1:", "0.2:") + "    tags: {w: left}\n"
    text = GOOD.replace("alarms:", SCPI.format(name="one", type="float", other="w") + two + "alarms:")
    with pytest.raises(
        BadInput, match=r"instruments\[3\].tags.w: 'w' is a field of 'one', and both are in measurement 'scpi'"
    ):
        site.load(written(text))


def test_no_field_gets_the_name_of_another_ones_minimum(written):
    text = GOOD.replace("alarms:", SCPI.format(name="one", type="float", other="v_min") + "alarms:")
    with pytest.raises(BadInput, match="'scpi' has fields 'v' and 'v_min'"):
        site.load(written(text))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"site: [", "is not YAML"),
        (b"site:\n\tx: 1", "is not YAML"),
        (b"site: \xff", "is not UTF-8"),
        (b"site: a\nsite: b", ":2: site: 'site' stands twice"),
        (b"", "found nothing, expected a mapping with the keys site"),
        (b"# empty", "found nothing, expected a mapping"),
        (b"- a", "found a list, expected a mapping"),
        (b"!!set {a}", "found the tag '!!set'"),
        (b"just words", "found 'just words', expected a mapping"),
    ],
)
def test_what_is_no_site_file_is_refused(tmp_path: Path, content: bytes, says: str):
    path = tmp_path / "site.yml"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        site.load(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_a_site_is_found_by_its_name_or_by_its_path(tmp_path: Path):
    assert site.find("demo") == site.SITES / "demo.yml"
    assert site.find("some/lab.yml") == Path("some/lab.yml")
    with pytest.raises(BadInput, match="no site 'dmo'; did you mean 'demo'"):
        site.find("dmo")
    with pytest.raises(BadInput, match="can't be read: No such file"):
        site.load(tmp_path / "none.yml")


CHILLER = """\
  - name: chiller
    driver: julabo
    connection: "sim:"
    channels:
      circulator: {{limits: {{status_code: {limits}}}}}
      setpoint: {{limits: {{external_control: {{warning: {{alarm_when: [external]}}}}}}}}
      bath: {{limits: {{temperature: {bath}}}}}
  - name: rack
    driver: scpi
    connection: "sim:"
    channels:
      door:
        read:
          open: {{query: "D?", unit: "", type: bool}}
          says: {{query: "S?", unit: "", type: str}}
          mode: {{query: "M?", unit: "", type: int, choices: {{0: free, 1: stuck, 4: stuck}}}}
        limits: {{open: {door}, says: {says}, mode: {{warning: {{alarm_when: [stuck]}}}}}}
"""
WELL = {
    "limits": "{critical: {alarm_when: [low level alarm, temperature measurement alarm]}, warning: {alarm_when: [invalid command]}, for: 2m}",
    "bath": "{warning: {above: 20 °C}}",
    "door": "{critical: {alarm_when: [true]}}",
    "says": "{warning: {alarm_when: [jammed, 'off']}}",
}


def test_a_limit_of_what_is_no_number_names_words(written):
    lab = site.load(written(GOOD.replace("alarms:", CHILLER.format(**WELL) + "alarms:")))
    found = {
        (v.channel.id, v.quantity.name, v.severity): v.codes
        for i in lab.instruments
        for v in i.limits
        if i.name in ("chiller", "rack")
    }
    assert found == {
        ("circulator", "status_code", "warning"): (-8,),
        ("circulator", "status_code", "critical"): (-1, -12),
        ("setpoint", "external_control", "warning"): (True,),
        ("bath", "temperature", "warning"): (),
        ("door", "open", "critical"): (True,),
        ("door", "says", "warning"): ("jammed", "off"),
        ("door", "mode", "warning"): (1, 4),  # two codes have one word
    }
    (limit,) = (v for v in lab.instruments[3].limits if v.quantity.name == "mode")
    assert limit.words == {"stuck": [1, 4]}


@pytest.mark.parametrize(
    ("place", "data", "path", "says"),
    [
        ("limits", "{critical: {alarm_when: [-1]}}", "critical.alarm_when[0]", "found -1, expected a word of 'status_code'; its word, 'low level alarm'"),
        ("limits", "{critical: {alarm_when: [77]}}", "critical.alarm_when[0]", "known: manual stop, manual start, "),
        ("limits", "{critical: {alarm_when: [low levl alarm]}}", "critical.alarm_when[0]", "did you mean 'low level alarm'?"),
        ("limits", "{critical: {above: 2}}", "critical.above", "'status_code' is a code: expected alarm_when: [WORD, …], with words among manual stop, "),
        ("limits", "{critical: {below: 0}}", "critical.below", "'status_code' is a code"),
        ("limits", "{critical: {}}", "critical", "is empty; expected alarm_when: [WORD, …]"),
        ("limits", "{critical: {alarm_when: []}}", "critical", "is empty; expected alarm_when: [WORD, …]"),
        ("limits", "{critical: {alarm_when: low level alarm}}", "critical.alarm_when", "expected a list"),
        ("limits", "{}", "status_code", "has no limit; expected warning: or critical:, with alarm_when: [WORD, …]"),
        ("limits", "{critical: {alarm_when: [invalid command]}, hysteresis: 1}", "hysteresis", "is for numbers; 'status_code' is a code"),
        ("limits", "{critical: {alarm_when: [invalid command, invalid command]}}", "critical.alarm_when[1]", "'invalid command' stands there twice"),
        ("limits", "{critical: {alarm_when: [invalid command]}, warning: {alarm_when: [invalid command]}}", "warning.alarm_when", "'invalid command' stands in critical too"),
        ("bath", "{warning: {alarm_when: [hot]}}", "warning.alarm_when", "'temperature' is a number: expected above: VALUE, below: VALUE, or both"),
        ("door", "{critical: {alarm_when: [open]}}", "critical.alarm_when[0]", "found 'open', expected true or false"),
        ("door", "{critical: {alarm_when: [true, false]}}", "critical.alarm_when", "is always on"),
        ("door", "{critical: {above: 0}}", "critical.above", "'open' is true or false: expected alarm_when: [true] or [false]"),
        ("says", "{warning: {alarm_when: [3]}}", "warning.alarm_when[0]", "found 3, expected a text; write it in quotes"),
        ("says", "{warning: {alarm_when: [no]}, critical: {alarm_when: [5.5]}}", "critical.alarm_when[0]", "write it in quotes"),
    ],
)  # fmt: skip
def test_what_words_can_t_be_limits_is_told(written, place, data, path, says):
    with pytest.raises(BadInput) as caught:
        site.load(written(GOOD.replace("alarms:", CHILLER.format(**WELL | {place: data}) + "alarms:")))
    (told,) = str(caught.value).splitlines()
    assert f"{path}: " in told and says in told, told


def test_all_words_of_a_code_are_no_limit(written):
    every = "{warning: {alarm_when: [internal, external]}}"
    text = CHILLER.format(**WELL).replace("{warning: {alarm_when: [external]}}", every)
    with pytest.raises(BadInput, match="warning.alarm_when: is always on: 'external_control' is always one of these"):
        site.load(written(GOOD.replace("alarms:", text + "alarms:")))


def test_an_instrument_in_repair_is_not_read_and_alarms_nobody(written):
    off = GOOD.replace("    model: tpg262\n", "    model: tpg262\n    enabled: false\n")
    lab, node = site.load(written(off)), site.load(written(off)).nodes[0]
    files = telegraf_config.render(lab, node)
    assert "instruments/gauge.yml" not in files and "pfeiffer" not in files[telegraf_config.CONF]
    rules = [rule.title for group in alerts.groups(lab, lambda about: ("uid", 1)) for rule in group.rules]
    assert any("cryostat" in title for title in rules) and not any("gauge" in title for title in rules)
    assert {field.measurement for field in schema(lab).fields} >= {"pfeiffer_tpg"}  # what it measured stays
    twin = "  - {name: spare, driver: pfeiffer_tpg, model: tpg262, connection: serial:///dev/ttyUSB0}\nalarms"
    assert len(site.load(written(off.replace("\nalarms", f"\n{twin}", 1))).enabled) == 2
    with pytest.raises(BadInput, match="none of them is enabled"):
        site.load(written(off.replace("    interval: 2s\n", "    interval: 2s\n    enabled: false\n")))


@pytest.mark.parametrize("name", ["labadmin", "writer", "reader", "grafana_admin", "grafana_secret_key", "token"])
def test_labline_s_own_passwords_are_nobody_else_s(written, name):
    proxy = "  write: {url: 'https://hub.lab:8443', token_file: token}\n  retention"
    broker = (
        "  - {name: broker, driver: mqtt, connection: 'mqtt://127.0.0.1:1883', username: lab, password_file: NAME,\n"
    )
    broker += "     topic: 'room/{channel}', channels: {air: {read: {humidity: {unit: '%'}}}}}\n"
    group = "    - {name: group, type: teams, url_file: NAME}\n"
    text = GOOD.replace("alarms: {", f"{broker}alarms: {{") + group
    assert site.load(written(text.replace("NAME", "token")))
    with pytest.raises(BadInput) as caught:
        site.load(written(text.replace("NAME", name).replace("  retention", proxy)))
    says = f"{name!r} is the file of one of labline's own passwords; expected another name"
    for place in ("instruments[2].password_file", "notifications.contact_points[1].url_file"):
        assert f"{place}: {says}" in str(caught.value)


def test_keys_of_ones_own_hold_what_is_used_twice(written):
    text = "x-gauge: &gauge {driver: pfeiffer_tpg, model: tpg262}\n" + GOOD.replace(
        "    driver: pfeiffer_tpg\n    model: tpg262\n", "    <<: *gauge\n"
    )
    assert site.load(written(text)).instruments[1].stanza.options["model"] == "tpg262"
    with pytest.raises(BadInput, match="'y-gauge' .*is not a key|is not a key"):
        site.load(written(text.replace("x-gauge", "y-gauge")))
