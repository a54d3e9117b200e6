"""No password goes to a port before it is known whose it is, and nobody reaches what asks for none."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest
import requests

from labline.live.canary import Canary
from labline.local.database import DATABASE_PORT, Database
from labline.places import Places
from labline.stack import credentials, grafana, influxdb, listener, ports
from labline.stack.errors import StartFailed
from labline.stack.partslock import PartsLock
from provisioning import site as sites
from provisioning.influxdb_schema import ADMIN, READER
from provisioning.influxdb_server import DatabaseError
from provisioning.telegraf_config import WRITER

NOBODY = 65534
# Binds before a part does, answers as the part would, and writes down all that it is told.
SQUATTER = """\
import http.server, sys
class Squatter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.requestline, self.headers, self.rfile.read(int(self.headers.get("Content-Length", 0))), flush=True)
        self.send_response(200 if "health" in self.path else 204)
        self.end_headers()
    do_POST = do_GET
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Squatter)
print("listens", flush=True)
server.serve_forever()
"""


class Squatter:
    """Another program at a port, of another user where the tests may make one; ``end()`` gives what it was told."""

    def __init__(self, port: int):
        # Another user may not reach this Python, in somebody's home.
        python, user = ("/usr/bin/python3", NOBODY) if os.geteuid() == 0 else (sys.executable, None)
        command = [python, "-c", SQUATTER, str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, user=user, cwd="/")
        assert self._process.stdout.readline() == "listens\n"
        self._told = ""

    def end(self) -> str:
        if self._process.poll() is None:
            self._process.terminate()
            self._told = self._process.communicate()[0]
        return self._told


@pytest.fixture
def squat(monkeypatch) -> Iterator:
    """Squat on ports, after they were looked at and before the part binds: the moment that an attacker waits for."""
    with contextlib.ExitStack() as stack:

        def take(port: int) -> Squatter:
            monkeypatch.setattr(ports, "claim", lambda *_: None)
            squatter = Squatter(port)
            stack.callback(squatter.end)
            return squatter

        yield take


def test_it_is_known_whose_a_port_is():
    port = ports.free(1)[0]
    assert not listener.sockets(port) and not listener.ours("It", port, os.getpid())
    with socket.create_server(("127.0.0.1", port)):
        assert set(listener.sockets(port).values()) == {os.geteuid()}
        assert listener.ours("It", port, os.getpid())
        with pytest.raises(StartFailed, match=rf"It can't start: port {port} was taken by a program of user "):
            listener.ours("It", port, os.getppid())


def test_influxdb_tells_no_password_to_who_took_its_port(squat, tmp_path):
    port = ports.free(1)[0]
    squatter = squat(port)
    with pytest.raises(StartFailed, match=rf"InfluxDB can't start: port {port} was taken by .*No password was sent"):
        influxdb.InfluxDB(influxdb.get().path, tmp_path / "data", tmp_path / "secrets", port)
    password = (tmp_path / "secrets" / "labadmin").read_text()
    told = squatter.end()
    assert password not in told and "POST" not in told


def test_grafana_is_not_told_of_where_another_has_its_port(squat, tmp_path):
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "grafana"
    program.write_text("#!/bin/sh\nsleep 60\n")  # as one that is slow to find its port taken
    program.chmod(0o755)
    port = ports.free(1)[0]
    squat(port)
    with pytest.raises(StartFailed, match=rf"Grafana can't start: port {port} was taken by "):
        grafana.GrafanaServer(home, tmp_path / "g", tmp_path / "s", tmp_path, port)


def test_a_port_is_remembered_where_the_part_was_seen_at_it_alone(squat, tmp_path):
    places = Places(tmp_path, sites.load(sites.find("demo")))
    wanted = ports.remembered(places.ports, [DATABASE_PORT])[DATABASE_PORT]
    places.make()
    with contextlib.closing(PartsLock(places.root, print)) as lock:
        database = Database(influxdb.get().path, places, wanted, print, lock)
        assert not places.ports.exists()
        database.start()
        database.stop()
        assert ports.remembered(places.ports, [DATABASE_PORT])[DATABASE_PORT] == wanted
        squat(wanted)
        with pytest.raises(StartFailed, match="was taken by"):
            database.start()
    assert "http" not in places.ports.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_a_lab_does_not_ask_what_another_user_runs_at_its_databases_port(squat, tmp_path):
    site = sites.load(sites.find("demo"))
    places = Places(tmp_path, site)
    places.make()
    for user in (ADMIN, WRITER, READER):
        credentials.secret(places.secrets, user)
    with contextlib.closing(PartsLock(places.root, print)) as lock:
        database = Database(influxdb.get().path, places, ports.free(1)[0], print, lock)
        reader = database.reader()
        squatter = squat(int(database.url.rpartition(":")[2]))
        asked = [
            lambda: reader.rows("SHOW MEASUREMENTS"),
            lambda: database.administrator().rows("SHOW USERS"),
            lambda: database.make_whole(site),
            lambda: database.apply(site, print),
        ]
        for ask in asked:
            with pytest.raises(DatabaseError, match="is a program of user nobody, not this lab's InfluxDB"):
                ask()
    told = squatter.end()
    assert "Authorization" not in told and not any(file.read_text() in told for file in places.secrets.iterdir())


def test_a_lab_does_not_ask_what_took_the_port_of_its_database_that_ended(tmp_path):
    """Not even a program of the lab's own user, in the moment before the database is started anew."""
    site = sites.load(sites.find("demo"))
    places = Places(tmp_path, site)
    places.make()
    with contextlib.closing(PartsLock(places.root, print)) as lock:
        database = Database(influxdb.get().path, places, ports.free(1)[0], print, lock)
        database.start()
        database.apply(site, print)
        asked = [
            lambda: Canary(site, database.reader(), places.secrets).doubtful(),
            lambda: Canary(site, database.reader(), places.secrets).send().why,
            lambda: database.reader().rows("SHOW MEASUREMENTS"),
            lambda: database.administrator().rows("SHOW USERS"),
        ]
        assert not asked[0]()
        database.process.stop(30)
        told: list[str] = []
        with contextlib.closing(socket.create_server(("127.0.0.1", int(database.url.rpartition(":")[2])))) as taken:
            threading.Thread(target=_listen, args=(taken, told), daemon=True).start()
            assert asked[0]() is True
            assert "not this lab's InfluxDB; no password was sent there" in asked[1]()
            for ask in asked[2:]:
                with pytest.raises(DatabaseError, match="not this lab's InfluxDB"):
                    ask()
            taken.shutdown(socket.SHUT_RDWR)  # ends who waits for more
        database.stop()
    assert not told


def _listen(taken: socket.socket, told: list[str]) -> None:
    """Note what comes to a socket, until it is closed."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = taken.accept()
            with connection:
                told.append(connection.recv(4096).decode())


def test_nothing_of_influxdb_can_be_reached_without_a_password(influxd):
    reached = []
    listening = psutil.Process(influxd.process.pid).net_connections("inet")
    assert len(listening) >= 2  # of those with status LISTEN; one is that of backups
    for ip, port in {tuple(each.laddr) for each in listening if each.status == psutil.CONN_LISTEN}:
        for address in (ip, "127.0.0.1", "127.0.0.2", "0.0.0.0"):
            with contextlib.suppress(OSError):
                socket.create_connection((address, port), 5).close()
                reached.append((address, port))
    port = int(influxd.url.rpartition(":")[2])
    assert set(reached) == {("127.0.0.1", port), ("0.0.0.0", port)}
    for path in ("query?q=SHOW+DATABASES", "query?q=SHOW+USERS", "write?db=x", "api/v1/prom/read"):
        assert requests.post(f"{influxd.url}/{path}", timeout=5).status_code == 401, path
    for path in ("debug/pprof/", "debug/pprof/heap", "debug/pprof/cmdline"):
        assert requests.get(f"{influxd.url}/{path}", timeout=5).status_code == 404, path
