"""Lets an InfluxDB that is a service of the system begin with a whole write-ahead log (``write_ahead``).

    python -m labline.stack.mend_influxdb CONFIG DATA

Run before each start of it, as its user: where its log in the folder DATA may be torn, it is started out of everybody's reach, by its settings
CONFIG, until it finds nothing torn. An end in order is known by the file ``ended-in-order`` in DATA, which the service makes.

Each version takes these two, in this order: who goes back to an earlier one keeps the service as it is.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from pathlib import Path

from . import loopback, ports, write_ahead
from .errors import StartFailed
from .influxdb import LONGEST_START, out_of_reach
from .process import Process

PROGRAM = "influxd"
ENDED = "ended-in-order"


def mend(program: str | Path, config: Path, data: Path) -> bool:
    """Start it apart until its log is whole; tells whether something torn was cut off. Raises StartFailed."""
    ended = data / ENDED
    in_order = ended.exists()
    ended.unlink(missing_ok=True)  # what ends it now, and nobody sees, is no end in order
    if not write_ahead.torn(data, in_order):
        return False
    with tempfile.TemporaryDirectory() as folder:
        for count in range(write_ahead.MOST_STARTS):
            address, environment = out_of_reach(ports.free(1)[0])
            command = [program, "-config", config]
            with Process("InfluxDB", command, Path(folder) / "influxd.log", environment) as process:
                process.wait_ready(functools.partial(loopback.answers, f"http://{address}/ping", 204), LONGEST_START)
                found = write_ahead.TORN in process.output()
                process.stop(30)
            if not found:
                return count > 0
    raise StartFailed(write_ahead.stays_torn(data / "wal"))


def main() -> int:
    """Mend it; returns the exit status, 1 where that can't be done."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    began = time.monotonic()
    try:
        if mend(PROGRAM, Path(sys.argv[1]), Path(sys.argv[2])):
            print(f"The write-ahead log was torn: what was torn is cut off, in {time.monotonic() - began:.0f} s.")
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
