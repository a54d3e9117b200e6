"""What is committed for the demo site is what `labline render` makes of it today."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from provisioning import files, json_schema, site, site_docs, site_file
from telegraf_inputs import stanza, yamlfile
from telegraf_inputs.errors import BadInput

PROVISIONING = site.SITES.parent
VALIDATOR = jsonschema.Draft202012Validator(json.loads(json_schema.render()))


def test_the_committed_files_are_current():
    made = files.render(site.load(site.find("demo"))) | {json_schema.FILE: json_schema.render()}
    assert files.changes(PROVISIONING, made) == {}, "run: labline render"


def test_rendering_gives_the_same_bytes_in_another_process():
    code = (
        "from provisioning import files, json_schema, site; import hashlib;"
        "made = files.render(site.load(site.find('demo'))) | {'': json_schema.render()};"
        "print(hashlib.sha256(repr(sorted(made.items())).encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=PROVISIONING.parent,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_a_folder_is_brought_to_what_it_should_be_and_no_further(tmp_path: Path):
    lab = site.load(site.find("demo"))
    made = files.render(lab)
    assert set(files.write(tmp_path, made).values()) == {"new"}
    assert files.write(tmp_path, made) == {}
    gone, foreign = tmp_path / "telegraf/instruments/gone.yml", tmp_path / "telegraf/instruments/mine.yml"
    gone.write_text(made["telegraf/instruments/cryostat.yml"])
    foreign.write_text("name: mine\n")
    (tmp_path / files.SCHEMA).write_text("-- older\n")
    assert files.write(tmp_path, made) == {files.SCHEMA: "changed", "telegraf/instruments/gone.yml": "no longer made"}
    assert foreign.exists() and not gone.exists()
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("path", sorted(site.SITES.glob("*.yml")), ids=lambda path: path.stem)
def test_a_site_file_tells_editors_its_schema_and_keeps_to_it(path: Path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schema/site.schema.json"
    assert [error.message for error in VALIDATOR.iter_errors(yamlfile.load(str(path)).data)] == []


@pytest.mark.parametrize(
    ("instrument", "key", "value"),
    [
        ("cryostat", "intervall", "1s"),
        ("cryostat", "interval", 5),
        ("cryostat", "channels", {"17": None}),
        ("cryostat", "channels", {"1": {"limits": {"temperature": {"warning": {"abov": "1 K"}}}}}),
        (
            "chiller",
            "channels",
            {"circulator": {"limits": {"status_code": {"critical": {"alarm_when": ["low level"]}}}}},
        ),
        ("chiller", "channels", {"circulator": {"limits": {"status_code": {"critical": {"alarm_when": [-1]}}}}}),
        ("chiller", "channels", {"circulator": {"limits": {"status_code": {"critical": {"alarm_when": "a word"}}}}}),
        ("cryostat", "model", "tpg262"),
        ("vacuum", "model", "tpg1"),
        ("optics", "channels", {"a": {"hub_port": 1}}),
        ("optics", "channels", {"the a": {"class": "LightSensor"}}),
        (
            "optics",
            "channels",
            {"a": {"class": "VoltageInput", "calibration": {"form": "linear", "b": 1, "coefficients": [1]}}},
        ),
        (
            "optics",
            "channels",
            {"a": {"class": "VoltageInput", "calibration": {"form": "linear", "b": 1, "decimals": 16}}},
        ),
        ("magnet", "driver", "sccpi"),
        ("magnet", "name", "the magnet"),
        ("cryostat", "channels", {"1": {"limits": None}}),
        ("cryostat", "channels", {"1": {"limits": {}}}),
        ("magnet", "name", None),
        ("magnet", "driver", None),
        ("magnet", "connection", None),
    ],
)
def test_editors_see_a_mistake_in_an_instrument(instrument: str, key: str, value: object, written):
    data = yamlfile.load(str(site.find("demo"))).data
    next(each for each in data["instruments"] if each["name"] == instrument)[key] = value
    assert list(VALIDATOR.iter_errors(data))
    with pytest.raises(BadInput):
        site.load(written(json.dumps(data)))


@pytest.mark.parametrize(
    ("instrument", "key", "value"),
    [
        ("magnet", "name", 5),
        *(
            ("cryostat", option.name, None)
            for option in stanza.KEYS
            if not option.required and option.name != "connection"  # which all drivers need that have one
        ),
        ("cryostat", "channels", {"1": None}),
        (
            "cryostat",
            "channels",
            {"1": {option.name: None for option in stanza.CHANNEL_KEYS if option.name != "limits"}},
        ),
        ("vacuum", "mode", None),
        (
            "chiller",
            "channels",
            {"setpoint": {"limits": {"setpoint_number": {"warning": {"alarm_when": ["set point 2"]}}}}},
        ),
        (
            "optics",
            "channels",
            {
                "a": {
                    "class": "VoltageInput",
                    "serial": None,
                    "calibration": {"form": "linear", "b": 1, "to": "x", "unit": "K", "decimals": 3, "range": [0, 1]},
                }
            },
        ),
    ],
)
def test_editors_take_what_a_check_takes(instrument: str, key: str, value: object, written):
    data = yamlfile.load(str(site.find("demo"))).data
    next(each for each in data["instruments"] if each["name"] == instrument)[key] = value
    site.load(written(json.dumps(data)))
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []


STRUCTS = {
    "": site_file.SiteFile,
    "influxdb": site_file.InfluxDBKeys,
    "influxdb.retention": site_file.Retention,
    "alarms": site_file.Alarms,
    "notifications": site_file.Notifications,
    "notifications.contact_points.0": site_file.ContactPoint,
    "instruments.0.channels.3.limits.temperature": site_file.Limits,
    "instruments.0.channels.3.limits.temperature.warning": site_file.Threshold,
}


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (place, key)
        for place, kind in STRUCTS.items()
        for key, info in site_file.fields(kind).items()
        if not info.required and key != "addresses"  # which an email needs
    ],
)
def test_a_key_without_its_value_is_as_none_for_editors_too(place: str, key: str, written):
    data = yamlfile.load(str(site.find("demo"))).data
    at = data
    for step in filter(None, place.split(".")):
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    at[key] = None
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []
    empty = meant(site.load(written(json.dumps(data))))
    del at[key]
    assert empty == meant(site.load(written(json.dumps(data))))


def meant(lab: site.Site) -> tuple:
    """Tell what of a site hangs on the structs' keys."""
    limits = [[(v.severity, v.above, v.below, v.hysteresis, v.for_, v.help) for v in i.limits] for i in lab.instruments]
    return lab.title, lab.zone, lab.influxdb, lab.alarms, lab.notifications, limits


def test_the_rendered_docs_of_the_site_file_are_current():
    text = site_docs.FILE.read_text(encoding="utf-8")
    assert site_docs.fill(text) == text, "run: python -m provisioning.site_docs"


def test_editors_read_every_pattern():
    """Theirs is another language (ECMA 262): there, \\Z is the letter."""
    assert r"\Z" not in json_schema.render()
