"""Gives passwords in an encrypted file new values, with the vault's password that ansible-playbook was given; used by rotate.yml."""

from __future__ import annotations

import os
import re
import secrets
import string
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import match_encrypt_secret
from ansible.plugins.action import ActionBase

LETTERS = string.ascii_letters + string.digits
LENGTH = 32


class ActionModule(ActionBase):  # type: ignore[misc]
    """Takes ``file`` and ``names``, patterns of keys at its top; returns ``renewed``: key -> what it is now. Its task needs no_log."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        file, names = Path(self._task.args["file"]), list(map(str, self._task.args["names"]))
        try:
            encrypted = file.read_text()
        except OSError as error:
            raise AnsibleError(
                f"{file}: {error.strerror}; expected the inventory's vault, else say where it is: -e rotate_vault=FILE"
            ) from None
        vault = self._loader._vault
        if not vault.is_encrypted(encrypted):
            raise AnsibleError(f"{file} is not encrypted: ansible-vault encrypt {file}")
        plain = vault.decrypt(encrypted).decode()
        new, chosen = renewed(plain, names)
        if not chosen:
            raise AnsibleError(
                f"{file} has none of {', '.join(names)}, expected them as in vault.yml.example; nothing was changed"
            )
        if not self._task.check_mode:
            label = encrypted.partition("\n")[0].split(";")[3:]  # of 1.2 alone
            _, secret = match_encrypt_secret(vault.secrets, encrypt_vault_id=label[0] if label else None)
            _write(file, vault.encrypt(new, secret, vault_id=label[0] if label else None))
        return result | {"changed": True, "renewed": {} if self._task.check_mode else chosen}


def renewed(text: str, names: list[str]) -> tuple[str, dict[str, Any]]:
    """Give YAML other words where keys at its top match ``names``, or below those keys; all else stays as it is written."""
    chosen: dict[str, Any] = {}
    places = []
    root = yaml.compose(text)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if any(re.fullmatch(name, key.value) for name in names):
            pairs = value.value if isinstance(value, yaml.MappingNode) else [(key, value)]
            new = {inner.value: _word() for inner, node in pairs if isinstance(node, yaml.ScalarNode)}
            places += [(node, new[inner.value]) for inner, node in pairs if inner.value in new]
            chosen[key.value] = new if isinstance(value, yaml.MappingNode) else new.get(key.value)
    for node, word in sorted(places, key=lambda place: place[0].start_mark.index, reverse=True):
        end = "\n" if text[: node.end_mark.index].endswith("\n") else ""  # of a text over several lines
        text = f'{text[: node.start_mark.index]}"{word}"{end}{text[node.end_mark.index :]}'
    return text, {key: value for key, value in chosen.items() if value}


def _word() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def _write(file: Path, content: bytes) -> None:
    """Write it whole, or not at all."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.chmod(file.stat().st_mode & 0o777)
    new.replace(file)
