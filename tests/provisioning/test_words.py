"""What is said of mistakes that people make who know other programs: it names the cure, and the line to put it on."""

from __future__ import annotations

import pytest

from provisioning import site, units
from telegraf_inputs import drivers, yamlfile
from telegraf_inputs.errors import BadInput

HEAD = "site: t\nnodes: [{name: here}]\ninstruments:\n"


def said(written, text: str) -> list[str]:
    """Load a site of these instruments; gives what is said, a line each, without the file's name."""
    with pytest.raises(BadInput) as raised:
        site.load(written(HEAD + text))
    return [line.partition("site.yml:")[2] for line in str(raised.value).splitlines()]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nunit: %\n", 2, "a text that begins with % needs quotes: '%'"),
        ("a: {unit: %, b: 1}\n", 1, "needs quotes: '%'"),
        ("label: @home\n", 1, "needs quotes: '@home'"),
        ("label: >5 mK stage\n", 1, "a text that begins with > needs quotes: '>5 mK stage'"),
        ("label: *star\n", 1, "a text that begins with * needs quotes: '*star'"),
        ("a: 'the lab's'\n", 1, "a text with an apostrophe needs double quotes"),
        ("a:\n  b: 1\n   c: 2\n", 3, "column 4, the one above in column 3"),
        ("a:\n  b: 1\n c: 2\n", 3, "column 2, the one above in column 3"),
        ("a:\n  - b: 1\n   c: 2\n    d: 3\n", 3, "column 4, the one above in column 5"),
        ("a:1\nb: 2\n", 2, "the line above has no space behind its colon: a:1"),
        ("a: !secret b\n", 1, "a password is in a file"),
    ],
)
def test_a_mistake_in_yaml_gets_its_cure(text, line, words):
    with pytest.raises(BadInput) as raised:
        yamlfile.parse(text, "f")
    assert raised.value.line == line and words in str(raised.value)


def test_a_lost_dash_is_missed(written):
    one = "name: b\n{0}driver: julabo\n{0}connection: tcp://h:2\n"
    (line,) = said(written, "  " + one.format("  "))
    assert line == "3: instruments: found one instrument's keys, expected a list: each instrument begins with '- '"
    (line,) = said(written, "  - " + one.format("    ") + "    " + one.format("    "))
    assert line.startswith("7:") and "or begin a new entry of the list here, with '- '" in line
    (line,) = said(written, "  - {name: a, name: b}\n")
    assert "'name' stands twice" in line


@pytest.mark.parametrize(
    ("driver", "connection", "meant"),
    [
        ("lakeshore_372", "/dev/ttyUSB0", "did you mean 'serial:///dev/ttyUSB0'?"),
        ("lakeshore_372", "192.168.1.5:7777", "did you mean 'tcp://192.168.1.5:7777'?"),
        ("lakeshore_372", "bridge.lab:7777", "did you mean 'tcp://bridge.lab:7777'?"),
        ("lakeshore_372", "192.168.1.5", "did you mean 'tcp://192.168.1.5:PORT'"),
        ("lakeshore_372", "TCPIP0::192.168.1.5::INSTR", "did you mean 'visa://TCPIP0::192.168.1.5::INSTR'?"),
        ("lakeshore_372", "GPIB0::12::INSTR", "did you mean 'visa://GPIB0::12::INSTR'?"),
        ("lakeshore_372", "http://192.168.1.5:7777/", "did you mean 'tcp://192.168.1.5:7777'?"),
        ("lakeshore_372", "COM3", "a port's name in Windows"),
        ("mqtt", "broker.lab:1883", "did you mean 'mqtt://broker.lab:1883'?"),
        ("lakeshore_372", "mysecret@192.168.1.5:7777", "found a user or password before '@'"),
    ],
)
def test_a_connection_as_other_programs_want_it_is_answered_with_the_url(written, driver, connection, meant):
    lines = said(written, f'  - {{name: b, driver: {driver}, connection: "{connection}"}}\n')
    assert any("connection" in line and meant in line for line in lines) and "mysecret" not in "".join(lines)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SCPI", "did you mean 'scpi'?"),
        ("DS18B20", "did you mean 'ds18b20'?"),
        ("Lake Shore 372", "did you mean 'lakeshore_372'?"),
        ("TPG366", "did you mean driver: pfeiffer_tpg, with model: tpg366?"),
        ("Keithley 2000", "driver scpi serves that"),
        ("keithley2000", "driver scpi serves that"),
        ("1-Wire", "driver ds18b20 serves that"),
        ("Eaton UPS", "driver snmp serves that"),
        ("lakeshore_273", "did you mean 'lakeshore_372'?"),
        ("lakeshore_500", "which one? lakeshore_218 (Lake Shore 218"),  # other digits are another instrument
        ("Lakeshore", "which one? lakeshore_218 (Lake Shore 218"),
        ("arduino", "which one? arduino_adc ("),
        ("Julabo F25", "driver julabo serves that"),
        ("34401A", "one that speaks SCPI is read by scpi, one that sends lines by serial_lines or tcp_lines; known: "),
    ],
)
def test_a_makers_model_is_answered_with_the_driver_that_serves_it(name, meant):
    with pytest.raises(BadInput) as raised:
        drivers.load(name)
    assert meant in str(raised.value)


BRIDGE = "  - name: b\n    driver: lakeshore_372\n    connection: tcp://h:1\n"
SUPPLY = "  - name: b\n    driver: scpi\n    connection: tcp://h:1\n"


@pytest.mark.parametrize(
    ("instrument", "meant"),
    [
        (f"{BRIDGE}retention: 30d\n", "retention: is not a key of a site file; it belongs to influxdb:"),
        (f"{BRIDGE}url: http://h\n", "it belongs to influxdb: or "),
        (f"{BRIDGE}limits: {{}}\n", "it belongs to an instrument, in instruments[]:"),
        (f"{BRIDGE}    limits: {{}}\n", "limits: is not a key of driver 'lakeshore_372'; it belongs to a channel, as channels: NAME: limits:"),
        (f"{BRIDGE}    unit: K\n", "driver 'lakeshore_372' knows the units of what it reads"),
        (f'{BRIDGE}    channels: {{"1": {{interval: 2s}}}}\n', "it belongs to the instrument, beside its driver"),
        (f"{SUPPLY}    channels: {{o: {{unit: V, read: {{u: {{query: U?, unit: V}}}}}}}}\n", "it belongs to a quantity, as read: NAME: {unit: …}"),
        (f"{BRIDGE}    interval: 5 sec\n", "found '5 sec', expected a duration with its unit (ms, s, m, h, d, w, y), such as 10s; did you mean 5s?"),
        (f"{BRIDGE}    interval: 1.5 Hours\n", "did you mean 1.5h?"),
        (BRIDGE.replace("name: b", "name: My Cryostat"), "did you mean 'My_Cryostat'?"),
        (BRIDGE.replace("name: b", "name: Kühler 2"), "did you mean 'Kuehler_2'?"),
        (f"{SUPPLY}    channels: {{Kanal 1: {{read: {{u: {{query: U?, unit: V}}}}}}}}\n", "did you mean 'Kanal_1'?"),
    ],
)  # fmt: skip
def test_what_people_write_is_answered_with_what_they_mean(written, instrument, meant):
    assert any(meant in line for line in said(written, instrument)), said(written, instrument)


SITE = f"site: t\nnodes: [{{name: here}}]\ninstruments:\n{BRIDGE}"
STILL = BRIDGE + '    channels: {{"1": {{limits: {{temperature: {{{0}}}}}}}}}\n'


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (SITE.replace("[{name: here}]", "here"), "nodes: found 'here', expected a list, such as [{name: here}]"),
        (SITE.replace("{name: here}", "here"), "nodes[0]: found 'here', expected the keys name, address"),
        (SITE.replace("nodes: [{name: here}]\n", ""), "nodes: is missing; expected the machines that read instruments, such as nodes: [{name: NAME}]"),
        (f"influxdb: {{retention: 30d}}\n{SITE}", "expected the keys raw, downsampled, such as {raw: 30d}"),
        (f"influxdb: http://127.0.0.1:8086\n{SITE}", "such as {url: http://127.0.0.1:8086}"),
        (f"notifications: {{email: a@b.org}}\n{SITE}", "notifications.email: is not a key here; who is told is a contact point"),
        (f"email: a@b.org\n{SITE}", "email: is not a key of a site file; who is told is a contact point"),
        (SITE.replace("instruments", "devices"), "devices: is not a key of a site file; here it is 'instruments'"),
        (HEAD + STILL.format("critical: '> 1 K'"), "expected the keys above, below, alarm_when, such as {above: 1 K}"),
        (HEAD + STILL.format("critical: '<= 1 K'"), "such as {below: 1 K}"),
        (HEAD + STILL.format("critical: 1 K"), "such as {above: 1 K}"),
        (HEAD + STILL.format("critical: {max: 1 K}"), "critical.max: is not a key here; here it is 'above'"),
        (HEAD + STILL.format("critical: {Low: 1 K}"), "critical.Low: is not a key here; here it is 'below'"),
        (HEAD + STILL.format("alarm: {above: 1 K}"), "temperature.alarm: is not a key here; here it is 'critical'"),
        (HEAD + BRIDGE.replace("driver", "type"), "type: is no key of an instrument; what reads it is its driver, as driver: lakeshore_372"),
        (HEAD + BRIDGE.replace("tcp://h:1", "serial:///dev/ttyUSB7:9600"), "did you mean 'serial:///dev/ttyUSB7?baudrate=9600'?"),
        (HEAD + BRIDGE.replace("tcp://h:1", "serial:///dev/ttyUSB7,9600"), "did you mean 'serial:///dev/ttyUSB7?baudrate=9600'?"),
        (HEAD + "  - {name: b, driver: julabo, model: F25, connection: tcp://h:1}\n", "expected one of cf41, hightech, toptech"),
        (HEAD + "  - {name: b, driver: julabo, model: F25, connection: tcp://h:1}\n", "which model it is, where its answer to VERSION does not say so"),
        (HEAD + "  - {name: b, driver: mqtt, connection: mqtt://h, channels: {t: {topic: a, read: {t: {path: $.T.v, unit: K}}}}}\n", "found '$.T.v', expected 'T.v': no '$'"),
        (f"notifications: {{contact_points: [{{name: m, type: email, addresses: a@b.c}}]}}\n{SITE}", "found 'a@b.c', expected a list, such as ['a@b.c']"),
    ],
)  # fmt: skip
def test_what_other_programs_call_otherwise_is_answered_with_its_name_here(written, text, meant):
    with pytest.raises(BadInput) as raised:
        site.load(written(text))
    assert meant in str(raised.value)


def test_what_drivers_are_known_as_leads_to_one_of_them():
    words = [word for name in drivers.names() for word in drivers.load(name).known_as]
    assert len(words) == len(set(words)) and all(word == word.lower() for word in words)


def test_all_mistakes_of_an_instrument_are_told_at_once_whatever_its_driver(written):
    lines = said(
        written,
        "  - name: b\n    driver: scpii\n    conection: tcp://h:1\n    intervall: 3s\n    timeout: 3 parsecs\n    own: 1\n",
    )
    assert [line.partition(":")[0] for line in lines] == ["5", "6", "7", "8"]
    assert "'scpi'" in lines[0] and "'connection'" in lines[1] and "'interval'" in lines[2] and "parsecs" in lines[3]


def test_limits_without_any_are_no_alarm_and_told(written):
    channels = '    channels:\n      "1": {limits: }\n      "2": {limits: {}}\n      "3": {limits: {temperature: {}}}\n'
    lines = said(written, f"  - name: b\n    driver: lakeshore_372\n    connection: tcp://h:1\n{channels}")
    assert [line.partition(":")[0] for line in lines] == ["8", "9", "10"]
    assert all("nothing would alarm" in line for line in lines[:2])


def test_a_comma_that_may_mean_two_things_is_not_guessed(written):
    for value, words in (
        ("1,200 mK", "1.200 or 1200"),
        ("1,5 mK", "expected '1.5 mK'"),
        ("0,200 K", "expected '0.200 K'"),
    ):
        channels = f'    channels: {{"1": {{limits: {{temperature: {{warning: {{above: "{value}"}}}}}}}}}}\n'
        (line,) = said(written, f"  - name: b\n    driver: lakeshore_372\n    connection: tcp://h:1\n{channels}")
        assert words in line and f"found '{value}'" in line
    with pytest.raises(BadInput, match=r"found '1,200', .* 1\.200 or 1200"):
        yamlfile.parse("a: {above: 1,200}", "f")


@pytest.mark.parametrize(
    ("unit", "limit", "words"),
    [
        ("C", "5 °C", "is the unit of the quantity '°C'?"),
        ("K", "5 C", "did you mean '°C'?"),
        ("Celcius", "5 °C", "unit: found 'Celcius', expected '°C'"),
        ("°C", "5 Celcius", "did you mean '°C'?"),
        ("kohm", "5 K", "measures something else"),
    ],
)
def test_a_channel_s_unit_is_understood_as_a_limit_s_is(written, unit, limit, words):
    read = f'{{t: {{query: "X?", unit: "{unit}"}}}}'
    channels = f'    channels: {{"1": {{read: {read}, limits: {{t: {{warning: {{above: "{limit}"}}}}}}}}}}\n'
    (line,) = said(written, f"  - name: b\n    driver: scpi\n    connection: tcp://h:1\n{channels}")
    assert words in line


@pytest.mark.parametrize(
    ("unit", "usual"),
    [("degC", "°C"), ("ohm", "Ω"), ("Ohm", "Ω"), ("kelvins", "K"), ("°C", ""), ("C", ""), ("xyz", "")],
)
def test_a_unit_that_is_spelt_otherwise_is_told_as_dashboards_know_it(unit, usual):
    assert units.usual(unit) == usual


CONTROLLER = "  - name: b\n    driver: pfeiffer_tpg\n    model: tpg366\n    connection: tcp://h:1\n"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            'channels: {"1": {above: 1 mbar}}',
            "channels.1.above: is not a key of a channel of 'pfeiffer_tpg'; it belongs to a limit",
        ),
        (
            'channels: {"1": {limits: {critical: {above: 1 mbar}}}}',
            "limits stand by quantity, as limits: {pressure: {critical: …}}",
        ),
        (
            'channels: {"1": {limits: {above: 1 mbar}}}',
            "limits stand by quantity, as limits: {pressure: {warning: {above: …}}}",
        ),
        ('channels: {"1": {limits: {pressure: {above: 1 mbar}}}}', "it belongs to warning or critical"),
        ("channels: [1, 2]", "expected a mapping (key: value), such as {1: {}, 2: {}}"),
        ('interval: "5"', "5s if seconds are meant"),
        ("interval: 5S", "did you mean 5s?"),
        ("interval: 1,5 s", "did you mean 1.5s?"),
        ("interval: five", "expected a duration with its unit (ms, s, m, h, d, w, y), such as 10s: time between"),
        ("baudrate: 9600", "it is a part of the connection, as connection: serial://"),
        ("host: 10.0.0.1", "it is a part of the connection, as connection: tcp://HOST:PORT"),
        ("url: tcp://h:1", "how it is reached is its connection: a URL"),
    ],
)
def test_a_newcomer_s_slip_is_answered_with_what_to_write(written, keys, words):
    (line,) = said(written, f"{CONTROLLER}    {keys}\n")
    assert words in line


def test_what_the_whole_site_has_is_answered_with_its_keys(written):
    path = written("influxdb: {retention: 30d}\nsite: x\nnodes: [{name: n}]\ninstruments: {b: {driver: scpi}}\n")
    with pytest.raises(BadInput) as caught:
        site.load(path)
    assert "influxdb.retention: found '30d', expected the keys raw, downsampled" in str(caught.value)
    assert "expected a list, each of which begins with '- '" in str(caught.value)
