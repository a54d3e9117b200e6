"""Look for mistakes in a site file, and try what Telegraf says to it.

Reads the file, all units included, and tells the mistakes (in an instrument's own keys, one at a time); renders it, and
has `telegraf config check` read that, where Telegraf is at hand. Mistakes are status 1 here, wrong use (2) elsewhere."""

from __future__ import annotations

import argparse
import sys

from .arguments import add_site

EXAMPLES = """\
  labline check                      the demo lab
  labline check my-lab.yml           what is wrong with it, with file and line
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_site(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check; returns the exit status."""
    import provisioning.site
    from grafana_dashboards import emit
    from provisioning import telegraf_check
    from telegraf_inputs.errors import BadInput

    from . import simulation
    from .live.snapshot import counted
    from .stack import telegraf, told

    path = provisioning.site.find(arguments.site)
    if not path.exists():
        raise BadInput("there is no such file", file=str(path))
    try:
        site = provisioning.site.load(path)
    except BadInput as error:
        print(error, file=sys.stderr)
        errors = getattr(error, "errors", [error])
        print(f"labline: {counted('mistake', len(errors))} in {path}", file=sys.stderr)
        return 1
    try:
        emit.render(site)
    except emit.Unfit as error:
        print(f"labline: {error}", file=sys.stderr)
        return 1
    channels = sum(len(i.stanza.channels) for i in site.instruments)
    limits = sum(len(i.limits) for i in site.instruments)
    print(
        f"{path}: {counted('instrument', len(site.instruments))}, {counted('channel', channels)}, {counted('limit', limits)}; "
        "no mistakes"
    )
    if note := simulation.note(site):
        print(note)
    program = telegraf.at_hand()
    if program is None:
        print(f"Telegraf is not at hand, so its configuration was not tried; `{told.command()} run` gets it")
        return 0
    if said := telegraf_check.check(site, program):
        print(f"labline: {program} does not take the configuration that was made from {path}:\n{said}", file=sys.stderr)
        return 1
    print(f"{program}: takes the configuration")
    return 0
