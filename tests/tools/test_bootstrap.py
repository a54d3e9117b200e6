"""How `make` sets up: what it says to an old Python, where pip comes from, when it installs again."""

from __future__ import annotations

import base64
import hashlib
import http.server
import importlib.util
import os
import re
import subprocess
import sys
import threading
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTHING = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "nothing"
version = "1.0"
[tool.setuptools]
py-modules = []
"""


@pytest.fixture
def bootstrap(tmp_path, monkeypatch):
    """The module, working on a directory of its own."""
    specification = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "requirements").mkdir()
    for extra in module.EXTRAS:
        (tmp_path / "requirements" / f"{extra}.txt").write_text("")
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(module, "VENV_PYTHON", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.setattr(module, "STAMP", str(tmp_path / ".venv" / "labline-installed"))
    return module


@pytest.fixture
def index(tmp_path, bootstrap, monkeypatch):
    """A package index on loopback that wants a user and a password, with something that is called pip."""
    wheel = b"a wheel"

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.headers["Authorization"] != "Basic " + base64.b64encode(b"lab:p@ss").decode():
                return self.send_error(401)
            page = f'<a href="../../files/{bootstrap.PIP}#sha256=0">pip</a>'.encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page if self.path == "/simple/pip/" else wheel)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://lab:p%40ss@127.0.0.1:{server.server_port}/simple/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(bootstrap, "PIP_SHA256", hashlib.sha256(wheel).hexdigest())
    yield
    server.shutdown()
    server.server_close()


def test_pip_comes_from_the_index_that_is_set(bootstrap, index, tmp_path, capsys):
    bootstrap.download_pip(str(tmp_path / "wheel"))
    assert (tmp_path / "wheel").read_bytes() == b"a wheel"
    assert "p%40ss" not in capsys.readouterr().err


def test_a_pip_with_another_checksum_is_refused(bootstrap, index, tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "PIP_SHA256", "0" * 64)
    with pytest.raises(SystemExit, match="wrong checksum"):
        bootstrap.download_pip(str(tmp_path / "wheel"))
    assert not (tmp_path / "wheel").exists()


def test_an_index_that_does_not_answer_or_refuses_is_told_without_the_password(bootstrap, index, tmp_path, monkeypatch):
    right = bootstrap.os.environ["PIP_INDEX_URL"]
    for wrong, said in ((right.replace("p%40ss", "other"), "Unauthorized"), ("http://lab:pw@127.0.0.1:9/", "refused")):
        monkeypatch.setenv("PIP_INDEX_URL", wrong)
        with pytest.raises(SystemExit) as failure:
            bootstrap.download_pip(str(tmp_path / "wheel"))
        assert said in str(failure.value) and "PIP_INDEX_URL" in str(failure.value)
        assert "other" not in str(failure.value) and "pw@" not in str(failure.value)


def test_an_old_python_is_told_what_to_do(bootstrap, monkeypatch):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; .* is 3\.9\. .*make PYTHON="):
        bootstrap.need_python()


def test_a_newer_python_that_is_there_is_taken(bootstrap, monkeypatch):
    taken = []
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "python3.12" else None)
    monkeypatch.setattr(bootstrap.os, "execv", lambda path, _: taken.append(path) or sys.exit())
    with pytest.raises(SystemExit):
        bootstrap.need_python()
    assert taken == ["/usr/bin/python3.12"]


def test_it_installs_again_only_when_something_changed(bootstrap, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(bootstrap, "run", lambda command, _: ran.append(command[-1].removeprefix(f"{tmp_path}/")))
    monkeypatch.setattr(bootstrap, "works", lambda _: True)
    (tmp_path / ".venv").mkdir()

    def make(extra):
        monkeypatch.setattr(bootstrap.sys, "argv", ["bootstrap.py", extra])
        ran.clear()
        bootstrap.main()
        return ran.copy()

    assert make("all") == ["requirements/all.txt", str(tmp_path)]
    assert make("all") == []
    assert make("test") == ["requirements/test.txt", str(tmp_path)]
    assert make("all") == []  # it is in `test`
    for changed in ("pyproject.toml", "requirements/all.txt"):
        (tmp_path / changed).write_text("[project]\nname = 'x'\n")
        assert make("all") == ["requirements/all.txt", str(tmp_path)]


def test_an_installation_that_broke_off_is_not_taken_for_a_whole_one(bootstrap, tmp_path, monkeypatch):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "labline-installed").write_text("all " + bootstrap.fingerprint())
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    monkeypatch.setattr(bootstrap, "works", lambda _: True)
    monkeypatch.setattr(bootstrap.sys, "argv", ["bootstrap.py", "all"])
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, b"no route\n"))
    with pytest.raises(SystemExit, match=r"pip failed \(exit status 1\)"):
        bootstrap.main()
    assert not (tmp_path / ".venv" / "labline-installed").exists()


def test_a_virtual_environment_that_was_moved_does_not_count(bootstrap, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / ".venv")], check=True)
    assert not bootstrap.works(bootstrap.VENV_PYTHON)  # it has no pip
    assert bootstrap.works(sys.executable) is False  # it is another one
    assert not bootstrap.works(str(tmp_path / "nowhere"))


def test_make_help_names_every_target():
    said = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "check", "dashboards", "bench", "lock", "clean"):
        assert f"make {target} " in said


def wheel_of(folder: Path, name: str) -> str:
    """Put a small package into a folder of wheels; gives the wheel's SHA-256."""
    info = f"{name}-1.0.dist-info"
    file = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("locked", ["right", "another", "none"])
def test_a_package_with_another_digest_is_not_installed(bootstrap, tmp_path, monkeypatch, locked, capfd):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    digest = {
        "right": f" --hash=sha256:{wheel_of(wheels, 'thing')}",
        "another": f" --hash=sha256:{'0' * 64}",
        "none": "",
    }
    (tmp_path / "requirements" / "all.txt").write_text(f"thing==1.0{digest[locked]}\n")
    (tmp_path / "pyproject.toml").write_text(NOTHING)
    for variable, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(wheels)), ("PIP_CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(variable, value)
    venv.create(tmp_path / ".venv", with_pip=False)
    (packages,) = (tmp_path / ".venv" / "lib").glob("python3*/site-packages")
    (packages / "of-the-tests.pth").write_text(str(Path(pytest.__file__).parents[1]))  # pip and setuptools
    monkeypatch.setattr(bootstrap.sys, "argv", ["bootstrap.py", "all"])
    if locked == "right":
        bootstrap.main()
        assert bootstrap.read_stamp() == "all"
    else:
        with pytest.raises(SystemExit, match="pip failed"):
            bootstrap.main()
        assert "hash" in capfd.readouterr().err.lower()
    assert bool(list((tmp_path / ".venv").rglob("thing.py"))) == (locked == "right")


def test_all_that_pyproject_asks_for_is_locked_with_digests():
    """Where this fails, somebody changed pyproject.toml: `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in ("all", "test"):
        text = (ROOT / "requirements" / f"{extra}.txt").read_text()
        locked = set(re.findall(r"^([a-z0-9-]+==[^ ;]+)", text, re.MULTILINE))
        assert all(line.endswith("\\") for line in text.splitlines() if "==" in line)  # its digests follow
        extras = project["optional-dependencies"]
        asked = [*project["dependencies"], *extras[extra]]
        apart = (
            "all",
            "test",
            *(["calibrate"] if extra == "all" else []),
        )  # large, and for who fits calibrations alone
        asked += [each for name in extras if name not in apart for each in extras[name]]
        assert {each.lower().replace("_", "-") for each in asked if "[" not in each} <= locked, extra


def test_make_run_finds_a_site_file_from_where_one_stands(tmp_path):
    (tmp_path / "mine.yml").write_text("site: mine\n")
    said = subprocess.run(
        ["make", "-C", str(ROOT), "run", "SITE=mine.yml"],
        cwd=tmp_path,
        env={**os.environ, "PWD": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert said.returncode != 0 and f"{tmp_path}/mine.yml:1: instruments: is missing" in said.stderr, said.stderr
