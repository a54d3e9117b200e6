"""The documents are true: their links lead somewhere, their site files are right, their example driver works."""

from __future__ import annotations

import importlib.util
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
from telegraf_inputs.connection import Stop, Url
from telegraf_inputs.instrument import Instrument

ROOT = Path(__file__).parent.parent.parent
WRITTEN = [ROOT / "README.md", ROOT / "docs/adding-an-instrument.md", ROOT / "docs/reliability.md"]
every_document = pytest.mark.parametrize("document", WRITTEN, ids=lambda path: path.name)


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S)


@every_document
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link.partition("#")[0]).exists()]
    assert not missing


@every_document
def test_site_files_are_right(document, tmp_path):
    for text in blocks(document, "yaml"):
        file = tmp_path / "site.yml"
        file.write_text(text, encoding="utf-8")
        sites.load(file)


@every_document
def test_commands_are_understood(document):
    """Verbs and options as they are written; nothing is run."""
    verbs = "|".join(cli.VERBS)
    text = document.read_text(encoding="utf-8")
    found = re.findall(rf"(?:^|[`(]|bin/)labline ((?:{verbs})\b[^`#\n|)]*)", text, re.M)
    assert found
    parser = cli.parser()
    for command in found:
        words = [word for word in shlex.split(command) if not word.startswith(("[", "INSTR"))]
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
    known = telegraf_inputs.drivers.names()
    monkeypatch.setattr(telegraf_inputs.drivers, "names", lambda: (*known, "lakeshore_218"))
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
