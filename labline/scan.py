"""Find out what is connected, with stanzas to paste.

Looks at serial ports, VISA resources, Phidgets, 1-Wire sensors, USB cameras. Prints what answers, and a stanza for each: its block for the site file. Ports are asked for their identity only, with questions that
change nothing in any instrument; a port that a program has open is left alone. Opening a port can restart an Arduino:
--no-probe opens none."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from . import arguments as shared

if TYPE_CHECKING:
    from telegraf_inputs.url import Url

EXAMPLES = """\
  labline scan                                  all there is
  labline scan --no-probe                       list only; nothing is opened, nothing is sent
  labline scan --port /dev/ttyUSB0              ask this one port
  labline scan --port tcp://192.168.1.7:4001    a serial server's port, an instrument on the network
  labline scan --phidget-server 192.168.1.9     a Phidget network server that does not announce itself
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--no-probe", action="store_true", help="list only: open nothing, send nothing")
    parser.add_argument(
        "--port",
        metavar="PORT",
        action="append",
        default=[],
        help="ask this port alone: a device or a URL (repeatable)",
    )
    parser.add_argument(
        "--server", metavar="URL", action="append", default=[], help="look at what this server has, too (repeatable)"
    )
    parser.add_argument(
        "--phidget-server",
        metavar="HOST[:PORT]",
        dest="server",
        action="append",
        type="phidget://{}".format,
        help="the same as --server phidget://HOST[:PORT]",
    )


def run(arguments: argparse.Namespace) -> int:
    """Scan; 0 where something was found, 1 where nothing answered."""
    from telegraf_inputs import drivers, transports
    from telegraf_inputs.errors import BadInput

    from .scanning import devices, ports
    from .scanning.finding import FoundPlace
    from .stack import told
    from .stack.progress import say

    probe, servers = not arguments.no_probe, [_server(text) for text in arguments.server]
    ways = [transports.load(scheme) for scheme in transports.names()]
    shared.find_libraries(library for way in ways for library in way.libraries)
    every = [drivers.load(name) for name in drivers.names()] if servers or not arguments.port else []
    for server in servers:
        if not any(driver.servers == server.scheme for driver in every):
            schemes = sorted({driver.servers for driver in every if driver.servers})
            raise BadInput(f"no driver looks at servers of {server.text}; expected a URL of {' or '.join(schemes)}")
    kinds = [ports.named(arguments.port, probe)]
    if not arguments.port:
        kinds += [ports.listed(way, probe) for way in ways]
    for driver in every:
        named = [server for server in servers if server.scheme == driver.servers]
        if named or not arguments.port:
            kinds.append(devices.all(driver, named))
    found: list[FoundPlace] = []
    said: set[str] = set()
    for kind in kinds:
        for item in kind:
            if isinstance(item, str):
                if item not in said:  # advice that holds for many ports is given once
                    say(item)
                    said.add(item)
                continue
            item.rename_beside([other.name for other in found])
            print(item.text(), flush=True)
            found.append(item)
    stanzas = sum(bool(item.stanza) for item in found)
    if stanzas:
        say(
            f"{stanzas} instrument(s) found. Paste them under `instruments:` in a site file; "
            f"then: {told.command()} check FILE"
        )
    elif not arguments.no_probe:
        say(
            "no instrument answered. Is it on, is its cable in? Not every instrument can be asked: "
            "see docs/adding-an-instrument.md"
        )
    sys.stdout.flush()
    return 0 if stanzas or arguments.no_probe and found else 1


def _server(text: str) -> Url:
    """Read a server's URL. Raises BadInput."""
    from telegraf_inputs import transports
    from telegraf_inputs.url import Url

    url = Url(text)
    transports.of(url)
    url.host_port(default_port=1)  # each kind of server has its own; here it need only be a number
    return url
