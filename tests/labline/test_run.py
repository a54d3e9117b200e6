"""`labline run`, whole: real programs, Telegraf and InfluxDB, as a user starts it, from a clean folder."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import requests

from grafana_dashboards import delivery
from labline.stack import influxdb, ports
from provisioning import site as sites
from provisioning.influxdb_server import DatabaseError, Server

from .conftest import LONGEST, others_in, wait_until

FAULTY = """\
site: faulty
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "sim:?seed=1&faults=disconnect@4+4", interval: 500ms}
  - name: vacuum
    driver: pfeiffer_tpg
    model: tpg262
    connection: sim:?seed=2&faults=silent@5+3
    interval: 500ms
    timeout: 500ms
"""
SPREAD = """\
site: spread
nodes: [{name: hall}, {name: cellar}]
influxdb: {url: "http://hall:8086"}
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "sim:?seed=1", interval: 500ms}
  - {name: vacuum, driver: pfeiffer_tpg, model: tpg262, connection: "sim:?seed=2", interval: 500ms, node: cellar}
"""
NOTIFICATIONS = """\
notifications:
  contact_points:
    - {name: people, type: email, addresses: [lab@example.org]}
    - {name: chat, type: webhook, url_file: chat_url}
"""
# Takes the place of Grafana, which few test machines can get: listens where it is told to.
GRAFANA = f"""\
#!{sys.executable}
import http.server, os, sys
if sys.argv[1:] == ["--version"]:
    sys.exit(print("grafana version 13.1.3"))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""


def alarms(server: Server) -> set[str]:
    """Ask, as the alarm's rule does, why something is not stored."""
    query = delivery.failing().replace("$timeFilter", f"time > now() - {delivery.SECONDS}s")
    try:
        return {series.tags["why"] for series in server.query(query, "lab") if series.rows[-1]["failing"]}
    except DatabaseError:
        return {"no answer"}


def secrets_of(folder: Path) -> dict[Path, str]:
    return {file: file.read_text() for file in folder.glob(".labline/*/secrets/*")}


def test_the_demo_lab(start, tmp_path):
    run = start("demo")
    run.wait_for(r"demo|Demo")
    url = run.wait_for(r"InfluxDB +(http://127\.0\.0\.1:(\d+))")
    run.wait_for(r"\d ok$")
    secrets = secrets_of(tmp_path)
    family = run.family()
    spoken = " ".join(word for process in family for word in process.cmdline())
    listening = {p.laddr.ip for process in family for p in process.net_connections() if p.status == "LISTEN"}
    assert all(ipaddress.ip_address(ip).is_loopback for ip in listening)
    assert not requests.get(f"{url[1]}/query", params={"q": "SHOW DATABASES"}, timeout=10).ok  # it wants a password

    second = start("demo", "--duration", "1")
    assert second.end() == 1
    assert (
        re.search(rf"this site runs already: process {run.process.pid}, since \d{{4}}-", second.text)
        and url[1] in second.text
    )

    status = subprocess.run(
        [sys.executable, "-m", "labline.cli", "status"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert "Demo lab" in status.stdout and "cryostat" in status.stdout and "\x1b" not in status.stdout
    table = status.stdout.rpartition("\n\n")[0] if status.stdout.count("\n\n") > 1 else status.stdout
    assert all(len(line) <= 80 for line in table.splitlines()) and status.returncode in (0, 1)

    doctor = subprocess.run(
        [sys.executable, "-m", "labline.cli", "doctor"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert re.search(r"^ok +cryostat +ok, says the lab that runs$", doctor.stdout, re.MULTILINE)
    assert (
        re.search(r"^ok +user writer +tried with its password: may write, may not read$", doctor.stdout, re.MULTILINE)
        and "wait in Telegraf" in doctor.stdout
    )

    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.text
    ledger = run.ledger()
    names = [i.name for i in sites.load(sites.find("demo")).instruments]
    assert list(ledger) == [*names, "total"]
    assert all(made == written > 0 and not lost for made, written, lost in ledger.values()), run.text
    assert "Nothing was lost." in run.text

    assert not others_in(tmp_path)
    assert not (tmp_path / ".labline/demo/simulators/control").exists()  # who writes into it would wait for ever
    assert all(ports.is_free(port) for port in json.loads((tmp_path / ".labline/demo/ports.json").read_text()).values())
    assert re.search(
        r"^  InfluxDB 1\S+: Debian's package.*\n    tried before it: on PATH: no influxd", run.text, re.M
    ) or ("InfluxDB 1" in run.text and ": on PATH (" in run.text)
    assert {file.name for file in secrets} >= {"labadmin", "writer", "reader"}
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in secrets)
    assert {path.name for path in tmp_path.iterdir()} == {".labline"}
    for file in (tmp_path / ".labline").rglob("*"):
        if (
            file.is_file()
            and file not in secrets
            and not {"data", "meta", "wal"} & set(file.relative_to(tmp_path).parts)
        ):
            assert not any(word in file.read_text(errors="replace") for word in secrets.values()), file
    assert not any(word in spoken + run.text + second.text for word in secrets.values())


def test_faults_are_survived_and_data_stay_for_the_next_run(start, tmp_path):
    site = tmp_path / "faulty.yml"
    site.write_text(FAULTY)
    run = start(str(site), "--duration", "18")
    run.wait_for(r"cryostat can't be reached: tcp://")
    run.wait_for(r"vacuum does not answer: ")
    assert run.end() == 0, run.text
    after = run.text.partition("can't be reached")[2]
    assert re.search(r"^\S+ cryostat: ok", after, re.MULTILINE) and re.search(r"^\S+ vacuum: ok", after, re.MULTILINE)
    first = run.ledger()
    assert first["total"][2] == 0 and first["vacuum"][1] > 0

    again = start(str(site))
    again.wait_for(r"cryostat: ok")
    again.process.send_signal(signal.SIGINT)  # Ctrl-C
    assert again.end() == (0 if "Nothing came from" not in again.text else 1), again.text
    assert again.ledger()["total"][2] == 0 and not others_in(tmp_path / ".labline")

    state = tmp_path / ".labline/faulty"
    with influxdb.InfluxDB(influxdb.get().path, state / "influxdb", state / "secrets") as server:
        rows = server.server.rows('SELECT count(*) FROM "lab"."raw"."pfeiffer_tpg"')
    assert rows[0]["count_pressure"] == first["vacuum"][1] + again.ledger()["vacuum"][1]


def test_what_is_killed_is_started_anew_and_nothing_is_lost(start, tmp_path):
    run = start("demo", "--duration", "20")
    run.wait_for(r"\d ok$")
    (server,) = (p for p in run.family() if "influxd" in p.name())
    server.kill()
    run.wait_for(r"InfluxDB ended \(exit status -9\); started anew")
    (simulators,) = (p for p in run.family() if "telegraf_inputs.simulators" in p.cmdline())
    simulators.kill()
    run.wait_for(r"simulators ended \(exit status -9\); started anew")
    run.wait_for(r"\d (ok|starting)$")
    assert run.end() == 0, run.text
    assert run.ledger()["total"][2] == 0


def test_ctrl_c_while_it_is_set_up_leaves_nothing_running(start, tmp_path):
    run = start("demo")
    run.wait_for(r"simulators of")  # InfluxDB is being started
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 130 and "stopped" in run.text and "Traceback" not in run.text
    assert not others_in(tmp_path)


def test_a_database_that_hangs_is_told_and_a_third_ctrl_c_ends_all(start, tmp_path):
    run = start("demo")
    run.wait_for(r"\d ok$")
    (server,) = (p for p in run.family() if "influxd" in p.name())
    server.suspend()
    run.wait_for(r"InfluxDB hangs: it was stopped \(SIGSTOP\); started anew")
    wait_until(lambda: any("influxd" in p.name() and p.pid != server.pid for p in run.family()), "it is started anew")
    run.wait_for(r"(?s)InfluxDB hangs.*\d ok$")
    (server,) = (p for p in run.family() if "influxd" in p.name())
    threading.Thread(target=_kept_from_running, args=(server,), daemon=True).start()
    wait_until(lambda: server.status() == psutil.STATUS_STOPPED, "it hangs again")
    for said in ("stopping: what was read", "stopping already", "ending all at once"):
        run.process.send_signal(signal.SIGINT)
        run.wait_for(said)
    assert run.end() == 1
    assert "could NOT be counted: no answer from the database" in run.text and "Traceback" not in run.text
    assert not others_in(tmp_path)


def _kept_from_running(process: psutil.Process) -> None:
    """Stop it whenever it goes on."""
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.is_running():
            process.suspend()
            time.sleep(0.001)


def test_a_lost_connection_ends_it_as_ctrl_c_does(start, tmp_path):
    run = start("demo")
    run.wait_for(r"\d ok$")
    run.process.send_signal(signal.SIGHUP)
    run.end()
    assert run.ledger()["total"][1] > 0 == run.ledger()["total"][2] and not others_in(tmp_path)


def test_a_reader_that_goes_away_ends_it_in_order(tmp_path, telegraf_path):
    site = tmp_path / "faulty.yml"
    site.write_text(FAULTY)
    with subprocess.Popen(
        [sys.executable, "-m", "labline.cli", "run", str(site)],
        cwd=tmp_path,
        env={**os.environ, "LABLINE_GRAFANA_URL": "http://127.0.0.1:9"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(LONGEST) == 1
    assert "nobody reads this any more" in said and "stopping: what was read is being written" in said
    assert "Traceback" not in said and not others_in(tmp_path / ".labline")


def test_an_instrument_that_brings_nothing_is_a_failure(start, tmp_path):
    site = tmp_path / "absent.yml"
    port = ports.free(1)[0]
    site.write_text(
        FAULTY.replace("sim:?seed=1&faults=disconnect@4+4", f"tcp://127.0.0.1:{port}").replace("faulty", "absent")
    )
    run = start(str(site), "--duration", "3")
    assert run.end() == 1
    assert "cryostat can't be reached: " in run.text and "Nothing came from cryostat." in run.text
    again = start(str(site), "--simulate", "--duration", "5")
    again.end()
    assert again.ledger()["vacuum"][1] > 0 and "simulators of 2 instruments" in again.text
    assert "all simulated" in again.text and "simulated: " not in again.text
    places = {
        file.relative_to(tmp_path / ".labline").parts[0] for file in (tmp_path / ".labline").rglob("influxdb.conf")
    }
    assert places == {"absent", "absent+simulated"}  # nothing made up stands beside what was measured


def test_what_the_database_refuses_is_told_and_counted(start, tmp_path):
    """A field that has another type there, then a password that is no longer the one."""
    site = tmp_path / "refused.yml"
    site.write_text(FAULTY.replace("faulty", "refused").replace("silent@5+3", "disconnect@0+6"))
    run = start(str(site))
    url = run.wait_for(r"InfluxDB +(http://\S+),")[1]
    run.wait_for(r"vacuum can't be reached")
    password = (tmp_path / ".labline/refused/secrets/labadmin").read_text()
    admin = Server(url, "labadmin", password)
    admin.write("pfeiffer_tpg,site=other pressure=1i", "lab", "raw")
    reason = (
        'field type conflict: input field "pressure" on measurement "pfeiffer_tpg" is type float, already exists as'
    )
    run.wait_for(
        rf"^\S+ The database refused \d+ points?, .*: {re.escape(reason)} type integer. A field keeps its type"
    )

    wait_until(lambda: "field type conflict" in alarms(admin), "dashboards and alarms know it")

    admin.query("SET PASSWORD FOR writer = 'another'")
    run.wait_for(r"The database refused all that Telegraf wrote, .*: authorization failed. Is its password")
    run.wait_for(r"^\S+ 2 instruments: .*, but NOT all is stored$")
    wait_until(lambda: "wrong password" in alarms(admin), "dashboards and alarms know it")
    command = [sys.executable, "-m", "labline.cli", "status", str(site)]
    status = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST)
    assert status.returncode == 1 and reason in status.stdout and "authorization failed" in status.stdout
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 1
    made, written, lost = run.ledger()["vacuum"]
    assert made == lost > 0 == written
    after = run.text.partition("Readings of this run")[2]
    refused = re.search(rf"^  The database refused (\d+) points, .*: {re.escape(reason)}", after, re.MULTILINE)
    assert 0 < int(refused[1]) <= lost and "authorization failed" in after
    assert re.search(r"readings were LOST\. Why:\n  The database refused ", after)


def _grafanas(run, home: Path) -> list[psutil.Process]:
    return [p for p in run.family() if p.is_running() and str(home) in " ".join(p.cmdline())]


def _is_another(run, home: Path, before: psutil.Process, url: str) -> bool:
    """Tell whether another one is there, answers, and whoever asks the run is sent to it."""
    told = url in (run.folder / ".labline/told/lock").read_text()
    return told and before not in _grafanas(run, home) and _answers(url)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def test_grafana_starts_from_files_that_hold_no_secret(start, tmp_path):
    home = tmp_path / "grafana"
    for name, text in (("bin/grafana", GRAFANA), ("conf/defaults.ini", "")):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    (home / "bin/grafana").chmod(0o755)
    site = tmp_path / "told.yml"
    ports_of_nobody = iter((7, 9))
    text = re.sub(r'"?sim:[^"\s]*"?', lambda _: f"tcp://127.0.0.1:{next(ports_of_nobody)}", FAULTY)
    site.write_text(text.replace("faulty", "told") + NOTIFICATIONS)
    path = f"{home / 'bin'}:{os.environ['PATH']}"
    run = start(str(site), "--duration", "2", PATH=path)
    url, port = run.wait_for(r"Dashboards (http://127\.0\.0\.1:(\d+)/d/\S+)").groups()
    assert requests.get(url, timeout=10).ok
    run.end()
    assert ports.is_free(int(port))
    assert "no mail server (GF_SMTP_ENABLED, GF_SMTP_HOST): no mail to people" in run.text
    files = tmp_path / ".labline/told/rendered/grafana"
    dashboards = {json.loads(file.read_text())["uid"] for file in files.glob("dashboards/*/*.json")}
    assert url.rpartition("/")[2] in dashboards
    secrets = secrets_of(tmp_path)
    texts = {file: file.read_text() for file in files.rglob("*") if file.is_file()}
    assert not any(word in text for word in secrets.values() for text in texts.values())
    named = re.findall(r"\$__file\{([^}]*)\}", "".join(texts.values()))
    assert named and all(Path(name).is_file() for name in named)
    assert re.search(r"alarms do not go to 'chat' from here: \S+secrets/chat_url is not there", run.text)
    assert "lab@example.org" in texts[files / "alerting/told-contact_points.json"]
    assert all(word not in run.text for word in secrets.values())

    ended = start(str(site), PATH=path, GF_SMTP_ENABLED="true", GF_SMTP_HOST="localhost:25")
    ended.wait_for("Dashboards http")
    url = ended.wait_for(r"Dashboards (http://\S+)")[1]
    # One that hangs, and one that ended, is started anew at the same place.
    (first,) = _grafanas(ended, home)
    first.suspend()
    ended.wait_for(r"Grafana hangs: it was stopped \(SIGSTOP\); started anew")
    wait_until(lambda: _is_another(ended, home, first, url), "the one that hung is there again")
    (second,) = _grafanas(ended, home)
    second.kill()
    ended.wait_for(r"Grafana ended \(exit status -9\); started anew")
    wait_until(lambda: _is_another(ended, home, second, url), "the one that ended is there again")
    # Where it can't be started, nobody is sent there.
    (third,) = _grafanas(ended, home)
    (home / "bin/grafana").chmod(0o644)
    third.kill()
    ended.wait_for(r"Grafana is started anew.*, for ever; all else runs on without dashboards")
    other = start(str(site))
    assert other.end() == 1 and "influxdb: http" in other.text and "grafana: http" not in other.text
    (home / "bin/grafana").chmod(0o755)
    ended.process.send_signal(signal.SIGTERM)
    ended.end()
    assert "no mail server" not in ended.text

    made_up = start(str(site), "--simulate", "--duration", "2", PATH=path)
    made_up.end()
    assert "alarms go to nobody from here" in made_up.text
    files = tmp_path / ".labline/told+simulated/rendered/grafana/alerting"
    assert list(files.iterdir()) and "lab@example.org" not in "".join(file.read_text() for file in files.iterdir())


BENCH = """\
site: bench
nodes: [{name: here}]
instruments:
  - name: meter
    driver: scpi
    connection: "sim:?seed=1"
    interval: 200ms
    channels: {a: {read: {level: {query: "MEAS:VOLT:DC?", unit: V}}}}
"""


def test_a_run_refuses_a_unit_that_its_data_do_not_have(start, tmp_path):
    site = tmp_path / "bench.yml"
    site.write_text(BENCH)
    first = start(str(site))
    first.wait_for(r"InfluxDB +http")
    while running := first.process.poll() is None:
        checked = subprocess.run(
            [sys.executable, "-m", "labline.cli", "check", str(site), "--against"],
            cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST,
        )  # fmt: skip
        if re.search(r"database 'lab' has [1-9]\d* of the site's", checked.stdout):
            break
    assert running, "the lab that runs here was asked, while it ran"
    first.process.send_signal(signal.SIGINT)
    assert first.end() == 0, first.text
    before = {path: path.stat().st_size for path in (tmp_path / ".labline" / "bench" / "journal").iterdir()}
    site.write_text(BENCH.replace("unit: V", "unit: mV"))
    second = start(str(site), "--duration", "2")
    assert second.end() == 1
    assert (
        "field 'level' of measurement 'scpi' is in 'V' in database 'lab', but the site wants it in 'mV'" in second.text
    )
    assert "To begin anew, and keep what is there: mv .labline/bench .labline/bench-before" in second.text
    assert "Traceback" not in second.text and not others_in(tmp_path)
    assert {path: path.stat().st_size for path in (tmp_path / ".labline" / "bench" / "journal").iterdir()} == before
    site.write_text(BENCH)
    third = start(str(site), "--duration", "2")
    assert third.end() == 0, third.text


def test_two_nodes_have_a_telegraf_each_and_one_that_is_killed_comes_back(start, tmp_path):
    site = tmp_path / "spread.yml"
    site.write_text(SPREAD)
    run = start(str(site))
    url = run.wait_for(r"InfluxDB +(http://\S+),")[1]
    run.wait_for(r"^\S+ 2 instruments: 2 ok$")
    run.wait_for(r"^\S+ vacuum \(cellar\): ok$")
    reader = Server(url, "reader", (tmp_path / ".labline/spread/secrets/reader").read_text())

    def hosts(measurement):
        return {
            series.tags["host"] for series in reader.query(f'SELECT * FROM "raw"."{measurement}" GROUP BY *', "lab")
        }

    assert (hosts("lakeshore_372"), hosts("pfeiffer_tpg")) == ({"hall"}, {"cellar"})
    assert hosts("instrument") == {"hall", "cellar"}

    (telegraf,) = (p for p in run.family() if "telegraf" in p.name() and "/cellar/" in " ".join(p.cmdline()))
    telegraf.kill()
    run.wait_for(r"Telegraf of cellar ended \(exit status -9\); started anew")
    made_anew = next(row["time"] for row in reader.rows('SELECT last("up") FROM "raw"."instrument"', "lab"))
    wait_until(
        lambda: reader.rows(
            f'SELECT * FROM "raw"."pfeiffer_tpg" WHERE "instrument" = \'vacuum\' AND time > {made_anew + 2 * 10**9}',
            "lab",
        ),
        "vacuum is read again",
    )
    command = [sys.executable, "-m", "labline.cli", "status", str(site)]
    status = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST)
    table = [line.split() for line in status.stdout.splitlines()]
    assert ["hall", "cryostat"] in [words[:2] for words in table]
    assert ["cellar", "vacuum"] in [words[:2] for words in table]

    run.process.send_signal(signal.SIGINT)
    run.end()
    ledger = run.ledger()
    for made, written, lost in ledger.values():
        assert made == written + lost and written > 0, run.text
    assert ledger["cryostat"][2] == 0 and "more were written" not in run.text
    state = tmp_path / ".labline/spread/nodes"
    for node, measurement in (("hall", "lakeshore_372"), ("cellar", "pfeiffer_tpg")):
        lines = "".join(file.read_text() for file in (state / node / "journal").iterdir()).splitlines()
        assert {line.partition(",")[0] for line in lines} - {"internal_write"} == {"instrument", measurement}
        assert (state / node / "telegraf.log").exists()
    assert not others_in(tmp_path / ".labline")
