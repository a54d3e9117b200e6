"""What `pip install labline` brings: a wheel of the source distribution runs a lab, far from any clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.parts import packages

CLONE = Path(__file__).parents[2]
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", ".labline", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)
SITE = """\
site: my-lab
nodes: [{name: pc}]
instruments:
  - {name: gauge, driver: pfeiffer_tpg, model: tpg366, connection: "sim:", interval: 1s, channels: {"1": {label: Main}}}
"""
BUILD = "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])"


def done(*command: str | Path, **how) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, **how)
    assert ran.returncode == 0, f"{command}: {ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of programs of an environment in which the wheel is; what it needs is borrowed from the tests' own."""
    work = tmp_path_factory.mktemp("distribution")
    shutil.copytree(CLONE, work / "source", ignore=NOT_SOURCE)
    done(sys.executable, "-m", "venv", work / "builder")
    done(work / "builder/bin/pip", "install", "--quiet", "setuptools>=77", "wheel")
    done(work / "builder/bin/python", "-c", BUILD, work, cwd=work / "source")
    (archive,) = work.glob("labline-*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(work / "unpacked", filter="data")
    done(work / "builder/bin/pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", work, archive)
    done(sys.executable, "-m", "venv", work / "environment")
    (wheel,) = work.glob("labline-*.whl")
    done(work / "environment/bin/pip", "install", "--quiet", "--no-deps", wheel)
    (site,) = (work / "environment").glob("lib/python*/site-packages")
    # The wheel's own files go before those of the clone, which stands in the tests' environment.
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return work / "environment" / "bin"


@pytest.fixture
def alone(installed, tmp_path):
    """Run the installed command in a folder of a user's own."""
    (tmp_path / "my-lab.yml").write_text(SITE)
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "LABLINE_STATE": ""}
    return lambda *words: done(installed / "labline", *words, cwd=tmp_path, env=env)


def test_the_command_of_a_wheel_is_that_of_the_clone(installed, alone):
    where = done(installed / "python", "-c", "import labline; print(labline.__file__)", cwd="/")
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert alone("--version").startswith("labline ")
    assert "no mistakes" in alone("check") and "no mistakes" in alone("check", "my-lab.yml")


def test_a_wheel_without_extras_tells_its_version_its_help_and_what_is_missing(installed, tmp_path):
    (wheel,) = installed.parent.parent.glob("labline-*.whl")
    done(sys.executable, "-m", "venv", tmp_path / "plain")
    plain = tmp_path / "plain" / "bin"
    done(plain / "pip", "install", "--quiet", wheel)
    assert done(plain / "labline", "--version").startswith("labline ")
    assert "VERB" in done(plain / "labline", "--help") and "SITE" in done(plain / "labline", "run", "--help")
    refused = subprocess.run([plain / "labline", "check"], capture_output=True, text=True)
    assert refused.returncode == 1 and "pip install 'labline[all]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_pipx_runs_labline_by_its_name(installed, tmp_path):
    # As it is once a wheel is published: here a folder is where it is found.
    homes = {name: str(tmp_path / name.lower()) for name in ("PIPX_HOME", "PIPX_BIN_DIR", "PIPX_MAN_DIR")}
    env = packages.environment("pipx", PIP_FIND_LINKS=str(installed.parent.parent), HOME=str(tmp_path), **homes)
    ran = done(packages.BASE, "-m", "pipx", "run", "labline", "--version", env=env, cwd=tmp_path)
    assert ran.startswith("labline ")


def test_a_lab_runs_from_a_wheel(alone, tmp_path):
    assert "Nothing was lost." in alone("run", "my-lab.yml", "--duration", "6")
    assert (tmp_path / ".labline" / "my-lab").is_dir()
    alone("render", "my-lab.yml", "--to", "out")
    assert (tmp_path / "out/telegraf/telegraf.conf").exists()
    alone("new-driver", "kiln", "--to", "mine")
    assert (tmp_path / "mine/drivers/kiln.py").exists()


def test_a_wheel_has_all_that_is_no_python(installed):
    (wheel,) = installed.parent.parent.glob("labline-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packages = ("telegraf_inputs", "provisioning", "grafana_dashboards", "labline")
    rendered = ("provisioning/grafana/", "provisioning/influxdb/", "provisioning/telegraf/", "provisioning/schema/")
    tracked = done("git", "ls-files", *packages, cwd=CLONE).splitlines()
    assert {name for name in tracked if not name.startswith(rendered)} <= set(names)
