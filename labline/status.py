"""Show the lab as it is now: values, trends, states, alarms.

On a terminal the table lives until Ctrl-C; elsewhere it is printed once, as plain text, with exit status 1 where
anything is wrong. Values come from the database of a lab that runs here (labline run), or else from the one that the
site file names. Alarms stand here as in Grafana: pending until a value was beyond its limit for as long as that says,
ending until it was back long enough. A pending one is not wrong yet."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import arguments as shared
from .stack import streams
from .stack.progress import say

if TYPE_CHECKING:
    from provisioning.site import Site

    from .live.watch import Watch
    from .places import Places

EXAMPLES = """\
  labline status                   the demo lab, while `labline run` runs it in another window
  labline status my-lab.yml --all  every quantity, the raw ones behind calibrations included
  labline status --once            print it once; status 1 where something is wrong
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    parser.add_argument("--once", action="store_true", help="print it once, also on a terminal")
    parser.add_argument("--all", action="store_true", help="show every quantity, raw ones included")
    shared.add_state(parser)
    parser.add_argument(
        "--secrets",
        metavar="DIR",
        type=Path,
        default=Path("/etc/labline/secrets"),
        help="where labline run did not start the lab: the folder with the password file reader (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show it; printed once, the status is 1 where something is wrong."""
    from rich.console import Console

    from .live.screen import show
    from .live.table import print_whole

    watch = _watch(arguments)
    console = Console(highlight=False, file=streams.terminal(sys.stdout))
    if arguments.once or not console.is_terminal:
        snapshot = watch.look()
        print_whole(console, snapshot, everything=arguments.all)
        return 0 if snapshot.well else 1
    try:
        show(console, watch.look, ["Ctrl-C ends this; the lab runs on."], everything=arguments.all)
    except KeyboardInterrupt:
        pass
    return 0


def _watch(arguments: argparse.Namespace) -> Watch:
    """Find the database: that of a running `labline run`, else the site file's. Raises DatabaseError."""
    from provisioning import site as sites
    from provisioning.influxdb_schema import READER
    from provisioning.influxdb_server import SECONDS_PER_LOOK, DatabaseError, Server, secret
    from provisioning.telegraf_config import WRITER

    from . import known_labs
    from .live.canary import Canary, merged
    from .live.watch import Watch
    from .local.site_file import COPY
    from .places import SIMULATED, Places, simulated, state_of
    from .stack import told

    file = sites.find(arguments.site)
    starting = None
    for root, running in known_labs.running(state_of(file, arguments.state), file):
        if not running["urls"].get("influxdb"):
            starting = running
        else:
            text = (root / COPY).read_text(encoding="utf-8-sig")
            if not file.exists() or text != file.read_text(encoding="utf-8-sig", errors="replace"):
                say(f"note: {told.path(file)} says something else than what runs; shown is what runs")
            site = sites.parse(text, str(file))
            whole = root.name.endswith(SIMULATED)
            places = Places(root.parent, site, simulated=whole)
            return _here(simulated(site) if whole else site, places, running)
    site = sites.load(file)
    if starting:
        raise DatabaseError(
            f"{site.name} is still starting (process {starting['pid']}, since {starting['since']}), and has no database yet. "
            f"Try again in a moment: {told.command()} status {arguments.site}"
        )
    if not (arguments.secrets / READER).exists():
        raise DatabaseError(
            f"{site.name} does not run here (nothing holds {told.path(Places(arguments.state, site).root)}); "
            f"to start it: {told.command()} run {arguments.site}\n"
            f"If it runs elsewhere ({site.influxdb.url}), name the folder with the password {READER}: --secrets DIR"
        )
    server = Server(
        site.influxdb.url, READER, secret(arguments.secrets, READER), ca=site.influxdb.ca, seconds=SECONDS_PER_LOOK
    )
    if not os.access(arguments.secrets / WRITER, os.R_OK):
        return Watch(site, server, 0)
    canary = Canary(site, server, arguments.secrets)
    return Watch(site, server, 0, troubles=lambda: merged([], canary.look))


def _here(site: Site, places: Places, running: Mapping[str, Any]) -> Watch:
    """Look at a lab that `labline run` runs here; ``running`` is what it says of itself."""
    from datetime import datetime

    from msgspec import structs

    from .live.canary import LONGEST, Canary, merged
    from .live.telegraf_log import TelegrafLog, TelegrafLogs
    from .live.watch import Watch
    from .stack import standstill

    url = running["urls"]["influxdb"]
    since = datetime.fromisoformat(running["since"]).timestamp()
    site = structs.replace(site, influxdb=structs.replace(site.influxdb, url=url, ca=""))
    logs = TelegrafLogs(
        [TelegrafLog.of_node(site, node, places.nodes[node.name].log, since=since) for node in site.nodes]
    )
    canary = Canary(site, places.reader(url, LONGEST), places.secrets)
    return Watch(
        site,
        places.reader(url),
        int(since * 1e9),
        logs.details,
        lambda: merged(logs.troubles(), canary.look),
        lambda node: standstill.is_child(running["telegraf"].get(node), running["pid"]),
    )
