"""Telegraf's configuration: taken by the real Telegraf, and what it reads reaches the real database and the journal."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from labline.stack import telegraf
from provisioning import files, host_metrics, influxdb_apply, influxdb_schema, site, telegraf_check, telegraf_config
from provisioning.telegraf_config import TelegrafPaths
from telegraf_inputs import stanza, yamlfile


@pytest.fixture(scope="module")
def demo() -> site.Site:
    return site.load(site.find("demo"))


def conf(lab: site.Site, node: site.Node | None = None, **settings: object) -> dict:
    return tomllib.loads(telegraf_config.render(lab, node or lab.nodes[0], **settings)[telegraf_config.CONF])


@pytest.mark.parametrize("path", sorted(site.SITES.glob("*.yml")), ids=lambda path: path.stem)
def test_telegraf_takes_the_configuration_of_every_site(telegraf_path: Path, path: Path):
    assert telegraf_check.check(site.load(path), telegraf_path) == ""


def test_what_telegraf_does_not_take_is_told(telegraf_path: Path, demo: site.Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(telegraf_config, "WRITER", "${NOBODY_SET_THIS}@{nothing:here}")
    assert "nothing" in telegraf_check.check(demo, telegraf_path)


def test_a_program_gets_the_stanza_it_has_in_the_site_file_and_nothing_it_has_no_use_for(demo: site.Site):
    made = telegraf_config.render(demo, demo.server)
    for instrument in demo.instruments:
        text = made[telegraf_config.program_config(instrument)]
        alone, here = stanza.check(yamlfile.parse(text, "made").data), instrument.stanza
        for key in ("name", "label", "interval", "timeout", "trigger", "tags", "options"):
            assert getattr(alone, key) == getattr(here, key)
        assert str(alone.connection) == str(here.connection)
        assert [(c.id, c.label, c.options, list(c.quantities)) for c in alone.channels] == [
            (c.id, c.label, c.options, list(c.quantities)) for c in here.channels
        ]
        assert "limits" not in text and "stale" not in text


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(), st.from_regex(r"[-+]?[0-9.]{1,3}([eE][-+]?[0-9]{1,3})?|[~nNyY<=]|[a-zA-Z.]{2,5}", fullmatch=True)
    )
)
@example("1e5")
@example("3E12")
@example("0x1F")
@example("12:30")
@example("No")
@example("\u2028")
@example("\x85")
def test_a_text_stays_the_text_it_is(demo: site.Site, text: str):
    first = demo.instruments[0]
    lab = structs.replace(demo, instruments=(structs.replace(first, data=first.data | {"tags": {"shelf": text}}),))
    made = telegraf_config.render(lab, lab.server)[telegraf_config.program_config(first)]
    assert yamlfile.parse(made, "made").data["tags"] == {"shelf": text}


def test_the_instruments_of_a_driver_are_one_program_with_its_name_as_alias(written):
    second = "  - {name: second, driver: lakeshore_372, connection: 'sim:'}\nalarms:"
    lab = site.load(written(site.find("demo").read_text().replace("\nalarms:", f"\n{second}", 1)))
    execd = {each["alias"]: each for each in conf(lab)["inputs"]["execd"]}
    assert list(execd) == list(dict.fromkeys(i.stanza.driver.name for i in lab.instruments))
    for name, each in execd.items():
        python, m, module, *configs = each["command"]
        assert (m, module, each["signal"]) == ("-m", f"telegraf_inputs.drivers.{name}", "none")
        assert configs == ["--config", "/etc/labline/telegraf/instruments"] and Path(python).is_absolute()


def test_telegraf_sets_the_pace_of_an_instrument_that_says_so(written):
    text = site.find("demo").read_text().replace("interval: 1s\n", "interval: 1500ms\n    trigger: stdin\n", 1)
    first = conf(site.load(written(text)))["inputs"]["execd"][0]
    assert (first["signal"], first["interval"]) == ("STDIN", "1500ms")
    assert first["command"][-1] == "/etc/labline/telegraf/instruments/cryostat.yml"  # those of this pace alone


def test_programs_get_the_environment_and_the_connections_that_are_asked_for(demo: site.Site):
    made = telegraf_config.render(
        demo, demo.server, environment={"LABLINE_LEDGER": "/x"}, connections={"cryostat": "tcp://127.0.0.1:1"}
    )
    assert all(
        each["environment"] == ["LABLINE_LEDGER=/x", "LABLINE_CLOCK=unchecked"]
        for each in tomllib.loads(made["telegraf.conf"])["inputs"]["execd"]
    )
    assert yamlfile.parse(made["instruments/cryostat.yml"], "made").data["connection"] == "tcp://127.0.0.1:1"


def test_the_buffer_holds_an_hour_of_a_site_within_bounds(demo: site.Site, written):
    limit = conf(demo)["agent"]["metric_buffer_limit"]
    channels = sum(3600 * (len(i.stanza.channels) + 1) / i.stanza.interval for i in demo.instruments)
    assert channels < limit < channels + 20_000
    fast = site.find("demo").read_text().replace("interval: 2s", "interval: 10ms")
    assert conf(site.load(written(fast)))["agent"]["metric_buffer_limit"] == telegraf_config.BUFFER_MOST


def test_a_label_of_several_lines_stays_a_comment(written):
    text = site.find("demo").read_text().replace("label: Dilution refrigerator", 'label: "a\\n[[inputs.exec]]"')
    assert "exec" not in conf(site.load(written(text)))["inputs"]


def test_a_label_with_a_control_character_leaves_the_configuration_readable(written):
    text = site.find("demo").read_text().replace("label: Dilution refrigerator", 'label: "Dilution\\e refrigerator"')
    assert conf(site.load(written(text)))["inputs"]["execd"][0]["alias"] == "lakeshore_372"


def test_archives_of_the_journal_are_kept(demo: site.Site):
    (journal,) = conf(demo)["outputs"]["file"]
    assert journal["rotation_max_archives"] == 168  # 0 would delete every full file


def test_what_telegraf_reads_reaches_the_database_and_the_journal_alike(lab, telegraf_path: Path, tmp_path: Path):
    lab.change('channels:\n      "5":', "channels:\n      A:")  # the control input is measured in each cycle
    influxdb_apply.apply(influxdb_apply.plan(lab.url, influxdb_schema.schema(lab.site), lab.secrets), lambda text: None)
    journal = tmp_path / "journal"
    journal.mkdir()
    paths = TelegrafPaths(python=sys.executable, config=str(tmp_path), secrets=str(lab.secrets), journal=str(journal))
    files.write(tmp_path, telegraf_config.render(lab.site, lab.site.server, paths))
    database = lab.site.influxdb.database
    with telegraf.Telegraf(telegraf_path, tmp_path / telegraf_config.CONF, tmp_path / "log") as running:
        running.process.wait_ready(lambda: lab.admin.rows('SELECT * FROM "lakeshore_372" LIMIT 1', database), 30)
    rows = lab.admin.rows(
        'SELECT "temperature", "host", "site", "channel", "instrument" FROM "raw"."lakeshore_372"', database
    )
    lines = [
        line
        for line in (journal / telegraf_config.JOURNAL_FILE).read_text().splitlines()
        if line.startswith("lakeshore_372,")
    ]
    assert {line.rsplit(" ", 1)[1] for line in lines} == {str(row["time"]) for row in rows}
    assert {(row["host"], row["site"], row["channel"], row["instrument"]) for row in rows} == {
        ("daq", "test", "A", "cryostat")
    }
    secret = (lab.secrets / "writer").read_text()
    assert not any(secret in path.read_text() for path in (tmp_path / telegraf_config.CONF, tmp_path / "log"))


def test_what_telegraf_measures_of_the_machine_and_of_itself_is_what_is_declared(
    lab, telegraf_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(telegraf_config, "HOST_INTERVAL", 1)
    influxdb_apply.apply(influxdb_apply.plan(lab.url, influxdb_schema.schema(lab.site), lab.secrets), lambda text: None)
    (tmp_path / "journal").mkdir()
    paths = TelegrafPaths(
        python=sys.executable, config=str(tmp_path), secrets=str(lab.secrets), journal=str(tmp_path / "journal")
    )
    files.write(tmp_path, telegraf_config.render(lab.site, lab.site.server, paths))
    database = lab.site.influxdb.database

    def stored() -> dict[str, dict[str, str]]:
        found = lab.admin.query(f'SHOW FIELD KEYS ON "{database}" FROM "raw"./.*/')
        return {series.name: {row["fieldKey"]: row["fieldType"] for row in series.rows} for series in found}

    # A machine without sensors has no temperature; all else there is everywhere.
    everywhere = (host_metrics.HOST | host_metrics.TELEGRAF).keys() - {"temp"}
    with telegraf.Telegraf(telegraf_path, tmp_path / telegraf_config.CONF, tmp_path / "log") as running:
        running.process.wait_ready(lambda: everywhere | {"instrument"} <= stored().keys(), 30)
    kinds = {"int": "integer", "float": "float", "str": "string"}
    declared = host_metrics.ALL | {"instrument": host_metrics.INSTRUMENT}
    for measurement in everywhere | {"instrument"}:
        # `paused` is there while an instrument is.
        wanted = {q.name: kinds[q.type] for q in declared[measurement] if q.name != "paused"}
        assert stored()[measurement] == wanted
    for measurement, tags in {
        "internal_gather": {"alias", "host", "input", "site"},
        "disk": {"device", "fstype", "host", "mode", "path", "site"},
    }.items():
        assert {row["tagKey"] for row in lab.admin.rows(f'SHOW TAG KEYS ON "{database}" FROM "{measurement}"')} == tags
