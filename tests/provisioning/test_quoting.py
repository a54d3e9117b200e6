"""What people wrote is read back as they wrote it, by whoever reads it: one function for each language, held to its reader."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from grafana_dashboards import emit
from labline.stack import influxdb
from provisioning import grafana_text, influxql, site, toml
from telegraf_inputs import yamlfile
from telegraf_inputs.errors import BadInput

NASTY = [
    *("$HOME", "${HOME}", "$$HOME", "$", "$$", "${", "{{ . }}", "{{", "}}", "{", "a{", "$__file{/etc/shadow}", "$__env{HOME}"),
    *("x}$__file{/etc/shadow", "@{labline:writer}", "'", '"', "\\", "\\\\", "\\n", 'a"b', "a'b", "a\nb", "\t", "\x7f", "\x1b[2J"),
    *("\x85", "\u2028", "\u202e", "#", "[[x]]", "a = 1", "%s", "{{{", "$" * 5 + "{", "\\u0024", "é€", " ", "`id`", "--", "\r\n"),
]  # fmt: skip
FLOW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(), st.text(alphabet="${}\\\"'\n_a@:/ "))
VALUES = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@FLOW
@given(TEXTS, VALUES)
@example("#\n[[inputs.exec]]", "x")
def test_toml(name: str, found: Any):
    assert tomllib.loads(f"{toml.key(name)} = {toml.value(found)}") == {name: found}
    written = tomllib.loads("\n".join(toml.nested("inputs.x", {name: found})))
    assert written == {"inputs": {"x": [{name: doubled(found)}]}}


def doubled(found: Any) -> Any:
    """Write each ``$`` twice: Telegraf takes that for one."""
    if isinstance(found, str):
        return found.replace("$", "$$")
    if isinstance(found, dict):
        return {name: doubled(item) for name, item in found.items()}
    return [doubled(item) for item in found] if isinstance(found, list) else found


@pytest.mark.parametrize("strict", [True, False])
def test_telegraf_reads_what_was_written(telegraf_path: Path, tmp_path: Path, strict: bool):
    program = "import json, sys; json.dump(sys.argv[2:], open(sys.argv[1], 'w'))"
    read = tmp_path / "read.json"
    command = [sys.executable, "-c", program, str(read), *NASTY]
    (tmp_path / "telegraf.conf").write_text(
        "\n".join(
            [
                "[agent]\n  skip_processors_after_aggregators = true",
                *toml.nested("inputs.execd", {"command": command, "signal": "none", "restart_delay": "1h"}),
                *toml.nested("outputs.discard", {}),
            ]
        ),
        encoding="utf-8",
    )
    loose = [] if strict else ["--non-strict-env-handling"]
    process = subprocess.Popen(
        [telegraf_path, "--config", tmp_path / "telegraf.conf", *loose, "--test", "--test-wait", "30"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr:  # it tells that the program has ended
            if "exited" in line or "restart" in line.lower():
                break
    finally:
        process.terminate()
        process.communicate()
    assert json.loads(read.read_text()) == NASTY


def expanded(text: str) -> str:
    """Expand variables as Grafana does (pkg/services/provisioning/values, interpolateValue)."""

    def one(part: str) -> str:
        found = re.sub(r"\$(?:|__\w+)\{([^}]+)\}", "EXPANDED", part)
        return found if found != part else re.sub(r"\$(?:\{[^}]*\}?|\w+|[*#$@!?0-9-])", "EXPANDED", part)

    return "$".join(one(part) for part in text.split("$$"))


def executed(template: str) -> str:
    """Execute a Go template whose actions are texts in quotes alone."""
    done, rest = "", template
    while "{{" in rest:
        before, rest = rest.split("{{", 1)
        action = re.match(r' ("(?:[^"\\]|\\.)*") \}\}', rest)
        assert action, template
        done, rest = done + before + json.loads(action[1]), rest[action.end() :]
    return done + rest


@FLOW
@given(TEXTS)
def test_grafana_leaves_a_text_as_it_is(text: str):
    assert expanded(grafana_text.literal(text)) == text


@FLOW
@given(TEXTS, TEXTS)
def test_go_leaves_a_text_as_it_is_whatever_stands_behind_it(text: str, other: str):
    written = f'{grafana_text.plain(text)}{{{{ "|" }}}}{grafana_text.plain(other)}'
    assert executed(written) == f"{text}|{other}"
    assert "${" not in written
    assert executed(expanded(grafana_text.literal(written))) == f"{text}|{other}"


@FLOW
@given(TEXTS)
def test_a_file_for_grafana_is_that_file_or_refused(path: str):
    try:
        written = grafana_text.file(path)
    except BadInput:
        return
    assert re.fullmatch(r"\$__file\{([^}]+)\}", written)[1].strip() == path and "$$" not in written


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXTS, text=TEXTS)
def test_influxdb_takes_a_name_and_a_text_for_what_they_are(influxd, name: str, text: str):
    assume(name and not set(name + text) & set("\0\r"))
    server = influxd.server
    server.query(f"CREATE USER {influxql.identifier(name)} WITH PASSWORD 'x'")
    try:
        assert name in [row["user"] for row in server.rows("SHOW USERS")]
    finally:
        server.query(f"DROP USER {influxql.identifier(name)}")
    server.query('CREATE DATABASE "quoting"')
    try:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        server.write(f'm f="{escaped}" 1', "quoting", "")
        assert server.rows(f'SELECT "f" FROM "m" WHERE "f" = {influxql.text(text)}', "quoting") == [
            {"time": 1, "f": text}
        ]
    finally:
        server.query('DROP DATABASE "quoting"')


@pytest.mark.parametrize("text", ["a\0b", "a\rb"])
def test_what_influxql_can_not_say_is_refused(text: str):
    for written in (influxql.text, influxql.identifier):
        with pytest.raises(BadInput, match="no way to write"):
            written(text)


DEMO = site.find("demo").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", NASTY)
def test_whatever_people_write_for_people_grafana_can_be_told(tmp_path: Path, text: str):
    """A label with `$__file{…}` ended in an internal fault."""
    lab = yamlfile.parse(DEMO, "demo").data
    lab |= {
        "title": text,
        "notifications": {"contact_points": [{"name": text, "type": "webhook", "url": f"https://h/{text}"}]},
    }
    for instrument in lab["instruments"]:
        instrument |= {"label": text, "description": text}
        for name, channel in (instrument.get("channels") or {}).items():
            channel = instrument["channels"][name] = {**(channel or {}), "label": text}
            for limit in channel.get("limits", {}).values():
                limit["help"] = text
    file = tmp_path / "site.yml"
    file.write_text(json.dumps(lab), encoding="utf-8")  # JSON is YAML
    emit.try_out(site.load(file))


def test_influxdb_finds_its_folder_whatever_it_is_called(tmp_path: Path):
    folder = tmp_path / 'da"ta $HOME \\n é'
    with influxdb.InfluxDB(influxdb.get().path, folder, tmp_path / "secrets"):
        assert (folder / "meta").is_dir() and (folder / "data").is_dir()
