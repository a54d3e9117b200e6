"""Tells what to do where a vault of the inventory can't be opened: Ansible itself says only that it could not decrypt it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import AnsibleVaultError
from ansible.plugins.vars import BaseVarsPlugin

WAYS = "--ask-vault-pass asks for the vault's password, --vault-password-file FILE takes it from a file"


class VarsModule(BaseVarsPlugin):  # type: ignore[misc]
    """Gives no variables; it opens what Ansible is about to read. Runs before Ansible's own plugin, as it is none of its."""

    def get_vars(self, loader: Any, path: str, entities: Any) -> dict[str, Any]:
        super().get_vars(loader, path, entities)
        for entity in entities if isinstance(entities, list) else [entities]:
            folder = "host_vars" if type(entity).__name__ == "Host" else "group_vars"
            for file in loader.find_vars_files(os.path.join(path, folder), entity.name):
                _open(loader._vault, Path(os.fsdecode(file)))
        return {}


_opened: set[Path] = set()  # Ansible asks for each task anew, and to decrypt takes its time


def _open(vault: Any, file: Path) -> None:
    """Decrypt a file, where it is encrypted, and forget what is in it. Raises AnsibleError."""
    if file in _opened:
        return
    try:
        text = file.read_bytes()
    except OSError:
        return  # Ansible tells of that itself
    if not vault.is_encrypted(text):
        _opened.add(file)
        return
    try:
        vault.decrypt(text)
    except AnsibleVaultError:
        given = "The password that was given is not that of" if vault.secrets else "There is no password for"
        raise AnsibleError(f"{given} the vault {file}. Nothing was changed. {WAYS}.") from None
    _opened.add(file)
