"""What the containers of a lab run: tried with the real programs, on this machine."""

from __future__ import annotations

import http.server
import os
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest

from labline import cli
from labline.stack import debian, influxdb, loopback
from provisioning.influxdb_server import Server
from tests.parts import debian_program
from tests.parts.mqtt import CONTAINED, LIBRARIES, listens
from tests.parts.uncontained import Uncontained

from .conftest import wait_until

SITE = """\
site: my-lab
nodes: [{name: lab-pc}]
instruments:
  - {name: store, driver: lakeshore_372, connection: sim, interval: 1s}
"""
SITE += CONTAINED


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Uncontained:
    folder = tmp_path_factory.mktemp("containers")
    (folder / "my-lab.yml").write_text(SITE)
    assert cli.main(["containers", str(folder / "my-lab.yml"), "--to", str(folder / "made")]) == 0
    return Uncontained(folder / "made", folder / "here")


@pytest.fixture(scope="module")
def database(lab: Uncontained) -> Iterator[str]:
    url = f"http://127.0.0.1:{lab.ports['influxdb']}"
    own = {"INFLUXDB_HTTP_BIND_ADDRESS": url.removeprefix("http://")}  # of its own network, a container opens all
    with lab.start("influxdb", influxdb.get().path, own) as server:
        server.wait_ready(lambda: loopback.answers(f"{url}/ping", 204), 60)
        yield url


@pytest.fixture(scope="module")
def broker(lab: Uncontained) -> Iterator[int]:
    port = lab.ports["mosquitto"]
    config = lab.folder / "mosquitto/mosquitto.conf"
    own = "user root\n" if os.geteuid() == 0 else ""  # in its container it has no root's rights to let go of
    config.write_text(f"{own}{config.read_text().replace('listener 1883', f'listener {port} 127.0.0.1')}")
    programs, environment = debian_program.found("mosquitto", LIBRARIES)
    with lab.start("mosquitto", programs / "usr/sbin/mosquitto", environment) as server:
        server.wait_ready(lambda: listens(port), 30)
        yield port


def client(lab: Uncontained, user: str, password: str = "") -> paho.Client:
    made = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    made.username_pw_set(user, password or (lab.folder / f"secrets/mqtt_{user}").read_text())
    return made


def test_from_nothing_to_readings_in_the_database(lab, database, broker, telegraf_path):
    applied = lab.run("apply")
    assert applied.returncode == 0, applied.stderr
    with lab.start("telegraf", telegraf_path) as telegraf:
        telegraf.wait_ready(lambda: "[agent] Config:" in telegraf.output(), 60)
        reader = Server(database, "reader", (lab.folder / "secrets/reader").read_text())

        def stored(field: str, measurement: str) -> list[dict]:
            return reader.rows(f"SELECT {field} FROM {measurement} ORDER BY time DESC LIMIT 1", "lab")

        wait_until(lambda: stored("temperature", "lakeshore_372"), "a reading of the cryostat")
        sensor = client(lab, "sensors")
        sensor.connect("127.0.0.1", broker)
        sensor.loop_start()

        def heard() -> bool:
            sensor.publish("lab/oven", '{"temp": 181.5}', qos=1).wait_for_publish(10)
            return bool(stored("temp", "mqtt"))

        wait_until(heard, "what a sensor publishes")
        sensor.disconnect()
        sensor.loop_stop()
        assert stored("temp", "mqtt")[0]["temp"] == 181.5
        assert lab.health("telegraf").returncode == 0
        assert not [line for line in telegraf.output().splitlines() if " E! " in line]
    # An old journal is no sign of life.
    long_ago = time.time() - 3600
    for file in (lab.folder / "data/telegraf/journal").iterdir():
        os.utime(file, (long_ago, long_ago))
    assert lab.health("telegraf").returncode != 0
    # Applied again, nothing is to be done: a restart of all is no change.
    assert lab.run("apply").stdout.strip().endswith("site.yml says")


def test_the_database_asks_for_a_password(lab, database):
    answer = urllib.request.Request(f"{database}/query?q=SHOW+DATABASES")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(answer)
    assert refused.value.code in (401, 403)


def test_the_broker_lets_nobody_in_without_a_password(lab, broker):
    def reason(user: str, password: str = "") -> str:
        came: list[str] = []
        known = threading.Event()
        made = client(lab, user, password)
        made.on_connect = lambda client, data, flags, code, properties: (came.append(str(code)), known.set())
        made.connect("127.0.0.1", broker)
        made.loop_start()
        assert known.wait(30)
        made.disconnect()
        made.loop_stop()
        return came[0]

    assert reason("lab") == "Success"
    assert reason("lab", "guessed") == "Not authorized"
    # Who reads does not write, and who writes reads only what is his.
    reading = client(lab, "lab")
    refused = threading.Event()
    reading.on_publish = lambda client, data, mid, code, properties: code.is_failure and refused.set()
    reading.connect("127.0.0.1", broker)
    reading.loop_start()
    reading.publish("lab/oven", "99", qos=1)
    assert refused.wait(30)
    reading.disconnect()
    reading.loop_stop()


class Page(http.server.BaseHTTPRequestHandler):
    """Stands where Grafana is behind Caddy."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"grafana asked as {self.headers['X-Forwarded-Proto']}".encode())

    def log_message(self, *_: object) -> None:
        pass


def test_caddy_shows_grafana_by_tls_of_its_own_authority(lab):
    program = debian.unpack("caddy") / "usr/bin/caddy"
    file = lab.folder / "caddy/Caddyfile"
    checked = subprocess.run([program, "validate", "--config", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    page = http.server.ThreadingHTTPServer(("127.0.0.1", lab.ports["grafana"]), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    authority = lab.folder / "data/caddy/caddy/pki/authorities/local/root.crt"
    url = f"https://localhost:{lab.ports['caddy']}/"

    def answer() -> str:
        try:
            trusted = ssl.create_default_context(cafile=str(authority))
            with urllib.request.urlopen(url, context=trusted, timeout=10) as said:
                return said.read().decode()
        except OSError:
            return ""

    try:
        with lab.start("caddy", program, {"XDG_CONFIG_HOME": str(lab.folder / "config")}) as caddy:
            caddy.wait_ready(lambda: bool(answer()), 60)
            assert answer() == "grafana asked as https"
    finally:
        page.shutdown()
        page.server_close()
