"""Have an instrument read again before its pause is over."""

from __future__ import annotations

import argparse

from . import arguments as shared
from . import pausing

EXAMPLES = """\
  labline resume magnet              the demo lab's magnet
  labline resume chiller my-lab.yml
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("instrument", metavar="INSTRUMENT", help="its name in the site file")
    shared.add_site(parser)
    pausing.add_folder(parser)
    shared.add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Resume it; the status is 1 where the program has not taken it up in time."""
    return pausing.resume(pausing.folder(arguments), arguments.instrument)
