"""Run all tests: ``python -m tools.suite``; with arguments of pytest's, those that they choose.

Tests that boot whole machines wait for most of their time: they run in a second process beside the others, which tells at
the end what it found.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
MACHINES = (
    "tests/ansible",
    "tests/chaos",
    "tests/kernel",
    "tests/labline/test_first_boot.py",
    "tests/tools/test_deb.py",
)


def main(arguments: Sequence[str]) -> int:
    """Run them; status 0 where all passed."""
    if arguments:
        return subprocess.call(_pytest(*arguments), cwd=ROOT)
    return both(["tests", *(f"--ignore={path}" for path in MACHINES)], MACHINES)


def both(first: Sequence[str], second: Sequence[str], root: Path = ROOT) -> int:
    """Run pytest twice at once; what the ``second`` says comes after the ``first``. Gives a status that is 0 where both passed."""
    with tempfile.TemporaryFile("w+") as said:
        beside = subprocess.Popen(_pytest(*second), cwd=root, stdout=said, stderr=subprocess.STDOUT)
        status = subprocess.call(_pytest(*first), cwd=root)
        status = beside.wait() or status
        said.seek(0)
        print(said.read(), flush=True)
    return status


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
