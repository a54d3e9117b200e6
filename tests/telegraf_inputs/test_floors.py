"""The stairs: each floor imports the floors below it only, and a program of the ground floor imports little of anything."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from telegraf_inputs import drivers, simulators
from telegraf_inputs import stanza as stanzas

ROOT = Path(__file__).parents[2]
STAIRS = ("telegraf_inputs", "provisioning", "grafana_dashboards", "labline")
# What a program need not pay for. What a vendor's package brings with it (pyvisa: nearly all) is not counted.
HEAVY = {
    *("asyncio", "multiprocessing", "numpy", "unittest"),
    *("msgspec", "pint", "requests", "rich", "grafanalib"),
    *("provisioning", "grafana_dashboards", "labline"),
}
LIGHT = [
    (driver, scheme)
    for driver in drivers.programs()
    for scheme in drivers.load(driver).schemes
    if scheme in ("tcp", "serial", "file")
]
# Runs a module as a program, and lists what it has loaded beyond what each start of Python in this environment loads.
RUN = """
import runpy, sys
before = set(sys.modules)
module, listing = sys.argv[1:3]
sys.argv[1:3] = []
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
except SystemExit as end:
    open(listing, "w").write(" ".join(set(sys.modules) - before))
    raise
"""


def imported(file: Path) -> set[str]:
    """List the packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("floor", STAIRS)
def test_a_floor_imports_those_below_it_only(floor):
    above = set(STAIRS[STAIRS.index(floor) + 1 :])
    files = list((ROOT / floor).rglob("*.py"))
    assert files
    assert [f"{file.relative_to(ROOT)}: {name}" for file in files for name in sorted(imported(file) & above)] == []


def test_no_floor_imports_tests_or_benchmarks():
    files = [file for floor in STAIRS for file in (ROOT / floor).rglob("*.py")]
    assert [str(file) for file in files if imported(file) & {"tests", "benchmarks", "tools"}] == []


@pytest.mark.parametrize(("driver", "scheme"), LIGHT)
def test_a_program_imports_little(driver, scheme, tmp_path):
    stanza = {**yaml.safe_load(drivers.load(driver).example), "connection": f"sim:?transport={scheme}"}
    simulator = simulators.start(stanzas.check(stanza))
    config = tmp_path / "instrument.yml"
    config.write_text(json.dumps({**stanza, "connection": simulator.url}))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            RUN,
            f"telegraf_inputs.drivers.{driver}",
            tmp_path / "modules",
            "--config",
            config,
            "--once",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    simulator.stop()
    assert done.returncode == 0, done.stderr
    own = (tmp_path / "modules").read_text().split()
    assert "telegraf_inputs.instrument" in own
    assert sorted({name for name in own if name.partition(".")[0] in HEAVY}) == []
    assert [name for name in own if name.startswith("telegraf_inputs.simulators")] == []
    assert ("serial" in own) == (scheme == "serial")


def _imports_inside(floor: str) -> dict[str, set[str]]:
    """List which modules of a floor each of them imports, wherever the import stands: below TYPE_CHECKING, in a function."""
    modules = {}
    for file in sorted((ROOT / floor).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        package = parts if file.name == "__init__.py" else parts[:-1]
        modules[".".join(parts).removesuffix(".__init__")] = (file, ".".join(package).removesuffix(".__init__"))
    found = {}
    for name, (file, package) in modules.items():
        asked = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                asked |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                source = ".".join([*above, *([node.module] if node.module else [])])
                asked |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
        # A module's package is loaded before it in any case.
        found[name] = {other for other in asked & set(modules) if other != name and not name.startswith(f"{other}.")}
    return found


def _circle(imports: dict[str, set[str]]) -> list[str]:
    """Find modules that import each other in a circle; [] where there are none."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(imports[name]):
                if circle := follow(other, [*way, name]):
                    return circle
            done.add(name)
        return []

    return next((circle for name in imports if (circle := follow(name, []))), [])


@pytest.mark.parametrize("floor", STAIRS)
def test_no_modules_import_each_other_in_a_circle(floor):
    """In one, no module can be read, or changed, without all the others; also where it is for types alone."""
    imports = _imports_inside(floor)
    assert len(imports) > 10 and any(imports.values())
    assert " -> ".join(_circle(imports)) == ""


# Where a word means the same on both floors: what an instrument simulates, and what a dashboard shows of one.
SHARED = {"Signal"}


def test_no_two_classes_have_one_name():
    """Whoever reads a name knows which thing it is."""
    found: dict[str, list[str]] = {}
    for floor in STAIRS:
        for file in (ROOT / floor).rglob("*.py"):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in found.items() if len(files) > 1 and name not in SHARED} == {}
