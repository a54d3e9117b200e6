"""Pages that are made from what stands elsewhere: written anew or, with ``--check``, held against what is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from provisioning import files as rendered

ROOT = Path(__file__).parent.parent


def main(module: str, pages: Callable[[], Iterable[tuple[Path, dict[str, str]]]], arguments: list[str]) -> int:
    """Write the ``pages`` (folders, and what each has: path in it -> text) of ``module``; with --check status 1 tells that some are not current."""
    if arguments not in ([], ["--check"]):
        print(f"usage: python -m {module} [--check]", file=sys.stderr)
        return 2
    changed = False
    for folder, wanted in pages():
        found = rendered.changes(folder, wanted) if arguments else rendered.write(folder, wanted)
        changed = changed or bool(found)
        for name, what in sorted(found.items()):
            file = folder / name
            shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
            print(f"{shown}: {what}{f'; run python -m {module}' if arguments else ''}")
    return 1 if arguments and changed else 0
