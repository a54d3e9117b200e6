"""Telegraf and Grafana: whether they are at hand, and run; and what waits to be written."""

from __future__ import annotations

import time
from collections.abc import Iterator

from provisioning.influxdb_server import DatabaseError
from provisioning.influxql import identifier
from provisioning.levels import RAW

from .. import ledger
from ..stack import grafana, loopback, telegraf
from ..words import counted
from .finding import Examined, Finding

BACKLOG = 1000  # points that wait in Telegraf are no trouble yet


def findings(lab: Examined) -> Iterator[Finding]:
    """Look at both, and at the journal and Telegraf's buffer."""
    program = telegraf.at_hand()
    yield Finding("Telegraf", f"{program}" if program else "is not here yet; the first run gets it")
    if lab.urls.get("influxdb"):
        try:
            yield from _outputs(lab)
            yield from _backlog(lab)
        except DatabaseError as error:
            yield Finding("Telegraf", f"whether it writes can't be asked: {error}", "is InfluxDB on?")
    yield from _journal(lab)
    yield from _earlier_runs(lab)
    home = grafana.at_hand()
    said = str(home) if home else "is not here: no dashboards from here, all else runs"
    yield Finding("Grafana", said, "" if home else "docs/site-file.md says how it is got", note=not home)
    if url := lab.urls.get("grafana"):
        base = url.partition("/d/")[0]
        well = loopback.answers(f"{base}/api/health", 200)
        yield Finding("Grafana", f"{base} {'is well' if well else 'is not well'}", "" if well else "its log tells why")


def _outputs(lab: Examined) -> Iterator[Finding]:
    """Tell what Telegraf's log says of its outputs, and whether a point that is written now can be read."""
    troubles = lab.snapshot.troubles.values() if lab.snapshot else []
    for line in troubles:
        yield Finding("Telegraf", line, "docs/reliability.md says what comes of it; telegraf.log tells more")
    if not troubles:
        yield Finding("Telegraf", "writes what it gets, and a point that was tried arrived")


def _backlog(lab: Examined) -> Iterator[Finding]:
    """Tell how many points wait in Telegraf's buffers. Raises DatabaseError."""
    statement = (
        f'SELECT last("buffer_size") AS "waiting" FROM {identifier(RAW, "internal_write")} '
        'WHERE time > now() - 1m GROUP BY "host", "alias"'
    )
    found = lab.places.reader(lab.urls["influxdb"]).query(statement, lab.site.influxdb.database)
    waiting = sum(int(row["waiting"]) for series in found for row in series.rows)
    cure = "the database is away, or too slow" if waiting > BACKLOG else ""
    yield Finding("backlog", f"{waiting} points wait in Telegraf to be written", cure)


def _journal(lab: Examined) -> Iterator[Finding]:
    """Tell what each node's journal has."""
    for node in lab.site.nodes:
        folder = lab.places.nodes[node.name].journal
        files = [file.stat() for file in folder.glob("*")] if folder.is_dir() else []
        if not files:
            yield Finding("journal", f"is empty: nothing was read yet that went to {folder}")
            continue
        first, last = (
            time.strftime("%Y-%m-%d %H:%M", time.localtime(when(file.st_mtime for file in files)))
            for when in (min, max)
        )
        size = sum(file.st_size for file in files) / 1e6
        since = f"the oldest of {first}, the newest of {last}" if first != last else f"of {last}"
        yield Finding("journal", f"{counted('file', len(files))}, {size:.1f} MB, {since}, in {folder}")


def _earlier_runs(lab: Examined) -> Iterator[Finding]:
    """Tell of runs that ended without being counted: killed, or without a database."""
    left = len(list(lab.places.ledger.glob(f"*/{ledger.RUN_FILE}"))) - bool(lab.here)
    if left > 0:
        told = "is being done by the run that goes on" if lab.here else "the next run does it"
        yield Finding("earlier runs", f"{counted('run', left)} not counted yet: {told}", note=not lab.here)
