"""The command line: help, messages for people, exit statuses, completion."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from labline import cli
from labline.stack.errors import StackError

COMMAND = [sys.executable, "-m", "labline.cli"]


def labline(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Run the command as a user does."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **options
    )


@pytest.mark.parametrize("verb", ["", *cli.VERBS])
def test_help_fits_a_screen_and_has_examples(verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        cli.main([*filter(None, [verb]), "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0 and f"  labline {verb}".rstrip() in text.replace(".venv/bin/", "").replace('"$(', "  ")
    assert len(text.splitlines()) <= 44


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "VERB"),
        (["rnu"], "invalid choice: 'rnu'"),
        (["run", "dmo"], "there is no file and no site 'dmo'; did you mean 'demo'?"),
        (["run", "my-lab.yml"], "my-lab.yml: can't be read: No such file or directory"),
        (["run", "--duration", "soon"], "found 'soon', expected a time longer than 0, such as 30 (seconds) or 10m"),
        (["read", "cryostta"], "there is no instrument 'cryostta'"),
        (["read", "cryostat", "--count", "0"], "expected a whole number, 1 or more"),
        (["scan", "--port", "gauge"], "'gauge' is no connection"),
        (["scan", "--port", "phidget://"], "expected a device such as /dev/ttyUSB0"),
        (["completion", "cmd"], "invalid choice: 'cmd'"),
    ],
)
def test_wrong_use(arguments, said, tmp_path):
    done = labline(*arguments, cwd=tmp_path)
    assert done.returncode == cli.WRONG_USE and said in done.stderr
    assert "Traceback" not in done.stderr and not done.stdout and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"site: x\n\tnodes: []\n", "2: is not YAML"),
        (b"site: \xff\n", "is not UTF-8 text"),
        (
            b"site: x\nnodes: [{name: a}]\ninstruments: []\nintruments: []\n",
            "4: intruments: is not a key of a site file",
        ),
    ],
)
def test_a_bad_site_file_is_told_with_its_line(content, said, tmp_path):
    site = tmp_path / "bad.yml"
    site.write_bytes(content)
    for verb in (["run"], ["status"], ["read", "x"]):
        done = labline(*verb, str(site), cwd=tmp_path)
        assert done.returncode == cli.WRONG_USE and said in done.stderr and "Traceback" not in done.stderr


def test_status_of_a_lab_that_does_not_run(tmp_path):
    done = labline("status", cwd=tmp_path)
    assert done.returncode == cli.FOUND
    assert "demo does not run here" in done.stderr and "labline run demo" in done.stderr
    assert not list(tmp_path.iterdir())


def test_status_of_a_server_that_does_not_answer(tmp_path):
    (tmp_path / "reader").write_text("secret-Word_12345678")
    site = tmp_path / "far.yml"
    site.write_text(
        "site: far\nnodes: [{name: a}]\ninfluxdb: {url: 'http://127.0.0.1:9'}\n"
        "instruments: [{name: a, driver: julabo, connection: 'sim:'}]\n"
    )
    done = labline("status", str(site), "--secrets", str(tmp_path), cwd=tmp_path)
    assert done.returncode == cli.FOUND and "nothing answers at http://127.0.0.1:9" in done.stderr
    assert "secret-Word" not in done.stderr + done.stdout


def test_a_state_folder_that_is_not_ours_is_told(tmp_path):
    (tmp_path / "taken").write_text("a file")
    done = labline("run", "--state", str(tmp_path / "taken"), cwd=tmp_path)
    assert done.returncode == cli.FOUND and "taken" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (StackError("InfluxDB can't be had here."), 1, "labline: InfluxDB can't be had here."),
        (
            OSError(errno.ENOSPC, "No space left on device", "x.log"),
            1,
            "x.log: No space left on device; free some space",
        ),
        (KeyboardInterrupt(), 130, "labline: stopped"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_what_may_go_wrong_is_a_message(raised, status, said, capsys, monkeypatch):
    def fail(_):
        raise raised

    monkeypatch.setattr("labline.status.run", fail)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    assert cli.main(["status"]) == status
    assert said in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    done = subprocess.run(
        [
            "sh",
            "-c",
            f"{sys.executable} -m labline.cli --help | true; {sys.executable} -m labline.cli completion bash | head -1",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr


class TestRead:
    def test_one_instrument(self, tmp_path):
        done = labline("read", "magnet", cwd=tmp_path)
        assert done.returncode == 0 and "LABLINE,SCPI" in done.stdout
        assert "(simulated), at" in done.stdout.splitlines()[0]
        assert any(line.split()[-2:] == ["A", "ok"] for line in done.stdout.splitlines())

    def test_fits_a_screen(self, tmp_path):
        site = tmp_path / "lab.yml"
        site.write_text(
            "site: x\nnodes: [{name: a}]\ninstruments:\n  - name: cryostat\n    driver: lakeshore_372\n"
            "    connection: 'sim:'\n    channels: {'1': {label: The third copper plate below the still's shield}}\n"
        )
        done = labline("read", "cryostat", str(site))
        rows = [line for line in done.stdout.splitlines() if line.endswith(" ok")]
        assert rows and all(len(line) <= 80 and "1 (The third copper" in line for line in rows)

    def test_line_protocol_alone(self, tmp_path):
        done = labline("read", "vacuum", "--lines", "--count", "2", cwd=tmp_path)
        assert done.returncode == 0 and len(done.stdout.splitlines()) == 2 * (3 + 1)
        assert all(line.startswith(("pfeiffer_tpg,", "instrument,")) for line in done.stdout.splitlines())

    def test_a_port_that_another_program_has(self, tmp_path):
        master, slave = pty.openpty()
        site = tmp_path / "lab.yml"
        site.write_text(
            "site: x\nnodes: [{name: a}]\n"
            f"instruments: [{{name: chiller, driver: julabo, connection: 'serial://{os.ttyname(slave)}'}}]\n"
        )
        fcntl.flock(slave, fcntl.LOCK_EX)  # as a program of ours does
        done = labline("read", "chiller", str(site))
        assert done.returncode == cli.FOUND and "Another program has the port" in done.stderr
        os.close(master)
        os.close(slave)

    def test_an_absent_one_says_what_to_look_at(self, tmp_path):
        site = tmp_path / "lab.yml"
        site.write_text(
            "site: x\nnodes: [{name: a}]\n"
            "instruments: [{name: chiller, driver: julabo, connection: 'serial:///dev/ttyUSB77'}]\n"
        )
        done = labline("read", "chiller", str(site))
        assert done.returncode == cli.FOUND
        assert "chiller can't be reached: serial:///dev/ttyUSB77: " in done.stderr
        assert done.stderr.rstrip().endswith("Cable, power, address?")
        assert labline("read", "chiller", str(site), "--simulate").returncode == 0


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_script_says_how_to_keep_it(self, shell):
        done = labline("completion", shell)
        assert done.returncode == 0 and f"completion {shell}" in done.stdout.splitlines()[1]

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("labline ru", {"run"}),
            ("labline run de", {"demo"}),
            ("labline run my", {"my-lab.yml"}),
            ("labline read cry", {"cryostat"}),
            ("labline completion z", {"zsh"}),
        ],
    )
    def test_words(self, line, expected, tmp_path):
        (tmp_path / "my-lab.yml").write_text("site: x\n")
        out = tmp_path / "out"
        environment = {
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
            "_ARGCOMPLETE_IFS": "\n",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        }
        subprocess.run(COMMAND, env=environment, cwd=tmp_path, timeout=60, check=False)
        assert {word.strip() for word in out.read_text().split("\n")} == expected


def test_the_command_is_installed_and_told_as_it_is_called(tmp_path):
    command = Path(sys.executable).parent / "labline"
    (tmp_path / ".venv").symlink_to(command.parents[1])
    outside = {**os.environ, "PATH": "/usr/bin:/bin"}
    for arguments, said in (
        (["status", "demo"], "to start it: .venv/bin/labline run demo\n"),
        (["run", "--help"], "examples (here, labline is .venv/bin/labline):\n"),
    ):
        done = subprocess.run(
            [".venv/bin/labline", *arguments], cwd=tmp_path, env=outside, capture_output=True, text=True, timeout=60
        )
        assert said in done.stdout + done.stderr


def test_a_sensor_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    (tmp_path / "bus" / "28-0316a2795f1c").mkdir(parents=True)
    site = tmp_path / "lab.yml"
    site.write_text(
        "site: s\nnodes: [{name: n}]\ninstruments:\n"
        f"  - {{name: d, driver: ds18b20, connection: 'file://{tmp_path}/bus', channels: {{a: {{id: 28-0316a2795f1d}}}}}}\n"
    )
    done = labline("read", "d", str(site), "--count", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "28-0316a2795f1d is not there; there are 28-0316a2795f1c" in done.stderr
