"""Bring InfluxDB to the site file: users, retention, levels.

Reads what is there, tells the differences, then acts. Doing it twice changes nothing. Where a field that is there
would get another type or unit, nothing is done at all."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .arguments import add_secrets, add_site

if TYPE_CHECKING:
    from provisioning.influxdb_apply import Plan

EXAMPLES = """\
  labline apply my-lab.yml --secrets /etc/labline/secrets
  labline apply my-lab.yml --check   change nothing; status 1 if there is a difference
  labline apply my-lab.yml --fill 2d  and downsample the last two days anew, for readings that came late
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_site(parser)
    parser.add_argument("--check", action="store_true", help="change nothing; tell the differences, with status 1")
    parser.add_argument(
        "--yes", action="store_true", help="agree to what it would ask: what drops data, or disturbs others"
    )
    add_secrets(parser, "the folder with the passwords, in files labadmin, writer and reader")
    parser.add_argument(
        "--fill",
        metavar="TIME",
        type=_duration,
        help="then downsample this much of the past anew (such as 2d), for readings that came late",
    )
    parser.add_argument("--url", metavar="URL", help="another InfluxDB than the one in the site file")


def run(arguments: argparse.Namespace) -> int:
    """Compare and apply; returns the exit status."""
    import provisioning.site
    from provisioning import influxdb_apply, influxdb_fill, influxdb_schema
    from provisioning.influxdb_server import DatabaseError
    from telegraf_inputs import duration

    site = provisioning.site.load(provisioning.site.find(arguments.site))
    url, ca, wanted = arguments.url or site.influxdb.url, site.influxdb.ca, influxdb_schema.schema(site)
    try:
        plan = influxdb_apply.plan(url, wanted, arguments.secrets, ca=ca)
        influxdb_apply.check(plan)
        for note in plan.notes:
            print(f"note: {note}")
        if arguments.check and plan.differences:
            return _differences(plan, arguments.site)
        if not _agreed(plan.warnings, arguments.yes):
            return 1
        influxdb_apply.apply(plan, print)
        if arguments.fill and not arguments.check:
            print(f"downsample {duration.words(arguments.fill)} anew")
            influxdb_fill.refill(url, wanted, arguments.secrets, arguments.fill, ca=ca)
    except DatabaseError as error:
        print(f"labline: {error}", file=sys.stderr)
        return 1
    print(f"{url}: database {site.influxdb.database!r} is as {site.file} says")
    return 0


def _differences(plan: Plan, name: str) -> int:
    """Tell what would be done; returns the exit status."""
    from .stack import told

    for difference in plan.differences:
        print(f"would {difference.text}")
    for warning in plan.warnings:
        print(f"careful: {warning}")
    mend = f"{told.command()} apply {name}"
    print(f"labline: {len(plan.differences)} difference(s); to mend them: {mend}", file=sys.stderr)
    return 1


def _duration(text: str) -> float:
    from telegraf_inputs import duration
    from telegraf_inputs.errors import BadInput

    try:
        return duration.read(text)
    except BadInput as error:
        raise argparse.ArgumentTypeError(error.message) from None


def _agreed(warnings: list[str], yes: bool) -> bool:
    """Ask before data are dropped, or others disturbed; without somebody to ask, refuse."""
    from .stack.asking import agreed

    for warning in warnings:
        print(f"careful: {warning}")
    if not warnings or yes or agreed("Do it all the same?"):
        return True
    print("labline: nothing was changed; --yes does it without asking", file=sys.stderr)
    return False
