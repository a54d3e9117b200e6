"""From a bare Debian to live data by the playbook: what it would do, what it does, what it does the second time."""

from __future__ import annotations

import base64
import time

from tests.ansible import left_by
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import Machine, changed

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


def test_another_key_of_grafana_s_is_refused(machine: Machine, told: dict[str, str]) -> None:
    kept = machine.host.path("/etc/labline/secrets/grafana_secret_key")
    before = kept.read_text()
    other = machine.passwords | {"grafana_secret_key": "canary-of-another-key"}
    for book, words in (("site.yml", ["--tags", "labline"]), ("rotate.yml", [])):
        done = machine.play(*words, book=book, labline_passwords=other)
        said = " ".join(done.stdout.split())
        assert (
            done.returncode and "daq has another grafana_secret_key than the vault. Put the former one back" in said
        ), said
        assert "changed=0" in said and "canary" not in said and kept.read_text() == before


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
