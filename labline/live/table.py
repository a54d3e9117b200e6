"""The live table: a snapshot drawn for a terminal of 80 columns or more, or as plain text."""

from __future__ import annotations

import textwrap
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import text as rich_text
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table

from telegraf_inputs import duration
from telegraf_inputs.letters import visible

from ..words import counted
from .numbers import shown
from .snapshot import Row, Snapshot

ALARM_STYLES = {
    "critical": "bold white on red",
    "warning": "bold black on yellow",
    "stale": "bold white on magenta",
    "ending": "black on bright_white",
    "pending": "yellow",
}
STATE_STYLES = {
    "ok": "green",
    "waiting": "dim",
    "off": "dim",
    "starting": "cyan",
    "paused": "cyan",
    "degraded": "yellow",
    "clock": "yellow",
}
FAULT_STYLE = "bold red"
WIDEST = 10000  # no line of a table is longer
NAME_WIDTH = 16  # what a channel's name has at least, where the rest can be made narrower
NOTES_SHARE = 4  # of a screen that is full, notes have one line in so many
HEAD_LINES = 3  # two of title, and the table's head


class Text(rich_text.Text):
    """Text that may be that of others."""

    def __init__(self, text: str = "", *args: Any, **named: Any):
        super().__init__(visible(text), *args, **named)


def print_whole(console: Console, snapshot: Snapshot, *, everything: bool = False) -> None:
    """Print it once, with nothing left out: a pipe has no size, and a terminal scrolls. A pipe's lines end unfilled."""
    table = LiveTable(snapshot, everything=everything, whole=True)
    wide = console if console.is_terminal else Console(file=console.file, width=max(console.width, table.width))
    with wide.capture() as captured:
        wide.print(table, crop=False)
    for line in captured.get().splitlines():
        console.file.write(f"{line.rstrip()}\n")


class LiveTable:
    """Draws a snapshot within the terminal's height, or ``whole``; what is wrong comes first where not all rows fit."""

    def __init__(
        self, snapshot: Snapshot, *, everything: bool = False, whole: bool = False, footer: Sequence[str] = ()
    ):
        self._snapshot, self._whole, self._footer = snapshot, whole, footer
        self._rows = [row for row in snapshot.rows if everything or not row.raw or row.alarm]

    @property
    def width(self) -> int:
        """Tell how wide it must be for nothing to be cut short."""
        columns = _columns(self._rows, self._snapshot.nodes, LAYOUTS[0], WIDEST)
        lines = _title_lines(self._snapshot)
        widest = max(right.cell_len for _, right in lines)
        return max(sum(column.width + 1 for column in columns), *(left.cell_len + 1 + widest for left, _ in lines))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = None if self._whole or not console.is_terminal else options.height or console.height
        yield self._drawn(height, options.max_width, soft=self._whole and not console.is_terminal)

    def _drawn(self, height: int | None, width: int, *, soft: bool) -> Group:
        rows = self._rows
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
                    "  ".join([*footer[-1:], f"{counted('more row', len(rows) - len(wanted))} in a taller window"])
                ]
                rows = wanted
        parts: list[RenderableType] = [_title(self._snapshot), *gap, _table(rows, self._snapshot.nodes, width)]
        if notes or footer:
            parts += gap
        parts += [Text(note, style="yellow", no_wrap=soft, overflow="ignore" if soft else "fold") for note in notes]
        parts += [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in footer]
        return Group(*parts)


def _title_lines(snapshot: Snapshot) -> list[tuple[rich_text.Text, rich_text.Text]]:
    """Write two lines, left and right: which lab, and when; how many instruments are how, and what alarms there are."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(snapshot.time_ns / 1e9))
    told = Text("  ").join(
        Text(f" {snapshot.alarms[alarm]} {alarm} ", style=style)
        for alarm, style in ALARM_STYLES.items()
        if snapshot.alarms[alarm]
    )
    summary = Text(snapshot.summary, style="dim")
    # Last, because what is too long for the line is cut off there.
    if snapshot.made_up:
        summary.append("  ").append(snapshot.made_up, style="not dim")
    return [(Text(snapshot.title, style="bold"), Text(when, style="dim")), (summary, told)]


def _title(snapshot: Snapshot) -> Table:
    title = Table.grid(expand=True, padding=(0, 1), pad_edge=False)
    title.add_column(no_wrap=True, ratio=1)
    title.add_column(no_wrap=True, justify="right")
    for line in _title_lines(snapshot):
        title.add_row(*line)
    return title


@dataclass(frozen=True)
class _Layout:
    """How much the table shows: the trend as a curve and an arrow, the arrow alone, or none; alarm beside state or in it.

    ``node``: which one reads an instrument, where there are several.
    """

    trend: str
    alarm: bool
    node: bool


# The first that leaves the channels' names room is taken.
LAYOUTS = (
    _Layout("curve", True, True),
    _Layout("arrow", True, True),
    _Layout("arrow", True, False),
    _Layout("arrow", False, False),
    _Layout("", False, False),
)


@dataclass(frozen=True)
class _Column:
    """One column's head and cells; ``least`` and ``most``: its width."""

    head: str
    cells: Sequence[Text]
    least: int
    most: int
    right: bool = False

    @property
    def width(self) -> int:
        return min(self.most, max(self.least, *(cell.cell_len for cell in (Text(self.head), *self.cells))))


def _table(rows: Sequence[Row], nodes: Mapping[str, str], width: int) -> Table:
    """Draw the rows; on a narrow screen, rather than the channels' names, what matters less is left out."""
    for layout in LAYOUTS:
        columns = _columns(rows, nodes, layout, width)
        rest = width - sum(column.width + 1 for column in columns if column.head != "channel")
        if rest >= min(NAME_WIDTH, *(c.width for c in columns if c.head == "channel")):
            break
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(
            column.head,
            no_wrap=True,
            justify="right" if column.right else "left",
            width=max(1, min(rest, column.width)) if column.head == "channel" else column.width,
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _columns(rows: Sequence[Row], nodes: Mapping[str, str], layout: _Layout, width: int) -> list[_Column]:
    made: list[list[Text]] = [[] for _ in range(9)]
    above: Row | None = None
    for row in rows:
        same = above is not None and above.instrument == row.instrument
        again = same and above is not None and above.channel.id == row.channel.id
        number, unit = shown(row.value, row.quantity, row.scale)
        well = row.main and row.state == "ok" and row.alarm != "stale"
        state, alarm = _state(row, above if again else None)
        if not layout.alarm:
            state, alarm = alarm if alarm and row.state == "ok" else state, Text()
        node = nodes.get(row.instrument, "")
        cells = (
            Text("" if above is not None and nodes.get(above.instrument) == node else node, style="dim"),
            Text("" if same else row.instrument, style="bold"),
            _channel(row, again),
            Text(number, style="" if well else "dim"),
            Text(unit, style="dim"),
            _trend(row, layout),
            Text("" if row.age is None else duration.short(row.age), style="dim"),
            state,
            alarm,
        )
        for column, cell in zip(made, cells, strict=True):
            column.append(cell)
        above = row
    columns = [
        _Column("node", made[0], 0, max(10, width // 8)),
        _Column("instrument", made[1], 0, max(14, width // 6)),
        _Column("channel", made[2], 0, width),
        _Column("value", made[3], 0, max(12, width // 6), right=True),
        _Column("", made[4], 0, 6),
        _Column("trend" if layout.trend == "curve" else "", made[5], 0, 10),
        _Column("age", made[6], 5, 6, right=True),
        _Column("state", made[7], 0, max(17, width // 5)),
        _Column("alarm", made[8], 0, 8),
    ]
    left_out = [0] * (not layout.node or not nodes) + [5] * (not layout.trend) + [8] * (not layout.alarm)
    return [column for index, column in enumerate(columns) if index not in left_out]


def _trend(row: Row, layout: _Layout) -> Text:
    if layout.trend == "arrow":
        return Text(row.trend.arrow, style="blue")
    return Text(f"{row.trend.sparkline:<8} {row.trend.arrow}" if row.trend.sparkline else "", style="blue")


def _state(row: Row, above: Row | None) -> tuple[Text, Text]:
    """Write a row's state and alarm; what the row ``above`` of the same channel says already is not said again."""
    state = "" if above else row.state.replace("_", " ")
    alarm = "" if above and above.alarm == row.alarm == "stale" else row.alarm
    return (
        Text(state, style=STATE_STYLES.get(row.state, FAULT_STYLE)),
        Text(alarm, style=ALARM_STYLES.get(row.alarm, "")),
    )


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
    return [*critical, *snapshot.troubles.values(), *snapshot.notes.values(), *warning]


def _fitted(notes: Sequence[str], width: int, most: int) -> list[str]:
    """Wrap notes into ``most`` lines; where that is too few, the first ones, and how many more there are."""
    lines: list[str] = []
    for index, note in enumerate(notes):
        room = most - len(lines) - (index < len(notes) - 1)
        if room < 1:
            return [*lines, f"and {len(notes) - index} more"]
        lines += textwrap.wrap(
            note, width, max_lines=room, placeholder=" …", subsequent_indent="  ", break_on_hyphens=False
        )
    return lines


def _most_wanted(rows: Sequence[Row], room: int) -> list[Row]:
    """Choose rows for a small screen: each channel's first quantity; where that is too much, what is wrong first.

    Where there is room left, instruments in the site file's order have all their rows.
    """
    wanted = [row for row in rows if row.main or row.note]
    if len(wanted) > room:
        return sorted(wanted, key=lambda row: not row.faulty)[:room]
    room -= len(wanted)
    whole = set()
    for name, rest in Counter(row.instrument for row in rows if not (row.main or row.note)).items():
        if rest <= room:
            whole.add(name)
            room -= rest
    return [row for row in rows if row.main or row.note or row.instrument in whole]
