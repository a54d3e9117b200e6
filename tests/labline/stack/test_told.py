"""How the command and paths are told: they can be typed where they stand."""

from __future__ import annotations

import os
import sys

import pytest

from labline.stack import told


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder with the command in it, as the user's own."""
    command = tmp_path / ".venv" / "bin" / "labline"
    command.parent.mkdir(parents=True)
    command.touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    return command


def test_the_command_as_it_was_called(clone, monkeypatch):
    for called in (".venv/bin/labline", str(clone)):
        monkeypatch.setattr(sys, "argv", [called])
        assert told.command() == ".venv/bin/labline"
    (clone.parents[2] / "a place").mkdir()
    monkeypatch.chdir("a place")
    assert told.command() == str(clone)
    monkeypatch.setenv("PATH", str(clone.parent))
    assert told.command() == "labline"
    monkeypatch.setattr(sys, "argv", ["/x/labline/cli.py"])
    assert told.command() == "labline"


def test_of_a_service_a_path_is_told_whole(clone, monkeypatch):
    monkeypatch.chdir("/")
    assert told.path(clone) == str(clone)


def test_a_path_below_is_told_from_here(clone, tmp_path):
    assert told.path(clone) == ".venv/bin/labline" and told.path(tmp_path.parent / "x") == str(tmp_path.parent / "x")


def test_what_is_copied_stays_whole():
    path = os.sep.join(["part"] * 30)
    lines = told.wrapped(
        f"some words and {path} and many more words than one line of a screen can hold", "  "
    ).splitlines()
    assert any(path in line for line in lines) and all(len(line) <= 80 for line in lines if path not in line)
    assert len(lines) > 2 and all(line.startswith("  ") for line in lines)
