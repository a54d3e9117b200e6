"""Puts panels on Grafana's grid, from left to right and top to bottom."""

from __future__ import annotations

from typing import Any

import attr
from grafanalib import core as g

from . import panels, style


class Page:
    """A page that grows downwards: rows with a title, and panels below them."""

    def __init__(self) -> None:
        self.panels: list[Any] = []
        self._x = self._y = self._height = 0
        self._closed: Any = None

    def row(self, title: str, *, collapsed: bool = False) -> None:
        """Begin a row; a collapsed one takes what follows into itself."""
        self._end_line()
        if self._closed is not None:  # what is in a closed row takes no room
            self._y = self._closed.gridPos.y + 1
        row = panels.Heading(title=title, collapsed=collapsed, gridPos=g.GridPos(h=1, w=style.WIDTH, x=0, y=self._y))
        self._closed = row if collapsed else None
        self.panels.append(row)
        self._y += 1

    def add(self, panel: Any, width: int, height: int) -> None:
        """Put a panel beside the last one, or below where there is no room."""
        self.stack(width, (panel, height))

    def stack(self, width: int, *layers: tuple[Any, int]) -> None:
        """Put panels, each with its height, below each other where ``add`` would put one."""
        if self._x + width > style.WIDTH:
            self._end_line()
        y = self._y
        for panel, height in layers:
            placed = attr.evolve(panel, gridPos=g.GridPos(h=height, w=width, x=self._x, y=y))
            (self.panels if self._closed is None else self._closed.panels).append(placed)
            y += height
        self._x += width
        self._height = max(self._height, y - self._y)

    def _end_line(self) -> None:
        self._x, self._y, self._height = 0, self._y + self._height, 0
