"""What `labline new-driver` writes works, and keeps the conventions, before anything is filled in."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from labline import cli, new_driver
from telegraf_inputs import drivers
from tests import outside

SKELETONS = [
    ("polled", ()),
    ("polled", ("--transport", "serial")),
    ("pushed", ()),
    ("pushed", ("--transport", "serial")),
]
every_kind = pytest.mark.parametrize("kind", ["polled", "pushed", "native"])


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def example(folder, place):
    """Take the example that a skeleton declares."""
    return re.search(r'example = """\\\n(.*?)"""', (folder / place).read_text(), re.S)[1]


@pytest.mark.parametrize(("kind", "options"), SKELETONS)
def test_a_program_s_skeleton_works(kind, options, tmp_path):
    folder = tmp_path / "own"
    assert cli.main(["new-driver", "acme_t1", "--kind", kind, "--to", str(folder), *options]) == 0
    site = outside.site(tmp_path / "lab.yml", example(folder, "drivers/acme_t1.py"))
    assert outside.labline(folder, "check", site, cwd=tmp_path).returncode == 0
    read = outside.labline(folder, "read", "acme_t1_1", site, "--simulate", cwd=tmp_path)
    # It reads until something has come, and what speaks by itself may speak of one channel first.
    least = 1 if kind == "pushed" else 2
    assert read.returncode == 0 and len(re.findall(r"temperature +\S+ K +ok", read.stdout)) >= least, (
        read.stdout + read.stderr
    )
    quick = outside.site(tmp_path / "quick.yml", example(folder, "drivers/acme_t1.py") + "interval: 1s\n")
    case = folder / "cases" / "acme_t1" / "recorded"
    record = ("read", "acme_t1_1", quick, "--simulate", "--count", "3", "--record", case)
    assert outside.labline(folder, *record, cwd=tmp_path).returncode == 0
    assert (case / "expected.lp").read_text().count("temperature=") >= (2 if kind == "pushed" else 4)
    outside.keeps_the_conventions(folder, "acme_t1", 20)


@every_kind
@pytest.mark.parametrize("name", ["t1", "a_maker_with_a_long_name_t1000"])
def test_a_skeleton_is_tidy(kind, name, tmp_path):
    assert cli.main(["new-driver", name, "--kind", kind, "--to", str(tmp_path)]) == 0
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", outside.ROOT / "pyproject.toml", tmp_path],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", ["polled", "pushed"])
def test_a_program_s_skeleton_is_a_program_with_a_simulator(kind, tmp_path):
    folder = tmp_path / "own"
    assert cli.main(["new-driver", "acme_t1", "--kind", kind, "--to", str(folder)]) == 0
    config = tmp_path / "acme.yml"
    config.write_text(example(folder, "drivers/acme_t1.py"))
    simulators = subprocess.Popen(
        [sys.executable, "-m", "telegraf_inputs.simulators", config],
        env={**os.environ, "LABLINE_PATH": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=outside.ROOT,
    )
    with simulators:
        name, url = simulators.stdout.readline().split()
        config.write_text(re.sub("connection: .*", f"connection: {url}\ninterval: 200ms", config.read_text()))
        cycles = ["--count", "12"] if kind == "pushed" else ["--once"]
        done = outside.python(folder, "-m", "telegraf_inputs.drivers.acme_t1", "--config", config, *cycles)
        simulators.stdin.close()
    assert name == "acme_t1_1" and done.returncode == 0, done.stderr
    assert 'state="ok"' in done.stdout and re.search(r"^acme_t1,.* temperature=", done.stdout, re.M)


def test_a_native_skeleton_works(tmp_path):
    folder = tmp_path / "own"
    assert cli.main(["new-driver", "acme_t1", "--kind", "native", "--to", str(folder)]) == 0
    site = outside.site(tmp_path / "lab.yml", example(folder, "native/acme_t1.py"))
    assert outside.labline(folder, "check", site, cwd=tmp_path).returncode == 0
    read = outside.labline(folder, "read", "acme_t1_1", site, "--simulate", cwd=tmp_path)
    assert read.returncode == 0 and re.search(r"temperature +\S+ °C +ok", read.stdout), read.stdout + read.stderr
    outside.keeps_the_conventions(folder, "acme_t1", 8)


def test_in_the_clone_it_lies_with_the_others(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(new_driver, "CLONE", tmp_path)
    assert cli.main(["new-driver", "acme_t1"]) == 2 and "is no clone of its sources" in capsys.readouterr().err
    (tmp_path / "tests/telegraf_inputs").mkdir(parents=True)
    assert cli.main(["new-driver", "acme_t1"]) == 0
    assert files(tmp_path) == [
        "telegraf_inputs/drivers/acme_t1.py",
        "telegraf_inputs/simulators/acme_t1.py",
        *(
            f"tests/telegraf_inputs/cases/acme_t1/{case}/{file}"
            for case in ("all_well", "over_range")
            for file in ("config.yml", "expected.lp", "transcript")
        ),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["julabo"], "there is a driver 'julabo' already"),
        (["snmp"], "there is a driver 'snmp' already"),
        (["cpu"], "'cpu' is a measurement in which labline keeps what it tells itself"),
        (["Acme"], "found 'Acme', expected <maker>_<model>"),
        (["acme__t1"], "expected <maker>_<model>"),
        (["../acme"], "expected <maker>_<model>"),
        (["class"], "expected <maker>_<model>"),
        (["acme", "--transport", "file"], "found --transport 'file', expected one that carries text: serial, tcp"),
        (["acme", "--transport", "carrier_pigeon"], "expected one that carries text"),
        (["acme", "--kind", "native", "--transport", "tcp"], "leave --transport out"),
    ],
)
def test_what_can_t_be_written_is_refused(arguments, told, tmp_path, capsys):
    assert cli.main(["new-driver", *arguments, "--to", str(tmp_path / "own")]) == 2
    assert told in capsys.readouterr().err and not files(tmp_path)


@every_kind
def test_what_is_there_is_left_alone(kind, tmp_path, capsys):
    assert cli.main(["new-driver", "acme_t1", "--kind", kind, "--to", str(tmp_path)]) == 0
    for path in [path for path in tmp_path.rglob("*") if path.is_file()][1:]:
        path.unlink()
    (kept,) = files(tmp_path)
    (tmp_path / kept).write_text("mine")
    assert cli.main(["new-driver", "acme_t1", "--kind", kind, "--to", str(tmp_path)]) == 2
    assert "is there already; nothing is written" in capsys.readouterr().err
    assert files(tmp_path) == [kept] and (tmp_path / kept).read_text() == "mine"


def test_nothing_is_half_written(tmp_path, capsys):
    (tmp_path / "own" / "drivers").mkdir(parents=True)
    (tmp_path / "own" / "simulators").write_text("a file, where a folder is needed")
    assert cli.main(["new-driver", "acme_t1", "--to", str(tmp_path / "own")]) == 1
    assert "own/simulators" in capsys.readouterr().err
    assert sorted(p.relative_to(tmp_path / "own").as_posix() for p in (tmp_path / "own").rglob("*")) == [
        "drivers",
        "simulators",
    ]


def test_the_clone_has_none_that_is_not_filled_in():
    for name in drivers.names():
        assert "the maker's manual" not in drivers.load(name).manual
