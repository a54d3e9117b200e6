"""The script that gives what Telegraf's inputs deliver its shape, run by the real Telegraf on lines as the inputs write them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from provisioning import toml
from telegraf_inputs import clock, drivers, ledger, native_clock, native_script
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadInput
from telegraf_inputs.spikes import Judge, gap_ns

SECOND = 1_700_000_000_000_000_000


@pytest.fixture
def shaped(telegraf_path: Path, tmp_path: Path):
    """Shape an input's lines for one stanza; gives what comes out, without the tags that are always the same, and the log."""

    def run(stanza: dict, *lines: str) -> tuple[list[str], str]:
        checked = stanzas.check(stanza)
        (tmp_path / "script.star").write_text(native_script.script(checked))
        own = f"instrument={checked.name},site=lab,more=dropped"
        (tmp_path / "lines").write_text("".join(line.replace("@", own) + "\n" for line in lines))
        conf = [
            *toml.nested("agent", {"omit_hostname": True, "skip_processors_after_aggregators": True}, many=False),
            *toml.nested(
                "inputs.file", {"files": [str(tmp_path / "lines")], "data_format": "influx", "precision": "1ns"}
            ),
            *toml.nested("processors.starlark", {"script": str(tmp_path / "script.star")}),
            *toml.nested("outputs.file", {"files": ["stdout"], "data_format": "influx"}),
        ]
        (tmp_path / "telegraf.conf").write_text("\n".join(conf))
        done = subprocess.run(
            [telegraf_path, "--config", tmp_path / "telegraf.conf", "--once"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        thrown = [line for line in done.stdout.splitlines() if line.startswith(ledger.DISCARDED)]
        run.thrown_away = sum(int(re.search(rf"{ledger.COUNT}=(\d+)i", line)[1]) for line in thrown)
        same = (f",instrument={checked.name}", ",site=lab")
        found = [line for line in done.stdout.splitlines() if line not in thrown]
        assert all(tag in line for line in found for tag in same), done.stdout
        return [line.replace(same[0], "").replace(same[1], "") for line in found], done.stderr

    return run


def snmp(**read: dict) -> dict:
    channels = {"1": {"read": {name: {"oid": f"1.3.{i}", **keys} for i, (name, keys) in enumerate(read.items())}}}
    return {"name": "ups", "driver": "snmp", "connection": "udp://127.0.0.1", "user": "lab", "channels": channels}


def version(stanza: dict) -> str:
    """Tell the version of a stanza's calibration."""
    return stanzas.check(stanza).channels[0].calibration.version


def mqtt(**read: dict) -> dict:
    channels = {"1": {"topic": "t", "read": read}}
    return {"name": "esp", "driver": "mqtt", "connection": "mqtt://127.0.0.1", "channels": channels}


@pytest.mark.parametrize(
    ("keys", "raw", "expected"),
    [
        ({"unit": "V"}, "231i", 'a=231,status="ok"'),
        ({"unit": "V", "scale": 0.1}, "2310i", 'a=231,status="ok"'),
        ({"unit": "V", "scale": 0.1, "high": 200}, "2310i", 'status="out_of_range"'),
        ({"unit": "V", "low": 0}, "-1i", 'status="out_of_range"'),
        ({"unit": "V", "low": 0, "high": 5}, "0i", 'a=0,status="ok"'),
        ({"unit": "V"}, '"21.50"', 'a=21.5,status="ok"'),
        ({"unit": "V"}, '"-1.5e-3"', 'a=-0.0015,status="ok"'),
        ({"unit": "V"}, '"nan"', 'status="no_reading"'),
        ({"unit": "V"}, '"-inf"', 'status="no_reading"'),
        ({"unit": "V"}, '" "', 'status="no_reading"'),
        ({"unit": "V"}, '"12 V"', 'status="bad_answer"'),
        ({"unit": "V"}, "true", 'status="bad_answer"'),
        ({"unit": "", "type": "int"}, "5i", 'a=5i,status="ok"'),
        ({"unit": "", "type": "int"}, "5", 'a=5i,status="ok"'),
        ({"unit": "", "type": "int"}, "5.5", 'status="bad_answer"'),
        ({"unit": "", "type": "int"}, '"0012"', 'a=12i,status="ok"'),
        ({"unit": "", "type": "int"}, "18446744073709551615u", 'status="bad_answer"'),
        ({"unit": "", "type": "bool"}, "1u", 'a=true,status="ok"'),
        ({"unit": "", "type": "bool"}, "0i", 'a=false,status="ok"'),
        ({"unit": "", "type": "bool"}, "false", 'a=false,status="ok"'),
        ({"unit": "", "type": "bool"}, "2i", 'status="bad_answer"'),
        ({"unit": "", "type": "bool"}, '"ON"', 'a=true,status="ok"'),
        ({"unit": "", "type": "bool"}, '"maybe"', 'status="bad_answer"'),
        ({"unit": "", "type": "str"}, '"Falcon"', 'a="Falcon",status="ok"'),
        ({"unit": "", "type": "str"}, "21i", 'a="21",status="ok"'),
        ({"unit": "", "type": "str"}, "true", 'a="true",status="ok"'),
        ({"unit": "", "type": "int", "choices": {"3": "mains"}}, "3i", 'a=3i,status="ok"'),
        ({"unit": "", "type": "int", "choices": {"3": "mains"}}, "4i", 'a=4i,status="unknown_code"'),
        ({"unit": "", "type": "int", "choices": {"5": {"word": "battery", "severity": "warning"}}}, "5i", 'a=5i,status="battery"'),
        ({"unit": "", "type": "str", "choices": {"ERR": {"word": "broken", "severity": "critical"}}}, '"ERR"', 'a="ERR",status="broken"'),
        ({"unit": "", "type": "bool", "choices": {"true": {"word": "leak", "severity": "critical"}}}, "1i", 'a=true,status="leak"'),
    ],
)  # fmt: skip
def test_a_value_gets_its_type_its_unit_and_its_range(shaped, keys, raw, expected):
    assert shaped(snmp(a=keys), f"snmp,@ 1.a={raw} {SECOND}")[0] == [f"snmp,channel=1 {expected} {SECOND}"]


@pytest.mark.parametrize(
    ("calibration", "raw", "expected"),
    [
        ({"form": "linear", "a": 1, "b": 2}, "10i", 'a_raw=10,a=21,calibration="VERSION",status="ok"'),
        ({"form": "linear", "b": 2, "to": "p", "unit": "mbar"}, "10i", 'a=10,p=20,calibration="VERSION",status="ok"'),
        ({"form": "linear", "b": 2, "range": [0, 5]}, "10i", 'a_raw=10,status="uncalibrated"'),
        ({"form": "linear", "b": 2, "range": [0, 10]}, "10i", 'a_raw=10,a=20,calibration="VERSION",status="ok"'),
    ],
)
def test_a_linear_calibration_stands_beside_the_raw_value(shaped, calibration, raw, expected):
    stanza = snmp(a={"unit": "V"})
    stanza["channels"]["1"]["calibration"] = calibration
    expected = expected.replace("VERSION", version(stanza))
    assert shaped(stanza, f"snmp,@ 1.a={raw} {SECOND}")[0] == [f"snmp,channel=1 {expected} {SECOND}"]


def test_what_the_device_does_not_have_is_no_field_and_a_channel_without_any_has_no_point(shaped):
    stanza = snmp(a={"unit": "V"}, b={"unit": "V"})
    stanza["channels"]["2"] = {"read": {"a": {"oid": "1.3.9", "unit": "V"}}}
    assert shaped(stanza, f"snmp,@ 1.b=2i {SECOND}")[0] == [f'snmp,channel=1 b=2,status="ok" {SECOND}']


def test_tags_of_ones_own_stay_and_those_of_the_input_go(shaped):
    stanza = {**snmp(a={"unit": "V"}), "tags": {"rack": "3"}}
    lines, _ = shaped(stanza, f"snmp,@,rack=3,source=127.0.0.1 1.a=1i {SECOND}")
    assert lines == [f'snmp,channel=1,rack=3 a=1,status="ok" {SECOND}']


def test_a_channel_is_as_well_as_the_last_word_of_each_of_its_quantities(shaped):
    lines, _ = shaped(
        mqtt(a={"unit": "K", "topic": "a", "high": 10}, b={"unit": "K", "topic": "b"}),
        *(f'mqtt_consumer,@,topic={topic} value="{text}" {SECOND + i}' for i, (topic, text) in enumerate((("a", "99"), ("b", "1"), ("a", "9")))),
    )  # fmt: skip
    assert lines == [
        f'mqtt,channel=1 status="out_of_range" {SECOND}',
        f'mqtt,channel=1 b=1,status="out_of_range" {SECOND + 1}',
        f'mqtt,channel=1 a=9,status="ok" {SECOND + 2}',
    ]


def test_a_path_leads_into_a_json_message(shaped):
    read = {
        "deep": {"path": "a.0.t", "unit": "K"},
        "truth": {"path": "on", "unit": "", "type": "bool"},
        "word": {"path": "w", "unit": "", "type": "str"},
        "absent": {"path": "x.y", "unit": "K"},
    }
    message = r"{\"a\": [{\"t\": 12}], \"on\": false, \"w\": \"ready\", \"other\": {}}"
    lines, _ = shaped(mqtt(**read), f'mqtt_consumer,@,topic=t value="{message}" {SECOND}')
    assert lines == [f'mqtt,channel=1 deep=12,truth=false,word="ready",status="ok" {SECOND}']


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (r"{\"a\": null}", 'status="no_reading"'),
        (r"{\"a\": \"12\"}", 'a=12,status="ok"'),
        (r"{\"a\": {\"b\": 1}}", 'status="bad_answer"'),
        (r"{\"a\": [1]}", 'status="bad_answer"'),
        ("no JSON", 'status="bad_answer"'),
        (r"{\"a\": 1", 'status="bad_answer"'),
        ("", 'status="bad_answer"'),
    ],
)
def test_what_json_has_instead_of_a_number_is_no_number(shaped, message, expected):
    lines, _ = shaped(mqtt(a={"path": "a", "unit": "K"}), f'mqtt_consumer,@,topic=t value="{message}" {SECOND}')
    assert lines == [f"mqtt,channel=1 {expected} {SECOND}"]


@pytest.mark.parametrize(
    ("path", "message", "expected"),
    [
        (
            "sensors.id=BME.t",
            r"{\"sensors\": [{\"id\": \"CCS\", \"t\": 1}, {\"id\": \"BME\", \"t\": 2}]}",
            'a=2,status="ok"',
        ),
        ("id=7.t", r"[{\"t\": 1}, 5, {\"id\": 7, \"t\": 2}]", 'a=2,status="ok"'),
        ("on=true.t", r"[{\"on\": false, \"t\": 1}, {\"on\": true, \"t\": 2}]", 'a=2,status="ok"'),
        ("id=8.t", r"[{\"id\": 7, \"t\": 2}]", None),
        ("payload.t", r"{\"payload\": \"{\\\"t\\\": 2}\"}", 'a=2,status="ok"'),
        ("t", r"\"{\\\"t\\\": 2}\"", 'a=2,status="ok"'),
        ("payload.t", r"{\"payload\": \"hot\"}", None),
        ("0.1.2", r"[[1, [2, 3, 4]]]", 'a=4,status="ok"'),
        ("0.1.3", r"[[1, [2, 3, 4]]]", None),
    ],
)
def test_paths_into_lists_and_into_json_in_json(shaped, path, message, expected):
    lines, _ = shaped(mqtt(a={"path": path, "unit": "K"}), f'mqtt_consumer,@,topic=t value="{message}" {SECOND}')
    assert lines == ([f"mqtt,channel=1 {expected} {SECOND}"] if expected else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("21,5", 'a=21.5,status="ok"'),
        ("-0,25e2", 'a=-25,status="ok"'),
        ("21", 'a=21,status="ok"'),
        ("1.234,5", 'status="bad_answer"'),
        ("21.5", 'status="bad_answer"'),
        ("21,5,3", 'status="bad_answer"'),
    ],
)
def test_a_decimal_comma_is_one_where_that_is_said(shaped, text, expected):
    line = f'mqtt_consumer,@,topic=t value="{text}" {SECOND}'
    assert shaped(mqtt(a={"unit": "V", "decimal_comma": True}), line)[0] == [f"mqtt,channel=1 {expected} {SECOND}"]
    if "," in text:
        assert shaped(mqtt(a={"unit": "K"}), line)[0] == [f'mqtt,channel=1 status="bad_answer" {SECOND}']


def test_two_channels_out_of_one_message(shaped):
    stanza = {
        **{"name": "esp", "driver": "mqtt", "connection": "mqtt://127.0.0.1", "topic": "all"},
        "channels": {name: {"read": {"v": {"path": "{channel}.v", "unit": "V"}}} for name in ("lv", "hv")},
    }
    message = r"{\"hv\": {\"v\": 200}, \"lv\": {\"v\": 12.5}}"
    lines, _ = shaped(stanza, f'mqtt_consumer,@,topic=all value="{message}" {SECOND}')
    assert lines == [f'mqtt,channel=lv v=12.5,status="ok" {SECOND}', f'mqtt,channel=hv v=200,status="ok" {SECOND}']


def test_of_an_opcua_node_that_is_not_good_the_value_is_none(shaped):
    stanza = {
        **{"name": "plc", "driver": "opcua", "connection": "opc.tcp://127.0.0.1:4840"},
        "channels": {"tank": {"read": {"level": {"node": "ns=2;s=Level", "unit": "%"}}}},
    }
    good, bad = "The operation succeeded. StatusGood (0x0)", "The operation failed. StatusBad (0x80000000)"
    lines, _ = shaped(
        stanza,
        f'opcua,@,id=ns\\=2;s\\=Level value=21.5,Quality="{good}" {SECOND}',
        f'opcua,@,id=ns\\=2;s\\=Level value=21.5,Quality="{bad}" {SECOND + 1}',
        f'opcua,@,id=ns\\=2;s\\=Level Quality="{good}" {SECOND + 2}',
    )
    assert lines == [
        f'opcua,channel=tank level=21.5,status="ok" {SECOND}',
        f'opcua,channel=tank status="bad_quality" {SECOND + 1}',
        f'opcua,channel=tank status="bad_quality" {SECOND + 2}',
    ]


def test_of_any_input_tags_tell_the_channel_and_what_none_names_is_told_once(shaped):
    read = {"load": {"field": "utilization_gpu", "unit": "%", "type": "int"}}
    stanza = {
        **{"name": "gpus", "driver": "telegraf", "input": {"nvidia_smi": {"timeout": "5s"}}},
        "channels": {
            f"gpu{n}": {"measurement": "nvidia_smi", "tags": {"index": str(n)}, "read": read} for n in range(2)
        },
    }
    lines, log = shaped(
        stanza, *(f"nvidia_smi,@,index={n} utilization_gpu={n}i,other=1 {SECOND}" for n in (0, 1, 2, 2)), f"foreign,@ x=1 {SECOND}"
    )  # fmt: skip
    assert lines == [f'nvidia_smi,channel=gpu{n} load={n}i,status="ok" {SECOND}' for n in range(2)]
    told = [line for line in log.splitlines() if "which no channel names" in line]
    assert len(told) == 2 and "[gpus]" in told[0] and '"index": "2"' in told[0] and "foreign" in told[1]
    assert shaped.thrown_away == 5  # each of their fields


def test_what_is_colder_than_all_is_no_reading(shaped):
    units = {"K": ("0", "1.5"), "mK": ("-1", "1.5"), "°C": ("-273.16", "-273.15"), "°F": ("-459.7", "-459.6")}
    read = {f"t{i}{n}": {"unit": unit} for i, unit in enumerate(units) for n in range(2)}
    read["low"] = {"unit": "K", "low": -5}
    said = {f"t{i}{n}": values[n] for i, values in enumerate(units.values()) for n in range(2)} | {"low": "-4"}
    fields = ",".join(f"1.{name}={value}" for name, value in said.items())
    lines, _ = shaped(snmp(**read), f"snmp,@ {fields} {SECOND}")
    taken = ",".join(f"{name}={value}" for name, value in said.items() if name[-1] != "0")
    assert lines == [f'snmp,channel=1 {taken},status="out_of_range" {SECOND}']


def test_a_calibrated_value_that_is_colder_than_all_is_no_reading(shaped):
    stanza = snmp(v={"unit": "V"})
    stanza["channels"]["1"]["calibration"] = {"form": "linear", "a": -1, "b": 1, "to": "t", "unit": "K"}
    lines, _ = shaped(stanza, f"snmp,@ 1.v=1 {SECOND}", f"snmp,@ 1.v=3 {SECOND + 1}")
    assert lines == [
        f'snmp,channel=1 v=1,status="out_of_range" {SECOND}',
        f'snmp,channel=1 v=3,t=2,calibration="{version(stanza)}",status="ok" {SECOND + 1}',
    ]


def test_a_time_that_cant_be_believed_is_marked(shaped):
    now = time.time_ns()
    far, near = now + 60 * 10**9, now + 1_900_000_000  # clocks differ by less than two seconds
    points, _ = shaped(
        snmp(a={"unit": "V"}),
        f"snmp,@ 1.a=0 {near}",
        f"snmp,@ 1.a=1 {SECOND}",
        f"snmp,@ 1.a=2 {far}",
        "snmp,@ 1.a=3 946684800000000000",
    )
    assert points == [
        f'snmp,channel=1 a=0,status="ok" {near}',
        f'snmp,channel=1 a=1,status="ok" {SECOND}',
        f'snmp,channel=1 a=2,status="ok",clock="future" {far}',
        'snmp,channel=1 a=3,status="ok",clock="past" 946684800000000000',
    ]


def test_what_is_read_while_the_clock_follows_no_other_is_marked(shaped):
    def told(doubt: str) -> str:
        return f'{native_clock.METRIC},@ {native_clock.FIELD}="{doubt}" {SECOND}'

    lines = [f"snmp,@ 1.a={n} {SECOND + n}" for n in range(4)]
    told_of = (told("unsynchronised"), lines[1], told("unknown"), lines[2], told(""))
    points, _ = shaped(snmp(a={"unit": "V"}), lines[0], *told_of, lines[3])
    assert [point.partition(",")[2] for point in points if point.startswith("snmp")] == [
        f'channel=1 a=0,status="ok" {SECOND}',
        f'channel=1 a=1,status="ok",clock="unsynchronised" {SECOND + 1}',
        f'channel=1 a=2,status="ok",clock="unknown" {SECOND + 2}',
        f'channel=1 a=3,status="ok" {SECOND + 3}',
    ]


@pytest.mark.parametrize(("checked", "told"), [("unchecked", ""), ("", "unsynchronised")])
def test_the_report_of_the_clock_is_what_the_kernel_says(monkeypatch, checked, told):
    monkeypatch.setattr(clock, "_kernel_says", lambda: "unsynchronised")
    monkeypatch.setenv(clock.VARIABLE, checked)
    assert native_clock.line() == f'labline_clock,labline=clock clock="{told}"\n'


def timed(form: str | None, *messages: str) -> tuple[dict, list[str]]:
    stanza = mqtt(a={"unit": "V", "path": "a"}, b={"unit": "V", "path": "b"}) | {"time": "at.0"}
    lines = [message.replace('"', '\\"') for message in messages]
    return stanza | ({"time_form": form} if form else {}), [
        f'mqtt_consumer,topic=t,@ value="{line}" {SECOND + n}' for n, line in enumerate(lines)
    ]


@pytest.mark.parametrize(
    ("form", "said", "time_ns"),
    [
        (None, '"2023-11-14T22:13:20.25Z"', 1_700_000_000_250_000_000),
        ("iso", '"2023-11-14T23:13:20+01:00"', 1_700_000_000_000_000_000),
        ("unix", "1700000000", 1_700_000_000_000_000_000),
        ("unix", "1700000000.5", 1_700_000_000_500_000_000),
        ("unix", '"1700000000"', 1_700_000_000_000_000_000),
        ("unix_ms", "1700000000123", 1_700_000_000_123_000_000),
        ("unix_us", "1700000000123456", 1_700_000_000_123_456_000),
        ("unix_ns", "1700000000123456789", 1_700_000_000_123_456_789),
    ],
)
def test_a_message_has_its_own_time(shaped, form, said, time_ns):
    stanza, lines = timed(form, f'{{"a": 1, "at": [{said}]}}')
    assert shaped(stanza, *lines)[0] == [f'mqtt,channel=1 a=1,status="ok" {time_ns}']


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("iso", '"yesterday"'),
        ("iso", '"2023-11-14 22:13:20"'),
        ("iso", "17"),
        ("unix", '"x"'),
        ("unix", "1e30"),
        ("unix", "null"),
    ],
)
def test_a_time_that_can_not_be_read_is_told_and_the_value_stays(shaped, form, said):
    stanza, lines = timed(form, f'{{"a": 1, "at": [{said}]}}', '{"a": 2}')
    assert shaped(stanza, *lines)[0] == [
        f'mqtt,channel=1 a=1,status="bad_time" {SECOND}',
        f'mqtt,channel=1 a=2,status="bad_time" {SECOND + 1}',
    ]


def test_a_time_of_its_own_is_judged_as_every_other(shaped):
    far = time.time_ns() // 10**9 + 3600
    stanza, lines = timed("unix", f'{{"a": 1, "at": [{far}]}}', '{"a": 2, "at": [0]}')
    assert shaped(stanza, *lines)[0] == [
        f'mqtt,channel=1 a=1,status="ok",clock="future" {far}000000000',
        'mqtt,channel=1 a=2,status="ok",clock="past" 0',
    ]


def test_what_says_the_same_of_a_time_again_is_one_point_and_what_says_another_is_none_less(shaped):
    at = '"at": [1700000000]'
    stanza, lines = timed(
        "unix", f'{{"a": 1, {at}}}', f'{{"a": 1, {at}}}', f'{{"a": 2, {at}}}', f'{{"b": 3, {at}}}', f'{{"a": 2, {at}}}'
    )
    points, _ = shaped(stanza, *lines)
    assert points == [
        f'mqtt,channel=1 a=1,status="ok" {SECOND}',
        f'mqtt,channel=1 a=2,status="ok" {SECOND + 1}',
        f'mqtt,channel=1 b=3,status="ok" {SECOND}',
    ]
    assert shaped.thrown_away == 2


@pytest.mark.parametrize("where", [(), ("channels", "1")])
def test_a_path_to_a_time_that_is_none_is_refused(where):
    stanza = mqtt(a={"unit": "V"})
    (stanza["channels"]["1"] if where else stanza)["time"] = "at..0"
    with pytest.raises(BadInput, match="is no path") as refused:
        stanzas.check(stanza)
    assert refused.value.path == (*where, "time")


def test_channels_that_are_not_named_are_found_in_topics(shaped):
    read = {"temp": {"unit": "°C", "high": 50}}
    stanza = mqtt(temp={"unit": "°C"}) | {"topic": "lab/{channel}/sensors/{quantity}"}
    stanza["channels"] = {"oven": {"read": {"temp": {"unit": "°C", "high": 900}}}, "*": {"read": read}}
    topics = (
        "lab/oven/sensors/temp",
        "lab/hall/sensors/temp",
        "lab/attic/sensors/temp",
        "lab/attic/sensors/humi",
        "lab/a/b/sensors/temp",
    )
    points, _ = shaped(
        stanza, *(f'mqtt_consumer,topic={t},@ value="{60 - n}" {SECOND + n}' for n, t in enumerate(topics))
    )
    assert points == [
        f'mqtt,channel=oven temp=60,status="ok" {SECOND}',
        f'mqtt,channel=hall status="out_of_range" {SECOND + 1}',
        f'mqtt,channel=attic status="out_of_range" {SECOND + 2}',
    ]
    checked = stanzas.check(stanza)
    assert [channel.id for channel in checked.channels] == ["oven"] and checked.measurements == ["mqtt"]
    assert drivers.load("mqtt").table(checked, "client")["topics"] == ["lab/oven/sensors/temp", "lab/+/sensors/temp"]


def test_channels_that_are_not_named_are_found_in_tags(shaped):
    read = {"load": {"unit": "%", "field": "utilization_gpu"}}
    channels = {
        "left": {"measurement": "gpu", "tags": {"index": "0"}, "read": read},
        "*": {"measurement": "gpu", "tags": {"index": "{channel}", "kind": "gpu"}, "read": read},
    }
    stanza = {"name": "gpus", "driver": "telegraf", "input": {"nvidia_smi": {}}, "channels": channels}
    points, log = shaped(
        stanza,
        f"gpu,index=0,kind=gpu,@ utilization_gpu=1 {SECOND}",
        f"gpu,index=1,kind=gpu,@ utilization_gpu=2 {SECOND}",
        f"gpu,index=2,kind=cpu,@ utilization_gpu=3 {SECOND}",
        f"gpu,kind=gpu,@ utilization_gpu=4 {SECOND}",
    )
    assert points == [f'gpu,channel=left load=1,status="ok" {SECOND}', f'gpu,channel=1 load=2,status="ok" {SECOND}']
    assert log.count("which no channel names") == 2


@pytest.mark.parametrize(
    ("driver", "keys", "told"),
    [
        ("mqtt", {"topic": "lab/all", "read": {"a": {"unit": "V"}}}, "one of whose levels is {channel}"),
        ("mqtt", {"topic": "lab/x{channel}", "read": {"a": {"unit": "V"}}}, "one of whose levels is {channel}"),
        ("mqtt", {"topic": "{channel}/#", "read": {"a": {"unit": "V"}}}, "expected one topic"),
        (
            "mqtt",
            {"topic": "{channel}", "read": {"a": {"unit": "V"}}, "limits": {"a": {"warning": {"above": 1}}}},
            "name the channel",
        ),
        (
            "telegraf",
            {"measurement": "gpu", "tags": {"index": "0"}, "read": {"a": {"unit": "V"}}},
            "one tag must be '{channel}'",
        ),
        ("snmp", {"read": {"a": {"unit": "V", "oid": "1.3"}}}, "expected letters, digits"),
    ],
)
def test_what_can_not_be_found_is_refused(driver, keys, told):
    own = {
        "mqtt": {"connection": "mqtt://h"},
        "snmp": {"connection": "udp://h", "user": "lab"},
        "telegraf": {"input": {"system": {}}},
    }
    with pytest.raises(BadInput, match=re.escape(told)):
        stanzas.check({"name": "it", "driver": driver, **own[driver], "channels": {"*": keys}})


def test_what_would_be_found_is_simulated(shaped):
    stanza = mqtt(a={"unit": "V"}) | {"topic": "lab/{channel}", "channels": {"*": {"read": {"a": {"unit": "V"}}}}}
    checked = stanzas.check(stanza | {"connection": "sim"})
    assert '["mock", {}, "simulated.a", "simulated", "a"]' in native_script.script(checked, simulated=True)


READINGS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 2, 5, -1]), st.sampled_from([0.0, 0.0, 0.5, -0.25, 9.0]) | st.floats(-1e6, 1e6)
    ),
    min_size=20,
    max_size=400,
)


@settings(
    max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(median=st.integers(3, 9), mad=st.floats(1, 10), floor=st.sampled_from([0.0, 1.0]), course=READINGS)
def test_spikes_are_those_that_a_program_finds(shaped, median, mad, floor, course):
    stanza = snmp(a={"unit": "V"}) | {"interval": "1s"}
    stanza["channels"]["1"]["filter"] = {"median": median, "mad": mad, "floor": floor}
    checked = stanzas.check(stanza)
    judge = Judge(checked.channels[0].filter)
    lines, expected, when = [], [], SECOND
    for seconds, value in course:
        when += seconds * 10**9
        lines.append(f"snmp,@ 1.a={value!r} {when}")
        expected.append((when, judge.spike(value, when, gap_ns(checked.interval)), value))
    found = []
    for line in shaped(stanza, *lines)[0]:
        _, said, at = line.split()
        came = dict(each.split("=") for each in said.split(","))
        spike = "a_spike" in came
        assert came.keys() == ({"a_spike", "quality", "status"} if spike else {"a", "status"})
        found.append((int(at), spike, float(came["a_spike" if spike else "a"])))
    assert found == expected


def test_a_spike_that_a_broker_repeats_is_the_same_point(shaped):
    stanza = mqtt(v={"unit": "V", "path": "v"})
    stanza["channels"]["1"] |= {"time": "at", "time_form": "unix", "filter": {"median": 3}}
    values = [1.0, 1.0, 1.0, 1.0, 50.0, 50.0]
    times = [1_700_000_000 + n for n in (0, 1, 2, 3, 4, 4)]
    sent = [json.dumps({"v": v, "at": at}).replace('"', r"\"") for v, at in zip(values, times, strict=True)]
    lines = shaped(stanza, *(f'mqtt,@,topic=t value="{text}" {SECOND}' for text in sent))[0]
    assert [sorted(line.split()[1].split(",")) for line in lines[3:]] == [
        ['status="ok"', "v=1"], ['quality="spike"', 'status="ok"', "v_spike=50"]
    ]  # fmt: skip
