"""Bring InfluxDB to what the site file says: database, users, retention, downsampling.

Reads what is there, tells the differences, then acts. Doing it twice changes nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .arguments import add_site

EXAMPLES = """\
  labline apply my-lab.yml --secrets /etc/labline/secrets
  labline apply my-lab.yml --check   change nothing; status 1 if there is a difference
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_site(parser)
    parser.add_argument("--check", action="store_true", help="change nothing; tell the differences, with status 1")
    parser.add_argument("--yes", action="store_true", help="agree to drop what a shorter retention drops")
    parser.add_argument(
        "--secrets",
        metavar="DIR",
        type=Path,
        default=Path("/etc/labline/secrets"),
        help="the folder with the passwords, in files labadmin, writer and reader (default: %(default)s)",
    )
    parser.add_argument("--url", metavar="URL", help="another InfluxDB than the one in the site file")


def run(arguments: argparse.Namespace) -> int:
    """Compare and apply; returns the exit status."""
    import provisioning.site
    from provisioning import influxdb_apply, influxdb_schema
    from provisioning.influxdb_server import DatabaseError

    site = provisioning.site.load(provisioning.site.find(arguments.site))
    url = arguments.url or site.influxdb.url
    try:
        plan = influxdb_apply.plan(url, influxdb_schema.schema(site), arguments.secrets)
        for note in plan.notes:
            print(f"note: {note}")
        if not plan.differences:
            print(f"{url}: database {site.influxdb.database!r} is as {site.file} says")
            return 0
        if arguments.check:
            for difference in plan.differences:
                print(f"would {difference.text}")
            for loss in plan.losses:
                print(f"careful: {loss}")
            print(
                f"labline: {len(plan.differences)} difference(s); to mend them: labline apply {arguments.site}",
                file=sys.stderr,
            )
            return 1
        if not _agreed(plan.losses, arguments.yes):
            return 1
        influxdb_apply.apply(plan, print)
    except DatabaseError as error:
        print(f"labline: {error}", file=sys.stderr)
        return 1
    print(f"{url}: database {site.influxdb.database!r} is now as {site.file} says")
    return 0


def _agreed(losses: list[str], yes: bool) -> bool:
    """Ask before data are dropped; without somebody to ask, refuse."""
    for loss in losses:
        print(f"careful: {loss}")
    if not losses or yes:
        return True
    if not sys.stdin.isatty():
        print("labline: nothing was changed; to drop these data, say --yes", file=sys.stderr)
        return False
    if input("Drop them? [y/N] ").strip().lower() in ("y", "yes"):
        return True
    print("labline: nothing was changed", file=sys.stderr)
    return False
