"""Write what Docker or Podman needs to run a lab.

A folder with compose.yaml, kube.yaml and all that is mounted: the files for Telegraf, Grafana, Caddy and, where the
site reads from mqtt://mosquitto:1883, for a broker; its passwords are made once, and its data lie in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .arguments import add_site

EXAMPLES = """\
  labline containers my-lab.yml             into the folder rendered/NAME+containers
  labline containers my-lab.yml --check     change nothing; status 1 if a file is not current
  cd rendered/my-lab+containers; docker compose up -d
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_site(parser)
    parser.add_argument("--to", metavar="DIR", type=Path, help="the folder (default: rendered/NAME+containers)")
    parser.add_argument("--check", action="store_true", help="change nothing; tell what is not current, with status 1")


def run(arguments: argparse.Namespace) -> int:
    """Write, or compare; returns the exit status."""
    import shlex

    import provisioning.site

    from . import simulation
    from .containing import folder, services
    from .stack import told

    site = provisioning.site.load(provisioning.site.find(arguments.site))
    place = arguments.to or Path("rendered") / f"{site.name}+containers"
    if arguments.check:
        found, missing = folder.changes(site, place), list[Path]()
    else:
        found, missing = folder.write(site, place)
    for name, what in found.items():
        print(f"{what}: {place / name}")
    if arguments.check and found:
        run = f"{told.command()} containers {arguments.site}"
        print(f"labline: {len(found)} file(s) are not current; run: {run}", file=sys.stderr)
        return 1
    print(f"{place} is current")
    for path in missing:
        print(f"missing: {path}; without it nothing starts: printf %s PASSWORD > {shlex.quote(str(path))}")
    for note in services.out_of_reach(site):
        print(f"note: {note}")
    if not arguments.check:
        print(f"the image {services.labline_image()} is built in the clone: see docs/containers.md")
    if note := simulation.note(site):
        print(note)
    return 0
