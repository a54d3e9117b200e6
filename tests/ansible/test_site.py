"""From a bare Debian to live data by the playbook: what it would do, what it does, what it does the second time."""

from __future__ import annotations

import base64
import re
import time

from tests.parts.site_machine import Machine

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


def _changed(output: str) -> int:
    return int(re.findall(r"changed=(\d+)", output)[-1])


def test_on_a_bare_machine_it_tells_what_it_would_do_and_does_nothing(told: dict[str, str]) -> None:
    assert _changed(told["asked"]) > 10
    assert told["untouched"] == ""


def test_the_last_reading_is_in_the_database(machine: Machine, told: dict[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while "temperature" not in (rows := machine.query("SELECT last(temperature) AS temperature FROM julabo")):
        assert time.monotonic() < deadline, rows + machine.host.run("journalctl", "-n", "50", "--no-pager")
        time.sleep(0.2)


def test_the_second_run_changes_nothing(told: dict[str, str]) -> None:
    assert _changed(told["again"]) == 0, told["again"]
    assert _changed(told["asked again"]) == 0, told["asked again"]


def test_units_are_shut_in(machine: Machine, told: dict[str, str]) -> None:
    for unit in OURS:
        said = machine.host.run("systemd-analyze", "security", "--no-pager", unit)
        exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        assert exposure and float(exposure[1]) <= 2.0, said


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
