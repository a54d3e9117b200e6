"""Look at a lab and all it needs, a line each: ok, or what to do.

Asks each instrument who it is (of a lab that runs here: how it is), looks up names and ports, and looks at the clock,
the disk, the folders of pictures, the database with the rights of its users, Telegraf, Grafana, the mail server, the
journal and what waits to be written. It changes nothing; status 1 where something is to be mended."""

from __future__ import annotations

import argparse

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
    shared.add_secrets(parser, "the folder of passwords of a lab that labline run did not start")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 0 where nothing is to be mended."""
    from provisioning import site as sites

    from . import running_lab
    from .examine import database, folders, instruments, machine, mail, names, parts
    from .examine.finding import Examined, Finding

    file = sites.find(arguments.site)
    site, here = sites.load(file), running_lab.find(file, arguments.state)
    lab = Examined(site, arguments.state, arguments.secrets, here, mail=arguments.mail)
    width = max(len(name) for name in ("earlier runs", *(i.name for i in site.instruments)))
    state = "does not run here" if here is None else "what runs is as it was before" if here.changed else "runs here"
    first = Finding("site file", f"{site.file}: no mistakes; {state}")
    print(first.line(width), flush=True)
    bad = 0
    for subject in (machine, names, instruments, folders, database, parts, mail):
        for finding in subject.findings(lab):
            print(finding.line(width), flush=True)
            bad += not finding.well
    return 1 if bad else 0
