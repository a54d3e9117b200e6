"""Another program at the database's port while the database is away: Telegraf gives it neither passwords nor readings."""

from __future__ import annotations

import http.server
import signal
import threading
from pathlib import Path

import psutil

from labline.stack import ports

from .conftest import Run, wait_until

SITE = """\
site: bench
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "sim:?seed=1", interval: 200ms}
"""


class Squatter(http.server.BaseHTTPRequestHandler):
    """Takes all that is written, and notes who said he was whom."""

    told: list[str]

    def do_POST(self):
        self.told.append(f"{self.requestline} {self.headers}")
        self.send_response(204)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


def refusals(state: Path) -> int:
    return (state / "telegraf.log").read_text().count("failed doing req: Post")


def squat(run: Run, port: int, state: Path) -> list[str]:
    """Kill the run's database and take its port, until Telegraf has tried to write several times; gives what it said there."""
    handler = type("Handler", (Squatter,), {"told": []})
    (database,) = (p for p in run.family() if "influxd" in p.name())
    run.process.send_signal(signal.SIGSTOP)  # it would start the database anew
    try:
        database.kill()
        wait_until(lambda: ports.is_free(port), f"port {port} is free")
        server = http.server.ThreadingHTTPServer((ports.LOOPBACK, port), handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        before = refusals(state)
        wait_until(lambda: refusals(state) > before + 2 or handler.told, "Telegraf tries to write")
    finally:
        run.process.send_signal(signal.SIGCONT)
    run.wait_for(rf"port {port} is in use by another program of user {psutil.Process().username()}")
    server.shutdown()
    server.server_close()
    return handler.told


def test_telegraf_tells_it_nothing_and_nothing_is_lost(start, tmp_path):
    site = tmp_path / "bench.yml"
    site.write_text(SITE)
    run = start(str(site))
    port = int(run.wait_for(r"InfluxDB +http://127.0.0.1:(\d+),")[1])
    run.wait_for(r"^\S+ cryostat: ok$")
    told = squat(run, port, tmp_path / ".labline" / "bench")
    assert not [request for request in told if "/write" in request]
    wait_until(lambda: not ports.is_free(port), "InfluxDB is back")
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.text
    assert run.ledger()["total"][2] == 0
