"""List the labs that this user ran here.

Where each keeps its things, and whether it runs."""

from __future__ import annotations

import argparse
import sys

EXAMPLES = """\
  labline labs      each lab: its site file, its folder, its size, since when it runs
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """List them."""
    from . import known_labs
    from .stack import runlock, told
    from .words import called_bytes, size_of

    labs = known_labs.all_of()
    if not labs:
        print(f"No lab was run here yet; to start one: {told.command()} run SITE", file=sys.stderr)
    for lab in labs:
        running = runlock.holder(lab.root)
        missing = "" if lab.file.exists() else "   (there is no such file any more)"
        print(lab.root.name)
        print(f"  site file  {lab.file}{missing}")
        print(f"  folder     {lab.root}   {called_bytes(size_of(lab.root))}")
        print(f"  {'runs' if running else 'stopped'}", end="")
        if running:
            print(f"       process {running['pid']}, since {running['since']}", end="")
            for name, url in running["urls"].items():
                print(f"\n  {name:10} {url}", end="") if url else None
        print()
    return 0
