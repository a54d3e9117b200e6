"""The live table: a snapshot drawn for a terminal of 80 columns or more, or as plain text."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from .numbers import duration, shown
from .snapshot import Row, Snapshot

ALARM_STYLES = {"critical": "bold white on red", "warning": "bold black on yellow", "stale": "bold white on magenta"}
STATE_STYLES = {"ok": "green", "waiting": "dim", "starting": "cyan", "degraded": "yellow"}
FAULT_STYLE = "bold red"
NOTES_SHARE = 4  # of a screen that is full, notes have one line in so many
HEAD_LINES = 4  # two of title, the table's head, and the line on which a terminal's cursor rests


def print_whole(console: Console, snapshot: Snapshot, *, everything: bool = False) -> None:
    """Print it once, with nothing left out: a pipe has no height, and a terminal scrolls. A pipe's lines end unfilled."""
    with console.capture() as captured:
        console.print(LiveTable(snapshot, everything=everything, whole=True), crop=False)
    for line in captured.get().splitlines():
        console.file.write(f"{line.rstrip()}\n")


class LiveTable:
    """Draws a snapshot within the terminal's height, or ``whole``; what is wrong comes first where not all rows fit."""

    def __init__(
        self, snapshot: Snapshot, *, everything: bool = False, whole: bool = False, footer: Sequence[str] = ()
    ):
        self._snapshot, self._everything, self._whole, self._footer = snapshot, everything, whole, footer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = None if self._whole or not console.is_terminal else options.height or console.height
        yield self._drawn(height, options.max_width, soft=self._whole and not console.is_terminal)

    def _drawn(self, height: int | None, width: int, *, soft: bool) -> Group:
        rows = [row for row in self._snapshot.rows if self._everything or not row.raw or row.alarm]
        notes = _notes(rows, self._snapshot)
        footer = list(self._footer)
        gap = [""]
        if height is not None:
            room = height - HEAD_LINES - 2 - len(rows) - len(footer)
            notes = _fitted(notes, width, max(2, height // NOTES_SHARE, room))
            below = len(notes) + len(footer)
            if HEAD_LINES + 1 + len(rows) + bool(below) + below > height:
                gap = []
                wanted = _most_wanted(rows, max(1, height - HEAD_LINES - max(below, len(notes) + 1)))
                footer[-1:] = [
                    "  ".join([*footer[-1:], f"{len(rows) - len(wanted)} more rows: labline status --all | less"])
                ]
                rows = wanted
        parts: list[RenderableType] = [_title(self._snapshot), *gap, _table(rows)]
        if notes or footer:
            parts += gap
        parts += [Text(note, style="yellow", no_wrap=soft, overflow="ignore" if soft else "fold") for note in notes]
        parts += [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in footer]
        return Group(*parts)


def _title(snapshot: Snapshot) -> Group:
    """Write two lines: which lab, and when; how many instruments are how, and what alarms there are."""
    first = Table.grid(expand=True)
    first.add_column(no_wrap=True, ratio=1)
    first.add_column(no_wrap=True, justify="right")
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(snapshot.time_ns / 1e9))
    first.add_row(Text(snapshot.title, style="bold"), Text(when, style="dim"))
    second = Text(snapshot.summary, style="dim", no_wrap=True, overflow="ellipsis")
    alarms = snapshot.alarms
    for alarm, style in ALARM_STYLES.items():
        if alarms[alarm]:
            second.append("  ", style="not dim").append(f" {alarms[alarm]} {alarm} ", style=f"not dim {style}")
    # Last, because what is too long for the line is cut off there.
    if snapshot.simulated:
        second.append("  ", style="not dim").append(snapshot.simulated)
    return Group(first, second)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="dim")
    table.add_column("instrument", no_wrap=True, max_width=14)
    table.add_column("channel", no_wrap=True, ratio=1, min_width=10)
    table.add_column("value", no_wrap=True, justify="right", max_width=12)
    table.add_column("", no_wrap=True, max_width=6)
    table.add_column("trend", no_wrap=True, min_width=10)
    table.add_column("age", no_wrap=True, justify="right", min_width=4)
    table.add_column("state", no_wrap=True, max_width=17)
    table.add_column("alarm", no_wrap=True, min_width=5)
    above: Row | None = None
    for row in rows:
        same_instrument = above is not None and above.instrument == row.instrument
        again = same_instrument and above is not None and above.channel.id == row.channel.id
        number, unit = shown(row.value, row.quantity, row.scale)
        table.add_row(
            "" if same_instrument else Text(row.instrument, style="bold"),
            _channel(row, again),
            Text(number, style="" if row.main and row.state == "ok" and row.alarm != "stale" else "dim"),
            Text(unit, style="dim"),
            Text(f"{row.trend.sparkline:<8} {row.trend.arrow}" if row.trend.sparkline else "", style="blue"),
            Text("" if row.age is None else duration(row.age), style="dim"),
            "" if again else Text(row.state.replace("_", " "), style=STATE_STYLES.get(row.state, FAULT_STYLE)),
            ""
            if again and above and above.alarm == row.alarm == "stale"
            else Text(row.alarm, style=ALARM_STYLES.get(row.alarm, "")),
        )
        above = row
    return table


def _channel(row: Row, again: bool) -> Text:
    """Name a row: the channel's label, the quantity where it is not the channel's first."""
    quantity = row.quantity.name.replace("_", " ")
    if row.main:
        return Text(row.channel.label)
    return Text(f"  {quantity}" if again else f"{row.channel.label} {quantity}", style="dim")


def _notes(rows: Sequence[Row], snapshot: Snapshot) -> list[str]:
    """Say what is wrong, the worst first, each thing once."""
    critical = [row.note for row in rows if row.note and row.alarm == "critical"]
    warning = [row.note for row in rows if row.note and row.alarm != "critical"]
    return [*critical, *snapshot.notes.values(), *warning]


def _fitted(notes: Sequence[str], width: int, most: int) -> list[str]:
    """Wrap notes into ``most`` lines; where that is too few, the first ones, and how many more there are."""
    lines: list[str] = []
    for index, note in enumerate(notes):
        room = most - len(lines) - (index < len(notes) - 1)
        if room < 1:
            return [*lines, f"and {len(notes) - index} more"]
        lines += textwrap.wrap(note, width, max_lines=room, placeholder=" …", subsequent_indent="  ")
    return lines


def _most_wanted(rows: Sequence[Row], room: int) -> list[Row]:
    """Choose rows for a small screen: each channel's first quantity; where that is too much, what is wrong first."""
    wanted = [row for row in rows if row.main or row.note]
    if len(wanted) > room:
        wanted.sort(key=lambda row: not row.faulty)
    return wanted[:room]
