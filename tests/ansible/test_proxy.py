"""What stands before the server: nodes write by tokens of their own, people see Grafana, by a certificate that is renewed in time."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from labline.stack import grafana
from tests.ansible import left_by
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import ROOT, Machine, changed, went_well

PATIENCE = 120.0  # seconds; never reached where all is well
DAY = 86400


@pytest.fixture(scope="module")
def proxy(machine: Machine, told: dict[str, str]) -> str:
    """Where the proxy is, of a machine on which the site is."""
    return f"https://{machine.host.address}:8443"


def _wait(machine: Machine, look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, machine.host.run("journalctl", "-n", "80", "--no-pager")
        time.sleep(0.2)


def _times(machine: Machine) -> tuple[set[int], set[int]]:
    """Give when readings were made, by the node's journal and by the database (ns since 1970)."""
    journal = machine.host.run("sh", "-c", "grep -h ^julabo, /var/lib/labline/journal/*").splitlines()
    answer = json.loads(machine.query("SELECT temperature FROM julabo"))["results"][0]
    rows = answer["series"][0]["values"] if "series" in answer else []
    return {int(line.split()[-1]) for line in journal}, {int(row[0]) for row in rows}


def _all_is_stored(machine: Machine) -> None:
    """Wait until all that was read so far is in the database."""
    made, _ = _times(machine)
    assert made
    _wait(machine, lambda: made <= _times(machine)[1])


def test_telegraf_writes_by_the_proxy_and_has_no_password_of_the_database(machine: Machine, proxy: str) -> None:
    assert f'urls = ["{proxy}"]' in machine.host.run("cat", "/etc/labline/telegraf/telegraf.conf")
    assert machine.host.run("ls", "/run/credentials/labline-telegraf.service").split() == ["write_token"]
    _all_is_stored(machine)


def test_a_token_lets_a_node_add_readings_to_its_site_and_nothing_else(machine: Machine, proxy: str) -> None:
    node = f"daq:{machine.token}"
    line = "pushed,host=daq value=1"
    status, text = machine.ask(f"{proxy}/write?db=_internal&rp=autogen", node, method="POST", data=line)
    assert (status, text) == (204, "")
    assert "value" in machine.query("SELECT value FROM raw.pushed")
    for path in ("/query?db=lab&q=SHOW+USERS", "/query?db=lab&q=DROP+MEASUREMENT+pushed", "/debug/vars", "/ping"):
        status, text = machine.ask(f"{proxy}{path}", node, method="GET")
        assert status == 401 and "Invalid username" in text, "Grafana is asked, not the database"
    assert machine.ask(f"{proxy}/write", node)[0] == 401


@pytest.mark.parametrize(
    "user", ["", "daq:another-token-than-the-one", "hall:{token}", "daq:{writer}", "writer:{writer}"]
)
def test_whoever_has_no_token_is_refused_and_told(machine: Machine, proxy: str, user: str) -> None:
    user = user.format(token=machine.token, writer=machine.passwords["writer"])
    status, text = machine.ask(f"{proxy}/write?db=lab", user, method="POST", data="spoilt value=1")
    assert status == 401 and "compare labline_tokens in the vault" in text
    assert "value" not in machine.query("SELECT value FROM raw.spoilt")


@pytest.mark.parametrize(("user", "why"), [
    ("daq", "the proxy knows no node of that name with that token: compare labline_tokens in the vault"),
    ("writer", "the database does not take the proxy's password"),
])  # fmt: skip
def test_nothing_is_lost_while_a_node_or_the_proxy_is_refused_and_that_is_told(
    machine: Machine, proxy: str, user: str, why: str
) -> None:
    settings = machine.host.path("/etc/labline/proxy/Caddyfile")
    well = settings.read_text()
    known = base64.b64encode(f"{user}:{({**machine.passwords, 'daq': machine.token})[user]}".encode()).decode()
    assert known in well
    restart = ["systemctl", "restart", "labline-proxy.service"]
    try:
        settings.write_text(well.replace(known, base64.b64encode(b"daq:another").decode()))
        machine.host.run(*restart)
        said = ["journalctl", "--unit", "labline-telegraf.service", "--no-pager", "--output", "cat"]
        _wait(machine, lambda: why in machine.host.run(*said))
    finally:
        settings.write_text(well)
        machine.host.run(*restart)
    _all_is_stored(machine)


def test_the_certificate_is_renewed_in_time_and_nothing_is_lost(machine: Machine, proxy: str) -> None:
    def shown() -> str:
        _, port = proxy.rsplit(":", 1)
        address = (machine.host.address, int(port))
        return machine.inside(f"import ssl; print(ssl.get_server_certificate({address}))")

    service = ["systemctl", "start", "labline-certificate.service"]
    settings, before = machine.host.path("/etc/labline/tls/settings"), shown()
    assert "labline-certificate.timer" in machine.host.run("systemctl", "list-timers", "--no-pager")
    machine.host.run(*service)
    assert shown() == before, "it is good for long yet"
    authority = machine.host.path("/etc/labline/tls/ca.crt").read_text()
    well = settings.read_text()
    try:
        settings.write_text(well.replace("renew_days=30", "renew_days=91"))
        machine.host.run(*service)
    finally:
        settings.write_text(well)
    _wait(machine, lambda: shown() not in ("", before))
    assert machine.host.path("/etc/labline/tls/ca.crt").read_text() == authority
    assert machine.ask(f"{proxy}/login")[0] == 200
    _all_is_stored(machine)


def test_the_authority_is_believed_for_the_server_alone_and_nobody_else_for_it(machine: Machine, proxy: str) -> None:
    status, text = machine.ask(f"{proxy}/login", authority="")
    assert status == 0 and "certificate verify failed" in text
    told = machine.host.run("openssl", "x509", "-in", "/etc/labline/tls/ca.crt", "-noout", "-ext", "nameConstraints")
    assert re.findall(r"(?:DNS|IP):\S+", told) == [
        *("DNS:daq", "DNS:localhost"),
        *(f"IP:{address}/255.255.255.255" for address in (machine.host.address, "127.0.0.1")),
    ]
    for name in ("ca.key", "server.key"):
        assert machine.host.run("stat", "-c", "%a %U", f"/etc/labline/tls/{name}") == "600 root\n"


def test_the_server_gets_another_name_and_who_writes_by_it_believes_it(machine: Machine, proxy: str) -> None:
    names = {"tls_names": [machine.host.address, "bench.example"]}
    said = went_well(machine.play("--tags", "tls,telegraf", **names))
    assert changed(said)["daq"] and "Restart Telegraf" in said, said
    assert "needs it anew" in " ".join(said.split())
    _wait(machine, lambda: machine.ask(f"{proxy}/write", method="POST")[0] == 401)
    _all_is_stored(machine)
    assert not sum(changed(went_well(machine.play("--tags", "tls,telegraf", **names))).values())


def test_what_a_run_that_was_broken_off_brought_is_taken_up_by_the_next(machine: Machine, proxy: str) -> None:
    machine.host.run(
        "touch", "/etc/labline/secrets/write_token", "/etc/influxdb/influxdb.conf", "/etc/labline/tls/server.crt"
    )
    said = went_well(machine.play("--tags", "influxdb,proxy,telegraf"))
    for handler in ("influxdb : Restart InfluxDB", "proxy : Restart the proxy", "telegraf : Restart Telegraf"):
        assert f"RUNNING HANDLER [{handler}]" in said, said
    _all_is_stored(machine)


def test_how_long_the_certificate_is_good_is_in_the_database(machine: Machine, proxy: str) -> None:
    def days() -> float:
        answer = json.loads(machine.query("SELECT min(expiry) FROM raw.x509_cert"))["results"][0]
        return float(answer["series"][0]["values"][0][1]) / DAY if "series" in answer else 0.0

    _wait(machine, lambda: 88 < days() < 91)


def test_people_see_grafana_by_the_proxy_alone(machine: Machine, proxy: str) -> None:
    assert machine.ask(f"{proxy}/login") == (200, json.dumps({"root_url": "https://daq:8443/"}))
    status, text = machine.ask(f"{proxy}/api/search", f"admin:{machine.passwords['grafana_admin']}")
    assert status == 200 and "overview.json" in json.loads(text)
    for port in (3000, 8086):
        status, text = machine.ask(f"http://{machine.host.address}:{port}/")
        assert status == 0 and "refused" in text
    for name in ("grafana_admin", "grafana_secret_key"):
        assert machine.host.run("stat", "-c", "%a %U", f"/etc/labline/secrets/{name}") == "600 root\n"


def test_the_package_s_own_service_is_stopped_where_it_ran_before(machine: Machine, proxy: str) -> None:
    own = "caddy.service"
    machine.host.run("rm", f"/etc/systemd/system/{own}")
    machine.host.run("systemctl", "daemon-reload")
    machine.host.run("systemctl", "start", own)
    assert changed(went_well(machine.play("--check", "--tags", "proxy")))["daq"] == 2
    assert machine.host.run("systemctl", "is-active", own).strip() == "active"
    went_well(machine.play("--tags", "proxy"))
    assert not left_by.faults(looked_at(machine.host), "proxy")
    assert machine.ask(f"{proxy}/login")[0] == 200


def test_what_is_no_longer_made_is_taken_from_grafana(machine: Machine, proxy: str) -> None:
    old = machine.host.path("/etc/grafana/labline/dashboards/bench/old.json")
    old.write_text("{}")
    done = machine.play("--tags", "grafana")
    assert done.returncode == 0 and not old.exists(), done.stdout


def test_with_another_key_than_the_known_one_nothing_is_installed(machine: Machine, proxy: str) -> None:
    done = machine.play("--tags", "grafana", grafana_key_fingerprints=["24C9 75CB"])
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and "expected 24C975CB. Did the vendor change it?" in said and "changed=0" in said


def test_grafana_is_set_as_labline_run_sets_it() -> None:
    role = yaml.safe_load((ROOT / "ansible/roles/grafana/vars/main.yml").read_text())["__grafana_ini"]
    made = {f"GF_{section}_{key}".upper().replace(".", "_") for section, keys in role.items() for key in keys}
    there = grafana.settings(Path("/d"), Path("/s"), Path("/p"), 3000)
    elsewhere = ("GF_PATHS_", "GF_LOG_MODE")  # the package's own folders, and what the unit says
    assert {name for name in made if not name.startswith(elsewhere)} == {
        name for name in there if not name.startswith(elsewhere)
    } | {"GF_SECURITY_COOKIE_SECURE"}
    for section, keys in role.items():
        for key, value in keys.items():
            name = f"GF_{section}_{key}".upper().replace(".", "_")
            if isinstance(value, bool) and name in there:
                assert there[name] == str(value).lower(), name
