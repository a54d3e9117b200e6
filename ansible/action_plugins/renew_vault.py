"""Gives passwords in an encrypted file new values, with the vault's password that ansible-playbook was given; used by rotate.yml."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import match_encrypt_secret
from ansible.plugins.action import ActionBase

LETTERS = string.ascii_letters + string.digits
LENGTH = 32


class ActionModule(ActionBase):  # type: ignore[misc]
    """Takes ``file``, ``names`` (patterns of keys at its top) and ``values`` (passwords, wherever they stand); returns ``renewed``.

    That is, by keys at its top, what stands there now. Its task needs no_log.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        file, names = Path(self._task.args["file"]), list(map(str, self._task.args["names"]))
        values = set(map(str, self._task.args.get("values", ())))
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
        new, chosen = renewed(plain, names, values)
        if not chosen:
            raise AnsibleError(
                f"{file} has none of {', '.join(names)}, expected them as in vault.yml.example; nothing was changed"
            )
        if not self._task.check_mode:
            label = encrypted.partition("\n")[0].split(";")[3:]  # of 1.2 alone
            _, secret = match_encrypt_secret(vault.secrets, encrypt_vault_id=label[0] if label else None)
            _write(file, vault.encrypt(new, secret, vault_id=label[0] if label else None))
        return result | {"changed": True, "renewed": {} if self._task.check_mode else chosen}


def renewed(text: str, names: list[str], values: Collection[str] = ()) -> tuple[str, dict[str, Any]]:
    """Give YAML other words where keys at its top match ``names``, below those keys, and for ``values``; all else stays as it is written.

    What was the same word is the same again.
    """
    words: dict[str, str] = {}
    places, keys = [], []
    root = yaml.compose(text)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        named = any(re.fullmatch(name, key.value) for name in names)
        nodes = [node for _, node in value.value] if isinstance(value, yaml.MappingNode) else [value]
        chosen = [n for n in nodes if isinstance(n, yaml.ScalarNode) and (named or n.value in values)]
        places += [(node, words.setdefault(node.value, _word())) for node in chosen]
        keys += [key.value] if chosen else []
    for node, word in sorted(places, key=lambda place: place[0].start_mark.index, reverse=True):
        end = "\n" if text[: node.end_mark.index].endswith("\n") else ""  # of a text over several lines
        text = f'{text[: node.start_mark.index]}"{word}"{end}{text[node.end_mark.index :]}'
    new = yaml.safe_load(text)
    return text, {key: new[key] for key in keys}


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
