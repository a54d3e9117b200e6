"""Measures, prints the table, and writes it to docs/benchmarks.md: ``python -m benchmarks [NAME…]``.

With names only these are measured, and nothing is written.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from . import page
from .measurement import Measurement

NAMES = ("memory", "start", "pace", "lines", "age", "dashboards", "check")


def main() -> int:
    """Run them; returns 0 where all limits are kept, 1 where not."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=(__doc__ or "").partition(":")[0] + ".")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all where none is named")
    names = parser.parse_args().names
    for name in names:
        if name not in NAMES:
            parser.error(f"there is no benchmark {name!r}; known: {', '.join(NAMES)}")
    found: dict[str, list[Measurement]] = {}
    for name in names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{name}: {module.__doc__}", flush=True)
        found[name] = []
        for row in module.measure():
            print("  {:52} {:>22} {:>12}  {}".format(row.what, *row.cells()), flush=True)
            found[name].append(row)
    if not names:
        print(f"\nwritten: {page.write(found)}")
    return 0 if all(row.met for rows in found.values() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
