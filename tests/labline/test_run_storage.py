"""`labline run`, whole, where storage fails or the run itself is killed: measuring goes on, and all is counted in the end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import psutil

from labline.stack import influxdb, ports
from provisioning.influxdb_server import Server

from .conftest import Run, others_in, wait_until

BENCH = """\
site: bench
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "sim:?seed=1", interval: 200ms}
  - {name: vacuum, driver: pfeiffer_tpg, model: tpg262, connection: "sim:?seed=2", interval: 200ms}
"""
READINGS = ("lakeshore_372", "pfeiffer_tpg")


def bench(folder: Path) -> tuple[str, Path]:
    site = folder / "bench.yml"
    site.write_text(BENCH)
    return str(site), folder / ".labline/bench"


def both_ok(run: Run) -> None:
    for name in ("cryostat", "vacuum"):
        run.wait_for(rf"^\S+ {name}: ok$")


def take_port(run: Run, port: int) -> socket.socket:
    """Kill the run's database and take its port, while the run can do nothing about it."""
    server = influxd(run)
    run.process.send_signal(signal.SIGSTOP)
    try:
        kill(server)
        wait_until(lambda: ports.is_free(port), f"port {port} is free")
        return socket.create_server((ports.LOOPBACK, port))
    finally:
        run.process.send_signal(signal.SIGCONT)


def kill(*processes: psutil.Process) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def influxd(run: Run) -> psutil.Process:
    (found,) = (p for p in run.family() if "influxd" in p.name())
    return found


def log_of_readings(state: Path) -> Path:
    return max(state.glob("influxdb/wal/lab/raw/*/_*.wal"), key=lambda log: log.stat().st_mtime)


def stored(state: Path) -> int:
    """Count the values of all readings in a server that was started for it."""
    with influxdb.InfluxDB(influxdb.get().path, state / "influxdb", state / "secrets") as server:
        rows = [row for name in READINGS for row in server.server.rows(f'SELECT count(*) FROM "lab"."raw"."{name}"')]
    others = {"time", "count_status"}
    return sum(count for row in rows for name, count in row.items() if name not in others)


def test_runs_that_are_killed_are_settled_by_the_next_one(start, tmp_path):
    site, state = bench(tmp_path)

    first = start(site)
    both_ok(first)
    first.process.kill()  # its parts end by themselves, in whatever order
    first.end()

    second = start(site)
    told = second.wait_for(
        r"The run that began \S+ \S+ was not counted at its end. (\d+) readings made, (\d+) in the database"
        r"(?:, and (\d+) more are now)?; (nothing was lost|(\d+) LOST)"
    )
    made, had, more, lost = (int(told[index] or 0) for index in (1, 2, 3, 5))
    assert 0 < made <= had + more + lost
    both_ok(second)
    log = log_of_readings(state)
    size = log.stat().st_size
    wait_until(lambda: log.stat().st_size > size + 2000, "more is written")
    family = second.family()
    kill(psutil.Process(second.process.pid), *family)  # all, as when the power goes
    second.end()
    psutil.wait_procs(family)
    os.truncate(log, size + 3)  # what came since is torn off, amid the first of it

    third = start(site)
    third.wait_for(r"was torn, as by a power cut")
    told = third.wait_for(
        r"The run that began .*\. (\d+) readings made, (\d+) in the database(?:, and (\d+) more are now)?; "
        r"(nothing was lost|(\d+) LOST)"
    )
    made_then, had_then, more_then, lost_then = (int(told[index] or 0) for index in (1, 2, 3, 5))
    assert made_then <= had_then + more_then + lost_then and more_then
    both_ok(third)
    third.process.send_signal(signal.SIGINT)
    assert third.end() == 0, third.text
    assert third.text.count("was not counted at its end") == 2  # when it was settled, and at the end
    assert not list((state / "ledger").iterdir()) and not others_in(tmp_path)
    _, written, _ = third.ledger()["total"]
    assert stored(state) == had + more + had_then + more_then + written


def test_storage_that_fails_does_not_end_a_run(start, tmp_path):
    site, state = bench(tmp_path)
    run = start(site)
    url = run.wait_for(r"InfluxDB +(http://127.0.0.1:(\d+)),")
    both_ok(run)
    meta = state / "influxdb/meta/meta.db"
    whole = meta.read_bytes()

    with take_port(run, int(url[2])):
        run.wait_for(rf"port {url[2]} is in use by another program")
        meta.write_bytes(b"spoilt")
    run.wait_for(r"InfluxDB ended when it was started \(exit status 1\)")
    meta.write_bytes(whole)
    run.wait_for(r"InfluxDB runs again")

    administrator = Server(url[1], "labadmin", (state / "secrets/labadmin").read_text())
    reader = Server(url[1], "reader", (state / "secrets/reader").read_text())
    for dropped in (('RETENTION POLICY "1m" ON "lab"', 'RETENTION POLICY "raw" ON "lab"'), ('DATABASE "lab"',)):
        administrator.query(";".join(f"DROP {what}" for what in dropped))
        wait_until(lambda: whole_again(reader), "it is made anew")
    run.wait_for(r"made anew:\n  make database 'lab'")
    run.wait_for(r"points? written again from the journal")

    run.process.send_signal(signal.SIGINT)
    run.end()
    made, written, lost = run.ledger()["total"]
    assert made == written > 0 == lost and "Nothing was lost" in run.text, run.text
    assert stored(state) == written

    meta.write_bytes(b"spoilt")  # from the start on
    again = start(site)
    again.wait_for(r"InfluxDB ended when it was started \(exit status 1\)")
    again.wait_for(r"Telegraf can't write to|what is read meanwhile is in")
    journal = state / "journal/readings.lp"
    size = journal.stat().st_size
    wait_until(lambda: journal.stat().st_size > size, "measuring goes on")
    again.process.send_signal(signal.SIGINT)
    assert again.end() == 1 and "could NOT be counted" in again.text
    meta.write_bytes(whole)
    last = start(site, "--duration", "1")
    last.wait_for(r"The run that began .* made, 0 in the database, and \d+ more are now; nothing was lost")
    last.end()
    assert not others_in(tmp_path)


def whole_again(reader: Server) -> bool:
    """Look whether all policies are there, and something came since."""
    with contextlib.suppress(Exception):
        names = {row["name"] for row in reader.rows('SHOW RETENTION POLICIES ON "lab"')}
        return {"raw", "1m", "1h", "forever"} <= names and bool(
            reader.rows('SELECT "pressure" FROM "raw"."pfeiffer_tpg" LIMIT 1', "lab")
        )
    return False


TELEGRAF = """\
#!/bin/sh
# A Telegraf that never comes up: at first before any program began, then with the counts of one behind it.
[ "$1" = version ] && echo "Telegraf 1.39.3 (git: HEAD@00000000)" && exit
cd LEDGER
newest=$(ls | sort -n | tail -1)
[ -e ../programs-begin ] && printf '0 0 0 0\\n1 1000 1000 lakeshore_372 1\\n' > "$newest/cryostat.1.1"
while [ -e ../wait-for-it ] && [ "$(ls)" != "$newest" ]; do sleep 0.1; done
exit 1
"""


def test_starts_that_fail_leave_no_pile_of_runs_to_be_counted(start, tmp_path):
    """As where systemd starts it again and again: what made no readings is no run, and what did is settled beforehand."""
    site, state = bench(tmp_path)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "telegraf"
    program.write_text(TELEGRAF.replace("LEDGER", str(state / "ledger")))
    program.chmod(0o755)

    def failing():
        run = start(site, PATH=f"{program.parent}:{os.environ['PATH']}")
        assert run.end() == 1 and "Telegraf" in run.text
        return run.text

    failing()
    assert "not counted yet" not in failing()
    (state / "programs-begin").touch()
    failing()
    (state / "wait-for-it").touch()
    for _ in range(2):
        said = failing()
        assert "1 earlier run not counted yet" in said and "1 reading made, 0 in the database; 1 LOST" in said
        assert len(list((state / "ledger").iterdir())) == 1
