"""Runs simulators as a program, for any number of config files of telegraf_inputs programs.

    python -m telegraf_inputs.simulators cryostat.yml gauge.yml

Prints a line ``NAME URL`` for each and ``ready``; then takes lines ``NAME FAULT`` (or ``NAME none``) from stdin, and ends with it.
"""

from __future__ import annotations

import sys

from .. import stanza as stanzas
from ..errors import BadInput
from . import FAULTS, start


def main(files: list[str]) -> int:
    running = {}
    try:
        for file in files:
            stanza = stanzas.load(file)
            running[stanza.name] = start(stanza)
            print(stanza.name, running[stanza.name].url, flush=True)
        print("ready", flush=True)
        for line in sys.stdin:
            name, _, fault = line.strip().partition(" ")
            if name not in running or fault not in (*FAULTS, "none"):
                print(f"found {line.strip()!r}; expected NAME FAULT, with one of {', '.join(running)} and one of {', '.join(FAULTS)}, none",
                      file=sys.stderr, flush=True)
                continue
            running[name].fault = None if fault == "none" else fault
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    finally:
        for simulator in running.values():
            simulator.stop()
    return 0


sys.exit(main(sys.argv[1:]))
