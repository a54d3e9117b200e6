"""The role `backup` on a machine: made by a unit that is shut in, told by an alarm, put back, and shared with nobody."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ansible import left_by
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import Machine, went_well

PATIENCE = 120.0  # seconds until a reading is in the database; never reached where all is well
SHARE, DISK, DRIVE = "/srv/nas", "/srv/disk-of-the-nas", "/srv/drive"
WANTED = {"backup_repository": f"{SHARE}/labline", "backup_mount": SHARE, "backup_password": "canary-restic-of-the-nas"}
EXAMPLE = Path(__file__).parents[2] / "docs" / "backup.md"


@pytest.fixture(scope="module")
def said(machine: Machine, told: dict[str, str]) -> Iterator[list[str]]:
    """What the playbook said, twice: a site with the instrument of docs/backup.md, and a share for the backups."""
    site = Path(str(machine.variables["labline_site_file"]))
    before = site.read_text()
    (stanza,) = re.findall(r"```yaml\n(  - name: backup.*?)```", EXAMPLE.read_text(), re.S)
    site.write_text(before + stanza.replace("interval: 60s", "interval: 5s"))
    machine.host.run("mkdir", "-p", SHARE, DISK)
    machine.host.run("mount", "-t", "tmpfs", "-o", "mode=1777", "nas", DISK)
    mount(machine)
    outputs = []
    for _ in range(2):
        done = machine.play("--diff", **WANTED)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        outputs.append(done.stdout)
    yield outputs
    site.write_text(before)


def mount(machine: Machine) -> None:
    machine.host.run("mount", "--bind", DISK, SHARE)


def back_up(machine: Machine) -> str:
    """Start the unit; gives how it ended."""
    machine.host.run("systemctl", "start", "labline-backup.service", check=False)
    return machine.host.run("systemctl", "show", "--value", "--property=Result", "labline-backup.service").strip()


def newest(machine: Machine, field: str, measurement: str) -> float | None:
    answer = json.loads(machine.query(f"SELECT last({field}) FROM {measurement}"))
    series = answer["results"][0].get("series")
    return series[0]["values"][0][1] if series else None


def wait_for_result(machine: Machine, wanted: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while newest(machine, "result", "backup") != wanted:
        assert time.monotonic() < deadline, machine.host.run("journalctl", "-n", "50", "--no-pager")
        time.sleep(0.2)


def test_the_second_run_changes_nothing_and_no_password_is_shown(machine: Machine, said: list[str]) -> None:
    assert "changed=0" in said[1], said[1]
    assert "canary" not in "".join(said) + machine.host.run("journalctl", "--no-pager", "--all")


def test_it_is_shut_in(machine: Machine, said: list[str]) -> None:
    for unit in ("labline-backup.service", "labline-backup-password.service"):
        assert machine.host.exposure(unit) <= 2.0, unit
    assert "active" in machine.host.run("systemctl", "is-active", "labline-backup.timer")
    assert not left_by.faults(looked_at(machine.host), "backup")


def test_the_backup_port_is_for_root_and_the_backup_alone(machine: Machine, said: list[str]) -> None:
    def reached(user: str) -> bool:
        connect = "(exec 3<>/dev/tcp/127.0.0.1/8088) 2>/dev/null && echo reached || true"
        return "reached" in machine.host.run("runuser", "-u", user, "--", "bash", "-c", connect)

    assert reached("root") and reached("labline-backup") and not reached("pi") and not reached("labline")
    for verb in ("start", "reload", "stop"):
        machine.host.run("systemctl", verb, "nftables.service")
        assert not reached("pi"), verb


def test_where_the_share_is_gone_it_alarms_writes_nothing_and_heals(machine: Machine, said: list[str]) -> None:
    wait_for_result(machine, 0)
    machine.host.run("umount", SHARE)
    assert back_up(machine) == "exit-code"
    assert machine.host.run("ls", "-A", SHARE) == ""
    wait_for_result(machine, 1)
    mount(machine)
    assert back_up(machine) == "success"
    wait_for_result(machine, 0)


def test_what_is_lost_comes_back(machine: Machine, said: list[str]) -> None:
    assert back_up(machine) == "success"

    def counted(until: int) -> str:
        return machine.query(f"SELECT count(temperature) FROM raw.julabo WHERE time <= {until}")

    made = json.loads(machine.host.run("cat", "/var/lib/labline-backup/last.json"))["made"]
    until = int((made - 10) * 1e9)  # what was on its way when it began is not in it
    before = counted(until)
    assert "count" in before
    machine.query(
        f"DELETE FROM julabo WHERE time <= {until}", user="labadmin"
    )  # what came since stays for the tests after this
    assert "count" not in counted(until)
    told = machine.host.run("/usr/local/sbin/labline-restore", "/var/tmp/back")
    assert counted(until) == before, told
    assert "files" in machine.host.run("ls", "/var/tmp/back")


def test_the_keys_that_others_know_the_server_by_come_back(machine: Machine, said: list[str]) -> None:
    """As docs/backup.md has it for a server that is installed anew; this one has neither tunnels nor a private network."""
    (lines,) = re.findall(r"```\n(cd /var/tmp\n.*?)```", EXAMPLE.read_text(), re.S)
    kept = ("/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub", "/etc/labline/tls/ca.key")
    before = machine.host.run("sha256sum", *kept)
    modes = machine.host.run("stat", "--format=%n %a %U", *kept)
    lost = [kept[0], kept[1], "/etc/labline/tls"]
    machine.host.run("mkdir", "/var/tmp/aside")
    machine.host.run("mv", *lost, "/var/tmp/aside")
    try:
        theirs = [line for line in lines.splitlines() if "# with " not in line and "apt install" not in line]
        given = "export RESTIC_PASSWORD_FILE=/etc/labline/backup/password"
        script = "\n".join(["set -eu", given, *theirs]).replace("REPOSITORY", WANTED["backup_repository"])
        script = script.replace("MY-LAB", "bench")
        machine.host.run("bash", "-c", script.replace("sudo ", ""))
        assert machine.host.run("sha256sum", *kept) == before
        assert machine.host.run("stat", "--format=%n %a %U", *kept) == modes
        assert "keys" not in machine.host.run("ls", "/var/tmp").split()
    finally:
        again = "rm -rf /etc/labline/tls; mv aside/tls /etc/labline; mv aside/* /etc/ssh; rmdir aside"
        machine.host.run("sh", "-c", f"cd /var/tmp; {again}")
    unit = machine.host.run("cat", "/etc/systemd/system/labline-backup.service")
    assert "labline-tunnels" not in unit and "LoadCredential=ca.key:/etc/labline/tls/ca.key" in unit
    without = WANTED | {"backup_keys": False}
    went_well(machine.play("--tags", "backup", **without))
    assert "ca.key" not in machine.host.run("cat", "/etc/systemd/system/labline-backup.service")
    assert "changed=0" not in went_well(machine.play("--tags", "backup", **WANTED))


def test_what_is_installed_anew_leaves_the_backups_of_the_former_one(machine: Machine, said: list[str]) -> None:
    def snapshots() -> str:
        words = ["restic", "--no-cache", "--repo", WANTED["backup_repository"], "snapshots", "--json"]
        return machine.host.run("env", "RESTIC_PASSWORD_FILE=/etc/labline/backup/password", *words)

    before = snapshots()
    machine.host.run("rm", "/var/lib/labline-backup/last.json")
    assert "changed=0" not in went_well(machine.play("--tags", "backup", **WANTED))
    assert snapshots() == before
    assert '"made": null' in machine.host.run("cat", "/var/lib/labline-backup/last.json")
    assert "changed=0" in went_well(machine.play("--tags", "backup", **WANTED))
    assert back_up(machine) == "success"


def test_where_there_is_a_data_drive_it_is_gathered_there_and_nowhere_else(machine: Machine, said: list[str]) -> None:
    wanted = WANTED | {"data_drive_device": "LABEL=labline", "data_drive_path": DRIVE, "data_drive_services": []}
    machine.host.run("mkdir", "-p", DRIVE)
    machine.host.run("mount", "-t", "tmpfs", "drive", DRIVE)
    try:
        assert "changed=0" not in went_well(machine.play("--tags", "backup", **wanted))
        assert machine.host.run("stat", "--format=%a %U", f"{DRIVE}/labline-backup").strip() == "700 labline-backup"
        assert back_up(machine) == "success"
        assert machine.host.run("ls", "-A", f"{DRIVE}/labline-backup") == ""
        assert "changed=0" in went_well(machine.play("--tags", "backup", **wanted))
        for unit in ("labline-backup.service", "labline-backup-password.service"):
            assert machine.host.exposure(unit) <= 2.0, unit
    finally:
        machine.host.run("umount", DRIVE)
    assert back_up(machine) != "success"
    assert machine.host.run("ls", "-A", DRIVE) == ""
    assert "changed=0" not in went_well(machine.play("--tags", "backup", **WANTED))
    assert back_up(machine) == "success"


def test_the_repository_gets_another_password_even_where_it_was_away(machine: Machine, said: list[str]) -> None:
    wanted = WANTED | {"backup_password": "canary-restic-the-next"}
    machine.host.run("umount", SHARE)
    refused = machine.play("--tags", "labline,backup", **wanted)
    assert refused.returncode != 0 and "does not take its new password on daq" in refused.stdout, refused.stdout
    mount(machine)
    assert back_up(machine) == "success"
    wanted["backup_password"] = "canary-restic-the-one-after"
    output = machine.play("--tags", "labline,backup", **wanted)
    assert output.returncode == 0, output.stdout
    assert machine.host.run("cat", "/etc/labline/backup/former") == ""
    assert back_up(machine) == "success"
    again = machine.play("--tags", "labline,backup", **wanted)
    assert "changed=0" in again.stdout, again.stdout
    assert "canary" not in refused.stdout + output.stdout + machine.host.run("journalctl", "--no-pager", "--all")
