"""Gives passwords in an encrypted file new values, with the vault's password that ansible-playbook was given; used by rotate.yml."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.vault import match_encrypt_secret
from ansible.plugins.action import ActionBase

LETTERS = string.ascii_letters + string.digits
LENGTH = 32


class ActionModule(ActionBase):  # type: ignore[misc]
    """Takes ``file``, ``names`` (patterns of keys at its top) and ``values`` (passwords, wherever they stand); returns ``renewed``.

    That is, by keys at its top, what stands there now. ``needed`` (passwords, by what they are called in the inventory) are among them wherever
    they stand, and where one is not there nothing is written; ``kept`` (as ``needed``) never are. Its task needs no_log, and has to tell ``refused``.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        file, names = Path(self._task.args["file"]), list(map(str, self._task.args["names"]))
        values = set(map(str, self._task.args.get("values", ())))
        needed = {what: word for what, word in self._task.args.get("needed", {}).items() if word}
        kept = dict(self._task.args.get("kept", {}))
        try:
            encrypted = file.read_text()
        except OSError as error:
            why = (
                f"{file}: {error.strerror}; expected the inventory's vault, else say where it is: -e rotate_vault=FILE."
            )
            return result | {"changed": False, "refused": why}
        vault = self._loader._vault
        if not vault.is_encrypted(encrypted):
            return result | {"changed": False, "refused": f"{file} is not encrypted: ansible-vault encrypt {file}."}
        plain = vault.decrypt(encrypted).decode()
        if why := refusal(plain, names, values, needed, kept):
            return result | {"changed": False, "refused": f"{file}: {why}. Nothing was changed."}
        new, chosen = renewed(plain, names, values | unnamed(plain, names, needed))
        if not self._task.check_mode:
            label = encrypted.partition("\n")[0].split(";")[3:]  # of 1.2 alone
            _, secret = match_encrypt_secret(vault.secrets, encrypt_vault_id=label[0] if label else None)
            _write(file, vault.encrypt(new, secret, vault_id=label[0] if label else None))
        return result | {"changed": True, "renewed": {} if self._task.check_mode else chosen}


def refusal(
    text: str, names: list[str], values: Collection[str], needed: Mapping[str, str], kept: Mapping[str, str]
) -> str:
    """Tell why YAML can't be given other words, and what to do, without a word of it; empty where it can."""
    scalars = {key: list(_scalars(value)) for key, value in _top(text)}
    words = {node.value for nodes in scalars.values() for node in nodes}
    if missing := [what for what, word in needed.items() if word not in words]:
        ways = {what: re.sub(r"\W", "_", re.sub(r"^\w+s[.]", _prefix, what)) for what in missing}
        return (
            f"there is no {', '.join(missing)}, as the inventory has it. rotate.yml gives new passwords to what stands there as a whole word: put it "
            f"there by ansible-vault edit, by a name such as {', '.join(ways.values())}, and name that in the inventory: "
            + ", ".join(f'{what}: "{{{{ {name} }}}}"' for what, name in ways.items())
            + ". Where it is in another vault: -e rotate_vault=FILE"
        )
    by_word = unnamed(text, names, needed) | set(values)
    if same := [what for what, word in kept.items() if word in by_word]:
        others = [what for what, word in needed.items() if word in {kept[name] for name in same}]
        return (
            f"{', '.join(same)} can't be changed, and is the same as {', '.join(others) or 'another password'}. Call that one as in vault.yml.example: "
            "then it gets a new one alone"
        )
    for key, nodes in scalars.items():
        chosen = _named(key, names) or any(node.value in by_word for node in nodes)
        if chosen and any(re.search("{[{%]", node.value) for node in nodes):
            return f"{key} has a template among its passwords. Move it to vars.yml, and leave each password here, by a name of its own"
    return ""


def unnamed(text: str, names: list[str], needed: Mapping[str, str]) -> set[str]:
    """List the words that are needed and stand below no key at the top of the YAML that matches ``names``."""
    named = {node.value for key, value in _top(text) if _named(key, names) for node in _scalars(value)}
    return set(needed.values()) - named


def renewed(text: str, names: list[str], values: Collection[str] = ()) -> tuple[str, dict[str, Any]]:
    """Give YAML other words where keys at its top match ``names``, below those keys, and for ``values``; all else stays as it is written.

    What was the same word is the same again.
    """
    words: dict[str, str] = {}
    places, keys = [], []
    for key, value in _top(text):
        chosen = [node for node in _scalars(value) if _named(key, names) or node.value in values]
        places += [(node, words.setdefault(node.value, _word())) for node in chosen]
        keys += [key] if chosen else []
    for node, word in sorted(places, key=lambda place: place[0].start_mark.index, reverse=True):
        end = "\n" if text[: node.end_mark.index].endswith("\n") else ""  # of a text over several lines
        text = f'{text[: node.start_mark.index]}"{word}"{end}{text[node.end_mark.index :]}'
    new = yaml.safe_load(text)
    return text, {key: new[key] for key in keys}


def _prefix(found: re.Match[str]) -> str:
    return "vault_token_" if found.group() == "labline_tokens." else "vault_"


def _top(text: str) -> list[tuple[str, yaml.Node]]:
    root = yaml.compose(text)
    return [(key.value, value) for key, value in root.value] if isinstance(root, yaml.MappingNode) else []


def _named(key: str, names: list[str]) -> bool:
    return any(re.fullmatch(name, key) for name in names)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """List what stands below a node, without the keys."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    for inner in [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else []:
        yield from _scalars(inner)
    for inner in node.value if isinstance(node, yaml.SequenceNode) else []:
        yield from _scalars(inner)


def _word() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def _write(file: Path, content: bytes) -> None:
    """Write it whole, or not at all."""
    file = file.resolve()  # a link stays one
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.chmod(file.stat().st_mode & 0o777)
    new.replace(file)
