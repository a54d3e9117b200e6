"""What rotate.yml writes into a vault: other words for passwords, by whatever names they stand there; what it can't find is told before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.parts import packages

PLUGINS = Path(__file__).parents[2] / "ansible" / "action_plugins"
ASK = """\
import json, sys
sys.path.insert(0, sys.argv[1])
import renew_vault as renew
names = ["vault_labadmin", "vault_token_.*", "labline_tokens"]
def told(text, needed, kept, values):
    refused = renew.refusal(text, names, values, needed, kept)
    return [refused, *renew.renewed(text, names, {*values, *renew.unnamed(text, names, needed)})]
json.dump({case: told(*given) for case, given in json.load(sys.stdin).items()}, sys.stdout)
"""
WRITE = """\
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
import renew_vault as renew
print(json.dumps(renew._write(pathlib.Path(sys.argv[2]), json.load(sys.stdin).encode())))
"""
ADMIN, TOKEN, KEY = "labline_passwords.labadmin", "labline_tokens.hall-2", "labline_passwords.grafana_secret_key"
NEEDED = {ADMIN: "canary-admin", TOKEN: "canary-token"}
KEPT = {KEY: "canary-key"}
# A vault, what has to be in it -> the words of it that stay.
WELL: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "names as in the example": (
        "# mine\nvault_labadmin: canary-admin\nvault_token_hall: 'canary-token'\nvault_key: canary-key\n",
        NEEDED,
        ["# mine\n", "vault_key: canary-key\n"],
    ),
    "other names": ("influx: canary-admin\nhall: canary-token\nmail: canary-mail\n", NEEDED, ["mail: canary-mail\n"]),
    "the variables themselves": (
        "labline_passwords:\n  labadmin: canary-admin\n  grafana_secret_key: canary-key\nlabline_tokens: {hall-2: canary-token}\n",
        NEEDED,
        ["  grafana_secret_key: canary-key\n"],
    ),
    "further in": (
        "lab: {users: [{name: labadmin, word: canary-admin}], tokens: {hall: canary-token}}\n",
        NEEDED,
        ["name: labadmin"],
    ),
    "a word that has to stay, too, by a name that is known": (
        "vault_labadmin: canary-key\nvault_secret: canary-key\n",
        {ADMIN: "canary-key"},
        ["vault_secret: canary-key\n"],
    ),
}
# A vault, what has to be in it -> what is told.
REFUSED: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "some are elsewhere": (
        "vault_labadmin: canary-admin\n",
        NEEDED,
        [
            "there is no labline_tokens.hall-2, as the inventory has it",
            'vault_token_hall_2, and name that in the inventory: labline_tokens.hall-2: "{{ vault_token_hall_2 }}"',
        ],
    ),
    "no one is there": (
        "vault_mail: canary-mail\n",
        NEEDED,
        ["there is no labline_passwords.labadmin, labline_tokens.hall-2", "vault_labadmin, vault_token_hall_2"],
    ),
    "nothing at all": ("\n", NEEDED, ["there is no labline_passwords.labadmin, labline_tokens.hall-2"]),
    "a word that has to stay, too": (
        "influx: canary-key\nhall: canary-token\n",
        {ADMIN: "canary-key", TOKEN: "canary-token"},
        ["labline_passwords.grafana_secret_key can't be changed, and is the same as labline_passwords.labadmin"],
    ),
    "a template beside": (
        "labline_passwords: {labadmin: canary-admin, writer: '{{ vault_writer }}'}\nhall: canary-token\n",
        NEEDED,
        ["labline_passwords has a template among its passwords. Move it to vars.yml"],
    ),
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[Any]]:
    """What is told of each vault, its text with other words, and what stands there then."""
    given = {case: (text, needed, KEPT, []) for case, (text, needed, _) in {**WELL, **REFUSED}.items()}
    answer: dict[str, list[Any]] = packages.asked("ansible-test", ASK, PLUGINS, given=given)
    return answer


def test_a_vault_that_is_a_link_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "vault.yml", tmp_path / "link.yml"
    file.write_text("old")
    link.symlink_to(file)
    packages.asked("ansible-test", WRITE, PLUGINS, link, given="new")
    assert link.is_symlink() and file.read_text() == "new"


@pytest.mark.parametrize("case", WELL)
def test_others_are_written_by_whatever_names_they_stand_there(found: dict[str, list[Any]], case: str) -> None:
    before, needed, stays = WELL[case]
    refused, text, _ = found[case]
    assert not refused and all(words in text for words in stays)
    assert text.count("\n") == before.count("\n")
    assert "canary-admin" not in text and "canary-token" not in text


def test_what_stands_there_then_is_handed_on_by_the_names_at_the_top(found: dict[str, list[Any]]) -> None:
    _, _, renewed = found["the variables themselves"]
    passwords = renewed["labline_passwords"]
    assert passwords["grafana_secret_key"] == "canary-key" and len(passwords["labadmin"]) == 32
    assert renewed["labline_tokens"].keys() == {"hall-2"}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_written_is_told_without_a_password(found: dict[str, list[Any]], case: str) -> None:
    refused = found[case][0]
    assert all(words in refused for words in REFUSED[case][2]), refused
    assert "canary" not in refused
