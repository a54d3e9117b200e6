"""The live table on a terminal, drawn in place again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live

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
    """Draw what ``look`` sees (None: as before) until ``end`` (monotonic seconds), or until it raises."""
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while (rest := end - time.monotonic()) > 0:
            snapshot = look()
            if snapshot is not None:
                live.update(LiveTable(snapshot, everything=everything, footer=footer), refresh=True)
            time.sleep(min(LOOK_SECONDS, rest))
