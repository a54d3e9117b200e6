"""What is wrong in a folder of one's own (LABLINE_PATH) is told, by its path, and without a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_inputs import drivers
from tests import outside

BROKEN = {
    "missing": None,
    "bare": "",
    "torn": "import no_such_package\n",
    "dead": """\
from telegraf_inputs.simulators.base import Simulator


class Dead(Simulator):
    def start(self):
        raise OSError(98, "Address already in use")


SIMULATOR = Dead
""",
}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing", "driver 'missing' has no simulator"),
        ("bare", "the simulator of 'bare' can't be loaded: AttributeError"),
        ("torn", "the simulator of 'torn' can't be loaded: ModuleNotFoundError: No module named 'no_such_package'"),
        ("dead", "the simulator of 'it' can't be started: OSError: [Errno 98] Address already in use"),
    ],
)
def test_a_simulator_that_does_not_start_is_told_without_a_traceback(tmp_path, name, told):
    for kind in ("drivers", "simulators"):
        (tmp_path / kind).mkdir()
    source = Path(drivers.__file__).parent / "ds18b20.py"
    (tmp_path / "drivers" / f"{name}.py").write_text(source.read_text().replace('"ds18b20"', f'"{name}"'))
    if BROKEN[name] is not None:
        (tmp_path / "simulators" / f"{name}.py").write_text(BROKEN[name])
    (tmp_path / "it.yml").write_text(f"{{name: it, driver: {name}, connection: sim, channels: {{28-000000000001: }}}}")
    for command in (
        ["telegraf_inputs.simulators", tmp_path / "it.yml"],
        [f"telegraf_inputs.drivers.{name}", "--config", tmp_path / "it.yml", "--once"],
    ):
        done = outside.python(tmp_path, "-m", *command)
        assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_folder_of_labline_path_that_is_not_there_is_told(tmp_path):
    done = outside.labline(tmp_path / "none", "scan", "--no-probe", cwd=tmp_path)
    assert done.returncode == 2 and f"LABLINE_PATH names {tmp_path / 'none'}, which is no folder" in done.stderr


@pytest.mark.parametrize(
    ("kind", "name"), [("drivers", "scpi"), ("drivers", "snmp"), ("transports", "tcp"), ("simulators", "scpi")]
)
def test_a_file_that_would_never_be_used_is_told(tmp_path, kind, name):
    (tmp_path / kind).mkdir()
    (tmp_path / kind / f"{name}.py").write_text("")
    (tmp_path / "it.yml").write_text("{name: it, driver: scpi, connection: sim}")
    for done in (
        outside.labline(tmp_path, "check", cwd=tmp_path),
        outside.python(tmp_path, "-m", "telegraf_inputs.drivers.scpi", "--config", tmp_path / "it.yml"),
    ):
        assert done.returncode == 2 and f"{tmp_path / kind / name}.py would never be used" in done.stderr, done.stderr
