"""What stanzas become in Telegraf's configuration: the real Telegraf takes it, editors' schema takes the stanza."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace

import jsonschema
import pytest
import yaml

from grafana_dashboards import emit
from grafana_dashboards.check import panels_of
from provisioning import json_schema, native_config, telegraf_check, telegraf_config
from provisioning import site as sites
from telegraf_inputs import drivers, native, stanza, yamlfile


def changed(name: str, **keys: object) -> dict:
    data = yamlfile.parse(drivers.load(name).example, "example").data | keys
    return {key: value for key, value in data.items() if value is not None}


VARIANTS = {
    **{f"{name} example": changed(name) for name in native.names()},
    "snmp 2": changed("snmp", version=2, user=None, auth_password_file=None, privacy_password_file=None, community="lab"),
    "snmp without encryption": changed("snmp", privacy_password_file=None, auth="SHA512"),
    "snmp over IPv6": changed("snmp", connection="udp://[::1]"),
    "modbus on a serial line": changed("modbus", connection="serial:///dev/ttyUSB0?baudrate=19200&parity=E", unit=17),
    "modbus RTU over TCP": changed("modbus", transmission="RTUoverTCP", pause_between_requests="50ms"),
    "mqtt without a user": changed("mqtt", connection="mqtt://broker.lab", username=None, password_file=None, ca=None, qos=0),
    "mqtt, plain numbers of one topic": changed(
        "mqtt", topic="t", channels={"a": {"read": {"v": {"unit": "V", "path": "{channel}.{quantity}"}}}}
    ),
    "opcua without security": changed("opcua", security="None", username=None, password_file=None),
    "opcua with a certificate": changed("opcua", certificate="/etc/c.pem", private_key="/etc/k.pem", connection="opc.tcp://h:4840/a/b"),
    "telegraf with tables in the table": changed(
        "telegraf", input={"http": {"urls": ["http://127.0.0.1:9/x"], "password": "@{labline:web}", "username": "lab", "data_format": "json_v2", "json_v2": [{"field": [{"path": "a"}]}], "headers": {"X-Lab": 'a "b"'}}}
    ),
}  # fmt: skip


@pytest.fixture
def site(tmp_path):
    def load(data: dict) -> sites.Site:
        file = tmp_path / "site.yml"
        beside = drivers.load(data["driver"]).beside
        several = [data, *([yaml.safe_load(beside)] if beside else [])]
        text = {"site": "lab", "nodes": [{"name": "daq"}], "instruments": several}
        file.write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
        return sites.load(file)

    return load


@pytest.mark.parametrize("name", VARIANTS)
def test_telegraf_takes_it(site, telegraf_path, name):
    assert telegraf_check.check(site(VARIANTS[name]), telegraf_path) == ""


@pytest.mark.parametrize("name", native.names())
def test_what_an_input_needs_of_telegraf_itself_it_declares(site, name, monkeypatch):
    """Such as SNMP's translator: without it Telegraf calls a program that few machines have."""
    declared = dict(drivers.load(name).agent)
    monkeypatch.setattr(drivers.load(name), "agent", declared | {"logtarget": name})
    lab = site(changed(name))
    agent = tomllib.loads(telegraf_config.render(lab, lab.nodes[0])[telegraf_config.CONF])["agent"]
    assert agent.items() >= {**declared, "logtarget": name}.items()
    assert (agent.get("snmp_translator") == "gosmi") == (name == "snmp")


@pytest.mark.parametrize("name", VARIANTS)
def test_editors_take_the_stanza(name):
    text = {"site": "lab", "nodes": [{"name": "daq"}], "instruments": [VARIANTS[name]]}
    jsonschema.validate(text, json.loads(json_schema.render()))


def test_editors_refuse_a_key_that_a_quantity_does_not_have():
    data = changed("snmp")
    data["channels"]["battery"]["read"]["charge"]["oidd"] = "1.3"
    text = {"site": "lab", "nodes": [{"name": "daq"}], "instruments": [data]}
    with pytest.raises(jsonschema.ValidationError, match="oidd"):
        jsonschema.validate(text, json.loads(json_schema.render()))


@pytest.mark.parametrize("name", VARIANTS)
def test_no_password_stands_in_it_but_a_reference(site, name):
    checked = site(VARIANTS[name]).instruments[0].stanza
    text = "\n".join(native_config.tables(checked, "lab", "/etc/labline"))
    assert re.findall(r'password = "(.*)"', text) == [f"@{{labline:{name}}}" for name in native_config.secrets(checked)]


def test_two_labs_at_one_broker_have_two_names():
    checked = stanza.check(changed("mqtt"))
    tables = {site: "\n".join(native_config.tables(checked, site, "/etc")) for site in ("a", "b")}
    assert 'client_id = "labline-a-esp01"' in tables["a"] and 'client_id = "labline-b-esp01"' in tables["b"]
    chosen = replace(checked, options={**checked.options, "client_id": "mine"})
    assert 'client_id = "mine"' in "\n".join(native_config.tables(chosen, "a", "/etc"))


TWO = """\
site: two
nodes: [{name: daq}]
instruments:
  - name: load
    driver: telegraf
    interval: 5s
    input: {system: {}}
    channels:
      one: {measurement: a, read: {load: {unit: ""}}}
      two: {measurement: b, read: {load: {unit: ""}}}
"""


def test_of_several_measurements_the_alarm_of_silence_has_one_series_and_the_age_is_that_of_the_newest(tmp_path):
    (tmp_path / "two.yml").write_text(TWO)
    files = emit.render(sites.load(tmp_path / "two.yml"))
    rules = [rule for group in json.loads(files[emit.RULES])["groups"] for rule in group["rules"]]
    (stale,) = [rule for rule in rules if rule["labels"]["kind"] == "stale"]
    query = stale["data"][0]["model"]["query"]
    assert '"internal_gather"' in query and "\"alias\" = 'load'" in query and '"a"' not in query
    health = json.loads(files["dashboards/health.json"])
    (age,) = [panel for panel in panels_of(health) if panel["description"] == "When load last delivered something."]
    assert [target["resultFormat"] for target in age["targets"]] == ["table", "table"]
    assert [step["id"] for step in age["transformations"]] == ["merge", "sortBy", "convertFieldType"]
