"""A line break at the end of a name, a URL or a path is no part of it: Python's `$` would let it pass."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from provisioning import site
from telegraf_inputs import yamlfile
from telegraf_inputs.errors import BadInput

ROOT = Path(__file__).parents[2]
FOLDERS = ("telegraf_inputs", "provisioning", "grafana_dashboards", "labline")
LAB = """\
site: lab
nodes: [{name: pc, address: pc.lab}]
influxdb:
  url: https://pc.lab:8086
  ca: /etc/labline/ca.pem
  database: lab
  write: {url: "https://pc.lab:8443", ca: /etc/labline/ca.pem, token_file: token}
  retention: {raw: 30d, downsampled: {1m: 1y}}
notifications:
  contact_points: [{name: a, type: webhook, url_file: x/url, username: u, password_file: /etc/x}]
instruments:
- {name: bath, driver: julabo, connection: "tcp://bath:4001", interval: 10s, node: pc}
"""


def texts(data: object, path: tuple = ()) -> list[tuple]:
    """List the paths to all texts, keys of mappings aside."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path] if isinstance(data, str) else [found for key, value in items for found in texts(value, (*path, key))]


FREE = ("username", ("contact_points", 0, "name"))  # texts of any kind
PLACES = [path for path in texts(yamlfile.parse(LAB, "lab").data) if path[-1] not in FREE and path[1:] not in FREE]


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\0"])
@pytest.mark.parametrize("path", PLACES, ids=str)
def test_no_text_of_a_site_file_may_end_with_a_line_break(tmp_path: Path, path: tuple, end: str):
    (tmp_path / "lab.yml").write_text(LAB)
    site.load(tmp_path / "lab.yml")
    document = yamlfile.parse(LAB, "lab.yml")
    at = document.data
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] += end
    with pytest.raises(BadInput):
        site._load(document)


def calls(tree: ast.AST) -> list[tuple[int, str]]:
    """List the regular expressions that are written out, with their lines; those that look at lines aside."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        by_re = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "re"
        pattern = [k.value for k in node.keywords if name == "Meta" and k.arg == "pattern"] or (
            node.args[:1] if by_re else []
        )
        lines = any(isinstance(a, ast.Attribute) and a.attr in ("M", "MULTILINE") for a in node.args)
        if pattern and isinstance(pattern[0], (ast.Constant, ast.JoinedStr)) and not lines:
            texts = [n.value for n in ast.walk(pattern[0]) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            found += [(node.lineno, text) for text in texts]
    return found


def test_no_pattern_of_ours_ends_with_a_dollar():
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, text in calls(ast.parse(file.read_text(encoding="utf-8")))
        if re.search(r"(?<!\\)\$(?:\)|\||\Z)", text)
    ]
    assert found == []
