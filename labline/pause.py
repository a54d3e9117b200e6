"""Let an instrument's port go for another program, for a while.

No alarm comes of that. The program that reads it lets go within a second or a cycle, its state says paused until the time is over, and then it
is read again by itself, or before that with `labline resume`. What Telegraf reads itself (Modbus, MQTT, OPC UA, SNMP) can't be paused: to
free its port, write `enabled: false` in the site file, then `labline reload`, or start Telegraf anew where it runs by itself."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import arguments as shared
from . import pausing

EXAMPLES = """\
  labline pause magnet               the demo lab's magnet, for ten minutes
  labline pause chiller my-lab.yml --for 1h
  labline pause chiller --folder /etc/telegraf/labline/instruments   a lab that Telegraf runs by itself
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("instrument", metavar="INSTRUMENT", help="its name in the site file")
    shared.add_site(parser)
    parser.add_argument(
        "--for", dest="long", metavar="TIME", default="10m", help="how long (default: %(default)s; 1w at most)"
    )
    pausing.add_folder(parser)
    shared.add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Pause it; the status is 1 where no program has let go of it in time."""
    from telegraf_inputs import duration, pauses
    from telegraf_inputs.errors import BadInput

    try:
        seconds = duration.read(arguments.long)
    except BadInput as error:
        raise BadInput(f"--for: {error.message}") from None
    if not 1 <= seconds <= pauses.LONGEST_SECONDS:
        raise BadInput(
            f"--for: found {arguments.long!r}, expected a duration from 1s to {duration.exact(pauses.LONGEST_SECONDS)}"
        )
    folder: Path = pausing.folder(arguments)
    return pausing.pause(folder, arguments.instrument, seconds)
