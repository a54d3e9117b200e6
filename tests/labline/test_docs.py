"""The documents are true: their links lead somewhere, their site files are right, their example driver works."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

import telegraf_inputs.drivers
import telegraf_inputs.simulators
from labline import cli
from provisioning import site as sites
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

ROOT = Path(__file__).parent.parent.parent
SITE_FILE = ROOT / "docs/site-file.md"
WRITTEN = [ROOT / "README.md", ROOT / "docs/adding-an-instrument.md", ROOT / "docs/reliability.md", SITE_FILE]
every_document = pytest.mark.parametrize("document", WRITTEN, ids=lambda path: path.name)


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S)


@every_document
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link.partition("#")[0]).exists()]
    assert not missing


def whole(part: dict[str, object]) -> dict[str, object]:
    """Put a part of a site file, which a document shows by itself, where it belongs."""
    channel: dict[str, object] = {
        "read": {name: {"query": "Q?", "unit": unit} for name, unit in (("temperature", "K"), ("voltage", "V"))}
    }
    instrument = {"name": "i", "driver": "scpi", "connection": "sim", "channels": {"a": channel}}
    if "status_code" in str(part):  # a code of a driver's own
        instrument = {"name": "i", "driver": "julabo", "connection": "sim", "channels": {"circulator": part}}
        part = {}
    influxdb: dict[str, object] = {}
    (influxdb if "retention" in part else channel).update(part)
    return {"site": "s", "nodes": [{"name": "n"}], "instruments": [instrument], "influxdb": influxdb}


@every_document
def test_site_files_are_right(document, tmp_path):
    for text in blocks(document, "yaml"):
        data = yaml.safe_load(text)
        if "site" not in data:
            text = json.dumps(whole(data))
        file = tmp_path / "site.yml"
        file.write_text(text, encoding="utf-8")
        sites.load(file)


def test_what_is_shown_as_a_key_and_its_value_is_yaml():
    """``connection: sim:`` is none: the colon at its end begins another mapping."""
    shown = {
        text
        for document in (ROOT / "docs").rglob("*.md")
        for text in re.findall(r"`(\w+: [^`]+)`", document.read_text())
    }
    assert "connection: sim" in shown
    for text in shown:
        yaml.safe_load(text)


@every_document
def test_commands_are_understood(document):
    """Verbs and options as they are written; nothing is run."""
    verbs = "|".join(cli.VERBS)
    text = document.read_text(encoding="utf-8")
    found = re.findall(rf"(?:^|[`(]|bin/)labline ((?:{verbs})\b[^`#\n|)]*)", text, re.M)
    assert found
    parser = cli.parser()
    for command in found:
        said = command.partition("   ")[0]  # a description may stand beside it
        words = [word for word in shlex.split(said) if not word.startswith(("[", "INSTR"))]
        if words[0] == "read" and len(words) == 1:
            continue  # the list of verbs
        parser.parse_args(words)


def test_the_example_driver_reads_its_simulator(monkeypatch):
    driver, simulator = blocks(ROOT / "docs/adding-an-instrument.md", "python")
    made = {}
    for package, text in ((telegraf_inputs.drivers, driver), (telegraf_inputs.simulators, simulator)):
        name = f"{package.__name__}.lakeshore_218"
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader=None))
        module.__package__ = package.__name__
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(text, name, "exec"), module.__dict__)
        made[package] = module
    known = telegraf_inputs.drivers.programs()
    monkeypatch.setattr(telegraf_inputs.drivers, "programs", lambda: (*known, "lakeshore_218"))
    stanza = stanzas.check(yaml.safe_load(made[telegraf_inputs.drivers].DRIVER.example))
    running = made[telegraf_inputs.simulators].SIMULATOR(stanza)
    running.start()
    stanza.connection = Url(running.url)
    instrument = Instrument(stanza, Stop(), lambda *_: None)
    try:
        *points, report = instrument.sample()
        bands = running.bands()
        for point in points:
            low, high = bands[point.tags["channel"], "temperature"]
            assert low <= point.values["temperature"] <= high
        assert len(points) == 2 and report.values["state"] == "ok"
        running.fault = "over_range"
        *points, report = instrument.sample()
        assert [point.values for point in points] == [{"status": "temperature_over"}] * 2
    finally:
        instrument.close()
        running.stop()
