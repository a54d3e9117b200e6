"""The role `data_drive`: what has its data there does not run without it, ends with it, and runs again when it is back.

A container has no disks: what is mounted here is mounted by hand, and that /etc/fstab is followed is systemd's own affair.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.ansible import left_by
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import Machine, went_well

PATIENCE = 60.0  # seconds; never reached where all is well
DRIVE = "/srv/labline"
USER, MORE = "/usr/lib/systemd/system/drive-user.service", "/etc/systemd/system/drive-user.service.d"
LINE = (
    "LABEL=labline /srv/labline ext4 noatime,nofail,x-systemd.device-timeout=15s,"
    "x-systemd.wanted-by=dev-disk-by\\x2dlabel-labline.device 0 2"
)


@pytest.fixture(scope="module")
def said(machine: Machine, told: dict[str, str]) -> Iterator[list[str]]:
    """What the playbook said, twice, of a disk that a service of the test's has its data on."""
    unit = f"[Service]\nExecStartPre=/bin/touch {DRIVE}/data\nExecStart=/bin/sleep infinity\n"
    machine.host.path(USER).write_text(unit)
    machine.host.run("mkdir", "-p", DRIVE)
    mount(machine)
    wanted = {"data_drive_device": "LABEL=labline", "data_drive_services": ["drive-user"]}
    both = wanted | {"data_drive_services": ["drive-user", "another"]}
    went_well(machine.play("--tags", "data_drive", **both))
    yield [went_well(machine.play("--diff", "--tags", "data_drive", **wanted)) for _ in range(2)]
    machine.host.run("umount", DRIVE, check=False)
    machine.host.run(
        "sh",
        "-c",
        f"rm -r {USER} {MORE} /etc/systemd/system/another.service.d /etc/systemd/system/srv-labline.mount.d; : > /etc/fstab",
    )
    machine.host.run("systemctl", "daemon-reload")


def mount(machine: Machine) -> None:
    machine.host.run("mount", "-t", "tmpfs", "drive", DRIVE)


def wait_for(machine: Machine, state: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while (found := machine.host.run("systemctl", "is-active", "drive-user", check=False).strip()) != state:
        assert time.monotonic() < deadline, found + machine.host.run("journalctl", "-n", "30", "--no-pager")
        time.sleep(0.1)


def test_it_is_mounted_by_its_label_and_the_second_run_changes_nothing(machine: Machine, said: list[str]) -> None:
    assert LINE in machine.host.run("cat", "/etc/fstab")
    assert not left_by.faults(looked_at(machine.host), "data_drive")
    assert "changed=0" not in said[0] and "changed=0" in said[1]


def test_what_is_not_named_any_more_does_not_wait_for_it(machine: Machine, said: list[str]) -> None:
    waiting = machine.host.run("sh", "-c", "ls -d /etc/systemd/system/*.service.d/60-labline-data-drive.conf")
    assert waiting.split() == ["/etc/systemd/system/drive-user.service.d/60-labline-data-drive.conf"]


def test_without_it_its_service_writes_nothing_and_with_it_runs_again(machine: Machine, said: list[str]) -> None:
    machine.host.run("systemctl", "start", "drive-user")
    wait_for(machine, "active")
    machine.host.run("umount", "--lazy", DRIVE)
    wait_for(machine, "inactive")
    machine.host.run("systemctl", "start", "drive-user", check=False)
    wait_for(machine, "inactive")
    assert machine.host.run("ls", "-A", DRIVE) == ""
    mount(machine)
    wait_for(machine, "active")
    assert machine.host.run("ls", "-A", DRIVE).split() == ["data"]


def test_it_can_be_kept_from_running_while_its_data_are_copied(machine: Machine, said: list[str]) -> None:
    machine.host.run("systemctl", "mask", "--runtime", "--now", "drive-user")
    wait_for(machine, "inactive")
    time.sleep(3)  # systemd looks again and again
    wait_for(machine, "inactive")
    machine.host.run("systemctl", "unmask", "--runtime", "drive-user")
    wait_for(machine, "active")


def test_a_database_that_would_begin_anew_is_told(machine: Machine, said: list[str]) -> None:
    done = machine.play("--tags", "data_drive", influxdb_data=f"{DRIVE}/influxdb")
    told = " ".join(done.stdout.split())
    assert done.returncode and "the database has its own in /var/lib/influxdb" in told and "PLAY [Put" not in told, told
