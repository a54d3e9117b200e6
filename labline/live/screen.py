"""The live table on a terminal, drawn in place again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live

from provisioning.influxdb_server import DatabaseError

from .snapshot import Snapshot
from .table import LiveTable

LOOK_SECONDS = 1.0


def show(
    console: Console,
    look: Callable[[], Snapshot | None],
    footer: Sequence[str],
    end: float = float("inf"),
    *,
    everything: bool = False,
) -> None:
    """Draw what ``look`` sees until ``end`` (monotonic seconds), or until it raises.

    Where the database is away (None, or once there is a table DatabaseError) the table stays, with a line that says so.
    """
    latest: Snapshot | None = None
    away = ""
    size = console.size
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while (rest := end - time.monotonic()) > 0:
            try:
                snapshot = look()
            except DatabaseError:
                if latest is None:
                    raise
                snapshot = None
            if snapshot is not None:
                latest, away = snapshot, ""
            else:
                away = away or f"The database is away since {time.strftime('%H:%M:%S')}; this is how it was before."
            if (
                size != console.size
            ):  # the terminal broke the lines anew: what is to be drawn over is no longer where it was
                size = console.size
                console.clear()
            if latest is not None:
                lines = [away, *footer] if away else footer
                live.update(LiveTable(latest, everything=everything, footer=lines), refresh=True)
            time.sleep(min(LOOK_SECONDS, rest))
