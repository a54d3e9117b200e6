"""Run a lab on this machine, live, until Ctrl-C.

Gets what is missing (InfluxDB, Telegraf, Grafana), starts it on loopback with passwords of its own, and shows a live table.
At the end it stops what it started and tells what was made, written and lost. Data stay for the next run. Instruments whose
connection is sim: are simulated."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from provisioning.influxdb_server import DatabaseError

from . import arguments as shared
from .stack.errors import StackError
from .stack.progress import say

if TYPE_CHECKING:
    from rich.console import Console

    from .lab import Lab
    from .live.snapshot import Snapshot, Watch

EXAMPLES = """\
  labline run                          the demo lab
  labline run my-lab.yml               your own
  labline run my-lab.yml --simulate    your own, without its hardware
  labline run --duration 30            for half a minute, then end with status 1 if anything was lost
"""
LOOK_SECONDS = 1.0  # between two looks at the database and at the parts
REPORT_SECONDS = 10.0  # between two lines where there is no terminal


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    parser.add_argument(
        "--duration", metavar="TIME", type=shared.seconds, help="end by itself after so many seconds (or 10m, 2h); default: at Ctrl-C"
    )
    parser.add_argument("--simulate", action="store_true", help="simulate every instrument, whatever its connection")
    shared.add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the lab; 0 where nothing was lost and every instrument brought something, 1 where not."""
    from rich.console import Console

    from provisioning import site as sites

    from . import ledger
    from .lab import Lab, orderly_end
    site = sites.load(sites.find(arguments.site))
    console = Console(highlight=False)
    with orderly_end(say) as stopping:
        lab = Lab(site, arguments.state, say, simulate=arguments.simulate)
        try:
            say(f"{site.title}: {len(site.instruments)} instruments; all it keeps is in {lab.places.root}")
            lab.start()
            _tell_where(lab)
            failed = False
            try:
                _watch(lab, console, arguments.duration)
            except KeyboardInterrupt:
                pass
            except StackError as error:
                say(str(error))
                failed = True
            stopping()
            say("stopping: what was read is being written")
            lab.stop()
        finally:
            stopping()
            lab.close()
    print("\n".join(ledger.lines(lab.ledger, lab.since_ns)))
    return 0 if ledger.well(lab.ledger) and not failed else 1


def _tell_where(lab: Lab) -> None:
    say(f"  InfluxDB   {lab.site.influxdb.url}, database {lab.site.influxdb.database}, user reader, password in {lab.places.secrets / 'reader'}")
    if lab.grafana:
        say(f"  Dashboards {lab.overview}")
        say(f"             user {lab.grafana.admin}, password in {lab.places.secrets / 'grafana_admin'}")


def _watch(lab: Lab, console: Console, duration: float | None) -> None:
    """Show the lab until ``duration`` seconds are over, or for ever."""
    from .live.snapshot import Watch

    end = time.monotonic() + duration if duration else float("inf")
    watch = Watch(lab.site, lab.reader, lab.since_ns)
    if console.is_terminal:
        _watch_table(lab, watch, console, end)
    else:
        _watch_lines(lab, watch, console, end)


def _watch_table(lab: Lab, watch: Watch, console: Console, end: float) -> None:
    from rich.live import Live

    from .live.table import LiveTable

    footer = [f"Dashboards: {lab.overview}" if lab.grafana else "", "Ctrl-C ends the run."]
    with Live(console=console, auto_refresh=False, redirect_stderr=True) as live:
        while (rest := end - time.monotonic()) > 0:
            lab.look_after()
            if snapshot := _look(watch):
                live.update(LiveTable(snapshot, footer=[line for line in footer if line]), refresh=True)
            time.sleep(min(LOOK_SECONDS, rest))


def _watch_lines(lab: Lab, watch: Watch, console: Console, end: float) -> None:
    """Tell on a line now and then how things are, at once where an instrument's state changes; at the end the whole table."""
    from .live.table import LiveTable

    states: dict[str, str] = {}
    next_report = 0.0
    while (rest := end - time.monotonic()) > 0:
        lab.look_after()
        snapshot = _look(watch)
        if snapshot is None:
            continue
        changed = [name for name, state in snapshot.states.items() if states.get(name, "starting") != state]
        if changed or time.monotonic() >= next_report:
            now = time.strftime("%H:%M:%S")
            for name in changed:
                print(f"{now} {name}: {snapshot.states[name].replace('_', ' ')}", flush=True)
            if time.monotonic() >= next_report:
                print(f"{now} {snapshot.summary}", flush=True)
                next_report = time.monotonic() + REPORT_SECONDS
        states = snapshot.states
        time.sleep(min(LOOK_SECONDS, rest))
    if snapshot := _look(watch):
        console.print(LiveTable(snapshot, everything=True))
        sys.stdout.flush()


def _look(watch: Watch) -> Snapshot | None:
    """Look at the lab; None while the database is away, which ``look_after`` deals with."""
    try:
        return watch.look()
    except DatabaseError:
        time.sleep(LOOK_SECONDS)
        return None
