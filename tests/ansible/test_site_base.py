"""What every machine has: a firewall that lets in whom it names, people with keys, bounds, a watchdog, the time."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ansible import left_by
from tests.parts import debian_host
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import Machine

INSIDE, OUTSIDE = (
    "10.77.77.1",
    "10.88.88.1",
)  # addresses that this side has: one in a subnet that is named, one that is not
OPEN, SHUT = 8123, 8124
OTHER_SSH = 2222  # where sshd listens, too, and Ansible comes by
CONNECT = """\
import socket, sys
with socket.socket() as s:
    s.settimeout(1.5)
    s.bind((sys.argv[1], 0))
    print("open" if s.connect_ex((sys.argv[2], int(sys.argv[3]))) == 0 else "shut")
"""
# What multicast DNS does: it asks all at once, or one, at this port.
ALL, NAMES, NO_NAMES = "224.0.0.251", 5353, 5354
ANSWER = """\
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("", int(sys.argv[1])))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(sys.argv[2]) + socket.inet_aton(sys.argv[3]))
    while True:
        s.sendto(*s.recvfrom(99))
"""
SAY = """\
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(1.5)
    s.bind((sys.argv[1], int(sys.argv[4])))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
    s.sendto(b"who is rack.local?", (sys.argv[2], int(sys.argv[3])))
    try:
        print("open" if s.recv(99) else "")
    except TimeoutError:
        print("shut")
"""


class Based:
    """The machine with the role's keys set, and what the playbook said of it."""

    def __init__(self, machine: Machine, folder: Path):
        self.machine, self.host, self.key = machine, machine.host, folder / "anna"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.variables: dict[str, Any] = {
            "base_subnets": ["10.77.77.0/24"],
            "base_open_ports": [OPEN],
            "base_users": {
                "anna": [self.key.with_suffix(".pub").read_text().strip()],
                debian_host.USER: [machine.host.key.with_suffix(".pub").read_text().strip()],
            },
            "base_watchdog": "14s",
            "base_journal_most": "96M",
            "base_time_servers": ["10.77.77.1"],
            "ansible_port": OTHER_SSH,
        }
        self.before = {
            (source, port): self.reaches(source, port) for source in (INSIDE, OUTSIDE) for port in (22, OTHER_SSH, SHUT)
        } | {(INSIDE, port): self.hears(INSIDE, port=port) for port in (NAMES, NO_NAMES)}
        self.bare = self.looks()
        self.asked = self.play("--check", "--diff")
        self.untouched = self.looks()
        self.made = self.play()
        self.again = self.play()
        self.asked_again = self.play("--check", "--diff")

    def play(self, *arguments: str, **more: object) -> str:
        done = self.machine.play("--tags", "base", *arguments, **(self.variables | more))
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def looks(self) -> str:
        """Tell how it looks: its people, its firewall, the files of the role."""
        look = "id anna; nft list ruleset; ls /etc/sudoers.d; sha256sum /etc/nftables.conf /etc/chrony/chrony.conf"
        return self.host.run("sh", "-c", look, check=False)

    def reaches(self, source: str, port: int) -> str:
        """Try a connection to the host from an address of this side: `open` or `shut`."""
        command = [sys.executable, "-c", CONNECT, source, self.host.address, str(port)]
        return subprocess.run(
            [*self.machine._network.enter(), *command], capture_output=True, text=True, check=True
        ).stdout.strip()

    def hears(self, source: str, to: str = "", port: int = NAMES, *, by: int = 0) -> str:
        """Try whether the host hears what is sent to it, or to all, from an address and a port of this side: `open` or `shut`."""
        command = [sys.executable, "-c", SAY, source, to or self.host.address, str(port), str(by)]
        return subprocess.run(
            [*self.machine._network.enter(), *command], capture_output=True, text=True, check=True
        ).stdout.strip()


@pytest.fixture(scope="module")
def based(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Based]:
    """Put the role on the machine; afterwards its firewall is open again for what else is tried on it."""
    outside = [*machine._network.enter(), "ip", "addr"]
    subprocess.run([*outside, "add", f"{OUTSIDE}/24", "dev", "lab"], check=True)
    machine.host.run("ip", "route", "add", "10.88.88.0/24", "dev", "host0")
    for port in (OPEN, SHUT):
        listen = f"import socket, time; s = socket.create_server(('', {port})); time.sleep(1e6)"
        machine.host.run("systemd-run", f"--unit=listen-{port}", "--property=Type=exec", "python3", "-c", listen)
    for port in (NAMES, NO_NAMES):
        answer = ("python3", "-c", ANSWER, str(port), ALL, machine.host.address)
        machine.host.run("systemd-run", f"--unit=answer-{port}", "--property=Type=exec", *answer)
    ports = machine.host.path("/etc/ssh/sshd_config.d/20-ports.conf")
    ports.write_text(f"Port 22\nPort {OTHER_SSH}\n")
    machine.host.run("systemctl", "restart", "ssh.service")
    known = machine.host.known_hosts
    with known.open("a") as file:
        file.write(f"[{machine.host.address}]:{OTHER_SSH} {known.read_text().split(maxsplit=1)[1]}")
    try:
        yield Based(machine, tmp_path_factory.mktemp("base"))
    finally:
        machine.host.run("systemctl", "disable", "--now", "nftables.service", check=False)
        ports.unlink()
        machine.host.run("rm", "-f", "/etc/sudoers.d/60-labline")  # people are nobody's matter again
        machine.host.run("systemctl", "restart", "ssh.service", check=False)
        machine.host.run("systemctl", "stop", f"listen-{OPEN}", f"listen-{SHUT}", check=False)
        machine.host.run("systemctl", "stop", f"answer-{NAMES}", f"answer-{NO_NAMES}", check=False)
        machine.host.run("ip", "route", "del", "10.88.88.0/24", "dev", "host0", check=False)
        subprocess.run([*outside, "del", f"{OUTSIDE}/24", "dev", "lab"], check=False)


def test_check_tells_and_does_nothing(based: Based) -> None:
    changed = int(re.findall(r"changed=(\d+)", based.asked)[-1])
    assert changed >= 3
    assert "no such user" in based.untouched and "table inet filter" not in based.untouched
    assert based.untouched == based.bare


def test_the_second_run_changes_nothing(based: Based) -> None:
    assert "changed=0" in based.again and "changed=0" in based.asked_again, based.again + based.asked_again


def test_what_a_run_that_was_broken_off_brought_is_taken_up_by_the_next(based: Based) -> None:
    journal, firewall = "/etc/systemd/journald.conf.d/60-labline.conf", "/etc/nftables.conf"
    based.host.run("touch", journal, firewall)
    based.host.run("nft", "delete", "table", "inet", "filter")
    assert based.reaches(OUTSIDE, SHUT) == "open"
    asked = based.play("--check")
    assert int(re.findall(r"changed=(\d+)", asked)[-1]) >= 2 and based.reaches(OUTSIDE, SHUT) == "open", asked
    said = based.play()
    for handler in ("Reload the firewall", "Restart journald"):
        assert f"RUNNING HANDLER [base : {handler}]" in said, said
    assert based.reaches(OUTSIDE, SHUT) == "shut"
    assert "changed=0" in based.play()


def test_it_leaves_what_it_is_to(based: Based) -> None:
    assert not left_by.faults(looked_at(based.host), "base")


def test_the_firewall_lets_in_whom_it_names(based: Based) -> None:
    assert set(based.before.values()) == {"open"}, "the firewall is not what shuts"
    let_in = {22: "open", OTHER_SSH: "open", OPEN: "open", SHUT: "shut"}
    assert {port: based.reaches(INSIDE, port) for port in let_in} == let_in
    assert {port: based.reaches(OUTSIDE, port) for port in let_in} == dict.fromkeys(let_in, "shut")
    assert based.host.run("systemctl", "is-enabled", "nftables.service").strip() == "enabled"


def test_names_are_asked_for_and_answered_from_where_it_names(based: Based) -> None:
    for to in ("", ALL):
        for by in (0, NAMES):  # who asks by hand, and who asks or answers by a service
            assert based.hears(INSIDE, to, by=by) == "open", (to, by)
            assert based.hears(OUTSIDE, to, by=by) == "shut", (to, by)
        assert based.hears(INSIDE, to, NO_NAMES) == "shut"


def _as_anna(based: Based) -> subprocess.CompletedProcess[str]:
    options = ["-o", f"UserKnownHostsFile={based.host.known_hosts}", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    command = [*based.machine._network.enter(), "ssh", *options, "-i", str(based.key), f"anna@{based.host.address}"]
    return subprocess.run([*command, "sudo -n id -u"], capture_output=True, text=True)


def test_people_log_in_with_their_keys_and_administer(based: Based) -> None:
    done = _as_anna(based)
    assert done.stdout.strip() == "0", done.stderr


def test_bounds_watchdog_updates_and_time(based: Based) -> None:
    run = based.host.run
    assert "RuntimeWatchdogUSec=14s" in run("systemctl", "show", "--property=RuntimeWatchdogUSec")
    assert re.search(
        r"/var/log/journal/\w+\) is .*, max 96", run("journalctl", "--no-pager", "--unit=systemd-journald")
    )
    assert 'APT::Periodic::Unattended-Upgrade "1";' in run("apt-config", "dump")
    assert run("systemctl", "is-enabled", "chrony.service").strip() == "enabled"
    printed = run("chronyd", "-p")
    assert "server 10.77.77.1 iburst" in printed and "makestep 1 3" in printed
    shown = run("systemctl", "show", "labline-clock.service", "--property=Before,Wants,UnitFileState")
    assert "time-sync.target" in re.search("Before=(.*)", shown)[1] and "enabled" in shown  # type: ignore[index]


def test_another_key_of_somebody_who_is_there_is_told(based: Based) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIANOTHERANOTHERANOTHERANOTHERANOTHERANOTHER9 anna"
    people = based.variables["base_users"] | {"anna": [other], "bea": [other]}
    said = based.play("--check", "--diff", base_users=people)
    assert f"+{other}" in said
    assert other not in based.host.run("cat", "/home/anna/.ssh/authorized_keys")


def test_what_is_not_wanted_any_more_is_off(based: Based) -> None:
    off = {"base_watchdog": "", "base_updates": False, "base_subnets": ["10.0.0.0/8", "10.77.77.0/24"]}
    asked = based.play("--check", "--diff", **off)
    assert int(re.findall(r"changed=(\d+)", asked)[-1]) >= 3, asked
    based.play(**off)
    assert "RuntimeWatchdogUSec=0" in based.host.run("systemctl", "show", "--property=RuntimeWatchdogUSec")
    assert 'APT::Periodic::Unattended-Upgrade "0";' in based.host.run("apt-config", "dump")
    assert based.reaches(INSIDE, OPEN) == "open" and based.reaches(INSIDE, SHUT) == "shut"
    for arguments in ([], ["--check"]):
        assert "changed=0" in based.play(*arguments, **off)


def test_who_comes_is_not_shut_out_as_one_that_is_not_named_any_more(based: Based) -> None:
    before = based.looks()
    people = {"anna": based.variables["base_users"]["anna"]}
    done = based.machine.play("--tags", "base", **(based.variables | {"base_users": people}))
    said = " ".join(done.stdout.split())
    assert done.returncode and f"does not name {debian_host.USER} any more, as whom you come" in said, said
    assert "Set the clock" not in said
    assert based.looks() == before


def test_who_is_not_named_any_more_does_not_get_in_and_administers_nothing(based: Based) -> None:
    based.host.run("gpasswd", "--add", "anna", "sudo")
    people = {debian_host.USER: based.variables["base_users"][debian_host.USER]}
    assert "changed=0" not in based.play("--check", base_users=people)
    assert _as_anna(based).stdout.strip() == "0"
    based.play(base_users=people)
    assert "Permission denied (publickey" in _as_anna(based).stderr
    assert "sudo" not in based.host.run("id", "--name", "--groups", "anna").split()
    assert "not allowed to run sudo" in based.host.run("sudo", "--list", "--other-user=anna", check=False)
    assert "changed=0" in based.play(base_users=people)
    based.play()
    assert _as_anna(based).stdout.strip() == "0"
