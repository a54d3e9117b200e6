"""The real InfluxDB and the real Telegraf, started by the very functions that `labline run` uses."""

from __future__ import annotations

import pytest

from labline.stack import influxdb, telegraf
from labline.stack.errors import StartFailed
from provisioning.influxdb_server import DatabaseError, Server


def test_influxdb_asks_for_passwords_and_gives_only_what_a_user_may(database):
    database.write("m,t=a v=1.5 1000000000")
    assert database.rows("SELECT v FROM m GROUP BY t") == [{"time": 1000000000, "t": "a", "v": 1.5}]
    assert "authentication" in Server(database.url).refusal()
    with pytest.raises(DatabaseError, match="not authorized"):
        Server(database.url, database.reader, database.reader_password).write("m v=2", database.name, "")


def test_influxdb_keeps_its_data_and_knows_its_password_again(tmp_path):
    program = influxdb.get().path
    with influxdb.InfluxDB(program, tmp_path / "data", tmp_path / "secrets") as first:
        first.server.query('CREATE DATABASE "kept"')
    with influxdb.InfluxDB(program, tmp_path / "data", tmp_path / "secrets") as second:
        assert {"name": "kept"} in second.server.rows("SHOW DATABASES")
    (tmp_path / "secrets" / "labadmin").write_text("another-One_than=before1")
    with pytest.raises(StartFailed, match="made with another password"):
        influxdb.InfluxDB(program, tmp_path / "data", tmp_path / "secrets")


def test_a_port_in_use_is_told(influxd, tmp_path):
    taken = int(influxd.url.rpartition(":")[2])
    with pytest.raises(StartFailed, match=f"port {taken} is in use"):
        influxdb.InfluxDB(influxdb.get().path, tmp_path, tmp_path, taken)


CONFIG = """\
[agent]
  interval = "1s"
  flush_interval = "1h"
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.execd]]
  command = ["/bin/sh", "-c", "echo 'm v=42.25 1000000000'; cat > /dev/null"]
  data_format = "influx"
[[outputs.influxdb]]
  urls = ["{url}"]
  database = "{name}"
  skip_database_creation = true
  username = "{writer}"
  password = "${{WRITER_PASSWORD}}"
"""


def test_telegraf_writes_what_it_holds_when_it_is_stopped(database, telegraf_path, tmp_path):
    config = tmp_path / "telegraf.conf"
    config.write_text(CONFIG.format(url=database.url, name=database.name, writer=database.writer))
    log = tmp_path / "telegraf.log"
    with telegraf.Telegraf(telegraf_path, config, log, {"WRITER_PASSWORD": database.writer_password}) as running:
        assert running.process.running
        assert database.rows("SELECT v FROM m") == []  # the flush interval is an hour
    assert running.process.status == 0
    assert database.rows("SELECT v FROM m") == [{"time": 1000000000, "v": 42.25}]


def test_telegraf_that_refuses_its_configuration_says_why(telegraf_path, tmp_path):
    config = tmp_path / "telegraf.conf"
    config.write_text("[[inputs.nonsense]]\n")
    with pytest.raises(StartFailed, match="nonsense"):
        telegraf.Telegraf(telegraf_path, config, tmp_path / "telegraf.log")


def test_a_proxy_does_not_come_between_us_and_our_parts(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with influxdb.InfluxDB(influxdb.get().path, tmp_path / "data", tmp_path / "secrets") as it:
        assert it.server.rows("SHOW USERS") == [{"user": "labadmin", "admin": True}]
