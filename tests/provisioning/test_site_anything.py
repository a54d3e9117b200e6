"""Whatever stands in a site file, it is a site or a message: never a traceback, never a message without its line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grafana_dashboards import emit
from provisioning import files, site
from telegraf_inputs import yamlfile
from telegraf_inputs.errors import BadInput

DEMO = yamlfile.load(str(site.find("demo"))).data
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 5, 10**30, 1.5, -0.0, float("nan"), float("inf")]),
    st.sampled_from(
        [
            "",
            " ",
            "x",
            "5 K",
            "1e999 K",
            "-300 °C",
            "10s",
            "0s",
            "sim:",
            "tcp://",
            "serial://",
            "tcp://h:99999",
            "ä/ö",
            "\x00",
            "{",
        ]
    ),
    st.sampled_from([[], {}, [[]], [None], {"x": None}, {"": 1}, {"a": {"b": []}}, [{"name": "x"}]]),
)


def places(data: Any, path: tuple = ()) -> list[tuple]:
    """List the paths to all values."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, value in items for found in places(value, (*path, key)))]


def changed(data: Any, path: tuple, how: str, junk: Any) -> Any:
    """Replace, remove or add something at a path."""
    if not path:
        return junk
    data = copy.deepcopy(data)
    parent = data
    for part in path[:-1]:
        parent = parent[part]
    if how == "replace":
        parent[path[-1]] = junk
    elif how == "remove":
        del parent[path[-1]]
    elif how == "add" and isinstance(parent, dict):
        parent[str(junk)] = junk
    elif how == "twice" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[path[-1]]))
    return data


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(places(DEMO)), how=st.sampled_from(["replace", "replace", "remove", "add", "twice"]), junk=JUNK
)
def test_a_spoilt_site_file_is_a_site_or_a_message(tmp_path: Path, path: tuple, how: str, junk: Any):
    file = tmp_path / "site.yml"
    file.write_text(
        yaml.safe_dump(changed(DEMO, path, how, junk), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    try:
        lab = site.load(file)
    except BadInput as error:
        lines = str(error).splitlines()
        assert all(line.startswith(f"{file}:") for line in lines), lines
        return
    files.render(lab)
    emit.render(lab)


@pytest.mark.parametrize(
    "text", ["a: &a [*a]", "? [1]\n: 2", "<<: 5", "site: !!python/object:os.system x", "--- a\n--- b", "\x07", "a: *b"]
)
def test_strange_yaml_is_a_message(tmp_path: Path, text: str):
    file = tmp_path / "site.yml"
    file.write_text(text)
    with pytest.raises(BadInput, match=str(file)):
        site.load(file)
