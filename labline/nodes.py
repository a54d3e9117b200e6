"""List a site's nodes, and how each is reached.

With --ssh-config, as a file for ssh: jump hosts and tunnels included."""

from __future__ import annotations

import argparse

from .arguments import add_site

EXAMPLES = """\
  labline nodes my-lab.yml                            each node, and how it is reached
  labline nodes my-lab.yml --ssh-config > lab.conf    then: ssh -F lab.conf cellar, scp -F lab.conf …
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_site(parser)
    parser.add_argument("--ssh-config", action="store_true", help="print a configuration for ssh instead")


def run(arguments: argparse.Namespace) -> int:
    """List them, or print the configuration."""
    from provisioning import site as sites
    from provisioning import ssh_config

    from .words import counted

    site = sites.load(sites.find(arguments.site))
    if arguments.ssh_config:
        print(ssh_config.render(site), end="")
        return 0
    width = max(len(node.name) for node in site.nodes)
    for node in site.nodes:
        what = "server, " if node is site.server else ""
        print(
            f"{node.name:{width}}  {what}{counted('instrument', len(site.of_node(node)))}; {ssh_config.way(site, node)}"
        )
    return 0
