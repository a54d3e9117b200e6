"""A vault of Ansible's with the passwords of an inventory, as a site keeps it: encrypted, and changed by rotate.yml."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml


class PasswordVault:
    """``option`` opens it for a playbook; its own password is in a file in ``folder``. ``ansible`` runs one of Ansible's programs."""

    def __init__(
        self,
        ansible: Callable[..., subprocess.CompletedProcess[str]],
        folder: Path,
        file: Path,
        passwords: dict[str, Any],
    ):
        self.file, self._ansible = file, ansible
        opener = folder / "vault.password"
        opener.write_text("canary of the vault")
        self.option = f"--vault-password-file={opener}"
        file.parent.mkdir(parents=True, exist_ok=True)
        self.write(passwords)

    def write(self, passwords: dict[str, Any]) -> None:
        """Write other passwords, by the names of their variables."""
        lines = [f"{name}: {json.dumps(word)}\n" for name, word in passwords.items()]
        self.file.write_text("# kept apart\n" + "".join(lines))
        self._run("encrypt")
        self.file.chmod(0o640)

    def read(self) -> dict[str, Any]:
        """Give the passwords that are in it."""
        assert self.file.read_text().startswith("$ANSIBLE_VAULT;")
        found: dict[str, Any] = yaml.safe_load(self._run("view"))
        return found

    def _run(self, verb: str) -> str:
        done = self._ansible("vault", verb, self.option, str(self.file))
        assert done.returncode == 0, done.stderr
        return done.stdout
