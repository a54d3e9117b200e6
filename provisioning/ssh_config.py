"""From the site to an ssh_config, by which ssh reaches each node: straight, by a jump host, by a tunnel to the server."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from telegraf_inputs.url import HERE

from . import native_config
from .site import Node, Site
from .site_conflicts import GRAFANA_PORT

HEADER = "# Made by `labline nodes --ssh-config` from the site file: change that, not this.\n"
# What the server keeps to itself: Grafana and the database, at the same ports here.
VIEWS = "views"
# ssh takes the first value that it finds: yours add to these, such as keys.
YOURS = "    ServerAliveInterval 15\n    ServerAliveCountMax 4\n    Include ~/.ssh/config\n"
# Here, not as options of a command: the ssh that goes to a jump host reads this file, and is handed no options.
ALONE = "    BatchMode yes\n    ConnectTimeout 8\n"


def reached(site: Site, node: Node) -> bool:
    """Tell whether the site file says a way to a node."""
    return bool(node.address or node.ssh.tunnel_port)


def way(site: Site, node: Node) -> str:
    """Tell in words how a node is reached."""
    if node.ssh.tunnel_port:
        return f"its tunnel, port {node.ssh.tunnel_port} of {site.server.name}"
    if not node.address:
        return "no way: give it an address, or an ssh.tunnel_port"
    return f"{node.address}, by {node.ssh.jump}" if node.ssh.jump else node.address


def render(site: Site, *, alone: bool = False) -> str:
    """Make the ssh_config of a site's nodes; those without a way are left out. ``alone``: nobody is asked anything on the way."""
    hosts = [_host(site, node) for node in site.nodes if reached(site, node)]
    if reached(site, site.server):
        hosts.append(_views(site))
    return HEADER + "".join(f"\n{host}" for host in hosts) + f"\nHost *\n{ALONE * alone}{YOURS}"


def _views(site: Site) -> str:
    """Name the server once more, for `ssh -N`: with what can be looked at there. No node is called so, for the plus."""
    server, ports = site.server, (GRAFANA_PORT, urlsplit(site.influxdb.url).port or 8086)
    forwards = "".join(f"    LocalForward 127.0.0.1:{port} 127.0.0.1:{port}\n" for port in ports)
    block = _host(site, server).replace(f"Host {server.name}\n", f"Host {server.name}+{VIEWS}\n", 1)
    return f"{block}{forwards}    ExitOnForwardFailure yes\n"


def carried(site: Site) -> int:
    """Tell which port of the server's loopback tunnels carry beside: what nodes write to, where they name it as if it were theirs; 0: none."""
    url = urlsplit((site.influxdb.write or site.influxdb).url)
    holders = any(node.ssh.tunnel_port for node in site.nodes)
    return (url.port or 0) if holders and url.hostname in HERE else 0


def described(site: Site) -> dict[str, Any]:
    """Describe the nodes and their ways for programs: words, numbers and truth values, as the site file has them."""
    nodes = [
        {
            "name": node.name,
            "server": node is site.server,
            "address": node.address,
            "instruments": [instrument.name for instrument in site.of_node(node)],
            "secrets": _secrets(site, node),
            "ssh": {
                "user": node.ssh.user,
                "port": node.ssh.port,
                "jump": node.ssh.jump,
                "tunnel_port": node.ssh.tunnel_port,
            },
        }
        for node in site.nodes
    ]
    return {"site": site.name, "carried": carried(site), "nodes": nodes}


def _secrets(site: Site, node: Node) -> dict[str, list[str]]:
    """Tell which instruments of a node Telegraf reads with which passwords, by the names of their files."""
    found: dict[str, list[str]] = {}
    for instrument in site.of_node(node):
        names = () if instrument.stanza.simulated else native_config.secrets(instrument.stanza)
        for name in dict.fromkeys(names):
            found.setdefault(name, []).append(instrument.name)
    return found


def _host(site: Site, node: Node) -> str:
    tunnel = node.ssh.tunnel_port
    lines = {
        "HostName": "127.0.0.1" if tunnel else node.address,
        "Port": tunnel or node.ssh.port,
        "User": node.ssh.user,
        "ProxyJump": site.server.name if tunnel else node.ssh.jump,
        # At the end of tunnels all are 127.0.0.1: keys are known by the node's name.
        "HostKeyAlias": node.name if tunnel else "",
    }
    return f"Host {node.name}\n" + "".join(f"    {key} {value}\n" for key, value in lines.items() if value)
