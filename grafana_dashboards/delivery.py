"""Whether what is read is stored: a row of the health dashboard, and its alarm, from what `labline run` notes."""

from __future__ import annotations

from provisioning.host_metrics import DELIVERY, NO_REASON
from provisioning.influxql import identifier
from provisioning.levels import RAW

from . import influxql, panels, style
from .signals import check_stored

ABOUT = "delivery failing"  # what the panel shows, for the alarm that leads to it
LOOK_BACK = "1h"
# A failure is noted each 4 s while it lasts: what was not said within these is over (labline/live/canary.py).
SECONDS = 15
BY = ("host", "output", "why")


def failing() -> str:
    """Ask which outputs take nothing just now, and why."""
    check_stored(DELIVERY, "failing")
    tags = ", ".join(map(identifier, BY))
    return f'SELECT last("failing") AS "failing" FROM {influxql.source(DELIVERY, RAW)} WHERE {influxql.TIME} GROUP BY {tags}'


def table() -> panels.Table:
    """Show what was last said of each output; a reason that is over stays for an hour."""
    check_stored(DELIVERY, "failing", "reason")
    columns = f'{influxql.call("last", "failing")} AS "failing", "reason"'
    # Of some reasons there are points beforehand that say that they are not so (labline/local/health.py).
    so = f"({identifier('failing')} > 0 OR {influxql.equal(why=NO_REASON)})"
    query = influxql.newest(columns, DELIVERY, BY, so, f"time > now() - {LOOK_BACK}")
    headings = {
        "Time": "Time",
        "host": "Node",
        "output": "Output",
        "failing": "State",
        "why": "Why",
        "reason": "In words",
    }
    states = panels.mapping({"0": ("stored", style.GOOD), "1": ("NOT stored", style.CRITICAL)})
    whys = panels.mapping({NO_REASON: ("–", style.IDLE)})
    return panels.Table(
        title="Is it stored?",
        about=ABOUT,
        sort="Time",
        falling=True,
        unit="none",
        mappings=[states, whys],
        description="Whether the database and the journal take what is read, and whether a point of labline's own (canary) is found again; "
        "tried each 4 to 12 s while labline run runs, and noted at once where it fails, else once a minute. The newest line of an output holds; what failed within the last hour stays below.",
        targets=[panels.target(query, table=True)],
        transformations=[panels.columns(headings)],
        overrides=[panels.override("State", custom__cellOptions={"type": "color-text"})],
    )
