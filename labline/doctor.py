"""Look at a lab and all it needs, a line each: ok, or what to do.

Asks each instrument who it is (of a lab that runs here: how it is), looks up names and ports, and looks at the clock,
the disk, the database with the rights of its users, Telegraf, Grafana, the mail server, the journal and what waits to be
written. It changes nothing; status 1 where something is to be mended."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import arguments as shared

EXAMPLES = """\
  labline doctor                   the demo lab
  labline doctor my-lab.yml        your own; while it runs, or before
  labline doctor my-lab.yml --mail and send one mail to all who would get alarms
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    parser.add_argument("--mail", action="store_true", help="send a mail to all e-mail addresses of contact points")
    shared.add_state(parser)
    parser.add_argument(
        "--secrets",
        metavar="DIR",
        type=Path,
        default=Path("/etc/labline/secrets"),
        help="the folder of passwords of a lab that labline run did not start (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 0 where nothing is to be mended."""
    from provisioning import site as sites

    from . import known_labs
    from .examine import database, instruments, machine, mail, names, parts
    from .examine.finding import Examined, Finding
    from .places import SIMULATED, Places, state_of

    file = sites.find(arguments.site)
    site = sites.load(file)
    state = state_of(file, arguments.state)
    running = next(((root, who) for root, who in known_labs.running(state, file)), (None, None))
    root, who = running
    places = Places(state, site, simulated=bool(root and root.name.endswith(SIMULATED)))
    urls = {name: url for name, url in who["urls"].items() if url} if who else {}
    lab = Examined(site, places, arguments.secrets, who, arguments.mail, urls)
    width = max(len(name) for name in ("user reader", *(i.name for i in site.instruments)))
    first = Finding("site file", f"{site.file}: no mistakes; {'runs' if who else 'does not run'} here")
    print(first.line(width), flush=True)
    bad = 0
    for subject in (machine, names, instruments, database, parts, mail):
        for finding in subject.findings(lab):
            print(finding.line(width), flush=True)
            bad += not finding.well
    return 1 if bad else 0
