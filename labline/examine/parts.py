"""Telegraf and Grafana: whether they are at hand, and run; and what waits to be written."""

from __future__ import annotations

import time
from collections.abc import Iterator

from provisioning.influxdb_server import DatabaseError
from provisioning.influxql import identifier
from provisioning.levels import RAW

from ..live.telegraf_log import TelegrafLog
from ..stack import grafana, loopback, telegraf
from .finding import Examined, Finding

BACKLOG = 1000  # points that wait in Telegraf are no trouble yet


def findings(lab: Examined) -> Iterator[Finding]:
    """Look at both, and at the journal and Telegraf's buffer."""
    program = telegraf.at_hand()
    yield Finding("Telegraf", f"{program}" if program else "is not here yet; the first run gets it")
    if lab.running:
        yield from _outputs(lab)
        yield from _backlog(lab)
    yield from _journal(lab)
    home = grafana.at_hand()
    said = str(home) if home else "is not here: no dashboards from here, all else runs"
    yield Finding("Grafana", said, "" if home else "docs/site-file.md says how it is got", note=not home)
    if url := lab.urls.get("grafana"):
        base = url.partition("/d/")[0]
        well = loopback.answers(f"{base}/api/health", 200)
        yield Finding("Grafana", f"{base} {'is well' if well else 'is not well'}", "" if well else "its log tells why")


def _outputs(lab: Examined) -> Iterator[Finding]:
    """Tell what Telegraf's log says of its outputs."""
    now, troubles = time.time(), []
    for node in lab.site.nodes:
        log = TelegrafLog.of_node(lab.site, node, lab.places.nodes[node.name].log)
        troubles += [trouble for trouble in log.troubles() if trouble.to_tell(now)]
    for trouble in troubles:
        yield Finding("Telegraf", trouble.line(), "see there")
    if not troubles:
        yield Finding("Telegraf", "writes what it gets")


def _backlog(lab: Examined) -> Iterator[Finding]:
    """Tell how many points wait in Telegraf's buffers."""
    statement = (
        f'SELECT last("buffer_size") AS "waiting" FROM {identifier(RAW, "internal_write")} '
        'WHERE time > now() - 1m GROUP BY "host", "alias"'
    )
    try:
        found = lab.places.reader(lab.urls["influxdb"]).query(statement, lab.site.influxdb.database)
    except (DatabaseError, KeyError):
        return  # that the database does not answer is told already
    waiting = sum(int(row["waiting"]) for series in found for row in series.rows)
    cure = "the database is away, or too slow" if waiting > BACKLOG else ""
    yield Finding("backlog", f"{waiting} points wait in Telegraf to be written", cure)


def _journal(lab: Examined) -> Iterator[Finding]:
    """Tell how much each node's journal has."""
    for node in lab.site.nodes:
        folder = lab.places.nodes[node.name].journal
        files = [file.stat() for file in folder.glob("*")] if folder.is_dir() else []
        if files:
            newest = time.strftime("%Y-%m-%d %H:%M", time.localtime(max(file.st_mtime for file in files)))
            size = sum(file.st_size for file in files) / 1e6
            yield Finding("journal", f"{size:.1f} MB, the newest of {newest}, in {folder}")
