"""Drivers outside of the clone, in a folder that LABLINE_PATH names: what a user does with them, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from telegraf_inputs import plugins

ROOT = Path(__file__).parent.parent
CONVENTIONS = ("test_drivers.py", "test_cases.py", "test_fault_matrix.py", "test_containment.py", "test_floors.py")


def python(folder: Path, *arguments: object, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the folder's drivers among the others."""
    environment = {**os.environ, plugins.VARIABLE: str(folder), "COLUMNS": "100", **more}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)


def labline(folder: Path, *arguments: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run labline, somewhere else than in the clone."""
    return python(folder, "-m", "labline.cli", *arguments, cwd=cwd, **more)


def keeps_the_conventions(folder: Path, name: str, least: int) -> None:
    """Run the conventions' tests on one driver: every fault, its cases, its page; at least so many of them."""
    files = [f"tests/telegraf_inputs/{file}" for file in CONVENTIONS]
    done = python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", name, *files, "tests/tools")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = int(done.stdout.rpartition("\n")[0].splitlines()[-1].partition(" passed")[0].split()[-1])
    assert passed >= least, done.stdout


def site(file: Path, *stanzas: str) -> Path:
    """Write a site file with these stanzas."""
    entries = "".join(f"  - {textwrap.indent(stanza.strip(), '    ').strip()}\n" for stanza in stanzas)
    file.write_text(f"site: outside\nnodes: [{{name: here}}]\ninstruments:\n{entries}", encoding="utf-8")
    return file
