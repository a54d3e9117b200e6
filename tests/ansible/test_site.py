"""From a bare Debian to live data by the playbook: what it would do, what it does, what it does the second time."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

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


def test_each_role_leaves_what_it_is_to(machine: Machine, told: dict[str, str]) -> None:
    host = looked_at(machine.host)
    assert not left_by.faults(host, "labline", "influxdb", "tls", "grafana", "proxy", "telegraf")


def test_units_are_shut_in(machine: Machine, told: dict[str, str]) -> None:
    for unit in OURS:
        assert machine.host.exposure(unit) <= 2.0, unit


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
    process = machine.host.run("systemctl", "show", "--value", "--property=MainPID", "influxdb.service").strip()
    assert machine.host.run("readlink", f"/proc/{process}/exe").strip() == "/usr/bin/influxd"
    all_is_stored(machine)
    assert changed(went_well(machine.play("--tags", "influxdb"))) == {"daq": 0}
    assert machine.host.exposure("influxdb.service") <= 2.0
    assert not left_by.faults(looked_at(machine.host), "influxdb")
