"""Let a lab that runs go over to what its site file says by now.

Instruments that came are read, those that are gone are let go, those that changed are read anew; the others are not
touched, and miss no reading, unless Telegraf itself has to be started anew (a driver that was not there before, another
measurement, what Telegraf reads itself): that takes about two seconds. A file with a mistake changes nothing."""

from __future__ import annotations

import argparse
import functools

from . import arguments as shared

EXAMPLES = """\
  labline reload              the demo lab
  labline reload my-lab.yml   your own, after a change of the file
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    shared.add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask the run; 0 where it went over."""
    from provisioning import site as sites

    from . import known_labs
    from .local import request
    from .places import state_of
    from .stack import runlock, told
    from .stack.errors import StackError

    file = sites.find(arguments.site)
    sites.load(file)  # its mistakes are told here, where it is typed
    running = known_labs.running(state_of(file, arguments.state), file)
    if not running:
        raise StackError(f"{told.path(file)} does not run here; to start it: {told.command()} run {arguments.site}")
    for root, _ in running:
        lines = request.ask(root, "reload", functools.partial(runlock.holder, root))
        print("\n".join(lines))
    return 0
