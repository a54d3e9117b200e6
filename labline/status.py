"""Show the lab as it is now: values, trends, states, alarms.

On a terminal the table lives until Ctrl-C; elsewhere it is printed once, as plain text, with exit status 1 where
anything is wrong. Values come from the database of a lab that runs here (labline run), or else from the one that the
site file names. Alarms stand here as in Grafana: pending until a value was beyond its limit for as long as that says,
ending until it was back long enough. A pending one is not wrong yet."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from . import arguments as shared
from .stack import streams
from .stack.progress import say

if TYPE_CHECKING:
    from .live.watch import Watch

EXAMPLES = """\
  labline status                   the demo lab, while `labline run` runs it in another window
  labline status my-lab.yml --all  every quantity, the raw ones behind calibrations included
  labline status --once            print it once; status 1 where something is wrong
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    parser.add_argument("--once", action="store_true", help="print it once, also on a terminal")
    parser.add_argument("--all", action="store_true", help="show every quantity, raw ones included")
    shared.add_state(parser)
    shared.add_secrets(parser, "where labline run did not start the lab: the folder with the password file reader")


def run(arguments: argparse.Namespace) -> int:
    """Show it; printed once, the status is 1 where something is wrong."""
    from rich.console import Console

    from .live.screen import show
    from .live.table import print_whole

    watch = _watch(arguments)
    console = Console(highlight=False, file=streams.terminal(sys.stdout))
    if arguments.once or not console.is_terminal:
        snapshot = watch.look()
        print_whole(console, snapshot, everything=arguments.all)
        return 0 if snapshot.well else 1
    try:
        show(console, watch.look, ["Ctrl-C ends this; the lab runs on."], everything=arguments.all)
    except KeyboardInterrupt:
        pass
    return 0


def _watch(arguments: argparse.Namespace) -> Watch:
    """Find the database: that of a running `labline run`, else the site file's. Raises DatabaseError."""
    from provisioning import site as sites
    from provisioning.telegraf_config import WRITER

    from . import site_database
    from .live.canary import Canary, merged
    from .live.watch import Watch
    from .stack import told

    file = sites.find(arguments.site)
    here = site_database.here(file, arguments)
    if here:
        if here.changed:
            say(f"note: {told.path(file)} says something else than what runs; shown is what runs")
        return here.watch()
    site, server = site_database.find(file, arguments)
    if not os.access(arguments.secrets / WRITER, os.R_OK):
        return Watch(site, server, 0)
    canary = Canary(site, server, arguments.secrets)
    return Watch(site, server, 0, troubles=lambda: merged([], canary.look))
