"""Runs simulators as a program, for any number of config files of telegraf_inputs programs.

    python -m telegraf_inputs.simulators cryostat.yml gauge.yml

Prints a line ``NAME URL`` for each, ``note: NAME: …`` where one can't do all, and ``ready``; then takes lines ``NAME FAULT`` (or ``NAME none``) from stdin, and
ends with it, or at SIGTERM, or at Ctrl-C.
"""

from __future__ import annotations

import signal
import sys

from .. import plugins, yamlfile
from .. import stanza as stanzas
from ..errors import BadInput
from . import FAULTS, start
from .base import NOTE, Simulator


def main(files: list[str]) -> int:
    """Run them until the end of stdin; returns the exit status, 2 for wrong use."""
    if not files or files[0].startswith("-"):
        print(
            f"usage: python -m telegraf_inputs.simulators FILE…\n\nfaults: {', '.join(FAULTS)}, none", file=sys.stderr
        )
        return 2
    running: dict[str, Simulator] = {}
    endings = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in endings:
        signal.signal(number, signal.default_int_handler)  # so that ports and folders are taken away, as by Ctrl-C
    try:
        plugins.check()
        for file in files:
            stanza = stanzas.load(file)
            if stanza.name in running:
                raise yamlfile.load(file).located(BadInput(f"{stanza.name!r} is there already", ("name",)))
            running[stanza.name] = start(stanza)
            print(stanza.name, running[stanza.name].url, flush=True)
            if trouble := running[stanza.name].trouble:
                print(f"{NOTE} {stanza.name}: {trouble}", flush=True)
        print("ready", flush=True)
        for line in sys.stdin:
            _set_fault(line.strip(), running)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    finally:
        for number in (*endings, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for simulator in running.values():
            simulator.stop()
    return 0


def _set_fault(line: str, running: dict[str, Simulator]) -> None:
    name, _, fault = line.partition(" ")
    simulator = running.get(name)
    known = [
        known
        for known in (simulator.faults if simulator else FAULTS)
        if not simulator or known not in simulator.not_faults
    ]
    if simulator is None or fault not in (*known, "none"):
        print(
            f"found {line!r}; expected NAME FAULT, with one of {', '.join(running)} and one of {', '.join(known)}, none",
            file=sys.stderr,
            flush=True,
        )
    else:
        simulator.fault = None if fault == "none" else fault


sys.exit(main(sys.argv[1:]))
