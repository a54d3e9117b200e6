"""How old the newest point in InfluxDB is."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from labline.stack import influxdb, telegraf
from provisioning.influxdb_server import Server

from .lab import Lab, stanza
from .measurement import Measurement

INSTRUMENTS, SECONDS, FLUSH_SECONDS = 10, 20, 1.0
CONFIG = """\
[agent]
  interval = "10s"
  flush_interval = "{flush}s"
  metric_batch_size = 5000
  omit_hostname = true
  skip_processors_after_aggregators = true
[[outputs.influxdb]]
  urls = ["{url}"]
  database = "age"
  skip_database_creation = true
  username = "{user}"
  password = "${{PASSWORD}}"
"""
EXECD = """\
[[inputs.execd]]
  command = [{command}]
  data_format = "influx"
"""


def measure() -> Iterator[Measurement]:
    """Read instruments at 10 Hz into InfluxDB, and ask it again and again for its newest point."""
    stanzas = [stanza("pfeiffer_tpg", f"gauge{number}", interval="100ms") for number in range(INSTRUMENTS)]
    with (
        tempfile.TemporaryDirectory(prefix="labline-bench-") as name,
        influxdb.InfluxDB(influxdb.get().path, Path(name) / "influxdb", Path(name) / "secrets") as database,
        Lab(stanzas) as lab,
    ):
        database.server.query("CREATE DATABASE age")
        text = CONFIG.format(flush=FLUSH_SECONDS, url=database.url, user=database.admin)
        for command in lab.programs.values():
            text += EXECD.format(command=", ".join(f'"{word}"' for word in command))
        config = Path(name) / "telegraf.conf"
        config.write_text(text)
        secrets = lab.environment | {"PASSWORD": database.password}
        with telegraf.Telegraf(telegraf.get().path, config, Path(name) / "log", secrets):
            ages = _ages(database.server)
    ages.sort()
    how = f"{INSTRUMENTS} instruments at 10 Hz, asked for {SECONDS} s; flush interval {FLUSH_SECONDS:g} s"
    yield Measurement("age of the newest point in InfluxDB, worst", ages[-1], "s", FLUSH_SECONDS + 0.2, how, digits=2)
    yield Measurement("– median", ages[len(ages) // 2], "s", digits=2)


def _ages(server: Server) -> list[float]:
    """Ask for the newest point of all, every few milliseconds; its age at the moment of each question."""
    ages: list[float] = []
    start = time.monotonic()
    while time.monotonic() < start + SECONDS:
        asked = time.time_ns()
        answer = server.query("SELECT last(pressure) FROM pfeiffer_tpg", "age")
        newest = max((row["time"] for series in answer for row in series.rows), default=0)
        if time.monotonic() > start + 3 * FLUSH_SECONDS:  # all have begun
            ages.append((asked - newest) / 1e9)
        time.sleep(0.01)
    if not ages or ages[0] > 60:
        print("no point came into InfluxDB", file=sys.stderr)
    return ages
