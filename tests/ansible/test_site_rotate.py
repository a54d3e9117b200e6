"""rotate.yml: others in the vault and on the machines by one command, and no reading is lost."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ansible.conftest import all_is_stored
from tests.parts.site_machine import Machine

USERS = ("labadmin", "writer", "reader", "grafana_admin")


class Vault:
    """The passwords of ``machine``'s inventory as a vault, encrypted; a playbook gets them by ``variables``."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self.file = machine.inventory / "group_vars/all/vault.yml"
        self.password = machine.inventory.parent / "vault.password"
        self.password.write_text("canary of the vault")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        named = {f"vault_{user}": machine.passwords[user] for user in (*USERS, "grafana_secret_key")}
        self.write(named | {"labline_tokens": {"daq": machine.token}, "vault_mail": "canary-mail"})
        passwords = {user: f"{{{{ vault_{user} }}}}" for user in (*USERS, "grafana_secret_key")}
        self.variables = {"labline_passwords": passwords}

    def write(self, passwords: dict[str, Any]) -> None:
        self.file.write_text(
            "# kept apart\n" + "".join(f"{name}: {json.dumps(word)}\n" for name, word in passwords.items())
        )
        self._vault("encrypt")
        self.file.chmod(0o640)

    def read(self) -> dict[str, Any]:
        assert self.file.read_text().startswith("$ANSIBLE_VAULT;")
        found: dict[str, Any] = yaml.safe_load(self._vault("view"))
        return found

    def play(self, *arguments: str, book: str) -> str:
        options = ("--vault-password-file", str(self.password), *arguments)
        done = self.run(*options, book=book)
        now = self.read()
        self._machine.passwords.update({user: now[f"vault_{user}"] for user in USERS})
        self._machine.token = now["labline_tokens"]["daq"]
        self._machine.variables["labline_tokens"] = {"daq": self._machine.token}
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout + done.stderr

    def run(self, *options: str, book: str = "site.yml") -> subprocess.CompletedProcess[str]:
        """Run a playbook whose passwords are in the vault alone."""
        passwords = self._machine.variables.pop("labline_tokens")
        try:
            return self._machine.play(*options, book=book, **self.variables)
        finally:
            self._machine.variables["labline_tokens"] = passwords

    def _vault(self, verb: str) -> str:
        done = self._machine.ansible("vault", verb, "--vault-password-file", str(self.password), str(self.file))
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def vault(machine: Machine, told: dict[str, str]) -> Iterator[Vault]:
    made = Vault(machine)
    yield made
    made.file.unlink()


def test_everybody_gets_a_new_password_and_no_reading_is_lost(machine: Machine, vault: Vault) -> None:
    all_is_stored(machine)
    before = vault.read()
    said = vault.play("-vvv", book="rotate.yml")
    now = vault.read()
    changed = {name for name in before if before[name] != now[name]}
    assert changed == {*(f"vault_{user}" for user in USERS), "labline_tokens"}
    assert before.keys() == now.keys() and vault.file.stat().st_mode & 0o777 == 0o640
    all_is_stored(machine)
    proxy = f"https://{machine.host.address}:8443"
    for word, status in ((before, 401), (now, 204)):
        node = f"daq:{word['labline_tokens']['daq']}"
        assert machine.ask(f"{proxy}/write", node, method="POST", data="pushed value=1 10")[0] == status
    assert machine.ask(f"{proxy}/api/org", f"admin:{before['vault_grafana_admin']}")[0] == 401
    assert machine.ask(f"{proxy}/api/org", f"admin:{now['vault_grafana_admin']}")[0] == 200
    shown = said + machine.host.run("journalctl", "--no-pager", "--all")
    words = [passwords[name] for passwords in (before, now) for name in changed - {"labline_tokens"}]
    words += [passwords["labline_tokens"]["daq"] for passwords in (before, now)]
    assert not [word for word in words if word in shown]
    secrets = machine.host.run("sh", "-c", "ls -A /etc/labline/secrets").split()
    assert set(secrets) == {*USERS, "grafana_secret_key", "write_token"}


def test_afterwards_site_yml_has_nothing_to_do(vault: Vault) -> None:
    assert re.findall(r"changed=(\d+)", vault.play(book="site.yml"))[-1] == "0"


def test_others_in_the_vault_are_refused_by_site_yml_and_brought_by_rotate_yml(machine: Machine, vault: Vault) -> None:
    before = vault.read()
    wanted = before | {f"vault_{user}": f"canary-by-hand-{user}" for user in ("writer", "labadmin")}
    vault.write(wanted)
    done = vault.run("--vault-password-file", str(vault.password))
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and "daq has another password of labadmin, writer than the vault" in said, done.stdout
    vault.play(book="rotate.yml")
    assert vault.read() == wanted
    all_is_stored(machine)


def test_a_vault_that_can_not_be_opened_is_told_before_anything_is_changed(machine: Machine, vault: Vault) -> None:
    wrong = Path(machine.inventory.parent / "wrong.password")
    wrong.write_text("another")
    for options in ((), ("--vault-password-file", str(wrong))):
        done = vault.run(*options)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0 and "PLAY [Put the site" not in said, said
        assert "--ask-vault-pass" in said or "ecryption failed" in said or "vault secrets" in said, said
