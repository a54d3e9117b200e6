"""The documents are true: their links lead somewhere, their site files are right, their example driver works."""

from __future__ import annotations

import configparser
import functools
import http.server
import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from labline import cli
from provisioning import site as sites
from telegraf_inputs import drivers
from tests import outside

ROOT = Path(__file__).parent.parent.parent
SITE_FILE = ROOT / "docs/site-file.md"
ADDING = ROOT / "docs/adding-an-instrument.md"
CONTAINERS = ROOT / "docs/containers.md"
COOKBOOK = ROOT / "docs/cookbook.md"  # tests/labline/test_cookbook.py tries its stanzas
WRITTEN = [ROOT / "README.md", ADDING, ROOT / "docs/reliability.md", ROOT / "docs/read-by-telegraf.md", SITE_FILE]
PROGRAMS = {"lakeshore_211": "dewar", "arduino_dht22": "clean_room"}  # of the page: driver -> its example's name
every_document = pytest.mark.parametrize("document", WRITTEN, ids=lambda path: path.name)


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("document", [*WRITTEN, COOKBOOK, CONTAINERS], ids=lambda path: path.name)
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
    site: dict[str, object] = {"site": "s", "nodes": [{"name": "n"}], "instruments": [instrument], "influxdb": influxdb}
    (influxdb if {"retention", "write"} & {*part} else site if "notifications" in part else channel).update(part)
    return site


def test_the_way_to_the_data_leads_to_them(database, influxd, tmp_path, monkeypatch):
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    now = time.time_ns()
    for channel, value in (("5", 0.012), ("6", 300.0)):
        database.write(f"lakeshore_372,instrument=cryostat,channel={channel} temperature={value} {now}", "raw")
    secret = tmp_path / ".labline/my-lab/secrets/reader"
    secret.parent.mkdir(parents=True)
    secret.write_text(database.reader_password)
    monkeypatch.chdir(tmp_path)

    def ours(text: str) -> str:
        """Put the test's database in the place of the reader's."""
        port = database.url.rpartition(":")[2]
        text = text.replace("PORT", port).replace('"db": "lab"', f'"db": "{database.name}"')
        text = text.replace("db=lab", f"db={database.name}").replace('("reader"', f'("{database.reader}"')
        return text.replace("-u reader", f"-u {database.reader}:{database.reader_password}")

    (code,) = blocks(ROOT / "README.md", "python")
    assert len(code.splitlines()) <= 8
    names: dict[str, Any] = {}
    exec(ours(code), names)
    data = names["data"]
    assert data["temperature"].tolist() == [0.012] and data.index[0].value == now and str(data.index.tz) == "UTC"
    (command,) = blocks(ROOT / "README.md", "sh")
    done = subprocess.run(ours(command), shell=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[1:] == [f"lakeshore_372,,{now},0.012"], done.stderr


def test_the_service_of_the_readme_is_one_that_systemd_takes(tmp_path):
    (text,) = blocks(ROOT / "README.md", "ini")
    unit = configparser.RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    command = shlex.split(unit["Service"]["ExecStart"].replace("%h", str(tmp_path)))
    assert command[0].endswith("/.venv/bin/labline") and cli.parser().parse_args(command[1:]).site.endswith(".yml")
    # Else systemd ends the database together with Telegraf, and nothing could be counted (seen on a booted Debian 12).
    assert unit["Service"]["KillMode"] == "mixed"
    assert int(unit["Service"]["SuccessExitStatus"]) == cli.INTERRUPTED  # it is stopped while it starts
    if shutil.which("systemd-analyze"):
        file = tmp_path / "labline.service"
        file.write_text(text.replace("%h/labline/.venv/bin/labline", sys.executable))
        done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "labline.service" not in done.stderr, done.stderr


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
        if words[0] in ("read", "new-driver") and len(words) == 1:
            continue  # the verb alone, as in a list of them
        parser.parse_args(words)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Follow the page: `labline new-driver` for each of its drivers, and then what the page shows is written into the files."""
    folder = tmp_path_factory.mktemp("page") / "own"
    text = ADDING.read_text(encoding="utf-8")
    for command in re.findall(r"^`labline (new-driver \w+[^`]*)`", text, re.M):
        assert cli.main([*shlex.split(command), "--to", str(folder)]) == 0
    for name, code in re.findall(r"^`telegraf_inputs/(\S+\.py)`:\n\n```python\n(.*?)^```", text, re.M | re.S):
        assert (folder / name).exists(), f"`labline new-driver` does not write {name}"
        (folder / name).write_text(code, encoding="utf-8")
    shutil.rmtree(folder / "cases")  # those of the skeletons
    return folder


def of_the_page(folder):
    return sorted(path.stem for place in ("drivers", "native") for path in (folder / place).glob("*.py"))


def example(folder, name):
    (file,) = (path for place in ("drivers", "native") if (path := folder / place / f"{name}.py").exists())
    return re.search(r'example = """\\\n(.*?)"""', file.read_text(encoding="utf-8"), re.S)[1]


def test_the_page_shows_a_driver_of_each_kind(written):
    assert of_the_page(written) == ["arduino_dht22", "json_page", "lakeshore_211"]
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml", written])
    assert done.returncode == 0


@pytest.fixture(scope="module")
def recorded(written):
    """Go on as the page says: check a site file, read the simulators, record two cases of what has a program."""
    site = outside.site(written.parent / "my-lab.yml", *(f"{example(written, name)}interval: 1s" for name in PROGRAMS))
    assert outside.labline(written, "check", site, cwd=written.parent).returncode == 0
    for name, instrument in PROGRAMS.items():
        for case in ("one", "another"):
            folder = written / "cases" / name / case
            command = ("read", instrument, site, "--simulate", "--count", "3", "--record", folder)
            done = outside.labline(written, *command, cwd=written.parent)
            assert done.returncode == 0, done.stdout + done.stderr
    return written


@pytest.mark.parametrize(("name", "least"), [("lakeshore_211", 20), ("arduino_dht22", 20), ("json_page", 8)])
def test_a_driver_of_the_page_keeps_the_conventions(recorded, name, least):
    outside.keeps_the_conventions(recorded, name, least)


def test_the_native_driver_of_the_page_reads_a_page(written, tmp_path):
    (tmp_path / "status").write_text('{"meters": [{"power": 12.5}], "relays": [{"ison": true}]}')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stanza = example(written, "json_page").replace("192.168.1.7", f"127.0.0.1:{server.server_port}")
        done = outside.labline(written, "read", "plug", outside.site(tmp_path / "lab.yml", stanza), cwd=tmp_path)
        server.shutdown()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"power +12\.5\S* W +ok", done.stdout) and re.search(r"closed +(true|yes)", done.stdout, re.I)


def test_every_place_of_a_source_that_is_there_is_a_driver_s():
    """Files in the table are linked where they are there, and are no drivers yet where they are not."""
    text = ADDING.read_text(encoding="utf-8")
    table = text[text.index("## Where does my source go?") :]
    there = set(re.findall(r"\]\(\.\./telegraf_inputs/(?:drivers|native)/(\w+)\.py\)", table))
    to_come = set(re.findall(r"`drivers/(\w+)\.py`", table))
    assert there == set(drivers.names()) and not to_come & set(drivers.names())
