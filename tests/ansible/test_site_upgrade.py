"""upgrade.yml and back.yml: to another version and back, with a backup first; data, users and passwords stay, no reading is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ansible.conftest import all_is_stored
from tests.parts.newer_clone import VERSION, newer_clone
from tests.parts.site_machine import Machine


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Path:
    """A clone of a release to come."""
    return newer_clone(tmp_path_factory.mktemp("newer"), Path(str(machine.variables["labline_archives"])))


def _users(machine: Machine) -> str:
    return machine.query("SHOW USERS", user="labadmin") + machine.host.run("cat", "/var/lib/grafana/admin")


def _links(machine: Machine) -> list[str]:
    return machine.host.run(
        "sh", "-c", "readlink /opt/labline /opt/labline-before; ls -d /opt/labline-going 2>/dev/null || true"
    ).split()


def _spoilt(machine: Machine) -> None:
    """What was kept is not whole: nothing is changed."""
    before = _links(machine)
    machine.host.run("sh", "-c", "cd /opt/labline-before && cp kept.tar good.tar && truncate -s 700 kept.tar")
    refused = machine.play(book="back.yml")
    assert refused.returncode != 0 and "daq has no version from before, or not whole" in refused.stdout
    assert _links(machine) == before
    machine.host.run("mv", "/opt/labline-before/good.tar", "/opt/labline-before/kept.tar")


def _broken_off(machine: Machine) -> None:
    """The way back ends in its middle: it goes on with the next run."""
    newer, older = _links(machine)
    machine.host.run("systemctl", "stop", "influxdb.service")
    refused = machine.play(book="back.yml")
    assert refused.returncode != 0 and _links(machine) == [older, newer, "/opt/labline-going"]
    machine.host.run("systemctl", "start", "influxdb.service")


def test_it_goes_over_and_back_and_nothing_is_lost(machine: Machine, told: dict[str, str], newer: Path) -> None:
    def went(book: str, **variables: object) -> str:
        done = machine.play(book=book, **wanted, **variables)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def version() -> str:
        return machine.host.run("/opt/labline/bin/labline", "--version").split()[-1]

    def settings() -> str:
        made = "etc/labline/telegraf etc/labline/site.yml etc/systemd/system/labline-* usr/local/sbin/labline-restore"
        return machine.host.run("sh", "-c", f"cd / && find {made} -type f | sort | xargs sha256sum")

    wanted: dict[str, object] = {"backup_repository": "/srv/backup", "backup_password": "canary-of-restic"}
    refused = machine.play(book="upgrade.yml", labline_clone=str(newer))
    assert refused.returncode != 0 and "upgrade_without_backup=true" in refused.stdout
    went("site.yml")
    before, users, known, first = version(), _users(machine), all_is_stored(machine), settings()
    made = json.loads(machine.host.run("cat", "/var/lib/labline-backup/last.json"))["made"]
    forgotten = ["/opt/labline-0123456789ab-3.9-x86_64", "/opt/labline-123456789abc-3.9-x86_64.tar"]
    machine.host.run("mkdir", *forgotten)
    went("upgrade.yml", labline_clone=str(newer))
    installed = machine.host.run("sh", "-c", "ls -d /opt/labline-*-*").split()
    assert set(installed) == set(_links(machine)), "what neither runs nor ran before takes room"
    assert version() == VERSION and _users(machine) == users
    assert json.loads(machine.host.run("cat", "/var/lib/labline-backup/last.json"))["made"] > made
    running = machine.host.run("sh", "-c", "cat /proc/[0-9]*/maps | grep -o '/opt/labline-[^/]*' | sort -u").split()
    assert running == [machine.host.run("readlink", "/opt/labline").strip()]  # no program of the former one runs on
    known |= all_is_stored(machine)
    _spoilt(machine)
    _broken_off(machine)
    went("back.yml")
    assert version() == before and settings() == first and _users(machine) == users
    assert known <= all_is_stored(machine)
    assert len(_links(machine)) == 2
    went("back.yml")
    assert version() == VERSION and known <= all_is_stored(machine)
