"""Tries all cases, and writes the table in docs/reliability.md: ``python -m tests.chaos``.

Faults last their full time: it takes most of an hour. Exit status 1: something was lost, wrong, told to nobody, or did not heal.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from typing import Any

from . import table
from .case import Unavailable, all_cases


def main() -> int:
    """Try them, those of one place together; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORDS", help="cases with these words in their title alone")
    parser.add_argument("--quick", action="store_true", help="faults last as long as in the tests; writes no table")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # hosts are ended with it
    cases = all_cases()
    chosen = [case for case in cases if arguments.only in case.title]
    if not chosen:
        parser.error(f"no case has {arguments.only!r} in its title; there are:\n" + "\n".join(c.title for c in cases))
    well = True
    for place in dict.fromkeys(case.place for case in chosen):
        with ExitStack() as stack:
            try:
                there: Any = stack.enter_context(place())
            except Unavailable as error:
                print(f"not tried: {error}", file=sys.stderr)
                well = False
                continue
            for case in (case for case in chosen if case.place == place):
                print(f"{case.title} …", flush=True)
                outcome = case.run(there, not arguments.quick)
                tried = time.strftime("%Y-%m-%d", time.gmtime())
                if hasattr(there, "versions"):
                    tried += f", {there.versions()}"
                row = table.row(case, outcome, tried)
                print(f"  {' | '.join(row[2:])}", flush=True)
                for fault in case.faults(outcome):
                    print(f"  {fault}", flush=True)
                    well = False
                if not arguments.quick:
                    table.update(table.PAGE, cases, {case.title: row})
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
