"""From a bare Debian to live data by the playbook: what it would do, what it does, what it does the second time."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ansible import left_by
from tests.ansible.conftest import all_is_stored
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import Machine, changed, went_well

# As the vendor's package has it: what starts it asks with curl whether it answers, for ever.
UNIT, STARTS = "/usr/lib/systemd/system/influxdb.service", "/usr/lib/influxdb/scripts/influxd-systemd-start.sh"
VENDORS = {
    UNIT: f"""\
[Unit]
Description=InfluxDB as its vendor has it
After=network-online.target

[Service]
User=influxdb
Group=influxdb
LimitNOFILE=65536
EnvironmentFile=-/etc/default/influxdb
ExecStart={STARTS}
KillMode=control-group
Restart=on-failure
Type=forking
PIDFile=/var/lib/influxdb/influxd.pid
StateDirectory=influxdb
StateDirectoryMode=0750
LogsDirectory=influxdb
LogsDirectoryMode=0750
UMask=0027
TimeoutStartSec=0

[Install]
WantedBy=multi-user.target
Alias=influxd.service
""",
    STARTS: """\
#!/bin/sh
/usr/bin/influxd -config /etc/influxdb/influxdb.conf $INFLUXD_OPTS &
echo $! > /var/lib/influxdb/influxd.pid
until curl --silent --output /dev/null http://localhost:8086/health; do sleep 1; done
""",
}
PATIENCE = 120.0  # seconds until a reading is in the database; never reached where all is well
OURS = (
    "labline-telegraf.service",
    "labline-catch-up.service",
    "labline-clock.service",
    "influxdb.service",
    "labline-proxy.service",
    "labline-certificate.service",
    "grafana-server.service",
)

WRITER = """\
- hosts: hall
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: labline, tasks_from: writer}
"""
# What a site file has in place of its retention, more variables -> the exit status of --check, and what it says.
CHECKED: dict[str, tuple[str, dict[str, object], int, list[str]]] = {
    "data that are kept longer": (
        "retention: {raw: 60d}",
        {},
        0,
        ["would change retention policy", "keep 60 d instead of 30 d"],
    ),
    "data that would be dropped": (
        "retention: {raw: 1d}",
        {},
        2,
        ["daq: the database would refuse", "careful: ", "sudo /opt/labline/bin/labline apply", "--yes"],
    ),
    "another address and port": (
        "retention: {raw: 30d}",
        {"influxdb_address": "127.0.0.1:8099", "grafana_port": 3099},
        0,
        ['+ bind-address = "127.0.0.1:8099"', "+http_port = 3099"],
    ),
}


def test_on_a_bare_machine_it_tells_what_it_would_do_and_does_nothing(told: dict[str, str]) -> None:
    assert sum(changed(told["asked"]).values()) > 10
    assert told["untouched"] == ""


def test_the_last_reading_is_in_the_database(machine: Machine, told: dict[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while "temperature" not in (rows := machine.query("SELECT last(temperature) AS temperature FROM julabo")):
        assert time.monotonic() < deadline, rows + machine.host.run("journalctl", "-n", "50", "--no-pager")
        time.sleep(0.2)


def test_the_second_run_changes_nothing(told: dict[str, str]) -> None:
    assert sum(changed(told["again"]).values()) == 0, told["again"]
    assert sum(changed(told["asked again"]).values()) == 0, told["asked again"]


def _runs(machine: Machine) -> list[str]:
    """Tell which start of each service runs; what a timer starts meanwhile is none."""
    said = (machine.host.run("systemctl", "show", "--property=Type,InvocationID", unit) for unit in OURS)
    return [shown for shown in said if "Type=oneshot" not in shown]


@pytest.mark.parametrize("case", CHECKED)
def test_what_another_site_file_or_setting_would_change_is_told(
    machine: Machine, told: dict[str, str], tmp_path: Path, case: str
) -> None:
    site, variables, status, expected = CHECKED[case]
    old = f"pushed,host=daq value=1 {time.time_ns() - 5 * 86400 * 10**9}"
    wrote = machine.ask(f"https://{machine.host.address}:8443/write", f"daq:{machine.token}", method="POST", data=old)
    assert wrote[0] == 204
    there = _runs(machine)
    given = Path(str(machine.variables["labline_site_file"])).read_text()
    asked = tmp_path / "site.yml"
    address = str(variables.get("influxdb_address", "127.0.0.1:8086"))
    asked.write_text(given.replace("retention: {raw: 30d}", site).replace("127.0.0.1:8086", address))
    aside = {"labline_site_file": str(asked), "labline_rendered": str(tmp_path / "rendered")}
    done = machine.play("--check", "--diff", **aside, **variables)
    said = " ".join(done.stdout.split())
    assert done.returncode == status and all(words in said for words in expected), done.stdout + done.stderr
    assert there == _runs(machine)
    assert "30d" in machine.host.run("cat", "/etc/labline/site.yml")


def test_what_is_not_started_is_not_waited_for_by_a_check(machine: Machine, told: dict[str, str]) -> None:
    stopped = ["influxdb.service", "grafana-server.service"]
    machine.host.run("systemctl", "stop", *stopped)
    try:
        said = went_well(machine.play("--check", "--tags", "influxdb,grafana"))
    finally:
        machine.host.run("systemctl", "start", *stopped)
    assert sum(changed(said).values()) == len(stopped), said


def test_a_node_with_a_proxy_keeps_the_password_that_the_version_before_writes_with(
    machine: Machine, told: dict[str, str], tmp_path: Path
) -> None:
    book = tmp_path / "writer.yml"
    book.write_text(WRITER)
    kept, unit = "/opt/labline-0123456789ab-3.11-x86_64", "etc/systemd/system/labline-telegraf.service"
    secret = machine.host.path("/etc/labline/secrets/writer")
    machine.others = {"hall": dict(machine.variables)}
    try:
        for way, there in (("write_token", False), ("writer", True), ("write_token", False)):
            line = f"LoadCredential={way}:/etc/labline/secrets/{way}"
            keep = (
                f"mkdir -p {kept}/{Path(unit).parent} && cd {kept} && echo {line} > {unit} && tar -cf kept.tar {unit}"
            )
            machine.host.run("sh", "-c", f"{keep} && ln -sfn {kept} /opt/labline-before")
            said = went_well(machine.play("--diff", book=str(book)))
            assert changed(said) == {"hall": 1} and "canary" not in said
            assert secret.exists() == there
            assert not there or secret.read_text() == machine.passwords["writer"]
    finally:
        machine.others = {}
        machine.host.run("rm", "-rf", kept, "/opt/labline-before")
        secret.write_text(machine.passwords["writer"])
        secret.chmod(0o600)


def test_each_role_leaves_what_it_is_to(machine: Machine, told: dict[str, str]) -> None:
    host = looked_at(machine.host)
    assert not left_by.faults(host, "labline", "influxdb", "tls", "grafana", "proxy", "telegraf")


def test_units_are_shut_in(machine: Machine, told: dict[str, str]) -> None:
    for unit in OURS:
        assert machine.host.exposure(unit) <= 2.0, unit


@pytest.mark.parametrize(
    ("which", "book", "expected"),
    [
        ("grafana_secret_key", "site.yml", "another grafana_secret_key than the vault. Put the former one back"),
        ("grafana_secret_key", "rotate.yml", "another grafana_secret_key than the vault. Put the former one back"),
        ("labadmin", "site.yml", "another password of labadmin than the vault. To bring a new one to the machines"),
    ],
)
def test_another_password_than_the_vault_s_is_told_before_anything_is_changed(
    machine: Machine, told: dict[str, str], which: str, book: str, expected: str
) -> None:
    kept = machine.host.path(f"/etc/labline/secrets/{which}")
    before = kept.read_text()
    # base would bring another file, and comes before what has passwords.
    other = {"labline_passwords": machine.passwords | {which: "canary-of-another-one"}, "base_journal_most": "77M"}
    done = machine.play("--diff", book=book, **other)
    said = " ".join(done.stdout.split())
    assert done.returncode and f"daq has {expected}" in said and "Nothing was changed." in said, said
    assert "changed=0" in said and "canary" not in said and kept.read_text() == before
    assert "PLAY [Put the site" not in said and "77M" not in said


def test_one_role_brings_what_the_site_file_says_now(machine: Machine, told: dict[str, str], tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    site.write_text(
        Path(str(machine.variables["labline_site_file"])).read_text().replace("interval: 1s", "interval: 2s")
    )
    elsewhere = {"labline_rendered": str(tmp_path / "rendered")}
    assert changed(went_well(machine.play("--tags", "telegraf,grafana", **elsewhere))) == {"daq": 0}
    said = went_well(machine.play("--tags", "telegraf", labline_site_file=str(site), **elsewhere))
    assert re.search(r"RUNNING HANDLER \[telegraf : Restart Telegraf\] \**\nchanged: \[daq\]", said), said
    assert "interval: 2s" in machine.host.run("cat", "/etc/labline/telegraf/instruments/chiller.yml")
    went_well(machine.play("--tags", "telegraf"))
    assert "interval: 1s" in machine.host.run("cat", "/etc/labline/telegraf/instruments/chiller.yml")


def test_a_server_that_is_no_node_any_more_reads_nothing(
    machine: Machine, told: dict[str, str], tmp_path: Path
) -> None:
    site = tmp_path / "site.yml"
    given = Path(str(machine.variables["labline_site_file"])).read_text()
    site.write_text(
        given.replace("nodes: [", "nodes: [{name: hall, clock: unchecked}, ").replace(
            "{name: daq", "{name: daq, server: true"
        )
    )
    aside = {"labline_site_file": str(site), "labline_rendered": str(tmp_path / "rendered")}
    aside |= {"labline_tokens": {"hall": "another-token-than-the-one"}}
    units = ["labline-telegraf.service", "labline-catch-up.timer"]
    machine.others = {"hall": machine.variables | aside}
    words = ["--tags", "telegraf", "--limit", "daq"]
    try:
        assert "changed=0" not in went_well(machine.play("--check", *words, nodes=["hall"], **aside))
        assert machine.host.run("systemctl", "is-active", *units).split() == ["active", "active"]
        assert "changed=0" not in went_well(machine.play(*words, nodes=["hall"], **aside))
        assert machine.host.run("systemctl", "is-active", *units, check=False).split() == ["inactive", "inactive"]
        assert "enabled" not in machine.host.run("systemctl", "is-enabled", *units, check=False)
        assert changed(went_well(machine.play(*words, nodes=["hall"], **aside))) == {"daq": 0}
    finally:
        machine.others = {}
        went_well(machine.play("--tags", "telegraf"))
    assert not left_by.faults(looked_at(machine.host), "telegraf")
    all_is_stored(machine)


def test_no_password_is_shown(machine: Machine, told: dict[str, str]) -> None:
    shown = {
        **told,
        "journal": machine.host.run("journalctl", "--no-pager", "--all"),
        "command lines": machine.host.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"),
    }
    assert "labline" in shown["journal"]
    hidden = [
        base64.b64encode(f"{user}:canary-".encode())[:-4].decode() for user in ("writer", "labadmin", "daq", "admin")
    ]
    for where, text in shown.items():
        assert not [word for word in ("canary", *hidden) if word in text], where


@pytest.fixture
def vendors(machine: Machine, told: dict[str, str]) -> Iterator[None]:
    """Have InfluxDB's unit as the vendor's package has it, and afterwards that of Debian again."""
    before = machine.host.path(UNIT).read_text()
    for name, text in VENDORS.items():
        machine.host.path(name).parent.mkdir(parents=True, exist_ok=True)
        machine.host.path(name).write_text(text)
    machine.host.path(STARTS).chmod(0o755)
    machine.host.run("systemctl", "daemon-reload")
    yield
    machine.host.path(UNIT).write_text(before)
    machine.host.run("rm", "-r", "/usr/lib/influxdb")
    machine.host.run("systemctl", "daemon-reload")
    machine.host.run("systemctl", "restart", "influxdb.service")


def test_the_vendors_influxdb_starts_without_what_its_unit_needs(machine: Machine, vendors: None) -> None:
    assert machine.host.run("sh", "-c", "command -v curl || true") == ""
    machine.host.run("systemctl", "restart", "--no-block", "influxdb.service")
    deadline = time.monotonic() + PATIENCE
    while machine.host.run("systemctl", "list-jobs", "influxdb.service", "--no-legend").strip():
        assert time.monotonic() < deadline, machine.host.run("systemctl", "status", "influxdb.service", check=False)
        time.sleep(0.2)
    all_is_stored(machine)
    process = machine.host.run("systemctl", "show", "--value", "--property=MainPID", "influxdb.service").strip()
    assert machine.host.run("readlink", f"/proc/{process}/exe").strip() == "/usr/bin/influxd"
    assert changed(went_well(machine.play("--tags", "influxdb"))) == {"daq": 0}
    assert machine.host.exposure("influxdb.service") <= 2.0
    assert not left_by.faults(looked_at(machine.host), "influxdb")
