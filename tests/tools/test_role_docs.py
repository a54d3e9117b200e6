"""The roles' pages are current, name every key, and the table of roles has each of them."""

from __future__ import annotations

import shutil

import pytest

from provisioning.files import changes
from tools import role_docs


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the roles, to spoil."""
    folder = tmp_path / "ansible"
    shutil.copytree(role_docs.FOLDER, folder)
    monkeypatch.setattr(role_docs, "FOLDER", folder)
    return folder


def test_committed_pages_are_current():
    pages = role_docs.pages()
    assert not changes(role_docs.FOLDER, pages), "run python -m tools.role_docs"
    roles = {path.name for path in (role_docs.FOLDER / "roles").iterdir() if path.is_dir()}
    assert {f"roles/{role}/README.md" for role in roles} | {"README.md"} == set(pages)


def test_a_page_names_every_key():
    for role in role_docs._roles():
        page = role_docs.pages()[f"roles/{role}/README.md"]
        for name, option in role_docs._specification(role).get("options", {}).items():
            assert f"| `{name}` |" in page
            assert all(f"`{name}" in page and f".{inner}`" in page for inner in option.get("options", {}))
        assert f"[{role}](roles/{role}/README.md)" in role_docs.pages()["README.md"]


def test_what_is_not_current_is_told(copy, capsys):
    specification = copy / "roles/base/meta/argument_specs.yml"
    specification.write_text(specification.read_text().replace("base_journal_most", "base_journal_size"))
    assert role_docs.main(["--check"]) == 1
    assert "ansible/roles/base/README.md: changed; run python -m tools.role_docs" in capsys.readouterr().out
    assert role_docs.main([]) == 0
    assert "`base_journal_size`" in (copy / "roles/base/README.md").read_text()
    assert role_docs.main(["--check"]) == 0
    assert role_docs.main(["--chek"]) == 2
