"""rotate.yml: others in the vault and on the machines by one command, and no reading is lost."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ansible.conftest import PATIENCE, all_is_stored
from tests.parts.site_machine import Machine

USERS = ("labadmin", "writer", "reader", "grafana_admin")
# By what name each password stands in the vault: some as in the example, some as its owner likes.
NAMES = {user: f"vault_{user}" for user in (*USERS, "grafana_secret_key")} | {"labadmin": "vault_influx_admin"}
TOKEN = "vault_of_daq"

# What a node is told that writes straight to the database: as rotate.yml does, and as one that ends there.
WAIT = """\
- hosts: daq
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {__labline_other: [writer], __labline_taken: false}
    - ansible.builtin.import_role: {name: labline, tasks_from: rotate_wait}
"""
GO_ON = "    - ansible.builtin.import_role: {name: labline, tasks_from: rotate_go_on}\n"


class Rotated:
    """``machine``, whose passwords are in a vault; playbooks get them by ``variables``."""

    def __init__(self, machine: Machine):
        self._machine = machine
        named = {name: machine.passwords[user] for user, name in NAMES.items()}
        self.vault = machine.vault(named | {TOKEN: machine.token, "vault_mail": "canary-mail"})
        given = {user: f"{{{{ {name} }}}}" for user, name in NAMES.items()}
        self.variables = {"labline_passwords": given, "labline_tokens": {"daq": f"{{{{ {TOKEN} }}}}"}}

    def play(self, *arguments: str, book: str) -> str:
        done = self.run(self.vault.option, *arguments, book=book)
        now = self.vault.read()
        self._machine.passwords.update({user: now[NAMES[user]] for user in USERS})
        self._machine.token = now[TOKEN]
        self._machine.variables["labline_tokens"] = {"daq": self._machine.token}
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout + done.stderr

    def run(self, *options: str, book: str = "site.yml") -> subprocess.CompletedProcess[str]:
        """Run a playbook whose passwords are in the vault alone."""
        return self._machine.play(*options, book=book, **self.variables)


@pytest.fixture(scope="module")
def rotated(machine: Machine, told: dict[str, str]) -> Iterator[Rotated]:
    made = Rotated(machine)
    yield made
    made.vault.file.unlink()


def test_everybody_gets_a_new_password_and_no_reading_is_lost(machine: Machine, rotated: Rotated) -> None:
    all_is_stored(machine)
    before = rotated.vault.read()
    assert rotated.play("--check", book="rotate.yml") and rotated.vault.read() == before
    said = rotated.play("-vvv", book="rotate.yml")
    now = rotated.vault.read()
    changed = {name for name in before if before[name] != now[name]}
    assert changed == {*(NAMES[user] for user in USERS), TOKEN}
    assert before.keys() == now.keys() and rotated.vault.file.stat().st_mode & 0o777 == 0o640
    all_is_stored(machine)
    proxy = f"https://{machine.host.address}:8443"
    for word, status in ((before, 401), (now, 204)):
        node = f"daq:{word[TOKEN]}"
        assert machine.ask(f"{proxy}/write", node, method="POST", data="pushed,host=daq value=1")[0] == status
    assert machine.ask(f"{proxy}/api/org", f"admin:{before['vault_grafana_admin']}")[0] == 401
    assert machine.ask(f"{proxy}/api/org", f"admin:{now['vault_grafana_admin']}")[0] == 200
    shown = said + machine.host.run("journalctl", "--no-pager", "--all")
    words = [passwords[name] for passwords in (before, now) for name in changed]
    assert not [word for word in words if word in shown]
    secrets = machine.host.run("sh", "-c", "ls -A /etc/labline/secrets").split()
    assert set(secrets) == {*USERS, "grafana_secret_key", "write_token"}


def test_afterwards_site_yml_has_nothing_to_do(rotated: Rotated) -> None:
    assert re.findall(r"changed=(\d+)", rotated.play(book="site.yml"))[-1] == "0"


def test_others_in_the_vault_are_refused_by_site_yml_and_brought_by_rotate_yml(
    machine: Machine, rotated: Rotated
) -> None:
    before = rotated.vault.read()
    wanted = before | {NAMES[user]: f"canary-by-hand-{user}" for user in ("writer", "labadmin")}
    rotated.vault.write(wanted)
    done = rotated.run(rotated.vault.option)
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and "daq has another password of labadmin, writer than the vault" in said, done.stdout
    assert "PLAY [Put the site" not in said
    rotated.play(book="rotate.yml")
    assert rotated.vault.read() == wanted
    all_is_stored(machine)


def test_a_password_that_is_not_in_the_vault_is_told_before_anything_is_written(
    machine: Machine, rotated: Rotated
) -> None:
    before, aside = rotated.vault.read(), {"labline_tokens": {"daq": machine.token}}
    rotated.vault.write({name: word for name, word in before.items() if name != TOKEN})
    written = rotated.vault.read()
    try:
        done = machine.play(rotated.vault.option, book="rotate.yml", **rotated.variables | aside)
        assert rotated.vault.read() == written
    finally:
        rotated.vault.write(before)
    said = " ".join(done.stdout.split())
    assert done.returncode and f"{rotated.vault.file}: there is no labline_tokens.daq, as the inventory has it" in said
    assert 'labline_tokens.daq: "{{ vault_token_daq }}"' in said and machine.token not in said, done.stdout


def test_a_vault_that_can_not_be_opened_is_told_before_anything_is_changed(machine: Machine, rotated: Rotated) -> None:
    wrong = Path(machine.inventory.parent / "wrong.password")
    wrong.write_text("another")
    ways = {
        (): "There is no password for",
        ("--vault-password-file", str(wrong)): "The password that was given is not that of",
    }
    for options, why in ways.items():
        done = rotated.run(*options)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0 and "PLAY [Put the site" not in said, said
        assert f"{why} the vault {rotated.vault.file}. Nothing was changed. --ask-vault-pass asks" in said, said


def test_a_node_that_nobody_comes_back_to_starts_again(machine: Machine, rotated: Rotated) -> None:
    def told(play: str, *more: str) -> str:
        book = machine.inventory.parent / "wait.yml"
        book.write_text(play)
        words = ["-e", "__labline_way=writer", *more]
        done = rotated.run(rotated.vault.option, *words, book=str(book))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def waits() -> bool:
        return "inactive" in machine.host.run("systemctl", "is-active", "labline-telegraf.service", check=False)

    def timers() -> str:
        return machine.host.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "labline-telegraf-again*")

    told(WAIT, "--check")
    assert not waits() and not timers()
    told(WAIT)
    assert waits() and "labline-telegraf-again.timer" in timers()
    told(WAIT, "-e", "__labline_again=1s")  # once more: from now on
    deadline = time.monotonic() + PATIENCE
    while waits():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    told(WAIT + GO_ON)
    assert not waits() and not timers()
    all_is_stored(machine)
