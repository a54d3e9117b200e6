"""What `labline run` keeps beside a site's data: passwords, ports, and who runs it."""

from __future__ import annotations

import os
import socket
import string
import subprocess
import sys

import pytest

from labline.stack import credentials, ports, runlock
from labline.stack.errors import AlreadyRunning, StackError, StartFailed


def test_a_password_is_of_all_kinds_and_never_the_same():
    words = {credentials.generate() for _ in range(200)}
    assert len(words) == 200
    for word in words:
        assert len(word) >= 16
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_=+"):
            assert set(word) & set(kind)


def test_a_password_is_made_once_for_its_owner_alone(tmp_path):
    word = credentials.secret(tmp_path / "secrets", "reader")
    assert credentials.secret(tmp_path / "secrets", "reader") == word
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "reader").stat().st_mode & 0o777 == 0o600


def test_an_empty_password_file_is_told(tmp_path):
    (tmp_path / "reader").touch()
    with pytest.raises(StackError, match="reader is empty"):
        credentials.secret(tmp_path, "reader")


def test_ports_are_the_same_in_the_next_run_where_they_are_free(tmp_path):
    file = tmp_path / "ports.json"
    first = ports.remembered(file, ["influxdb", "grafana"])
    assert len(set(first.values())) == 2 and not file.exists()
    for name, port in first.items():  # its part was seen there
        ports.remember(file, name, port)
    with socket.create_server(("127.0.0.1", first["grafana"])):
        second = ports.remembered(file, ["influxdb", "grafana"])
    assert second["influxdb"] == first["influxdb"] and second["grafana"] != first["grafana"]
    ports.remember(file, "grafana", second["grafana"])
    assert ports.remembered(file, ["influxdb", "grafana"]) == second
    ports.forget(file, "grafana")
    with socket.create_server(("127.0.0.1", second["grafana"])):
        assert ports.remembered(file, ["influxdb", "grafana"])["grafana"] != second["grafana"]
    assert ports.remembered(file, ["influxdb"])["influxdb"] == first["influxdb"]


@pytest.mark.parametrize("content", ["", "[]", '{"grafana": "a"}', '{"grafana": 99999}'])
def test_a_spoilt_file_of_ports_is_made_anew(tmp_path, content):
    (tmp_path / "ports.json").write_text(content)
    assert 0 < ports.remembered(tmp_path / "ports.json", ["grafana"])["grafana"] < 65536


def test_a_port_in_use_is_told():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(StartFailed, match=r"Grafana.* is in use by .* of user \w"),
    ):
        ports.claim("Grafana", taken.getsockname()[1])


HOLDER = """\
import pathlib, sys
from labline.stack.runlock import RunLock
lock = RunLock(pathlib.Path(sys.argv[1]))
lock.tell(grafana="http://127.0.0.1:3210")
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_told_about_the_first_until_that_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        with pytest.raises(AlreadyRunning, match=rf"(?s)process {first.pid}, since 20.*127\.0\.0\.1:3210") as told:
            runlock.RunLock(tmp_path)
        assert told.value.info["urls"] == {"grafana": "http://127.0.0.1:3210"}
        assert runlock.holder(tmp_path)["pid"] == first.pid
        first.kill()
    assert runlock.holder(tmp_path) is None
    with runlock.RunLock(tmp_path):
        assert runlock.holder(tmp_path)["pid"] == os.getpid()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
