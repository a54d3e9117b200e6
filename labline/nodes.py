"""List a site's nodes: how each is reached, and how it is.

The database tells when each was last heard of, and what waits there; each node itself, by ssh as you, how far its clock
is off from this machine's, whether its tunnel is open, and its version. Status 1 where something is wrong."""

from __future__ import annotations

import argparse
from typing import Any

from . import arguments as shared

EXAMPLES = """\
  labline nodes my-lab.yml                            each node, and how it is
  labline nodes my-lab.yml --ways                     how each is reached; nothing is asked
  labline nodes my-lab.yml --ssh-config > lab.conf    then: ssh -F lab.conf cellar, scp -F lab.conf …
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    shared.add_site(parser)
    parser.add_argument("--ways", action="store_true", help="only how each is reached; nothing is asked")
    parser.add_argument("--no-ssh", action="store_true", help="ask the database alone")
    parser.add_argument("--json", action="store_true", help="for programs: as JSON")
    parser.add_argument("--ssh-config", action="store_true", help="print a configuration for ssh instead")
    shared.add_state(parser)
    shared.add_secrets(parser, "where labline run did not start the lab: the folder with the password file reader")


def run(arguments: argparse.Namespace) -> int:
    """Show them, or print the configuration; status 1 where something is wrong with one."""
    from provisioning import site as sites
    from provisioning import ssh_config

    from .live import node_table
    from .live.nodes import looked_at
    from .site_database import find

    file = sites.find(arguments.site)
    if arguments.ssh_config or arguments.ways:
        site = sites.load(file)
        if arguments.ssh_config:
            print(ssh_config.render(site), end="")
        elif arguments.json:
            print(_json(ssh_config.described(site)))
        else:
            print("\n".join(node_table.ways(site)))
        return 0
    site, server = find(file, arguments)
    states = looked_at(site, server, by_ssh=not arguments.no_ssh)
    if arguments.json:
        said = ssh_config.described(site)
        for node, state in zip(said["nodes"], states, strict=True):
            node |= state.described()
        print(_json(said))
    else:
        print("\n".join(node_table.table(states)))
    return 0 if all(state.well for state in states) else 1


def _json(said: dict[str, Any]) -> str:
    import json

    return json.dumps(said, indent=2, ensure_ascii=False)
