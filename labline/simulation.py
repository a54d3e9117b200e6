"""Simulators beside a run: one process for all of them, with a pipe for faults by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from provisioning import telegraf_config
from provisioning.site import Site, SiteInstrument

from .places import Places
from .stack.process import Process

LONGEST_START = 60  # seconds


def note(site: Site) -> str:
    """Tell which of a site's instruments its file simulates; empty if none."""
    names = [i.name for i in site.instruments if i.stanza.connection.scheme == "sim"]
    return f"note: simulated, because their connection is sim: — {', '.join(names)}" if names else ""


def start(
    site: Site, instruments: Iterable[SiteInstrument], places: Places, env: Mapping[str, str]
) -> tuple[Process, dict[str, str]]:
    """Start the simulators of some of a site's instruments; gives their process, and the URLs by instrument.

    ``echo "NAME FAULT" > control`` sets a fault, ``none`` ends it. Raises StartFailed.
    """
    instruments = list(instruments)
    asked = {i.name: "sim:" for i in instruments if i.stanza.connection.scheme != "sim"}
    texts = telegraf_config.render(site, connections=asked)
    files = []
    for instrument in instruments:
        file = places.simulators / f"{instrument.name}.yml"
        file.write_text(texts[telegraf_config.program_config(instrument)], encoding="utf-8")
        files.append(file)
    places.control.unlink(missing_ok=True)
    os.mkfifo(places.control, 0o600)
    control = os.open(places.control, os.O_RDWR)  # for writing too, so that it never comes to an end
    try:
        process = Process(
            "simulators",
            [sys.executable, "-m", "telegraf_inputs.simulators", *files],
            places.simulators / "simulators.log",
            {"TMPDIR": str(places.simulators), **env},
            stdin=control,
        )
    finally:
        os.close(control)
    process.wait_ready(lambda: "ready" in process.output().splitlines(), LONGEST_START)
    words = (line.split(" ", 1) for line in process.output().splitlines())
    names = {i.name for i in instruments}
    return process, {pair[0]: pair[1] for pair in words if len(pair) == 2 and pair[0] in names}
