"""Log in to a node of a site.

By the way that the site file says: straight, by a jump host, or by the tunnel that the node holds open."""

from __future__ import annotations

import argparse
import os

from .arguments import DEFAULT_SITE

EXAMPLES = """\
  labline ssh --site my-lab.yml cellar                                         a shell there
  labline ssh --site my-lab.yml cellar journalctl -u labline-telegraf -n 20    one command
  labline ssh --site my-lab.yml rack -N -L 3000:127.0.0.1:3000                 its Grafana, at http://127.0.0.1:3000 here
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("node", metavar="NODE", help="the node's name")
    parser.add_argument("--site", metavar="SITE", default=DEFAULT_SITE, help="the site file (default: %(default)s)")
    parser.add_argument(
        "words", metavar="...", nargs=argparse.REMAINDER, help="what ssh is told beside: options of its own, a command"
    )


def run(arguments: argparse.Namespace) -> int:
    """Become ssh."""
    from provisioning import site as sites
    from provisioning import ssh_config
    from telegraf_inputs.errors import BadInput, suggestion

    from . import ssh_ways

    if arguments.words and arguments.words[0].startswith("--site"):
        raise BadInput(
            f"found {arguments.words[0]} after the node's name, where all is for ssh; expected --site SITE before it"
        )
    site = sites.load(sites.find(arguments.site))
    node = next((node for node in site.nodes if node.name == arguments.node), None)
    if node is None:
        names = [node.name for node in site.nodes]
        raise BadInput(f"{site.file} has no node {arguments.node!r}; {suggestion(arguments.node, names)}")
    if not ssh_config.reached(site, node):
        raise BadInput(f"{site.file}: node {node.name!r} has {ssh_config.way(site, node)}")
    program = ssh_ways.program()
    os.execv(program, [program, "-F", str(ssh_ways.config_file(site)), node.name, *arguments.words])
