"""Give the database's users new passwords; no point is lost.

A lab that runs here changes those of writer, reader and labadmin by itself. With --secrets, it is done for a Telegraf that is
a service of this machine: stopped, so that it writes what it holds, and started again when the new password counts."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from pathlib import Path

from . import arguments as shared

EXAMPLES = """\
  labline rotate my-lab.yml                                   of a lab that runs here
  sudo labline rotate my-lab.yml --secrets /etc/labline/secrets  where Telegraf is a service
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    shared.add_state(parser)
    parser.add_argument(
        "--secrets",
        metavar="DIR",
        type=Path,
        help="where labline run did not start the lab: the folder with the passwords, in files labadmin, writer and reader",
    )
    parser.add_argument(
        "--service",
        metavar="NAME",
        default="telegraf",
        help="with --secrets: Telegraf's service (default: %(default)s)",
    )
    parser.add_argument(
        "--given",
        action="store_true",
        help="with --secrets: take the passwords from stdin (JSON, by user) and let every service be, as ansible/rotate.yml does",
    )
    parser.add_argument("--url", metavar="URL", help="with --secrets: another InfluxDB than the one in the site file")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 where all passwords were changed."""
    from provisioning import site as sites

    from . import known_labs
    from .local import request
    from .places import state_of
    from .stack import runlock, told
    from .stack.errors import StackError

    file = sites.find(arguments.site)
    site = sites.load(file)
    if arguments.secrets and arguments.given:
        return _given(arguments, site)
    if arguments.secrets:
        return _of_services(arguments, site)
    running = known_labs.running(state_of(file, arguments.state), file)
    if not running:
        raise StackError(
            f"{told.path(file)} does not run here; to start it: {told.command()} run {arguments.site}\n"
            "Where its Telegraf is a service, name the folder with its passwords: --secrets DIR"
        )
    for root, _ in running:
        print("\n".join(request.ask(root, "rotate", functools.partial(runlock.holder, root))))
    return 0


def _of_services(arguments: argparse.Namespace, site: object) -> int:
    from provisioning import influxdb_passwords
    from provisioning.influxdb_schema import ADMIN, READER
    from provisioning.influxdb_server import Server, secret
    from provisioning.site import Site
    from provisioning.telegraf_config import WRITER
    from telegraf_inputs.errors import BadInput

    from .stack import credentials, service

    assert isinstance(site, Site)
    if len(site.nodes) > 1:
        raise BadInput(
            f"found {len(site.nodes)} nodes, and each has the password of {WRITER}: this command reaches the Telegraf of this machine "
            "alone, and the others would lose what they write; expected a site of one node",
            ("nodes",),
            site.file,
        )
    secrets: Path = arguments.secrets

    def administrator() -> Server:
        return Server(arguments.url or site.influxdb.url, ADMIN, secret(secrets, ADMIN), ca=site.influxdb.ca)

    influxdb_passwords.finish(administrator(), secrets, ADMIN)
    administrator().query("SHOW DATABASES")  # where that is refused, nothing is stopped
    with service.stopped(arguments.service):
        influxdb_passwords.rotate(administrator(), secrets, WRITER, credentials.generate())
    print(f"new password: {WRITER}; {arguments.service} was stopped for that, and runs again")
    for user in (READER, ADMIN):
        influxdb_passwords.rotate(administrator(), secrets, user, credentials.generate())
        print(f"new password: {user}")
    print(f"Grafana, and whatever else asks as {READER}, has to be told the new one: {secrets / READER}")
    return 0


def _given(arguments: argparse.Namespace, site: object) -> int:
    """Give each user the password that stdin has, the administrator last; whoever has it already keeps it."""
    from provisioning import influxdb_passwords
    from provisioning.influxdb_schema import ADMIN, READER
    from provisioning.influxdb_server import Server, secret
    from provisioning.site import Site
    from provisioning.telegraf_config import WRITER
    from telegraf_inputs.errors import BadInput

    assert isinstance(site, Site)
    try:
        given = json.load(sys.stdin)
        wanted = {user: str(given[user]) for user in (WRITER, READER, ADMIN)}
    except (ValueError, TypeError, KeyError):
        raise BadInput(f"stdin: expected JSON with passwords of {WRITER}, {READER} and {ADMIN}") from None
    secrets: Path = arguments.secrets
    anybody = Server(arguments.url or site.influxdb.url, ca=site.influxdb.ca)
    influxdb_passwords.finish(anybody, secrets, ADMIN)
    for user, password in wanted.items():
        if secret(secrets, user) == password and not anybody.as_user(user, password).refusal():
            continue
        administrator = anybody.as_user(ADMIN, secret(secrets, ADMIN))
        influxdb_passwords.rotate(administrator, secrets, user, password)
        print(f"new password: {user}")
    return 0
