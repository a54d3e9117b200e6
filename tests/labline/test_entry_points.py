"""Drivers that come with an installed package: its entry point names a folder like those of LABLINE_PATH."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from labline import cli
from tests import outside


@pytest.fixture
def installed(tmp_path):
    """Give the environment of a user who installed a package with a driver (as pip lays it out)."""
    place = tmp_path / "site-packages"
    assert cli.main(["new-driver", "acme_t1", "--to", str(place / "acme_labline")]) == 0
    about = place / "acme_labline-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-labline\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[labline]\nacme = acme_labline\n")
    environment = {key: value for key, value in os.environ.items() if key != "LABLINE_PATH"}
    return {**environment, "PYTHONPATH": str(place)}


def labline(environment, *arguments, cwd):
    command = [sys.executable, "-m", "labline.cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_a_driver_of_an_installed_package_is_one_of_all(installed, tmp_path):
    driver = tmp_path / "site-packages/acme_labline/drivers/acme_t1.py"
    example = re.search(r'example = """\\\n(.*?)"""', driver.read_text(), re.S)[1]
    site = outside.site(tmp_path / "lab.yml", example)
    done = labline(installed, "check", site, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert labline(installed, "read", "acme_t1_1", site, "--simulate", cwd=tmp_path).returncode == 0
    assert labline(installed, "render", site, "--to", tmp_path / "out", cwd=tmp_path).returncode == 0
    conf = next((tmp_path / "out").rglob("telegraf.conf")).read_text()
    assert f"LABLINE_PATH={driver.parents[1]}" in conf  # its program finds it without the metadata


def test_an_entry_point_that_leads_nowhere_is_told(installed, tmp_path):
    (tmp_path / "site-packages/acme_labline-1.0.dist-info/entry_points.txt").write_text("[labline]\nacme = no_such\n")
    done = labline(installed, "check", cwd=tmp_path)
    assert done.returncode == cli.WRONG_USE and "'no_such', which is no package" in done.stderr
    assert "Traceback" not in done.stderr
