"""Run a lab on this machine, live, until Ctrl-C.

Gets what is missing (InfluxDB, Telegraf, Grafana), starts it on loopback with passwords of its own, and shows a live
table. At the end it stops what it started and tells what was made, written and lost. Data stay for the next run.
Instruments whose connection is sim: are simulated."""

from __future__ import annotations

import argparse
import errno
import re
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from provisioning.database_error import DatabaseError

from . import arguments as shared
from .stack import streams, told
from .stack.errors import StackError
from .stack.progress import say

if TYPE_CHECKING:
    from rich.console import Console

    from .interrupts import Interrupts
    from .lab import Lab
    from .live.audience import Audience
    from .live.snapshot import Snapshot

EXAMPLES = """\
  labline run                          the demo lab
  labline run my-lab.yml               your own
  labline run my-lab.yml --simulate    your own, without its hardware
  labline run --duration 30            for half a minute, then end with status 1 if anything was lost
"""
LOOK_SECONDS = 1.0  # between two looks at the database and at the parts
LAST_LOOK_SECONDS = 20.0  # for the last table of a run that ends by itself
REPORT_SECONDS = 10.0  # between two lines where there is no terminal


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    parser.add_argument(
        "--duration",
        metavar="TIME",
        type=shared.seconds,
        help="end by itself after so many seconds (or 10m, 2h); default: at Ctrl-C",
    )
    parser.add_argument(
        "--simulate",
        action="store_true",
        help="simulate every instrument, whatever its connection; data go to a place of their own",
    )
    shared.add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the lab; 0 where nothing was lost and every instrument brought something, 1 where not."""
    from provisioning import site as sites

    from .places import state_of

    try:
        return _run(arguments)
    except OSError as error:  # a full disk does not say where
        error.filename = error.filename or told.path(state_of(sites.find(arguments.site), arguments.state))
        raise


def _run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from provisioning import site as sites

    from . import ledger
    from .interrupts import Interrupts
    from .lab import Lab
    from .live.audience import Audience, Voice
    from .words import counted

    site = sites.load(sites.find(arguments.site))
    console = Console(highlight=False, file=streams.terminal(sys.stdout))
    voice = Voice(say)
    with Interrupts(voice.say, lambda: lab.kill()) as interrupts:
        lab = Lab(site, arguments.state, voice.say, simulate=arguments.simulate)
        audience = Audience(lambda: _show(lab, console, arguments.duration, audience, voice.say))
        try:
            say(f"{lab.site.title}: {counted('instrument', len(site.enabled))}; all it keeps is in {lab.places.root}")
            lab.start()
            interrupts.check()
            _tell_where(lab)
            voice.begin()
            _keep(lab, arguments.duration, audience, interrupts, voice.say)
            interrupts.be_patient()
            voice.say("stopping: what was read is being written")
            uncounted = ""
            try:
                lab.stop()
            except (StackError, DatabaseError, OSError) as error:
                uncounted = getattr(error, "strerror", None) or str(error)
        finally:
            interrupts.be_patient()
            audience.leave()
            lab.close()
            # All is stopped and safe: now it may wait for whoever reads.
            audience.join()
            voice.end()
    if uncounted:
        print(f"The readings of this run could NOT be counted: {uncounted}")
        journals = ", ".join(told.path(node.journal) for node in lab.places.nodes.values())
        print(f"What Telegraf took is in the journal, if the disk had room: {journals}")
        print("The next run of this site counts them, and writes again from the journal what is missing.")
        return 1
    for line in (*lab.told, *lab.counting.again):
        print(line)
    print("\n".join(ledger.lines(lab.counting.entries, lab.since_ns, lab.lost, lab.happened)), flush=True)
    lab.counting.settled()
    return 0 if ledger.well(lab.counting.entries) and not lab.lost else 1


def _tell_where(lab: Lab) -> None:
    say(
        f"  InfluxDB   {lab.site.influxdb.url}, database {lab.site.influxdb.database}\n"
        f"             user reader, password in {told.path(lab.places.secrets / 'reader')}"
    )
    if grafana := lab.dashboards.grafana:
        say(f"  Dashboards {lab.dashboards.overview}")
        say(f"             user {grafana.admin}, password in {told.path(lab.places.secrets / 'grafana_admin')}")


def _keep(
    lab: Lab, duration: float | None, audience: Audience, interrupts: Interrupts, say: Callable[[str], None]
) -> None:
    """Look after the lab until its time is over, its end is asked for, or nobody looks any more; waits for no reader."""
    end = time.monotonic() + duration + LAST_LOOK_SECONDS if duration else float("inf")
    try:
        audience.start()
        while not audience.over.wait(LOOK_SECONDS) and time.monotonic() < end:
            interrupts.check()
            lab.look_after()
        interrupts.check()
    except KeyboardInterrupt:
        pass
    error = audience.error
    if isinstance(error, OSError) and error.errno in (errno.EPIPE, errno.EIO):
        say(f"nobody reads this any more ({error.strerror}): the run ends")
    elif error:
        raise error


def _show(lab: Lab, console: Console, duration: float | None, audience: Audience, say: Callable[[str], None]) -> None:
    """Show the lab until ``duration`` seconds are over, or for ever."""
    from .live.screen import show
    from .live.table import print_whole
    from .live.watch import Watch

    end = time.monotonic() + duration if duration else float("inf")

    def watching() -> Watch:
        return Watch(
            lab.site,
            lab.reader,
            lab.since_ns,
            lab.details,
            lab.troubles,
            lab.telegraf_runs,
            simulated=lab.simulate,
        )

    watch, version, away = watching(), lab.version, ""
    footer: list[str] = []

    def look() -> Snapshot | None:
        nonlocal away, version, watch
        audience.check()
        footer[:] = [*filter(None, [lab.notice, lab.dashboards.notice]), "Ctrl-C ends the run."]
        began = time.strftime("%H:%M:%S")
        if lab.version != version:  # the site is another one by now
            version = lab.version
            watch = watching()
        try:
            snapshot = watch.look()
        except DatabaseError as error:
            audience.check()
            footer[:0] = [str(error)]
            if not away:
                away = began
                say(f"no answer from the database since {away}: {error}")
            return None
        if away:
            away = ""
            say(f"{began} the database answers again")
        return snapshot

    if console.is_terminal:
        show(console, look, footer, end)
    else:
        _print_lines(look, end)
        if snapshot := look():
            print_whole(console, snapshot)
            print()


def _print_lines(look: Callable[[], Snapshot | None], end: float) -> None:
    """Tell on a line now and then how things are, and at once where an instrument's state changes."""
    told: dict[str, str] = {}
    next_report = 0.0
    while (rest := end - time.monotonic()) > 0:
        if snapshot := look():
            now = time.strftime("%H:%M:%S")
            news = {
                name: snapshot.notes.get(name) or f"{snapshot.called(name)}: {state}"
                for name, state in snapshot.states.items()
            }
            for name, said in (snapshot.troubles | news).items():
                kind = re.sub(r"\d+", "", said)  # a note that only grows older is no news
                if told.get(name, f"{snapshot.called(name)}: starting") != kind:
                    print(f"{now} {said}", flush=True)
                told[name] = kind
            if time.monotonic() >= next_report:
                print(f"{now} {snapshot.summary}", flush=True)
                next_report = time.monotonic() + REPORT_SECONDS
        time.sleep(min(LOOK_SECONDS, rest))
