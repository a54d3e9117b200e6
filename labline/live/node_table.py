"""Nodes as a table that a person reads, as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioning import ssh_config
from provisioning.site import Site
from telegraf_inputs import duration

from ..words import counted
from .nodes import CLOCK_OFF, NodeState

HEAD = ("node", "last seen", "clock", "tunnel", "waiting", "version", "way")


def ways(site: Site) -> list[str]:
    """Write a line for each node: what it is, and how it is reached."""
    width = max(len(node.name) for node in site.nodes)
    lines = []
    for node in site.nodes:
        what = "server, " if node is site.server else ""
        instruments = counted("instrument", len(site.of_node(node)))
        lines.append(f"{node.name:{width}}  {what}{instruments}; {ssh_config.way(site, node)}")
    return lines


def table(states: Sequence[NodeState]) -> list[str]:
    """Write a line for each node below a head, then one for whatever is wrong."""
    rows = [HEAD, *(_row(state) for state in states)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return lines + [line for state in states for line in _told(state)]


def _row(state: NodeState) -> tuple[str, ...]:
    answer, clock = state.answer, state.clock
    return (
        state.node.name,
        "never" if state.age is None else f"{duration.short(max(0.0, state.age))} ago",
        "" if clock is None else f"{clock:+.1f} s" if abs(clock) < 100 else f"{_signed(clock)}",
        state.tunnel,
        "" if state.waiting is None else str(state.waiting),
        answer.version if answer else "",
        state.way,
    )


def _signed(seconds: float) -> str:
    return f"{'+' if seconds > 0 else '-'}{duration.short(abs(seconds))}"


def _told(state: NodeState) -> Iterator[str]:
    name, clock = state.node.name, state.clock
    if state.age is None:
        yield f"{name}: nothing in the database is of it, a week back. Does Telegraf run there? Does it reach the database?"
    elif not state.heard:
        yield f"{name}: not heard of for {duration.short(state.age)}. Is it switched on, and does it reach the server?"
    if state.answer and state.answer.problem:
        yield f"{name}: {state.answer.problem}"
    if clock is not None and abs(clock) > CLOCK_OFF:
        which = "ahead of" if clock > 0 else "behind"
        yield f"{name}: its clock is {duration.short(abs(clock))} {which} this machine's. There, timedatectl tells whom it follows."
